"""Plans and Writer → Outcomes: carry out each Change once, many at a time, and note the answers.

Each namespace is a lane of its own: its creates and updates, its deletes, its statuses, its Events.
No namespace waits for another. One object's failure never stops another's work, and nothing is
decided here: a conflict is an Outcome, and the next pass's business.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final, assert_never

from msgspec import Struct
from msgspec.structs import replace

from podcm_sync.cluster.port import Recorder, Writer
from podcm_sync.core.bounds import LIMITS, Bound
from podcm_sync.core.events import Event, events
from podcm_sync.core.outdated import refused
from podcm_sync.core.passes import Pass, contested
from podcm_sync.core.plan import Planned
from podcm_sync.core.status import conditions
from podcm_sync.lanes import NEVER, Lane, Stage, Stopping, run_lanes
from podcm_sync.model.changes import (
    WRITES,
    Answer,
    Change,
    Outcome,
    Result,
    StatusOutcome,
    StatusUpdate,
    Verb,
)
from podcm_sync.model.objects import Snapshot, by_namespace
from podcm_sync.model.reasons import Reason

MAX_PASSES: Final = 3
Watch = Callable[[Outcome], None]
"""Told of each Outcome as it comes, from the caller's thread."""
_LOST: Final = Answer(
    result=Result.FAILED,
    reason=Reason.UNREACHABLE,
    message="no answer before the end of the run's time; whether it was carried out is unknown",
)
_NOT_BEGUN: Final = Answer(
    result=Result.SKIPPED,
    reason=Reason.INTERRUPTED,
    message="not begun: the run was cut short",
)


_TOO_MANY_STATUSES: Final = Answer(
    result=Result.FAILED,
    reason=Reason.BOUND_EXCEEDED,
    message=f"a run writes {LIMITS[Bound.STATUS_WRITES]} statuses in a namespace; the next run "
    "goes on",
)
_COST_BYTES: Final = 16 * 1024
"""So many bytes of data take about as long to write as one more object."""


class Ports(Struct, frozen=True, kw_only=True):
    """Where the changes go, how many at once, and who is told; no Events if no recorder."""

    writer: Writer
    recorder: Recorder | None = None
    concurrency: int
    stopping: Stopping = NEVER
    watch: Watch = lambda _: None


class Applied(Struct, frozen=True, kw_only=True):
    """What came of a plan and of the passes after it; `statuses` are sorted by namespace, name."""

    passes: tuple[Pass, ...]
    statuses: tuple[StatusOutcome, ...]


Again = Callable[[tuple[str, ...], Sequence["Applying"]], Planned]
"""Lists the contested namespaces again, and plans by what the passes have done so far."""


def apply(first: Planned, ports: Ports, now: str, again: Again | None = None) -> Applied:
    """Apply a plan, stamp the statuses, record the Events.

    A contested namespace gets another whole pass, MAX_PASSES in all, and is stamped after its last
    one. Without `again` the plan was reviewed: it is applied as it is or not, and an object that
    meets a conflict is held back. `now` is the RFC 3339 time for conditions that move.
    """
    passes = [Applying(first, ports, now)]
    numbers: dict[str, int] = {}
    requeued: list[str] = []

    def lane(applying: Applying, namespace: str) -> Lane:
        numbers[namespace] = numbers.get(namespace, 0) + 1
        yield from applying.writes(namespace, is_reviewed=again is None)
        is_last = again is None or numbers[namespace] == MAX_PASSES
        if is_last or not applying.is_contested(namespace):
            yield from applying.statuses_of(namespace)
        else:
            requeued.append(namespace)

    def more() -> list[Lane]:
        """Lanes for what is contested, once no other lane gets on; its last words, if time is up.

        One pass for all of them, since one list of many namespaces is cheaper than many lists. The
        large namespaces come before, as soon as the small ones are done.
        """
        if waiting:
            lanes = list(waiting)
            waiting.clear()
            return lanes
        if not requeued:
            return []
        namespaces = tuple(sorted(requeued))
        requeued.clear()
        if again is None or ports.stopping.begins_nothing():
            last = {name: applying for applying in passes for name in applying.namespaces}
            return [last[name].statuses_of(name) for name in namespaces]
        passes.append(Applying(again(namespaces, passes), ports, now))
        return [lane(passes[-1], name) for name in passes[-1].namespaces]

    small, large = passes[0].namespaces_by_cost()
    waiting = [lane(passes[0], name) for name in large]
    run_lanes([lane(passes[0], name) for name in small], ports.concurrency, ports.stopping, more)
    statuses = [status for applying in passes for status in applying.statuses]
    return Applied(
        passes=tuple(applying.done() for applying in passes),
        statuses=tuple(sorted(statuses, key=lambda status: status.update.namespaced_name)),
    )


