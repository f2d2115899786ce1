"""What the passes of a run say together: of each namespace the last one that looked at it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from msgspec import Struct

from podcm_sync.core.report import Count, counted
from podcm_sync.model.changes import Desired, Outcome, Result, StatusUpdate, Verb
from podcm_sync.model.objects import Problem, Snapshot
from podcm_sync.model.reasons import Reason

NOT_FOUND: Final = 404


class Pass(Struct, frozen=True, kw_only=True):
    """One pass over a scope: what was seen and wanted, and what came of the plan."""

    snapshot: Snapshot
    desired: Desired
    outcomes: tuple[Outcome, ...]

    def covers(self, namespace: str) -> bool:
        """Whether this pass looked at a namespace."""
        namespaces = self.snapshot.scope.namespaces
        return namespaces is None or namespace in namespaces

    def settles(self, namespace: str) -> bool:
        """Whether what came of this pass replaces what an earlier one failed to do there."""
        return self.covers(namespace) and self.snapshot.is_plannable(namespace)


def contested(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """The namespaces that had better be listed again before more is said of them."""
    return tuple(
        sorted(
            {
                outcome.change.namespaced_name.namespace
                for outcome in outcomes
                if outcome.reason is Reason.CONFLICT or _is_open(outcome)
            }
        )
    )


def _is_open(outcome: Outcome) -> bool:
    """Whether it is a create that had no answer, and of which there was nothing to be found (404).

    It may still come, or be done again.
    """
    is_create = outcome.change.verb is Verb.CREATE
    return is_create and outcome.result is Result.FAILED and outcome.code == NOT_FOUND


Named = TypeVar("Named", StatusUpdate, Problem)


def last_words(
    passes: Sequence[Pass], words: Callable[[Pass], Iterable[Named]]
) -> tuple[Named, ...]:
    """What the passes say of each namespace, from the last one that looked at it."""
    return tuple(
        word
        for number, each in enumerate(passes, start=1)
        for word in words(each)
        if not any(later.covers(word.namespaced_name.namespace) for later in passes[number:])
    )


def last_counts(passes: Sequence[Pass]) -> dict[str, Count]:
    """How much there is in each namespace, by the last pass whose lists of it were whole."""
    counts: dict[str, Count] = {}
    for each in passes:
        found = counted(each.snapshot, each.outcomes).items()
        counts = {name: count for name, count in counts.items() if not each.settles(name)}
        counts |= {name: count for name, count in found if each.settles(name)}
    return counts
