"""Plan and Writer → Outcomes: carry out each Change once, many at a time, and say what came of it.

Creates and updates go before deletes. One object's failure never stops another's work, and nothing
is decided anew here: a conflict is an Outcome, and the next pass's business.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import assert_never

from podcm_sync.cluster.port import Writer
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
from podcm_sync.parallel import each

Stopping = Callable[[], bool]
"""Whether to start nothing new: true once a signal came."""
Watch = Callable[[Outcome], None]
"""Told of each Outcome as it comes, from one thread."""


def apply(
    plan: Plan,
    writer: Writer,
    *,
    concurrency: int,
    is_stopping: Stopping = lambda: False,
    watch: Watch = lambda _: None,
) -> tuple[Outcome, ...]:
    """Apply a plan; one Outcome for each Change, in the plan's order."""
    outcomes: dict[int, Outcome] = {}

    def carry_out(verbs: set[Verb], workers: int) -> None:
        due = [index for index, change in enumerate(plan.changes) if change.verb in verbs]

        def work(index: int) -> Outcome:
            change = plan.changes[index]
            if is_stopping() and change.verb not in {Verb.KEEP, Verb.SKIP}:
                return _interrupted(change)
            return _outcome(change, _write(change, writer))

        def done(index: int, outcome: Outcome) -> None:
            outcomes[index] = outcome
            watch(outcome)

        each(due if workers == 1 else _fair(due, plan), work, done, workers)

    carry_out({Verb.KEEP, Verb.SKIP}, 1)
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
    updates: Iterable[StatusUpdate], writer: Writer, *, concurrency: int
) -> tuple[StatusOutcome, ...]:
    """Write the statuses that differ from what is stored; one StatusOutcome each, in order."""
    due = list(updates)
    outcomes: dict[int, StatusOutcome] = {}

    def work(index: int) -> StatusOutcome:
        update = due[index]
        if not update.is_needed:
            return StatusOutcome(update=update, result=Result.UNCHANGED, reason=None, message="")
        answer = writer.update_status(update)
        return StatusOutcome(
            update=update, result=answer.result, reason=answer.reason, message=answer.message
        )

    each(range(len(due)), work, outcomes.__setitem__, concurrency)
    return tuple(outcomes[index] for index in range(len(due)))


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


def _interrupted(change: Change) -> Outcome:
    return Outcome(
        change=change,
        result=Result.SKIPPED,
        reason=Reason.INTERRUPTED,
        code=None,
        message="not begun: the run was cut short",
    )
