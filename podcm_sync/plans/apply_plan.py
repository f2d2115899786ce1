"""Applies a saved plan in steps: list again, compare with today's plan, apply, write statuses.

podcm-sync applies a reviewed change if a run would still make it. If the cluster has changed, it
holds that object back and names it. There is one pass: a change that conflicts needs a new plan,
since nobody reviewed another one (docs/design/behavior.md §7).
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from msgspec import structs

from podcm_sync.api.phrases import listed
from podcm_sync.apply import Ports
from podcm_sync.cluster.interfaces import Reader, Recorder, Writer
from podcm_sync.errors import PlanMismatchError
from podcm_sync.passes import apply
from podcm_sync.plans.fit import still_valid
from podcm_sync.reconcile.changes import AnyOutcome, SyncPolicy
from podcm_sync.reconcile.prune import PruneBudget, guard
from podcm_sync.reconcile.renderer import NO_RENDERER, Renderer
from podcm_sync.reconcile.report import Report, counted, problems
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES, Scope
from podcm_sync.sync import UNOBSERVED, Observer, Policy, plan_first_pass, uncollected

UNLIMITED: Final = Policy()


def apply_saved(  # noqa: PLR0913 - the facts of a run, each of which a test wants to set
    saved: Report,
    reader: Reader,
    writer: Writer,
    policy: Policy = UNLIMITED,
    *,
    now: str,
    is_of_files: bool = False,
    renderer: Renderer = NO_RENDERER,
    observer: Observer = UNOBSERVED,
    recorder: Recorder | None = None,
) -> Report:
    """Apply the report of a dry run. Returns the report of the outcomes, with the plan's digest.

    The guards of `policy` judge what the plan would delete now, by today's lists. A namespace that
    was incomplete in the plan gets no statuses. `now` is the RFC 3339 time for conditions whose
    status changes. Raises ClusterError or InputError before it writes anything.
    """
    today = plan_first_pass(saved.scope, reader, UNLIMITED, renderer, is_reviewed=True)
    snapshot = structs.replace(
        today.snapshot,
        incomplete={**saved.incomplete, **today.snapshot.incomplete},
        quoted={**saved.quoted, **today.snapshot.quoted},
    )
    today = structs.replace(today, snapshot=snapshot)
    saved_outcomes: Iterable[AnyOutcome] = saved.outcomes
    plan = still_valid(
        (outcome.change for outcome in saved_outcomes), today, is_of_files=is_of_files
    )
    plan = guard(plan, PruneBudget.of(policy, snapshot, today.proposed), snapshot)
    observer.planned(plan)
    applied = apply(
        structs.replace(today, plan=plan),
        Ports(
            writer=writer,
            recorder=recorder,
            concurrency=policy.concurrency,
            stopping=observer.stopping,
            watch=observer.watch,
        ),
        now,
    )
    outcomes = applied.passes[0].outcomes
    return Report(
        is_prediction=False,
        scope=saved.scope,
        outcomes=outcomes,
        statuses=applied.statuses,
        problems=problems(snapshot, today.desired),
        incomplete=snapshot.incomplete,
        quoted=snapshot.quoted,
        counts=counted(snapshot, outcomes),
        digest=saved.digest,
        sync_policy=SyncPolicy.UPSERT_ONLY
        if SyncPolicy.UPSERT_ONLY in {saved.sync_policy, policy.sync_policy}
        else SyncPolicy.SYNC,
        left_to_gc=uncollected(reader, outcomes, observer.stopping),
    )


def part_of(saved: Report, namespaces: tuple[str, ...]) -> Report:
    """The part of a saved report in these namespaces. It keeps the digest of the complete plan.

    Raises PlanMismatchError if the plan has no ConfigMap in one of them.
    """
    outcomes: Iterable[AnyOutcome] = saved.outcomes
    counts = Counter(outcome.change.namespaced_name.namespace for outcome in outcomes)
    for namespace in namespaces:
        if not counts[namespace]:
            raise PlanMismatchError(
                f"the plan has no ConfigMap in namespace {namespace}; nothing was changed",
                hint=f"choose a namespace of the plan: {_named(sorted(counts))}",
            )
    return structs.replace(
        saved,
        scope=Scope(namespaces=namespaces),
        outcomes=tuple(
            outcome
            for outcome in outcomes
            if outcome.change.namespaced_name.namespace in namespaces
        ),
        incomplete={
            namespace: message
            for namespace, message in saved.incomplete.items()
            if namespace in {*namespaces, ALL_NAMESPACES}
        },
    )


def _named(namespaces: list[str]) -> str:
    return listed(namespaces) or "no namespace"
