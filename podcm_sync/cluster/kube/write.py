"""An API server as a Writer: each change with its preconditions, each answer verified, as a value.

A write whose answer is lost, or is not the API server's, is settled by a look at the object: it may
have been carried out, and may still be. A create is never blindly repeated.
"""

import logging
import os
from collections.abc import Callable
from typing import Final

import msgspec

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.answers import JSON, NoAnswerError, Response
from podcm_sync.cluster.kube.connection import Connection
from podcm_sync.cluster.kube.errors import is_passing, refusal
from podcm_sync.cluster.kube.pace import NotBegunError, Pace
from podcm_sync.cluster.kube.retry import repeated
from podcm_sync.cluster.kube.verify import (
    SUCCESSES,
    Subject,
    decoded,
    is_namespace_gone,
    verified,
)
from podcm_sync.core import events, managed, names
from podcm_sync.errors import ClusterError, DecodeError
from podcm_sync.model.changes import Answer, DesiredConfigMap, Result, StatusUpdate
from podcm_sync.model.decode import configs, decode_config, decode_config_map
from podcm_sync.model.meta import API_VERSION, KIND, PLURAL, NamespacedName
from podcm_sync.model.objects import ConfigMap
from podcm_sync.model.reasons import Reason

log = logging.getLogger(__name__)

MERGE_PATCH: Final = "application/merge-patch+json"
NOT_BEGUN: Final = Answer(
    result=Result.SKIPPED, reason=Reason.INTERRUPTED, message="not begun: the run was cut short"
)


