"""An API server as a Writer: each change with its preconditions, each answer as a value.

A create whose answer was lost is settled by a get, never blindly repeated: the one that was lost
may have been carried out, or may still be.
"""

import logging
import os
from collections.abc import Callable
from typing import Any, Final

import msgspec

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.answers import JSON, NoAnswerError, Response
from podcm_sync.cluster.kube.connection import Connection
from podcm_sync.cluster.kube.errors import refusal
from podcm_sync.cluster.kube.pace import NotBegunError, Pace
from podcm_sync.cluster.kube.retry import TRANSIENT, repeated
from podcm_sync.core import events, managed, names
from podcm_sync.errors import ClusterError, DecodeError
from podcm_sync.model.changes import Answer, DesiredConfigMap, Result, StatusUpdate
from podcm_sync.model.decode import decode_config_map
from podcm_sync.model.objects import ConfigMap
from podcm_sync.model.reasons import Reason

log = logging.getLogger(__name__)

MERGE_PATCH: Final = "application/merge-patch+json"
REFUSED_UNSEEN: Final = frozenset({429})
"""Statuses that say the request was never begun."""


class KubeWriter:
    """Creates, patches and deletes; may be used from many threads.

    Implements `port.Writer` and `port.Recorder`.
    """

    def __init__(self, connection: Connection, qps: float | None = None) -> None:
        """`qps` is how many writes may begin in a second; None is no limit."""
        self._connection = connection
        self._clock = connection.clock
        self._repeats = connection.tally.repeated
        self._pace = Pace(connection.clock, qps)
        self._is_event_loss_said = False

    def create(self, desired: DesiredConfigMap) -> Answer:
        """POST; a lost answer is settled by a GET."""
        path = paths.collection(paths.CONFIG_MAPS, desired.namespaced_name.namespace)
        body = msgspec.json.encode(managed.manifest(desired))

        def send() -> Response:
            return self._connection.request("POST", path, body=body, content_type=JSON)

        def post() -> Answer:
            try:
                response = repeated(
                    send,
                    self._clock,
                    statuses=REFUSED_UNSEEN,
                    repeat_lost=False,
                    pace=self._pace,
                    repeats=self._repeats,
                )
            except NoAnswerError as error:
                return self._settle(desired, _lost(error)) if error.is_sent else _lost(error)
            if response.status == 201:
                return Answer(result=Result.CREATED, code=201)
            if response.status in TRANSIENT - REFUSED_UNSEEN:
                return self._settle(desired, refusal(response))
            if response.status == 404:  # a POST misses nothing but its namespace
                return Answer(
                    result=Result.SKIPPED,
                    reason=Reason.NAMESPACE_TERMINATING,
                    code=404,
                    message="the namespace is gone",
                )
            return refusal(response)

        return _as_value(post)

    def update(self, existing: ConfigMap, desired: DesiredConfigMap) -> Answer:
        """A merge patch of what is ours, for the version that was read."""
        path = paths.single(paths.CONFIG_MAPS, existing.namespaced_name)
        return self._patch(path, managed.merge_patch(existing, desired))

    def delete(self, existing: ConfigMap) -> Answer:
        """DELETE with uid and resourceVersion as preconditions; gone already is success."""
        path = paths.single(paths.CONFIG_MAPS, existing.namespaced_name)
        body = msgspec.json.encode(
            {
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "preconditions": {
                    "uid": existing.uid,
                    "resourceVersion": existing.resource_version,
                },
            }
        )

        def send() -> Response:
            return self._connection.request("DELETE", path, body=body, content_type=JSON)

        def delete() -> Answer:
            try:
                response = repeated(send, self._clock, pace=self._pace, repeats=self._repeats)
            except NoAnswerError as error:
                return _lost(error)
            match response.status:
                case 200 | 202:
                    return Answer(result=Result.DELETED, code=response.status)
                case 404:
                    return Answer(result=Result.DELETED, code=404, message="was gone already")
                case _:
                    return refusal(response)

        return _as_value(delete)

    def update_status(self, update: StatusUpdate) -> Answer:
        """A merge patch of the status subresource, for the version that was read."""
        path = paths.single(paths.CONFIGS, update.namespaced_name) + "/status"
        status = msgspec.to_builtins(update.desired)
        if update.existing.conditions and not update.desired.conditions:
            status["conditions"] = []
        patch = {"metadata": {"resourceVersion": update.resource_version}, "status": status}
        return self._patch(path, patch)

    def record(self, event: events.Event) -> Answer:
        """POST, repeated where the answer is lost: the second one of a name is a 409."""
        path = paths.collection(paths.EVENTS, event.config.namespace)
        body = msgspec.json.encode(events.manifest(event, os.uname().nodename))

        def send() -> Response:
            return self._connection.request("POST", path, body=body, content_type=JSON)

        def post() -> Answer:
            try:
                response = repeated(send, self._clock, pace=self._pace, repeats=self._repeats)
            except NoAnswerError as error:
                return _lost(error)
            match response.status:
                case 201:
                    return Answer(result=Result.CREATED, code=201)
                case 409:
                    return Answer(result=Result.UNCHANGED, code=409)
                case _:
                    return refusal(response)

        answer = _as_value(post)
        if answer.result is Result.FAILED:
            self._say_that_an_event_is_lost(event, answer)
        return answer

    def _say_that_an_event_is_lost(self, event: events.Event, answer: Answer) -> None:
        """Once: a missing right is missing for each Event of each run."""
        level = logging.DEBUG if self._is_event_loss_said else logging.WARNING
        self._is_event_loss_said = True
        hint = (
            "; grant create on events.events.k8s.io (podcm-sync rbac prints the rules) or give "
            "--no-events"
            if answer.reason is Reason.FORBIDDEN
            else ""
        )
        log.log(level, "no Event %s on %s: %s%s", event.reason, event.config, answer.message, hint)

    def _patch(self, path: str, patch: dict[str, Any]) -> Answer:
        body = msgspec.json.encode(patch)

        def send() -> Response:
            return self._connection.request("PATCH", path, body=body, content_type=MERGE_PATCH)

        def patch_it() -> Answer:
            try:
                response = repeated(send, self._clock, pace=self._pace, repeats=self._repeats)
            except NoAnswerError as error:
                return _lost(error)
            match response.status:
                case 200:
                    return Answer(result=Result.UPDATED, code=200)
                case 404:
                    return Answer(
                        result=Result.FAILED,
                        reason=Reason.CONFLICT,
                        code=404,
                        message="it was deleted meanwhile",
                    )
                case _:
                    return refusal(response)

        return _as_value(patch_it)

    def _settle(self, desired: DesiredConfigMap, failed: Answer) -> Answer:
        """Whether a create whose answer was lost, or was no answer, was carried out."""
        path = paths.single(paths.CONFIG_MAPS, desired.namespaced_name)

        def send() -> Response:
            return self._connection.get(path)

        try:
            response = repeated(send, self._clock, repeats=self._repeats)
            if response.status == 200:
                found = decode_config_map(response.body)
                if names.is_ours(found) and managed.is_in_step(found, desired):
                    return Answer(result=Result.CREATED, code=200)
                return Answer(
                    result=Result.FAILED,
                    reason=Reason.CONFLICT,
                    message="the answer was lost, and another ConfigMap of that name exists",
                )
        except (NoAnswerError, DecodeError) as error:
            why = str(error)
        else:
            if response.status == 404:
                # Not there yet; it may still come. The next pass lists anew and decides.
                return msgspec.structs.replace(failed, code=404)
            why = refusal(response).message
        return Answer(
            result=Result.FAILED,
            reason=Reason.UNREACHABLE,
            message=f"whether it was created is unknown: {why}",
        )


def _lost(error: NoAnswerError) -> Answer:
    return Answer(result=Result.FAILED, reason=Reason.UNREACHABLE, message=f"no answer: {error}")


def _as_value(write: Callable[[], Answer]) -> Answer:
    """A write's answer; losing the server's trust or our credentials is one too, mid-run."""
    try:
        return write()
    except NotBegunError:
        return Answer(
            result=Result.SKIPPED,
            reason=Reason.INTERRUPTED,
            message="not begun: the run was cut short",
        )
    except ClusterError as error:
        return Answer(result=Result.FAILED, reason=Reason.UNAUTHORIZED, message=str(error))
