"""One run, as a ladder: list, want, compare, guard, apply, stamp, tell, report.

A dry run is the same ladder without a writer: it foretells what the others would do. Where writes
met a conflict, the namespaces concerned get another whole pass, since only lists taken anew can
say what is right there now. A run that expects a plan applies that one or none, and in one pass.
"""

from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from podcm_sync.apply import NEVER, Stopping, Watch, apply, record, stamp
from podcm_sync.cluster.port import Reader, Recorder, Writer
from podcm_sync.core.desired import build
from podcm_sync.core.digest import digest
from podcm_sync.core.events import events
from podcm_sync.core.guards import PruneBudget, PruneLimit, guard
from podcm_sync.core.passes import Pass, came_to, contested, last_counts, last_words
from podcm_sync.core.plan import Planned, creates_in, diff
from podcm_sync.core.rendering import NO_RENDERER, Renderer
from podcm_sync.core.report import (
    Report,
    merged,
    predicted,
    predicted_statuses,
    problems,
)
from podcm_sync.core.status import conditions
from podcm_sync.errors import ClusterError
from podcm_sync.model.changes import Plan
from podcm_sync.model.meta import NamespacedName
from podcm_sync.model.objects import Scope, Snapshot

MAX_PASSES: Final = 3


class Policy(Struct, frozen=True, kw_only=True):
    """What a run may do, and how much at once."""

    max_prune: tuple[PruneLimit, ...] = ()
    concurrency: int = 32
    expected_digest: str = ""
    """Apply only a plan that has this digest; "" is any plan."""


class Observer(Struct, frozen=True, kw_only=True):
    """What a run shows while it is at work, and what it asks: whether to stop."""

    stopping: Stopping = NEVER
    planned: Callable[[Plan], None] = lambda _: None
    """Told of each plan that is about to be applied."""
    watch: Watch = lambda _: None


UNOBSERVED: Final = Observer()


def run(  # noqa: PLR0913 - the facts of a run, each of which a test wants to set
    scope: Scope,
    reader: Reader,
    writer: Writer | None,
    policy: Policy,
    *,
    now: str,
    renderer: Renderer = NO_RENDERER,
    observer: Observer = UNOBSERVED,
    recorder: Recorder | None = None,
) -> Report:
    """One run over the scope; a dry run where there is no writer, without Events if no recorder.

    `now` is the RFC 3339 time for conditions that move. Raises ClusterError or InputError where
    there is nothing to base a run on; once something was written, nothing but a bug raises.
    """
    passes = tuple(_passes(scope, reader, writer, policy, renderer, observer))
    updates = last_words(
        passes, lambda each: conditions(each.snapshot, each.desired, each.outcomes, now)
    )
    if writer is None or passes[0].is_prediction:
        statuses = predicted_statuses(updates)
    else:
        statuses = stamp(
            updates, writer, concurrency=policy.concurrency, stopping=observer.stopping
        )
        if recorder is not None:
            # After the statuses: what is not stored yet would be said again by the next run.
            record(
                events(statuses, now),
                recorder,
                concurrency=policy.concurrency,
                stopping=observer.stopping,
            )
    outcomes = passes[0].outcomes
    for again in passes[1:]:
        outcomes = merged(outcomes, again.outcomes, again.settles)
    return Report(
        is_prediction=passes[0].is_prediction,
        scope=scope,
        outcomes=outcomes,
        statuses=statuses,
        problems=last_words(passes, lambda each: problems(each.snapshot, each.desired)),
        incomplete={
            namespace: message
            for each in passes
            for namespace, message in each.snapshot.incomplete.items()
        },
        counts=last_counts(passes),
        digest=passes[0].digest,
        expected_digest=policy.expected_digest,
    )


def planned(
    snapshot: Snapshot,
    reader: Reader,
    budget: PruneBudget,
    renderer: Renderer,
    *,
    is_first: bool = True,
) -> Planned:
    """What one pass decides: wanted, compared and guarded. Nothing is written.

    Raises ClusterError in the first pass, where the names that are taken cannot be asked for.
    """
    desired = build(snapshot, renderer)
    taken = _taken_names(reader, creates_in(snapshot, desired), is_first=is_first)
    proposed = diff(snapshot, desired, taken)
    return Planned(
        snapshot=snapshot, desired=desired, proposed=proposed, plan=guard(proposed, budget)
    )


def _passes(  # noqa: PLR0913, PLR0917 - the facts of a run, as above
    scope: Scope,
    reader: Reader,
    writer: Writer | None,
    policy: Policy,
    renderer: Renderer,
    observer: Observer,
) -> Iterator[Pass]:
    """The first pass over the whole scope, then up to two more over what was contested."""
    snapshot = reader.snapshot(scope)
    budget = PruneBudget.of(policy.max_prune, snapshot)
    for number in range(1, MAX_PASSES + 1):
        decided = planned(snapshot, reader, budget, renderer, is_first=number == 1)
        changes = decided.plan.changes
        found = digest(changes) if writer is None or policy.expected_digest else ""
        if writer is None or found != policy.expected_digest:
            yield came_to(decided, predicted(decided.plan), found, is_prediction=True)
            return
        observer.planned(decided.plan)
        outcomes = apply(
            decided.plan,
            writer,
            concurrency=policy.concurrency,
            stopping=observer.stopping,
            watch=observer.watch,
            is_reviewed=bool(policy.expected_digest),
        )
        yield came_to(decided, outcomes, found)
        disputed = contested(outcomes)
        if not disputed or number == MAX_PASSES or observer.stopping.begins_nothing():
            return
        budget = budget.after(outcomes, decided.proposed)
        snapshot = _look_again(reader, Scope(namespaces=disputed))


def _taken_names(
    reader: Reader, namespaces: frozenset[str], *, is_first: bool
) -> frozenset[NamespacedName]:
    """The names that a create would meet; a later pass does without rather than lose its report."""
    try:
        return frozenset(reader.occupied_names(namespaces))
    except ClusterError:
        if is_first:
            raise
        return frozenset()


def _look_again(reader: Reader, scope: Scope) -> Snapshot:
    """A later pass's lists; their failure is a value, since there is work to report."""
    try:
        return reader.snapshot(scope)
    except ClusterError as error:
        lost = dict.fromkeys(scope.namespaces or (), str(error))
        return Snapshot(
            scope=scope,
            pods=(),
            configs=(),
            config_maps=(),
            incomplete=lost,
            unplannable=frozenset(lost),
        )
