"""A Reader around another one, for `--loop`: a namespace that fails backs off alone.

podcm-sync doesn't read a namespace that is backing off. Every report names it as incomplete, with
its last message and the time until the next attempt, so nobody can mistake it for in sync.
"""

import time
from collections.abc import Collection, Mapping
from typing import Final

from msgspec import Struct, structs

from podcm_sync.api.finding import Quotes, quotes
from podcm_sync.api.meta import NamespacedName
from podcm_sync.cluster.interfaces import Reader
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.runtime import backoff

FIRST_SHARE: Final = 0.5
"""A share of the loop's interval. A namespace is due half an interval before the run that tries it
again: runs have jitter, and a run that starts early must not miss it for a whole interval."""


class Failure(Struct, frozen=True, kw_only=True):
    """Failed attempts in a row, the last message, and when to try again (monotonic seconds)."""

    count: int
    message: str
    quoted: Quotes
    until: float


class BackoffReader:
    """Implements `interfaces.Reader`. A scope of the whole cluster (`-A`) never backs off."""

    def __init__(self, reader: Reader, interval: float) -> None:
        """`interval` is the loop's interval in seconds."""
        self._reader = reader
        self._interval = interval
        self._failures: dict[str, Failure] = {}

    def snapshot(self, scope: Scope, *, may_defer: bool = False) -> Snapshot:
        """The scope; namespaces that are backing off are incomplete and unplannable.

        If all namespaces are backing off, all are read. Raises what the inner Reader raises.
        """
        if scope.namespaces is None:
            return self._reader.snapshot(scope, may_defer=may_defer)
        now = time.monotonic()
        waiting = {
            namespace: failure
            for namespace in scope.namespaces
            if (failure := self._failures.get(namespace)) is not None and now < failure.until
        }
        due = tuple(name for name in scope.namespaces if name not in waiting)
        if not due:
            # The loop itself backs off after a run without any success: two delays would add up.
            due, waiting = scope.namespaces, {}
        due_scope = structs.replace(scope, namespaces=due)
        snapshot = self._reader.snapshot(due_scope, may_defer=may_defer)
        for namespace in due:
            message = snapshot.incomplete.get(namespace)
            self._note(namespace, message, snapshot.quoted.get(message or ""), now)
        messages = {
            namespace: f"{failure.message} (backing off: podcm-sync tries again in "
            f"{failure.until - now:.0f} s)"
            for namespace, failure in waiting.items()
        }
        quoted = {
            message: quotes(waiting[namespace].message, waiting[namespace].quoted)
            for namespace, message in messages.items()
        }
        return structs.replace(
            snapshot,
            scope=scope,
            incomplete=snapshot.incomplete | messages,
            quoted=snapshot.quoted | quoted,
            unplannable=snapshot.unplannable | messages.keys(),
        )

    def namespaces(self) -> Collection[str]:
        """The answer of the inner Reader."""
        return self._reader.namespaces()

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        """The answer of the inner Reader."""
        return self._reader.occupied_names(namespaces)

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        """The answer of the inner Reader."""
        return self._reader.remaining(config_maps)

    def _note(self, namespace: str, message: str | None, quoted: Quotes, now: float) -> None:
        """Count a failure from the start of the list that failed. A success clears the count."""
        if message is None:
            self._failures.pop(namespace, None)
            return
        last = self._failures.get(namespace)
        if last is not None and now < last.until:
            # A later pass of the same run, or all namespaces are backing off.
            return
        count = 1 if last is None else last.count + 1
        delay = backoff.delay(count, self._interval, FIRST_SHARE * self._interval)
        until = now + delay + backoff.jitter(self._interval)
        self._failures[namespace] = Failure(
            count=count, message=message, quoted=quoted, until=until
        )


_as_reader: type[Reader] = BackoffReader