class _Write:
    """One request that writes, and whether an attempt at it may have been carried out unseen."""

    def __init__(self, method: str, path: str, body: object, subject: Subject) -> None:
        self.method = method
        self.path = path
        self.body = msgspec.json.encode(body)
        self.content_type = MERGE_PATCH if method == "PATCH" else JSON
        self.subject = subject
        self.is_in_doubt = False


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
        """POST; a lost answer is settled by a look."""
        subject = _config_map(desired.namespaced_name)
        path = paths.collection(paths.CONFIG_MAPS, desired.namespaced_name.namespace)
        write = _Write("POST", path, managed.manifest(desired), subject)

        def post() -> Answer:
            try:
                response = self._carry_out(write)
                if response.status in SUCCESSES:
                    return _stored(response, desired, Result.CREATED)
            except NoAnswerError as error:
                return (
                    self._settled_create(desired, _lost(error)) if error.is_sent else _lost(error)
                )
            if response.status == 404 and is_namespace_gone(response, subject):
                return Answer(
                    result=Result.SKIPPED,
                    reason=Reason.NAMESPACE_TERMINATING,
                    code=404,
                    message="the namespace is gone",
                )
            failed = refusal(response)
            return self._settled_create(desired, failed) if is_passing(response) else failed

        return _as_value(post)

    def update(self, existing: ConfigMap, desired: DesiredConfigMap) -> Answer:
        """A merge patch of what is ours, for the version that was read."""
        subject = _config_map(existing.namespaced_name)
        path = paths.single(paths.CONFIG_MAPS, existing.namespaced_name)
        write = _Write("PATCH", path, managed.merge_patch(existing, desired), subject)

        def patch() -> Answer:
            try:
                response = self._carry_out(write)
                if response.status in SUCCESSES:
                    return _stored(response, desired, Result.UPDATED)
                failed = _conflict_if_gone(response)
            except NoAnswerError as error:
                failed = _lost(error)
            return self._settled_update(existing, desired, failed) if write.is_in_doubt else failed

        return _as_value(patch)

    def delete(self, existing: ConfigMap) -> Answer:
        """DELETE with uid and resourceVersion as preconditions; gone already is no failure."""
        subject = _config_map(existing.namespaced_name)
        path = paths.single(paths.CONFIG_MAPS, existing.namespaced_name)
        preconditions = {"uid": existing.uid, "resourceVersion": existing.resource_version}
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        write = _Write("DELETE", path, options, subject)

        def delete() -> Answer:
            try:
                response = self._carry_out(write)
                if response.status in SUCCESSES:
                    return Answer(result=Result.DELETED, code=response.status)
                if response.status == 404 and not write.is_in_doubt:
                    return Answer(result=Result.SKIPPED, reason=Reason.ALREADY_GONE, code=404)
                failed = refusal(response)
            except NoAnswerError as error:
                failed = _lost(error)
            return self._settled_delete(existing, failed) if write.is_in_doubt else failed

        return _as_value(delete)

    def update_status(self, update: StatusUpdate) -> Answer:
        """A merge patch of the status subresource, for the version that was read."""
        subject = Subject(
            api_version=API_VERSION,
            kind=KIND,
            resource=PLURAL,
            namespaced_name=update.namespaced_name,
        )
        path = paths.single(paths.CONFIGS, update.namespaced_name) + "/status"
        status = msgspec.to_builtins(update.desired)
        if update.existing.conditions and not update.desired.conditions:
            status["conditions"] = []
        metadata = {"resourceVersion": update.resource_version}
        write = _Write("PATCH", path, {"metadata": metadata, "status": status}, subject)

        def patch() -> Answer:
            try:
                response = self._carry_out(write)
                if response.status == 404 and self._is_there(update.namespaced_name):
                    return Answer(
                        result=Result.FAILED,
                        reason=Reason.STATUS_NOT_STORED,
                        code=404,
                        message="the CRD in the cluster has no status subresource",
                    )
                if response.status not in SUCCESSES:
                    return _conflict_if_gone(response)
                stored = decoded(response, decode_config).status
            except NoAnswerError as error:
                return _lost(error)
            if stored == update.desired:
                return Answer(result=Result.UPDATED, code=response.status)
            return Answer(
                result=Result.FAILED,
                reason=Reason.STATUS_NOT_STORED,
                code=response.status,
                message="the server changed or dropped fields of the status",
            )

        return _as_value(patch)

    def record(self, event: events.Event) -> Answer:
        """POST, repeated if the answer is lost: the second one of a name is a 409."""
        path = paths.collection(paths.EVENTS, event.config.namespace)
        manifest = events.manifest(event, os.uname().nodename)
        subject = Subject(
            api_version=manifest["apiVersion"],
            kind=manifest["kind"],
            resource="events",
            namespaced_name=NamespacedName(event.config.namespace, manifest["metadata"]["name"]),
        )
        write = _Write("POST", path, manifest, subject)

        def post() -> Answer:
            try:
                response = self._carry_out(write, repeat_lost=True)
            except NoAnswerError as error:
                return _lost(error)
            if response.status in SUCCESSES:
                return Answer(result=Result.CREATED, code=response.status)
            if response.status == 409:
                return Answer(result=Result.UNCHANGED, code=409)
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

    def _carry_out(self, write: _Write, *, repeat_lost: bool | None = None) -> Response:
        """The verified answer to a write, repeated while that may help and is safe.

        A patch and a delete carry preconditions, so a repeat is at worst a 409 or a 404. A create
        is repeated only after a 429, which was never begun. Raises NoAnswerError, NotBegunError and
        ClusterError.
        """
        may_repeat_lost = write.method != "POST" if repeat_lost is None else repeat_lost

        def send() -> Response:
            try:
                response = self._connection.request(
                    write.method, write.path, body=write.body, content_type=write.content_type
                )
                return verified(response, write.subject, is_delete=write.method == "DELETE")
            except NoAnswerError as error:
                write.is_in_doubt |= error.is_sent
                raise

        def may_repeat(response: Response) -> bool:
            if not may_repeat_lost:
                return response.status == 429
            if is_passing(response):
                # A server in trouble may have carried it out before it said so.
                write.is_in_doubt |= response.status != 429
                return True
            return False

        return repeated(
            send,
            self._clock,
            may_repeat=may_repeat,
            repeat_lost=may_repeat_lost,
            pace=self._pace,
            repeats=self._repeats,
        )

    def _look(self, namespaced_name: NamespacedName) -> ConfigMap | None:
        """The ConfigMap as it is now, None if there is none. Raises NoAnswerError."""
        path = paths.single(paths.CONFIG_MAPS, namespaced_name)
        subject = _config_map(namespaced_name)

        def send() -> Response:
            return verified(self._connection.get(path), subject)

        response = repeated(send, self._clock, repeats=self._repeats)
        if response.status == 404:
            return None
        if response.status not in SUCCESSES:
            raise NoAnswerError(refusal(response).message, is_sent=True)
        return decoded(response, decode_config_map)

    def _is_there(self, config: NamespacedName) -> bool:
        """Whether a config exists whose status could not be found. Raises NoAnswerError.

        A CRD without the status subresource answers like an object that is gone. Runs may list
        configs, and not get them.
        """
        path = paths.collection(paths.CONFIGS, config.namespace)
        query = {"fieldSelector": f"metadata.name={config.name}"}

        def send() -> Response:
            return self._connection.get(path, query)

        response = repeated(send, self._clock, repeats=self._repeats)
        if response.status != 200:
            raise NoAnswerError(refusal(response).message, is_sent=True)
        try:
            page = configs(response.body)
        except DecodeError as error:
            raise NoAnswerError(f"the answer does not decode: {error}", is_sent=True) from error
        return any(item.namespaced_name == config for item in page.items)

    def _settled_create(self, desired: DesiredConfigMap, failed: Answer) -> Answer:
        """Whether a create was carried out whose answer was lost, or an error of the server."""
        try:
            found = self._look(desired.namespaced_name)
        except NoAnswerError as error:
            return _unknown("created", error)
        if found is None:
            # Not there yet; it may still come. The next pass lists again and decides.
            return msgspec.structs.replace(failed, code=404)
        if names.is_ours(found) and managed.is_in_step(found, desired):
            return Answer(result=Result.CREATED, code=200)
        return _conflict("the answer was lost, and another ConfigMap of that name exists")

    def _settled_update(
        self, existing: ConfigMap, desired: DesiredConfigMap, failed: Answer
    ) -> Answer:
        """Whether a patch whose answer was lost was carried out."""
        try:
            found = self._look(existing.namespaced_name)
        except NoAnswerError as error:
            return _unknown("updated", error)
        if found is None:
            return _conflict("it was deleted meanwhile")
        if found.uid == existing.uid and managed.is_in_step(found, desired):
            return Answer(result=Result.UPDATED, code=200)
        if _is_same_version(found, existing):
            return failed
        return _conflict("the answer was lost, and the ConfigMap has changed meanwhile")

    def _settled_delete(self, existing: ConfigMap, failed: Answer) -> Answer:
        """Whether a delete whose answer was lost was carried out."""
        try:
            found = self._look(existing.namespaced_name)
        except NoAnswerError as error:
            return _unknown("deleted", error)
        if found is None or found.uid != existing.uid or found.terminating:
            return Answer(result=Result.DELETED, code=404 if found is None else 200)
        if _is_same_version(found, existing):
            return failed
        return _conflict("the answer was lost, and the ConfigMap has changed meanwhile")


