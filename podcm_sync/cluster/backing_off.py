"""A Reader over another, for a loop: a namespace that fails alone backs off alone.

A namespace that is backing off is not read, and every report names it as incomplete, with its last
message and the time until the next attempt. Nobody can mistake it for in sync.
"""

import time
from collections.abc import Collection, Mapping
from typing import Final

from msgspec import Struct, structs

from podcm_sync import backoff
from podcm_sync.cluster.port import Reader
from podcm_sync.model.meta import NamespacedName
from podcm_sync.model.objects import Scope, Snapshot

FIRST_SHARE: Final = 0.5
"""Backing off ends half an interval before the run that tries again: runs have jitter, and a run
that comes a moment early must not miss its namespace for a whole interval."""


class Failure(Struct, frozen=True, kw_only=True):
    """Failed attempts in a row, the last message, and the monotonic time of the next attempt."""

    count: int
    message: str
    until: float


class BackoffReader:
    """Implements `port.Reader`. One list of the whole cluster is read as it is."""

    def __init__(self, reader: Reader, interval: float) -> None:
        """`interval` is the loop's, in seconds."""
        self._reader = reader
        self._interval = interval
        self._failures: dict[str, Failure] = {}

    def snapshot(self, scope: Scope) -> Snapshot:
        """The scope, with the namespaces that are backing off as incomplete and unplannable.

        If all of them are backing off, all are read: the loop itself then backs off for them.
        Raises as the other Reader does.
        """
        if scope.namespaces is None:
            return self._reader.snapshot(scope)
        now = time.monotonic()
        waiting = {
            namespace: failure
            for namespace in scope.namespaces
            if (failure := self._failures.get(namespace)) is not None and now < failure.until
        }
        due = tuple(name for name in scope.namespaces if name not in waiting)
        if not due:
            due, waiting = scope.namespaces, {}
        snapshot = self._reader.snapshot(structs.replace(scope, namespaces=due))
        for namespace in due:
            self._note(namespace, snapshot.incomplete.get(namespace), now)
        messages = {
            namespace: f"{failure.message} (backing off: podcm-sync tries again in "
            f"{failure.until - now:.0f} s)"
            for namespace, failure in waiting.items()
        }
        return structs.replace(
            snapshot,
            scope=scope,
            incomplete=snapshot.incomplete | messages,
            unplannable=snapshot.unplannable | messages.keys(),
        )

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        """The other Reader's answer."""
        return self._reader.occupied_names(namespaces)

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        """The other Reader's answer."""
        return self._reader.remaining(config_maps)

    def _note(self, namespace: str, message: str | None, now: float) -> None:
        """Count a failure from the time of the list that failed, or forget earlier ones."""
        if message is None:
            self._failures.pop(namespace, None)
            return
        last = self._failures.get(namespace)
        if last is not None and now < last.until:
            return  # a later pass of the same run, or all are backing off: no further failure
        count = 1 if last is None else last.count + 1
        delay = backoff.delay(count, self._interval, FIRST_SHARE * self._interval)
        until = now + delay + backoff.jitter(self._interval)
        self._failures[namespace] = Failure(count=count, message=message, until=until)


_as_reader: type[Reader] = BackoffReader
