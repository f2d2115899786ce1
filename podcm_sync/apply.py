"""Plan and Writer → Outcomes: make each Change once, many at a time, and record the answers.

Each namespace is a lane: creates and updates, then deletes, then statuses, then Events. No
namespace waits for another, and no object's failure stops another's work. Nothing is decided here:
a conflict is an Outcome, and the next pass plans again.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Final, assert_never

from msgspec import Struct, structs
from msgspec.structs import replace

from podcm_sync.api.finding import quotes
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.interfaces import Recorder, Writer
from podcm_sync.reconcile.bounds import LIMITS, Bound
from podcm_sync.reconcile.changes import (
    WRITES,
    Answer,
    Change,
    Outcome,
    Plan,
    Result,
    StatusOutcome,
    StatusUpdate,
    Verb,
    not_begun,
)
from podcm_sync.reconcile.events import Event, events
from podcm_sync.reconcile.plan import Planned
from podcm_sync.reconcile.report import Pass, namespaces_to_requeue
from podcm_sync.reconcile.snapshot import Snapshot, by_namespace
from podcm_sync.reconcile.status import conditions
from podcm_sync.runtime.lanes import NEVER, Lane, Stage, Stopping

Watch = Callable[[Outcome], None]
"""Called with each Outcome as it arrives, in the caller's thread."""
_TOO_MANY_STATUSES: Final = Answer(
    result=Result.FAILED,
    reason=Reason.BOUND_EXCEEDED,
    message=f"a run writes {LIMITS[Bound.STATUS_WRITES]} statuses in a namespace; the next run "
    "goes on",
    quoted=(),
)
_TURN_IS_OVER: Final = Answer(
    result=Result.FAILED,
    reason=Reason.BOUND_EXCEEDED,
    message="not begun: the next run is due, and large namespaces go on then",
    quoted=(),
)
UPSERTS: Final = frozenset({Verb.CREATE, Verb.UPDATE})
DELETES: Final = frozenset({Verb.DELETE})
_COST_BYTES: Final = 16 * 1024
"""Writing this many bytes of data takes about as long as writing one more small object."""


class Ports(Struct, frozen=True, kw_only=True):
    """Where the changes go, and how many at once. Without a recorder there are no Events."""

    writer: Writer
    recorder: Recorder | None = None
    concurrency: int
    interval: float | None = None
    """In a loop, the seconds from run to run: large namespaces must not delay the next one."""
    writes_statuses: bool = True
    stopping: Stopping = NEVER
    watch: Watch = lambda _: None


