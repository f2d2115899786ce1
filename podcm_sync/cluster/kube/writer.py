"""An API server as a Writer: changes with preconditions, and verified answers as values.

If the answer to a write is lost, or isn't the API server's, a look at the object settles the write:
the server may have carried it out, or may still do so. A create is never repeated without a look
(docs/design/decisions/answers.md, "Writes").
"""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from podcm_sync.api.decode_json import configs, decode_config, decode_config_map
from podcm_sync.api.finding import QuotingError
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.interfaces import Confirm, needs_no_look
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.apierrors import (
    conflict,
    conflict_if_gone,
    is_transient,
    lost,
    refusal,
    unknown,
)
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.looker import CONFIG, CONFIG_MAP, KubeLooker
from podcm_sync.cluster.kube.retry import NotBegunError, RateLimiter, repeated
from podcm_sync.cluster.kube.transport import JSON, Response, TransportError
from podcm_sync.cluster.kube.verify import (
    SUCCESSES,
    Subject,
    decoded,
    is_namespace_gone,
    verified,
)
from podcm_sync.cluster.object_memory import WriteMemory
from podcm_sync.errors import ClusterError, DecodeError
from podcm_sync.reconcile import events, managed_fields, names
from podcm_sync.reconcile.changes import Answer, DesiredConfigMap, Result, StatusUpdate, not_begun

log = logging.getLogger(__name__)

MERGE_PATCH: Final = "application/merge-patch+json"


class _Write:
    """One request that writes. `is_in_doubt` if a lost attempt may have been carried out."""

    def __init__(self, method: str, path: str, body: object, subject: Subject) -> None:
        self.method = method
        self.path = path
        self.body = msgspec.json.encode(body)
        self.content_type = MERGE_PATCH if method == "PATCH" else JSON
        self.subject = subject
        self.is_in_doubt = False


