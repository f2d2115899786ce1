"""A saved plan carried out, as a ladder: look again, hold the plan against today's, apply, stamp.

What was reviewed is done where it is still what a run would do; where the world has moved, that
object is held back and named. There is one pass: whatever conflicts is the next plan's business.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import structs

from podcm_sync.apply import Ports, apply
from podcm_sync.cluster.port import Reader, Recorder, Writer
from podcm_sync.core.outdated import fitted
from podcm_sync.core.rendering import NO_RENDERER, Renderer
from podcm_sync.core.report import Report, counted, problems
from podcm_sync.model.changes import AnyOutcome
from podcm_sync.sync import UNOBSERVED, Observer, Policy, look

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

    The guard has spoken when the plan was made: of `policy` only the concurrency counts. What was
    incomplete then has no statuses now. `now` is the RFC 3339 time for conditions that move. Raises
    ClusterError or InputError before anything is written.
    """
    today = look(saved.scope, reader, (), renderer, is_reviewed=True)
    snapshot = structs.replace(
        today.snapshot, incomplete={**saved.incomplete, **today.snapshot.incomplete}
    )
    today = structs.replace(today, snapshot=snapshot)
    outcomes_saved: Iterable[AnyOutcome] = saved.outcomes
    plan = fitted((outcome.change for outcome in outcomes_saved), today, is_of_files=is_of_files)
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
    )