class Applying:
    """A plan while it is being applied: its outcomes so far, namespace by namespace."""

    def __init__(self, decided: Planned, ports: Ports, now: str) -> None:
        self.decided = decided
        self.statuses: list[StatusOutcome] = []
        self._ports = ports
        self._now = now
        self._changes = list(decided.plan.changes)
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
        """The namespaces that have a change or a config in this pass, sorted."""
        return sorted(self._indices.keys() | self._configs.keys())

    def namespaces_by_cost(self) -> tuple[list[str], list[str]]:
        """The namespaces with few or small writes, and the others.

        The others start later, so that a large namespace can't delay a small one. A closed one
        only writes statuses, and can wait too.
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
        """The outcomes so far, in the plan's order."""
        return tuple(self._outcomes[index] for index in sorted(self._outcomes))

    @property
    def under_way(self) -> Iterator[Change]:
        """The changes without an outcome so far: the API server may still carry out any of them."""
        return (change for index, change in enumerate(self._changes) if index not in self._outcomes)

    def done(self) -> Pass:
        """The finished pass. Each change must have its outcome."""
        assert len(self._outcomes) == len(self._changes)
        snapshot, desired = self.decided.snapshot, self.decided.desired
        return Pass(snapshot=snapshot, desired=desired, outcomes=self.outcomes)

    def has_conflict(self, namespace: str) -> bool:
        """Whether the namespace must be listed again before its statuses are true."""
        return bool(namespaces_to_requeue(self._outcomes_of(namespace)))

    def has_deletes(self, namespace: str) -> bool:
        """Whether the plan deletes anything in the namespace."""
        indices = self._indices.get(namespace, ())
        return any(self._changes[index].verb is Verb.DELETE for index in indices)

    def hold_back(self, plan: Plan) -> None:
        """Skip the deletes that `plan`, which is this one guarded again, skips."""
        for index, change in enumerate(plan.changes):
            if change.verb not in WRITES and self._changes[index].verb in WRITES:
                self._changes[index] = change
                self._note(index, _outcome(change, _unwritten(change)))

    def writes(
        self,
        namespace: str,
        verbs: Container[Verb],
        is_turn_over: Callable[[], bool],
        *,
        is_reviewed: bool,
    ) -> Stage[Outcome]:
        """The namespace's writes with these verbs. None begins once its turn is over."""
        indices = self._indices.get(namespace, ())
        due = [index for index in indices if self._changes[index].verb in verbs]
        return self._writes(due, is_turn_over, is_reviewed=is_reviewed)

    def _writes(
        self, indices: Sequence[int], is_turn_over: Callable[[], bool], *, is_reviewed: bool
    ) -> Stage[Outcome]:
        stopping, writer, changes = self._ports.stopping, self._ports.writer, self._changes

        def skipped(index: int) -> Outcome:
            return _outcome(changes[index], _not_begun(stopping))

        def work(index: int) -> Outcome:
            change = changes[index]
            if stopping.is_stopping():
                return skipped(index)
            if is_turn_over():
                return _outcome(change, _TURN_IS_OVER)
            outcome = _outcome(change, _write(change, writer))
            return hold_back_conflict(outcome) if is_reviewed else outcome

        return Stage(
            indices,
            work,
            self._note,
            skipped=skipped,
            on_abandoned=lambda index: _outcome(changes[index], _lost(stopping)),
        )

    def _note(self, index: int, outcome: Outcome) -> None:
        limit = LIMITS[Bound.WRITES]
        writes = self._writes_due[outcome.change.namespaced_name.namespace]
        if outcome.reason is Reason.INTERRUPTED and writes > limit:
            # One namespace must not fail the run because it asks for more than a run has time for.
            message = f"not begun: more than {limit:,} writes are due in this namespace"
            outcome = replace(outcome, reason=Reason.BOUND_EXCEEDED, message=message, quoted=())
        self._outcomes[index] = outcome
        self._ports.watch(outcome)

    def _outcomes_of(self, namespace: str) -> list[Outcome]:
        return [self._outcomes[index] for index in self._indices.get(namespace, ())]

    def statuses_of(self, namespace: str) -> Lane:
        """The namespace's statuses that differ from the stored ones, then its Events.

        Events come second: if a status is not stored, the next run records its Event.
        """
        configs = tuple(self._configs.get(namespace, ()))
        if not configs or not self._ports.writes_statuses:
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
        yield _stamps(due, self._ports, stamped)
        self.statuses += stamped
        if self._ports.recorder is not None:
            told = events(stamped, self._now)[: LIMITS[Bound.EVENTS]]
            yield _records(told, self._ports.recorder, self._ports.stopping)


def _not_begun(stopping: Stopping) -> Answer:
    return not_begun(stopping.why_nothing_begins())


def _lost(stopping: Stopping) -> Answer:
    return Answer(
        result=Result.FAILED,
        reason=Reason.UNREACHABLE,
        message=f"no answer: {stopping.why_no_longer()}; whether it was carried out is unknown",
        quoted=(),
    )


def _stamps(
    updates: Sequence[StatusUpdate], ports: Ports, stamped: list[StatusOutcome]
) -> Stage[StatusOutcome]:
    return Stage(
        range(len(updates)),
        lambda index: _stamped(updates[index], ports.writer.update_status(updates[index])),
        lambda _, outcome: stamped.append(outcome),
        skipped=lambda index: _stamped(updates[index], _not_begun(ports.stopping)),
        on_abandoned=lambda index: _stamped(updates[index], _lost(ports.stopping)),
        is_finishing=True,
    )


def _records(due: Sequence[Event], recorder: Recorder, stopping: Stopping) -> Stage[Answer]:
    """Events inform people: one that is lost doesn't change the run's result."""
    return Stage(
        range(len(due)),
        lambda index: recorder.record(due[index]),
        lambda _index, _answer: None,
        skipped=lambda _: _not_begun(stopping),
        on_abandoned=lambda _: _lost(stopping),
        is_finishing=True,
    )


def _cost(change: Change) -> int:
    """The cost of a change, in small writes."""
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
        quoted=answer.quoted if answer.message else change.quoted,
    )


def _stamped(update: StatusUpdate, answer: Answer) -> StatusOutcome:
    # SKIPPED means "only shown", as in a dry run. A status that there was no time to write failed.
    is_missing = answer.reason is Reason.INTERRUPTED
    return StatusOutcome(
        update=update,
        result=Result.FAILED if is_missing else answer.result,
        reason=answer.reason,
        message=answer.message,
        quoted=answer.quoted,
    )


def hold_back_conflict(outcome: Outcome) -> Outcome:
    """The outcome of a reviewed change: held back (exit 4) if its object changed meanwhile."""
    if outcome.reason is not Reason.CONFLICT:
        return outcome
    return structs.replace(
        outcome,
        result=Result.SKIPPED,
        reason=Reason.PLAN_OUTDATED,
        message=f"it changed while the plan was being applied: {outcome.message}",
        quoted=quotes(outcome.message, outcome.quoted),
    )