class _UnconfirmedError(Exception):
    """The deletion isn't right any more; `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.message)
        self.answer = answer


class KubeWriter:
    """Creates, patches, and deletes; callable from any thread.

    Implements `interfaces.Writer` and `interfaces.Recorder`.
    """

    def __init__(
        self,
        connection: Connection,
        qps: float | None = None,
        memory: WriteMemory | None = None,
    ) -> None:
        """`qps` is the number of writes that can begin in a second; None for no limit."""
        self._connection = connection
        self._looker = KubeLooker(connection)
        self._memory = memory
        self._context = connection.context
        self._on_repeat = connection.requests.repeated
        self._limiter = RateLimiter(connection.context, qps)
        self._has_warned_of_events = False

    def create(self, desired: DesiredConfigMap) -> Answer:
        """POST the ConfigMap. If the answer is lost, a look at the object settles it."""
        subject = CONFIG_MAP(namespaced_name=desired.namespaced_name)
        path = paths.collection(paths.CONFIG_MAPS, desired.namespaced_name.namespace)
        write = _Write("POST", path, managed_fields.manifest(desired), subject)

        def post() -> Answer:
            try:
                response = self._carry_out(write)
                if response.status in SUCCESSES:
                    return self._stored(response, desired, Result.CREATED)
            except TransportError as error:
                return self._settle_create(desired, lost(error)) if error.is_sent else lost(error)
            if response.status == 404 and is_namespace_gone(response, subject):
                return Answer(
                    result=Result.SKIPPED,
                    reason=Reason.NAMESPACE_TERMINATING,
                    code=404,
                    message="the namespace is gone",
                )
            failed = refusal(response)
            return self._settle_create(desired, failed) if is_transient(response) else failed

        return self._noted(desired.namespaced_name, self._as_value(post))

    def update(self, existing: ConfigMap, desired: DesiredConfigMap) -> Answer:
        """PATCH what is ours and differs, with the resourceVersion that was read."""
        subject = CONFIG_MAP(namespaced_name=existing.namespaced_name)
        path = paths.single(paths.CONFIG_MAPS, existing.namespaced_name)
        write = _Write("PATCH", path, managed_fields.merge_patch(existing, desired), subject)

        def patch() -> Answer:
            try:
                response = self._carry_out(write)
                if response.status in SUCCESSES:
                    return self._stored(response, desired, Result.UPDATED)
                failed = conflict_if_gone(response)
            except TransportError as error:
                failed = lost(error)
            return self._settle_update(existing, desired, failed) if write.is_in_doubt else failed

        return self._noted(existing.namespaced_name, self._as_value(patch))

    def delete(self, existing: ConfigMap, confirm: Confirm = needs_no_look) -> Answer:
        """DELETE with uid and resourceVersion as preconditions. Gone already is a skip."""
        subject = CONFIG_MAP(namespaced_name=existing.namespaced_name)
        path = paths.single(paths.CONFIG_MAPS, existing.namespaced_name)
        preconditions = {"uid": existing.uid, "resourceVersion": existing.resource_version}
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        write = _Write("DELETE", path, options, subject)

        def delete() -> Answer:
            try:
                response = self._carry_out(write, confirm=confirm)
                if response.status in SUCCESSES:
                    return Answer(result=Result.DELETED, code=response.status)
                # After a lost attempt, a 404 can be that attempt's own work: a look settles it.
                if response.status == 404 and not write.is_in_doubt:
                    return Answer(result=Result.SKIPPED, reason=Reason.ALREADY_GONE, code=404)
                failed = refusal(response)
            except _UnconfirmedError as error:
                failed = error.answer
            except TransportError as error:
                failed = lost(error)
            return self._settle_delete(existing, failed) if write.is_in_doubt else failed

        return self._noted(existing.namespaced_name, self._as_value(delete))

    def update_status(self, update: StatusUpdate) -> Answer:
        """PATCH the status subresource, with the resourceVersion that was read.

        If the stored status isn't the one that was sent, the CRD is at fault: STATUS_NOT_STORED.
        """
        subject = CONFIG(namespaced_name=update.namespaced_name)
        path = paths.single(paths.CONFIGS, update.namespaced_name) + "/status"
        status = msgspec.to_builtins(update.desired)
        # A merge patch keeps an absent field, so removing all conditions takes an empty list.
        if update.existing.conditions and not update.desired.conditions:
            status["conditions"] = []
        metadata = {"resourceVersion": update.resource_version}
        write = _Write("PATCH", path, {"metadata": metadata, "status": status}, subject)

        def patch() -> Answer:
            try:
                response = self._carry_out(write)
                if response.status == 404 and self._config_exists(update.namespaced_name):
                    return Answer(
                        result=Result.FAILED,
                        reason=Reason.STATUS_NOT_STORED,
                        code=404,
                        message="the CRD in the cluster has no status subresource",
                    )
                if response.status not in SUCCESSES:
                    return conflict_if_gone(response)
                stored = decoded(response, decode_config)
            except TransportError as error:
                return lost(error)
            if self._memory is not None:
                self._memory.stored(stored)
            if stored.status == update.desired:
                return Answer(result=Result.UPDATED, code=response.status)
            return Answer(
                result=Result.FAILED,
                reason=Reason.STATUS_NOT_STORED,
                code=response.status,
                message="the server changed or dropped fields of the status",
            )

        return self._as_value(patch)

    def record(self, event: events.Event) -> Answer:
        """POST the Event, repeated if the answer is lost: a second one of its name is a 409."""
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
            except TransportError as error:
                return lost(error)
            if response.status in SUCCESSES:
                return Answer(result=Result.CREATED, code=response.status)
            if response.status == 409:
                return Answer(result=Result.UNCHANGED, code=409)
            return refusal(response)

        answer = self._as_value(post)
        if answer.result is Result.FAILED:
            self._log_lost_event(event, answer)
        return answer

    def _log_lost_event(self, event: events.Event, answer: Answer) -> None:
        """Warn once: a missing permission fails each Event of each run."""
        level = logging.DEBUG if self._has_warned_of_events else logging.WARNING
        self._has_warned_of_events = True
        hint = (
            "; grant create on events.events.k8s.io (podcm-sync rbac prints the rules) or give "
            "--no-events"
            if answer.reason is Reason.FORBIDDEN
            else ""
        )
        why = QuotingError(answer.message, answer.quoted)
        log.log(level, "no Event %s on %s: %s%s", event.reason, event.config, why, hint)

    def _carry_out(
        self,
        write: _Write,
        *,
        repeat_lost: bool | None = None,
        confirm: Confirm = needs_no_look,
    ) -> Response:
        """The verified answer to a write, repeated while that can help and is safe.

        A patch and a delete have preconditions, so a repeat is at worst a 409 or a 404. A create is
        repeated only after a 429, which the server never carries out. Raises TransportError,
        NotBegunError, _UnconfirmedError, and ClusterError.
        """
        may_repeat_lost = write.method != "POST" if repeat_lost is None else repeat_lost

        def send() -> Response:
            if (answer := confirm()) is not None:
                raise _UnconfirmedError(answer)
            try:
                response = self._connection.request(
                    write.method, write.path, body=write.body, content_type=write.content_type
                )
                return verified(response, write.subject, is_delete=write.method == "DELETE")
            except TransportError as error:
                write.is_in_doubt |= error.is_sent
                raise

        def may_repeat(last: Response | TransportError) -> bool:
            if isinstance(last, TransportError):
                return may_repeat_lost
            if not may_repeat_lost:
                return last.status == 429
            if is_transient(last):
                # A server in trouble may have carried the write out before it answered.
                write.is_in_doubt |= last.status != 429
                return True
            return False

        return repeated(
            send,
            self._context,
            may_repeat=may_repeat,
            limiter=self._limiter,
            on_repeat=self._on_repeat,
        )

    def _as_value(self, write: Callable[[], Answer]) -> Answer:
        """The answer of a write. If trust or credentials are lost, only this write fails."""
        try:
            return write()
        except NotBegunError:
            return not_begun(self._context.why_stopping())
        except ClusterError as error:
            return Answer(result=Result.FAILED, reason=Reason.UNAUTHORIZED, message=str(error))

    def _noted(self, name: NamespacedName, answer: Answer) -> Answer:
        """The answer. After a conflict, the memory learns what the object is by now."""
        if self._memory is not None and answer.reason is Reason.CONFLICT:
            with suppress(TransportError, ClusterError):
                self._memory.seen(name, self._looker.config_map(name))
        return answer

    def _stored(self, response: Response, desired: DesiredConfigMap, result: Result) -> Answer:
        """The answer to a create or patch that the server carried out.

        It is a failure if the stored object differs in what is ours: something in the cluster, such
        as an admission webhook, changed it. Raises TransportError if the body isn't the whole
        object.
        """
        stored = decoded(response, decode_config_map)
        if self._memory is not None:
            self._memory.stored(stored)
        if managed_fields.is_in_sync(stored, desired):
            return Answer(result=result, code=response.status)
        changed = ", ".join(managed_fields.changed_paths(stored, desired)[:3])
        return Answer(
            result=Result.FAILED,
            reason=Reason.CHANGED_BY_ADMISSION,
            code=response.status,
            message=f"the server stored other values than podcm-sync sent: {changed}",
        )

    def _config_exists(self, config: NamespacedName) -> bool:
        """Whether a config exists, although its status was a 404. Raises TransportError.

        A CRD without the status subresource answers as if the config were gone. This is a list,
        because runs without --watch have no permission to get configs.
        """
        collection = paths.collection(paths.CONFIGS, config.namespace)
        path = paths.with_query(collection, {"fieldSelector": f"metadata.name={config.name}"})

        def send() -> Response:
            return self._connection.get(path)

        response = repeated(send, self._context, on_repeat=self._on_repeat)
        if response.status != 200:
            raise TransportError(refusal(response).message, is_sent=True)
        try:
            page = configs(response.body)
        except DecodeError as error:
            raise TransportError(f"the answer can't be decoded: {error}", is_sent=True) from error
        return any(item.namespaced_name == config for item in page.items)

    def _settle_create(self, desired: DesiredConfigMap, failed: Answer) -> Answer:
        """Settle a create whose answer, `failed`, was lost or was a server error."""
        try:
            current = self._looker.config_map(desired.namespaced_name)
        except TransportError as error:
            return unknown("created", error)
        if current is None:
            # The server may still create it. The next pass lists again and decides.
            return msgspec.structs.replace(failed, code=404)
        if names.is_ours(current) and managed_fields.is_in_sync(current, desired):
            return Answer(result=Result.CREATED, code=200)
        return conflict("the answer was lost, and another ConfigMap of that name exists")

    def _settle_update(
        self, existing: ConfigMap, desired: DesiredConfigMap, failed: Answer
    ) -> Answer:
        """Settle a patch whose answer was lost. If it wasn't done, the answer is `failed`."""
        try:
            current = self._looker.config_map(existing.namespaced_name)
        except TransportError as error:
            return unknown("updated", error)
        if current is None:
            return conflict("it was deleted meanwhile")
        if current.uid == existing.uid and managed_fields.is_in_sync(current, desired):
            return Answer(result=Result.UPDATED, code=200)
        if _is_same_version(current, existing):
            return failed
        return conflict("the answer was lost, and the ConfigMap has changed meanwhile")

    def _settle_delete(self, existing: ConfigMap, failed: Answer) -> Answer:
        """Settle a delete whose answer was lost. If it wasn't done, the answer is `failed`."""
        try:
            current = self._looker.config_map(existing.namespaced_name)
        except TransportError as error:
            return unknown("deleted", error)
        if current is None or current.uid != existing.uid or current.terminating:
            return Answer(result=Result.DELETED, code=404 if current is None else 200)
        if _is_same_version(current, existing):
            return failed
        return conflict("the answer was lost, and the ConfigMap has changed meanwhile")


def _is_same_version(current: ConfigMap, existing: ConfigMap) -> bool:
    return (current.uid, current.resource_version) == (existing.uid, existing.resource_version)
