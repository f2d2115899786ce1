"""One run, as a ladder: snapshot, desired, plan, guard, apply, status, report.

A dry run stops after the guard: without a writer it predicts the rest. If a write conflicts, its
namespace gets another whole pass, because only new lists show what is right there now. A run that
expects a plan applies exactly that plan, in one pass, or nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from podcm_sync.api.finding import quote
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.reasons import Reason
from podcm_sync.apply import Applying, Ports, Watch
from podcm_sync.cluster.interfaces import Reader, Recorder, Writer
from podcm_sync.errors import ClusterError
from podcm_sync.passes import MAX_PASSES, apply
from podcm_sync.reconcile.bounds import LIMITS, Bound, close, closed_by
from podcm_sync.reconcile.changes import Desired, Outcome, Plan
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.digest import digest
from podcm_sync.reconcile.plan import Planned, creates_in, diff, has_conflict
from podcm_sync.reconcile.prune import Guards, PruneBudget, guard
from podcm_sync.reconcile.renderer import NO_RENDERER, Renderer
from podcm_sync.reconcile.report import (
    Report,
    forecast,
    latest_by_namespace,
    latest_counts,
    merged,
    problems,
    without_pods,
)
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES, Scope, Snapshot, joined, within, without
from podcm_sync.runtime.lanes import NEVER, Stopping


class Policy(Guards, frozen=True, kw_only=True):
    """What a run may delete, how many writes it has under way, and which plan it expects."""

    concurrency: int = 32
    writes_statuses: bool = True
    """False for the focused passes of a watching loop: a pass over the namespace follows."""
    interval: float | None = None
    """In a loop, the seconds from run to run; None for a single run."""
    expected_digest: str = ""
    """Apply only a plan that has this digest; "" allows any plan."""


class Observer(Struct, frozen=True, kw_only=True):
    """Who watches a run: the callbacks never steer it, `stopping` does."""

    stopping: Stopping = NEVER
    planned: Callable[[Plan], None] = lambda _: None
    """Called with each plan before it is applied."""
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
    """Sync the scope once. Without a writer this is a dry run; without a recorder, no Events.

    `now` is the RFC 3339 time of conditions that change. Raises ClusterError or InputError if the
    lists give nothing to base a run on. After the first write only a bug raises.
    """
    is_reviewed = writer is None or bool(policy.expected_digest)
    first = plan_first_pass(scope, reader, policy, renderer, is_reviewed=is_reviewed)
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

    def plan_next_pass(
        namespaces: tuple[str, ...], passes: Sequence[Applying], is_deferred: bool
    ) -> Planned:
        nonlocal budget
        if is_deferred:
            snapshot = _list_deferred(reader, first, namespaces, observer.stopping)
        else:
            snapshot = _list_again(reader, Scope(namespaces=namespaces))
        desired = build(snapshot, renderer)
        rest = replace(_after(passes, budget), adds_sizes=is_deferred)
        decided = plan_pass(snapshot, desired, reader, policy, budget=rest)
        if is_deferred:
            budget = _judge_again(passes, decided, budget)
        observer.planned(decided.plan)
        return decided

    observer.planned(first.plan)
    applied = apply(
        first,
        Ports(
            writer=writer,
            recorder=recorder,
            concurrency=policy.concurrency,
            interval=policy.interval,
            writes_statuses=policy.writes_statuses,
            stopping=observer.stopping,
            watch=observer.watch,
        ),
        now,
        # Nobody reviewed what another pass would do.
        plan_next_pass=None if is_reviewed else plan_next_pass,
        judges_total=bool(policy.max_prune_total),
    )
    passes = applied.passes
    outcomes = passes[0].outcomes
    for later in passes[1:]:
        outcomes = merged(outcomes, later.outcomes, later.supersedes)
    return Report(
        is_prediction=False,
        scope=scope,
        outcomes=outcomes,
        statuses=applied.statuses,
        problems=latest_by_namespace(passes, lambda done: problems(done.snapshot, done.desired)),
        incomplete={
            namespace: message
            for done in passes
            for namespace, message in done.snapshot.incomplete.items()
        },
        quoted={text: quoted for done in passes for text, quoted in done.snapshot.quoted.items()},
        counts=latest_counts(passes),
        namespaces_without_pods=without_pods(first.snapshot),
        digest=plan_digest,
        expected_digest=policy.expected_digest,
        sync_policy=policy.sync_policy,
        left_to_gc=uncollected(reader, outcomes, observer.stopping),
    )


def uncollected(
    reader: Reader, outcomes: Iterable[Outcome], stopping: Stopping
) -> tuple[NamespacedName, ...]:
    """The ConfigMaps that were left to the garbage collector and still exist, sorted.

    If podcm-sync can't look any more, all of them count as existing: nothing shows otherwise.
    """
    left = sorted(
        outcome.change.namespaced_name
        for outcome in outcomes
        if outcome.reason is Reason.LEFT_TO_GARBAGE_COLLECTOR
    )
    if not left or stopping.is_stopping():
        return tuple(left)
    try:
        return tuple(sorted(reader.remaining(left)))
    except ClusterError:  # the run wrote something, so it must still report
        return tuple(left)


def plan_first_pass(
    scope: Scope,
    reader: Reader,
    guards: Guards,
    renderer: Renderer,
    *,
    is_reviewed: bool,
) -> Planned:
    """Plan the first pass, from lists that agree. It writes nothing.

    The lists are not one moment's: another syncer can create one of our ConfigMaps between two of
    them. A plan for review must not guess, so it lists again, MAX_PASSES times in all. A run that
    writes settles the conflict in its next pass. A plan for review defers nothing.
    """
    for _ in range(MAX_PASSES):
        snapshot = reader.snapshot(scope, may_defer=not is_reviewed)
        desired = build(snapshot, renderer, may_defer=not is_reviewed)
        decided = plan_pass(snapshot, desired, reader, guards)
        if not (is_reviewed and has_conflict(decided.plan)):
            break
    return decided


def plan_pass(
    snapshot: Snapshot,
    desired: Desired,
    reader: Reader,
    guards: Guards,
    *,
    budget: PruneBudget | None = None,
) -> Planned:
    """Plan one pass: compare, then guard. It writes nothing.

    `budget` is what the earlier passes left; None in the first pass, which raises ClusterError if
    the occupied names can't be listed.
    """
    snapshot, deferred = close(snapshot, desired.closed), None
    if desired.deferred:
        deferred = within(snapshot, Scope(namespaces=tuple(sorted(desired.deferred))))
        snapshot = without(snapshot, desired.deferred)
    occupied = _occupied_names(reader, creates_in(snapshot, desired), is_first=budget is None)
    proposed = diff(snapshot, desired, occupied)
    if budget is None:
        budget = PruneBudget.of(guards, snapshot, proposed)
    elif budget.adds_sizes:
        budget = budget.extended(snapshot, proposed)
    return Planned(
        snapshot=snapshot,
        desired=desired,
        proposed=proposed,
        plan=guard(proposed, budget, snapshot),
        deferred=deferred,
    )


def _judge_again(passes: Sequence[Applying], last: Planned, budget: PruneBudget) -> PruneBudget:
    """The budget once `last`, the pass of the deferred namespaces, is planned.

    It also holds back what the earlier passes must not delete: only now the total can be judged.
    """
    judged = budget
    for applying in passes:
        judged = judged.judged(applying.decided.proposed)
    judged = judged.extended(last.snapshot, last.proposed).judged(last.proposed)
    for applying in passes:
        earlier = applying.decided
        applying.hold_back(guard(earlier.proposed, judged, earlier.snapshot))
    whole = budget.extended(last.snapshot, last.proposed)
    return replace(whole, is_total_closed=judged.is_total_closed)


def _after(passes: Sequence[Applying], budget: PruneBudget) -> PruneBudget:
    """What another pass may delete. A delete that is under way counts: it can still succeed."""
    for applying in passes:
        budget = budget.after(applying.decided.proposed, applying.outcomes, applying.under_way)
    return budget


def _occupied_names(
    reader: Reader, namespaces: frozenset[str], *, is_first: bool
) -> Mapping[NamespacedName, bool]:
    """The names that a create would hit. A later pass does without rather than lose its report."""
    try:
        return reader.occupied_names(namespaces)
    except ClusterError:
        if is_first:
            raise
        return {}


def _list_deferred(
    reader: Reader, first: Planned, namespaces: Iterable[str], stopping: Stopping
) -> Snapshot:
    """The deferred namespaces: those that the run has listed, and those with long lists.

    If no time is left for long lists, their namespaces are closed: that is their own failure.
    """
    listed = first.deferred
    known = set(listed.scope.namespaces or ()) if listed is not None else set()
    due = set(namespaces) - known
    if not due and listed is not None:
        return listed
    if stopping.is_stopping():
        rest = _closed(due)
    else:
        try:
            if ALL_NAMESPACES in due:
                due |= set(reader.namespaces()) - first.snapshot.namespaces - known
            rest = _list_again(reader, Scope(namespaces=tuple(sorted(due - {ALL_NAMESPACES}))))
        except ClusterError as error:
            rest = _not_listed(Scope(namespaces=tuple(sorted(due))), error)
    return rest if listed is None else joined(listed, rest)


def _closed(namespaces: Iterable[str]) -> Snapshot:
    closed = dict.fromkeys(sorted(namespaces), closed_by(Bound.RUN_FIRST_LISTED, LIMITS))
    scope = Scope(namespaces=tuple(closed))
    return Snapshot(scope=scope, pods=(), configs=(), config_maps=(), closed=closed)


def _list_again(reader: Reader, scope: Scope) -> Snapshot:
    """A later pass's lists. If they fail, the scope is incomplete: earlier writes need a report."""
    try:
        return reader.snapshot(scope)
    except ClusterError as error:
        return _not_listed(scope, error)


def _not_listed(scope: Scope, error: ClusterError) -> Snapshot:
    failed = dict.fromkeys(scope.namespaces or (), str(error))
    return Snapshot(
        scope=scope,
        pods=(),
        configs=(),
        config_maps=(),
        incomplete=failed,
        quoted={str(error): quote(error.quoted)},
        unplannable=frozenset(failed),
    )
