"""StatusOutcomes → Events: a config started to fail, fails for another reason, or recovered.

An Event reports a change of the Ready condition, after that change is stored. So a job without
state doesn't repeat itself. If it dies in between, the Event is lost.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from podcm_sync.api.meta import API_VERSION, GROUP, KIND, NamespacedName
from podcm_sync.api.objects import Condition
from podcm_sync.reconcile.changes import Result, StatusOutcome
from podcm_sync.reconcile.status import ready

CONTROLLER: Final = f"{GROUP}/podcm-sync"
ACTION: Final = "Sync"
WARNING: Final = "Warning"
NORMAL: Final = "Normal"
RECOVERED: Final = "Recovered"
MAX_NOTE: Final = 1024
"""Bytes that the API allows for `note` (kubernetes, pkg/apis/core/validation/events.go)."""
MAX_INSTANCE: Final = 128
MAX_NAME: Final = 253
HASH_DIGITS: Final = 16


class Event(Struct, frozen=True, kw_only=True):
    """An `events.k8s.io/v1` Event about one PodConfigMapConfig.

    `uid` and `resource_version` are the config's, as it was listed; `time` is the run's, RFC 3339
    in UTC with whole seconds.
    """

    config: NamespacedName
    uid: str
    resource_version: str
    type: str
    reason: str
    note: str
    time: str

    @property
    def namespaced_name(self) -> NamespacedName:
        """The Event's name: equal for the same change of one config, so a repeat is a 409.

        A stored status replaces exactly one resourceVersion, which makes the name unique.
        """
        digest = hashlib.sha256(f"{self.uid}/{self.resource_version}".encode()).hexdigest()
        cut = self.config.name[: MAX_NAME - HASH_DIGITS - 1].rstrip("-.")
        return NamespacedName(self.config.namespace, f"{cut}.{digest[:HASH_DIGITS]}")


def events(statuses: Iterable[StatusOutcome], now: str) -> tuple[Event, ...]:
    """At most one Event for each config, in the order of the statuses. `now` is RFC 3339."""
    return tuple(
        event
        for outcome in statuses
        if outcome.result is Result.UPDATED
        for event in _of(outcome, now)
    )


def _of(outcome: StatusOutcome, now: str) -> tuple[Event, ...]:
    update = outcome.update
    before, after = ready(update.existing), ready(update.desired)
    type_and_reason = _type_and_reason(before, after)
    if type_and_reason is None or after is None:
        return ()
    kind, reason = type_and_reason
    return (
        Event(
            config=update.namespaced_name,
            uid=update.uid,
            resource_version=update.resource_version,
            type=kind,
            reason=reason,
            note=shortened(after.message, MAX_NOTE),
            time=now,
        ),
    )


def _type_and_reason(before: Condition | None, after: Condition | None) -> tuple[str, str] | None:
    """The Event's type and reason for a change of Ready; None if the change needs no Event.

    A first success is expected. A new message with the old reason is the same failure.
    """
    if after is None:
        return None
    was_failing = before is not None and before.status == "False"
    if after.status == "False":
        is_same = was_failing and before is not None and before.reason == after.reason
        return None if is_same else (WARNING, after.reason)
    return (NORMAL, RECOVERED) if was_failing and after.status == "True" else None


def shortened(text: str, limit: int) -> str:
    """The text in at most `limit` bytes of UTF-8, cut between characters and marked with `…`."""
    if len(text.encode()) <= limit:
        return text
    mark = "…"
    start = text.encode()[: limit - len(mark.encode())].decode(errors="ignore")
    return start.rstrip() + mark


def manifest(event: Event, instance: str) -> dict[str, Any]:
    """The Event as JSON for the API. `instance` is the reporting host or Pod."""
    namespace, name = event.namespaced_name
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": namespace, "name": name},
        # The API requires a metav1.MicroTime: six digits after the point.
        "eventTime": f"{event.time.removesuffix('Z')}.000000Z",
        "reportingController": CONTROLLER,
        "reportingInstance": instance[:MAX_INSTANCE] or "podcm-sync",
        "action": ACTION,
        "reason": event.reason,
        "note": event.note,
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": event.config.namespace,
            "name": event.config.name,
            "uid": event.uid,
            "resourceVersion": event.resource_version,
        },
        "type": event.type,
    }