def _config_map(namespaced_name: NamespacedName) -> Subject:
    return Subject(
        api_version="v1",
        kind="ConfigMap",
        resource="configmaps",
        namespaced_name=namespaced_name,
    )


def _stored(response: Response, desired: DesiredConfigMap, result: Result) -> Answer:
    """What a create or a patch came to that the server carried out: it may have changed it.

    Raises NoAnswerError if the answer is not the whole object.
    """
    stored = decoded(response, decode_config_map)
    if managed.is_in_step(stored, desired):
        return Answer(result=result, code=response.status)
    changed = ", ".join(managed.differing(stored, desired)[:3])
    return Answer(
        result=Result.FAILED,
        reason=Reason.CHANGED_BY_ADMISSION,
        code=response.status,
        message=f"stored, but with other values than were sent: {changed}",
    )


def _conflict_if_gone(response: Response) -> Answer:
    if response.status == 404:
        return _conflict("it was deleted meanwhile", code=404)
    return refusal(response)


def _conflict(message: str, code: int | None = None) -> Answer:
    return Answer(result=Result.FAILED, reason=Reason.CONFLICT, code=code, message=message)


def _is_same_version(found: ConfigMap, existing: ConfigMap) -> bool:
    return (found.uid, found.resource_version) == (existing.uid, existing.resource_version)


def _lost(error: NoAnswerError) -> Answer:
    return Answer(result=Result.FAILED, reason=Reason.UNREACHABLE, message=f"no answer: {error}")


def _unknown(done: str, error: NoAnswerError) -> Answer:
    return Answer(
        result=Result.FAILED,
        reason=Reason.UNREACHABLE,
        message=f"whether it was {done} is unknown: {error}",
    )


def _as_value(write: Callable[[], Answer]) -> Answer:
    """A write's answer; losing the server's trust or our credentials is one too, mid-run."""
    try:
        return write()
    except NotBegunError:
        return NOT_BEGUN
    except ClusterError as error:
        return Answer(result=Result.FAILED, reason=Reason.UNAUTHORIZED, message=str(error))
