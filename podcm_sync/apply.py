"""Plan and Writer → Outcomes: carry out each Change once, many at a time, and say what came of it.

Creates and updates go before deletes. One object's failure never stops another's work, and nothing
is decided anew here: a conflict is an Outcome, and the next pass's business.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, assert_never

from msgspec import Struct

from podcm_sync.cluster.port import Recorder, Writer
from podcm_sync.core.events import Event
from podcm_sync.core.outdated import refused
from podcm_sync.model.changes import (
    Answer,
    Change,
    Outcome,
    Plan,
    Result,
    StatusOutcome,
    StatusUpdate,
    Verb,
)
from podcm_sync.model.reasons import Reason
from podcm_sync.parallel import Work, each


class Stopping(Struct, frozen=True, kw_only=True):
    """Whether to begin nothing new, and whether to wait no longer for what is under way."""

    begins_nothing: Callable[[], bool]
    waits_no_longer: Callable[[], bool]


NEVER: Final = Stopping(begins_nothing=lambda: False, waits_no_longer=lambda: False)
Watch = Callable[[Outcome], None]
"""Told of each Outcome as it comes, from one thread."""
_LOST: Final = Answer(
    result=Result.FAILED,
    reason=Reason.UNREACHABLE,
    message="no answer before the end of the run's time; whether it was carried out is unknown",
)


def apply(  # noqa: PLR0913 - how to go about it is the caller's
    plan: Plan,
    writer: Writer,
    *,
    concurrency: int,
    stopping: Stopping = NEVER,
    watch: Watch = lambda _: None,
    is_reviewed: bool = False,
) -> tuple[Outcome, ...]:
    """Apply a plan; one Outcome for each Change, in the plan's order.

    One that was reviewed is applied as it is or not: where a conflict comes there is no other pass,
    and the object is held back.
    """
    outcomes: dict[int, Outcome] = {}

    def carry_out(verbs: set[Verb], workers: int) -> None:
        due = [index for index, change in enumerate(plan.changes) if change.verb in verbs]

        def work(index: int) -> Outcome:
            change = plan.changes[index]
            if stopping.begins_nothing() and change.verb not in {Verb.KEEP, Verb.SKIP}:
                return _interrupted(change)
            outcome = _outcome(change, _write(change, writer))
            return refused(outcome) if is_reviewed else outcome

        def done(index: int, outcome: Outcome) -> None:
            outcomes[index] = outcome
            watch(outcome)

        def lost(index: int) -> Outcome:
            return _outcome(plan.changes[index], _LOST)

        doing = Work(work, done, lost=lost, waits_no_longer=stopping.waits_no_longer)
        each(_fair(due, plan) if workers else due, doing, workers)

    carry_out({Verb.KEEP, Verb.SKIP}, 0)
    carry_out({Verb.CREATE, Verb.UPDATE}, concurrency)
    carry_out({Verb.DELETE}, concurrency)
    return tuple(outcomes[index] for index in range(len(plan.changes)))


def _fair(indices: Iterable[int], plan: Plan) -> list[int]:
    """A namespace's turn comes as often as any other's: a large one does not hold up the rest.

    Within a round, and within a namespace, the plan's order stays.
    """
    rounds: Counter[str] = Counter()

    def place(index: int) -> int:
        namespace = plan.changes[index].namespaced_name.namespace
        rounds[namespace] += 1
        return rounds[namespace]

    return [index for _, index in sorted((place(index), index) for index in indices)]


def stamp(
    updates: Iterable[StatusUpdate],
    writer: Writer,
    *,
    concurrency: int,
    stopping: Stopping = NEVER,
) -> tuple[StatusOutcome, ...]:
    """Write the statuses that differ from what is stored; one StatusOutcome each, in order."""
    due = list(updates)
    outcomes: dict[int, StatusOutcome] = {}

    def work(index: int) -> StatusOutcome:
        update = due[index]
        if not update.is_needed:
            return StatusOutcome(update=update, result=Result.UNCHANGED, reason=None, message="")
        return _stamped(update, writer.update_status(update))

    def lost(index: int) -> StatusOutcome:
        return _stamped(due[index], _LOST)

    doing = Work(work, outcomes.__setitem__, lost=lost, waits_no_longer=stopping.waits_no_longer)
    each(range(len(due)), doing, concurrency)
    return tuple(outcomes[index] for index in range(len(due)))


def record(
    events: Sequence[Event],
    recorder: Recorder,
    *,
    concurrency: int,
    stopping: Stopping = NEVER,
) -> None:
    """Create the Events. One that is lost changes nothing of the run; the recorder says so."""
    doing = Work(
        lambda index: recorder.record(events[index]),
        lambda _index, _answer: None,
        lost=lambda _: _LOST,
        waits_no_longer=stopping.waits_no_longer,
    )
    each(range(len(events)), doing, concurrency)


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
        case Verb.KEEP:
            return Answer(result=Result.UNCHANGED)
        case Verb.SKIP:
            return Answer(result=Result.SKIPPED)
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
    return StatusOutcome(
        update=update, result=answer.result, reason=answer.reason, message=answer.message
    )


def _interrupted(change: Change) -> Outcome:
    return Outcome(
        change=change,
        result=Result.SKIPPED,
        reason=Reason.INTERRUPTED,
        code=None,
        message="not begun: the run was cut short",
    )
