"""A saved plan carried out, as a ladder: look again, hold the plan against today's, apply, stamp.

What was reviewed is done where it is still what a run would do; where the world has moved, that
object is held back and named. There is one pass: whatever conflicts is the next plan's business.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from msgspec import structs

from podcm_sync.apply import Ports, apply
from podcm_sync.cluster.port import Reader, Recorder, Writer
from podcm_sync.core.guards import PruneBudget, guard
from podcm_sync.core.outdated import NAMED, fitted
from podcm_sync.core.rendering import NO_RENDERER, Renderer
from podcm_sync.core.report import Report, counted, problems
from podcm_sync.errors import PlanMismatchError
from podcm_sync.model.changes import AnyOutcome, SyncPolicy
from podcm_sync.model.objects import ALL_NAMESPACES, Scope
from podcm_sync.sync import UNOBSERVED, Observer, Policy, look, still_left

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
    """Do what a dry run's report says; the report of what came of it, with the plan's digest.

    The guards of `policy` judge what the plan would delete now, by today's lists. What was
    incomplete then has no statuses now. `now` is the RFC 3339 time for conditions that move. Raises
    ClusterError or InputError before anything is written.
    """
    today = look(saved.scope, reader, UNLIMITED, renderer, is_reviewed=True)
    snapshot = structs.replace(
        today.snapshot, incomplete={**saved.incomplete, **today.snapshot.incomplete}
    )
    today = structs.replace(today, snapshot=snapshot)
    outcomes_saved: Iterable[AnyOutcome] = saved.outcomes
    plan = fitted((outcome.change for outcome in outcomes_saved), today, is_of_files=is_of_files)
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
        counts=counted(snapshot, outcomes),
        digest=saved.digest,
        sync_policy=SyncPolicy.UPSERT_ONLY
        if SyncPolicy.UPSERT_ONLY in {saved.sync_policy, policy.sync_policy}
        else SyncPolicy.SYNC,
        left_to_gc=still_left(reader, outcomes, observer.stopping),
    )


def part_of(saved: Report, namespaces: tuple[str, ...]) -> Report:
    """A saved report's part in these namespaces, with the digest of the whole.

    Raises PlanMismatchError if the plan has nothing in one of them.
    """
    outcomes: Iterable[AnyOutcome] = saved.outcomes
    places = Counter(outcome.change.namespaced_name.namespace for outcome in outcomes)
    for namespace in namespaces:
        if not places[namespace]:
            raise PlanMismatchError(
                f"the plan has no ConfigMap in namespace {namespace}: nothing was changed; it has "
                f"some in {_named(sorted(places))}"
            )
    return structs.replace(
        saved,
        scope=Scope(namespaces=namespaces),
        outcomes=tuple(x for x in outcomes if x.change.namespaced_name.namespace in namespaces),
        incomplete={
            namespace: message
            for namespace, message in saved.incomplete.items()
            if namespace in {*namespaces, ALL_NAMESPACES}
        },
    )


def _named(namespaces: list[str]) -> str:
    more = f" and {len(namespaces) - NAMED} more" if len(namespaces) > NAMED else ""
    return f"{', '.join(namespaces[:NAMED])}{more}" if namespaces else "no namespace"