class Applying:
    """One plan while it is being applied, namespace by namespace."""

    def __init__(self, decided: Planned, ports: Ports, now: str) -> None:
        self.decided = decided
        self.statuses: list[StatusOutcome] = []
        self._ports = ports
        self._now = now
        self._changes = decided.plan.changes
        self._outcomes: dict[int, Outcome] = {}
        self._writes_due = Counter(
            change.namespaced_name.namespace for change in self._changes if change.verb in WRITES
        )
        self._configs = by_namespace(decided.snapshot.configs)
        self._indices: dict[str, list[int]] = {}
        for index, change in enumerate(self._changes):
            self._indices.setdefault(change.namespaced_name.namespace, []).append(index)
            if change.verb not in WRITES:
                self._note(index, _outcome(change, _unwritten(change)))

    @property
    def namespaces(self) -> list[str]:
        """Those in which there is something to write, or to stamp."""
        return sorted(self._indices.keys() | self._configs.keys())

    def namespaces_by_cost(self) -> tuple[list[str], list[str]]:
        """The namespaces with few or small writes, and the others.

        A large namespace must not delay a small one, so it comes later, as a closed one does.
        """
        limit = LIMITS[Bound.FIRST_WRITES]
        costs = Counter({name: len(configs) for name, configs in self._configs.items()})
        for namespace, indices in self._indices.items():
            costs[namespace] += sum(_cost(self._changes[index]) for index in indices)
        large = {namespace for namespace, cost in costs.items() if cost > limit}
        large |= self.decided.snapshot.closed.keys() & self._configs.keys()
        small = [namespace for namespace in self.namespaces if namespace not in large]
        return small, sorted(large)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Those that there are so far, in the plan's order."""
        return tuple(self._outcomes[index] for index in sorted(self._outcomes))

    @property
    def under_way(self) -> Iterator[Change]:
        """The changes without an outcome so far: each of them may still be carried out."""
        return (change for index, change in enumerate(self._changes) if index not in self._outcomes)

    def done(self) -> Pass:
        """The pass, when each change has its outcome."""
        assert len(self._outcomes) == len(self._changes)
        snapshot, desired = self.decided.snapshot, self.decided.desired
        return Pass(snapshot=snapshot, desired=desired, outcomes=self.outcomes)

    def is_contested(self, namespace: str) -> bool:
        """Whether the namespace had better be listed again before its statuses are written."""
        return bool(contested(self._outcomes_of(namespace)))

    def writes(self, namespace: str, *, is_reviewed: bool) -> Lane:
        """The namespace's creates and updates, then its deletes."""
        indices = self._indices.get(namespace, ())
        verbs = [(index, self._changes[index].verb) for index in indices]
        for stage in ({Verb.CREATE, Verb.UPDATE}, {Verb.DELETE}):
            due = [index for index, verb in verbs if verb in stage]
            yield self._writes(due, is_reviewed=is_reviewed)

    def _writes(self, indices: Sequence[int], *, is_reviewed: bool) -> Stage[Outcome]:
        begins_nothing, writer, changes = (
            self._ports.stopping.begins_nothing,
            self._ports.writer,
            self._changes,
        )

        def work(index: int) -> Outcome:
            change = changes[index]
            if begins_nothing():
                return _outcome(change, _NOT_BEGUN)
            outcome = _outcome(change, _write(change, writer))
            return refused(outcome) if is_reviewed else outcome

        return Stage(
            indices,
            work,
            self._note,
            skipped=lambda index: _outcome(changes[index], _NOT_BEGUN),
            lost=lambda index: _outcome(changes[index], _LOST),
        )

    def _note(self, index: int, outcome: Outcome) -> None:
        limit = LIMITS[Bound.WRITES]
        writes = self._writes_due[outcome.change.namespaced_name.namespace]
        if outcome.reason is Reason.INTERRUPTED and writes > limit:
            # It asks for more than a run has time for, which must not fail the run.
            message = f"not begun: more than {limit:,} writes are due in this namespace"
            outcome = replace(outcome, reason=Reason.BOUND_EXCEEDED, message=message)
        self._outcomes[index] = outcome
        self._ports.watch(outcome)

    def _outcomes_of(self, namespace: str) -> list[Outcome]:
        return [self._outcomes[index] for index in self._indices.get(namespace, ())]

    def statuses_of(self, namespace: str) -> Lane:
        """The namespace's statuses that differ from what is stored, then its Events.

        After the statuses: the next run would record an Event of a status that is not stored again.
        """
        configs = tuple(self._configs.get(namespace, ()))
        if not configs:
            return
        seen: Snapshot = replace(self.decided.snapshot, configs=configs)
        outcomes = self._outcomes_of(namespace)
        updates = conditions(seen, self.decided.desired, outcomes, self._now)
        needed = [update for update in updates if update.is_needed]
        due, later = needed[: LIMITS[Bound.STATUS_WRITES]], needed[LIMITS[Bound.STATUS_WRITES] :]
        stamped: list[StatusOutcome] = [
            _stamped(update, Answer(result=Result.UNCHANGED))
            for update in updates
            if not update.is_needed
        ]
        stamped += [_stamped(update, _TOO_MANY_STATUSES) for update in later]
        yield _stamps(due, self._ports.writer, stamped)
        self.statuses += stamped
        if self._ports.recorder is not None:
            told = events(stamped, self._now)[: LIMITS[Bound.EVENTS]]
            yield _records(told, self._ports.recorder)


