"""The passes of a run: which namespace gets its turn when.

First come the small namespaces of the first plan. Whenever no lane makes progress any more, the
next ones follow: namespaces with a conflict, listed again; those that were deferred because they
need much work; then those with many or large writes.
"""

import math
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from msgspec import Struct

from podcm_sync.apply import DELETES, UPSERTS, Applying, Ports
from podcm_sync.reconcile.changes import StatusOutcome
from podcm_sync.reconcile.plan import Planned
from podcm_sync.reconcile.report import Pass
from podcm_sync.runtime.lanes import Lane, run_lanes

T = TypeVar("T")
MAX_PASSES: Final = 3

PlanNextPass = Callable[[tuple[str, ...], Sequence[Applying], bool], Planned]
"""Plans these namespaces from what the passes did so far.

Requeued namespaces are listed again. True means that they are the deferred ones, in their first
pass.
"""


class Applied(Struct, frozen=True, kw_only=True):
    """What a plan and the passes after it came to. `statuses` are sorted by namespace and name."""

    passes: tuple[Pass, ...]
    statuses: tuple[StatusOutcome, ...]


def apply(
    first: Planned,
    ports: Ports,
    now: str,
    plan_next_pass: PlanNextPass | None = None,
    *,
    judges_total: bool = False,
) -> Applied:
    """Apply a plan, write the statuses, record the Events.

    A namespace with a conflict is requeued: it gets another whole pass, MAX_PASSES in all, and its
    statuses after the last. Without `plan_next_pass` the plan was reviewed: there is one pass, and
    an object that conflicts is held back. With `judges_total`, nothing is deleted before the
    deferred namespaces are planned, because their deletions count too. `now` is the RFC 3339 time
    of conditions that change.
    """
    passes = _Passes(first, ports, now, plan_next_pass, judges_total=judges_total)
    run_lanes(passes.first_lanes(), ports.concurrency, ports.stopping, passes.next_lanes)
    return passes.applied()


class _Passes:
    """The passes so far, and the namespaces that wait for their next turn."""

    def __init__(
        self,
        first: Planned,
        ports: Ports,
        now: str,
        plan_next_pass: PlanNextPass | None,
        *,
        judges_total: bool,
    ) -> None:
        self._ports = ports
        self._now = now
        self._plan_next_pass = plan_next_pass
        self._judges_total = judges_total
        self._passes = [Applying(first, ports, now)]
        self._numbers: dict[str, int] = {}
        """How many passes each namespace has begun."""
        self._requeued: list[str] = []
        self._deferred = sorted(first.snapshot.deferred)
        self._unjudged: list[Lane] = []
        """The rest of lanes that may delete only after the deferred namespaces are planned."""
        self._large: list[Lane] = []
        self._interval = math.inf if ports.interval is None else ports.interval
        self._next_run = time.monotonic() + self._interval
        self._large_ends = math.inf
        """When the turn of the large namespaces is over, in monotonic seconds."""

    def first_lanes(self) -> Sequence[Lane]:
        """The lanes to begin with."""
        return self._small_lanes(self._passes[0])

    def next_lanes(self) -> Sequence[Lane]:
        """The next lanes, once no lane makes progress.

        All namespaces of a kind share a pass, since one list of many namespaces is cheaper than
        many lists. If time is up, requeued namespaces only get their statuses.
        """
        while self._requeued or self._deferred:
            if self._requeued:
                lanes = self._requeued_lanes(_taken(self._requeued))
            else:
                lanes = self._lanes_of_pass(_taken(self._deferred), is_deferred=True)
                lanes = [*_taken(self._unjudged), *lanes]
            if lanes:
                return lanes
        if self._large and math.isinf(self._large_ends):
            # At least half an interval, so that they get on however long the others take.
            self._large_ends = max(self._next_run, time.monotonic() + self._interval / 2)
        return _taken(self._large)

    def applied(self) -> Applied:
        """What all passes came to. Each of them must be finished."""
        statuses = [status for applying in self._passes for status in applying.statuses]
        return Applied(
            passes=tuple(applying.done() for applying in self._passes),
            statuses=tuple(sorted(statuses, key=lambda status: status.update.namespaced_name)),
        )

    def _requeued_lanes(self, namespaces: Sequence[str]) -> Sequence[Lane]:
        if self._plan_next_pass is None or self._ports.stopping.is_stopping():
            last = {name: applying for applying in self._passes for name in applying.namespaces}
            return [last[name].statuses_of(name) for name in sorted(namespaces)]
        return self._lanes_of_pass(namespaces, is_deferred=False)

    def _lanes_of_pass(self, namespaces: Sequence[str], *, is_deferred: bool) -> Sequence[Lane]:
        assert self._plan_next_pass is not None
        names = tuple(sorted(namespaces))
        decided = self._plan_next_pass(names, self._passes, is_deferred)
        self._passes.append(Applying(decided, self._ports, self._now))
        return self._small_lanes(self._passes[-1])

    def _small_lanes(self, applying: Applying) -> Sequence[Lane]:
        small, large = applying.namespaces_by_cost()
        self._large.extend(self._lane(applying, name, self._is_large_over) for name in large)
        return [self._lane(applying, name) for name in small]

    def _is_large_over(self) -> bool:
        return time.monotonic() >= self._large_ends

    def _lane(
        self, applying: Applying, namespace: str, is_over: Callable[[], bool] = lambda: False
    ) -> Lane:
        """A namespace's pass: creates and updates, then the rest. `is_over` ends its turn."""
        self._numbers[namespace] = self._numbers.get(namespace, 0) + 1
        is_reviewed = self._plan_next_pass is None
        yield applying.writes(namespace, UPSERTS, is_over, is_reviewed=is_reviewed)
        rest = self._deletes_and_statuses(applying, namespace, is_over)
        if self._judges_total and self._deferred and applying.has_deletes(namespace):
            self._unjudged.append(rest)
        else:
            yield from rest

    def _deletes_and_statuses(
        self, applying: Applying, namespace: str, is_over: Callable[[], bool]
    ) -> Lane:
        is_reviewed = self._plan_next_pass is None
        yield applying.writes(namespace, DELETES, is_over, is_reviewed=is_reviewed)
        is_last = self._plan_next_pass is None or self._numbers[namespace] == MAX_PASSES
        if is_last or not applying.has_conflict(namespace):
            yield from applying.statuses_of(namespace)
        else:
            self._requeued.append(namespace)


def _taken(waiting: list[T]) -> list[T]:
    """The elements of a list, which is empty afterwards."""
    taken = list(waiting)
    waiting.clear()
    return taken
