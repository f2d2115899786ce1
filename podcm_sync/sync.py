"""One run, as a ladder: list, want, compare, guard, apply, stamp, tell, report.

A dry run climbs no further than the guard: without a writer it predicts the rest. If a write meets
a conflict, its namespace gets another whole pass, since only new lists can tell what is right there
now. A run that expects a plan applies that plan or none, in one pass.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from podcm_sync.apply import MAX_PASSES, Applying, Ports, Watch, apply
from podcm_sync.cluster.port import Reader, Recorder, Writer
from podcm_sync.core.bounds import close
from podcm_sync.core.desired import build
from podcm_sync.core.digest import digest
from podcm_sync.core.guards import Guards, PruneBudget, guard
from podcm_sync.core.passes import last_counts, last_words
from podcm_sync.core.plan import Planned, creates_in, diff, has_conflict
from podcm_sync.core.rendering import NO_RENDERER, Renderer
from podcm_sync.core.report import Report, forecast, merged, problems, without_pods
from podcm_sync.errors import ClusterError
from podcm_sync.lanes import NEVER, Stopping
from podcm_sync.model.changes import Outcome, Plan
from podcm_sync.model.meta import NamespacedName
from podcm_sync.model.objects import Scope, Snapshot
from podcm_sync.model.reasons import Reason


class Policy(Guards, frozen=True, kw_only=True):
    """What a run may do, and how much at once."""

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
    """One run over the scope; a dry run if there is no writer, without Events if no recorder.

    `now` is the RFC 3339 time for conditions that move. Raises ClusterError or InputError where
    there is nothing to base a run on; once something was written, nothing but a bug raises.
    """
    is_reviewed = writer is None or bool(policy.expected_digest)
    first = look(scope, reader, policy, renderer, is_reviewed=is_reviewed)
    plan_digest = digest(first.plan.changes) if is_reviewed else ""
    if writer is None or plan_digest != policy.expected_digest:
        return forecast(
            first,
            now,
            sync_policy=policy.sync_policy,
            digest=plan_digest,
            expected_digest=policy.expected_digest,
        )
    budget = PruneBudget.of(policy, first.snapshot, first.proposed)

    def again(namespaces: tuple[str, ...], passes: Sequence[Applying]) -> Planned:
        snapshot = _look_again(reader, Scope(namespaces=namespaces))
        decided = planned(snapshot, reader, policy, renderer, budget=_left(budget, passes))
        observer.planned(decided.plan)
        return decided

    observer.planned(first.plan)
    applied = apply(
        first,
        Ports(
            writer=writer,
            recorder=recorder,
            concurrency=policy.concurrency,
            stopping=observer.stopping,
            watch=observer.watch,
        ),
        now,
        # Nobody reviewed what another pass would do.
        again=None if is_reviewed else again,
    )
    passes = applied.passes
    outcomes = passes[0].outcomes
    for later in passes[1:]:
        outcomes = merged(outcomes, later.outcomes, later.settles)
    return Report(
        is_prediction=False,
        scope=scope,
        outcomes=outcomes,
        statuses=applied.statuses,
        problems=last_words(passes, lambda done: problems(done.snapshot, done.desired)),
        incomplete={
            namespace: message
            for done in passes
            for namespace, message in done.snapshot.incomplete.items()
        },
        counts=last_counts(passes),
        namespaces_without_pods=without_pods(first.snapshot),
        digest=plan_digest,
        expected_digest=policy.expected_digest,
        sync_policy=policy.sync_policy,
        left_to_gc=still_left(reader, outcomes, observer.stopping),
    )


def still_left(
    reader: Reader, outcomes: Iterable[Outcome], stopping: Stopping
) -> tuple[NamespacedName, ...]:
    """The ConfigMaps that were left to the garbage collector and still exist, sorted.

    What cannot be asked about any more counts as existing: nothing shows that it is gone.
    """
    left = sorted(
        outcome.change.namespaced_name
        for outcome in outcomes
        if outcome.reason is Reason.LEFT_TO_GARBAGE_COLLECTOR
    )
    if not left or stopping.begins_nothing():
        return tuple(left)
    try:
        return tuple(sorted(reader.remaining(left)))
    except ClusterError:  # there is work to report
        return tuple(left)


def look(
    scope: Scope,
    reader: Reader,
    guards: Guards,
    renderer: Renderer,
    *,
    is_reviewed: bool,
) -> Planned:
    """What the first pass decides, from lists that agree. Nothing is written.

    A plan for review holds no guess: if somebody created one of our ConfigMaps between two of the
    lists, the lists are taken again, MAX_PASSES times in all. A run settles that in its next pass.
    """
    for _ in range(MAX_PASSES):
        snapshot = reader.snapshot(scope)
        decided = planned(snapshot, reader, guards, renderer)
        if not (is_reviewed and has_conflict(decided.plan)):
            break
    return decided


def planned(
    snapshot: Snapshot,
    reader: Reader,
    guards: Guards,
    renderer: Renderer,
    *,
    budget: PruneBudget | None = None,
) -> Planned:
    """What one pass decides: wanted, compared and guarded. Nothing is written.

    `budget` is what the passes before it left; None in the first one, which then raises
    ClusterError if the occupied names cannot be asked for.
    """
    desired = build(snapshot, renderer)
    snapshot = close(snapshot, desired.closed)
    occupied = _occupied_names(reader, creates_in(snapshot, desired), is_first=budget is None)
    proposed = diff(snapshot, desired, occupied)
    if budget is None:
        budget = PruneBudget.of(guards, snapshot, proposed)
    return Planned(
        snapshot=snapshot,
        desired=desired,
        proposed=proposed,
        plan=guard(proposed, budget, snapshot),
    )


def _left(budget: PruneBudget, passes: Sequence[Applying]) -> PruneBudget:
    """What a further pass may delete; what is still under way counts as deleted."""
    for applying in passes:
        budget = budget.after(applying.decided.proposed, applying.outcomes, applying.under_way)
    return budget


def _occupied_names(
    reader: Reader, namespaces: frozenset[str], *, is_first: bool
) -> Mapping[NamespacedName, bool]:
    """The names that a create would meet; a later pass does without rather than lose its report."""
    try:
        return reader.occupied_names(namespaces)
    except ClusterError:
        if is_first:
            raise
        return {}


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