def _stamps(
    updates: Sequence[StatusUpdate], writer: Writer, stamped: list[StatusOutcome]
) -> Stage[StatusOutcome]:
    return Stage(
        range(len(updates)),
        lambda index: _stamped(updates[index], writer.update_status(updates[index])),
        lambda _, outcome: stamped.append(outcome),
        skipped=lambda index: _stamped(updates[index], _NOT_BEGUN),
        lost=lambda index: _stamped(updates[index], _LOST),
        is_finishing=True,
    )


def _records(due: Sequence[Event], recorder: Recorder) -> Stage[Answer]:
    """One that is lost changes nothing of the run; the recorder tells people."""
    return Stage(
        range(len(due)),
        lambda index: recorder.record(due[index]),
        lambda _index, _answer: None,
        skipped=lambda _: _NOT_BEGUN,
        lost=lambda _: _LOST,
        is_finishing=True,
    )


def _cost(change: Change) -> int:
    """What a change costs, in small writes."""
    if change.verb not in WRITES:
        return 0
    data = change.desired.data if change.desired else {}
    return 1 + sum(map(len, data.values())) // _COST_BYTES


def _unwritten(change: Change) -> Answer:
    return Answer(result=Result.UNCHANGED if change.verb is Verb.KEEP else Result.SKIPPED)


def _write(change: Change, writer: Writer) -> Answer:
    match change.verb:
        case Verb.CREATE:
            assert change.desired is not None
            return writer.create(change.desired)
        case Verb.UPDATE:
            assert change.desired is not None
            assert change.existing is not None
            return writer.update(change.existing, change.desired)
        case Verb.DELETE:
            assert change.existing is not None
            return writer.delete(change.existing)
        case Verb.KEEP | Verb.SKIP:
            return _unwritten(change)
        case _:
            assert_never(change.verb)


def _outcome(change: Change, answer: Answer) -> Outcome:
    return Outcome(
        change=change,
        result=answer.result,
        reason=answer.reason or change.reason,
        code=answer.code,
        message=answer.message or change.message,
    )


def _stamped(update: StatusUpdate, answer: Answer) -> StatusOutcome:
    # A skipped status is one that is only shown; one that time did not allow to write is missing.
    is_missing = answer.reason is Reason.INTERRUPTED
    return StatusOutcome(
        update=update,
        result=Result.FAILED if is_missing else answer.result,
        reason=answer.reason,
        message=answer.message,
    )
