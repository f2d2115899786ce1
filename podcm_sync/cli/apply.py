"""`podcm-sync apply PLAN`: a saved plan done."""

import logging
from typing import TYPE_CHECKING, Annotated

from msgspec import Struct

from podcm_sync.cli.app import Section, verb
from podcm_sync.cli.option import But, Help
from podcm_sync.cli.shared_options import (
    Access,
    Deletions,
    Directory,
    Events,
    Namespaces,
    ReportOptions,
    ScopeOptions,
)
from podcm_sync.cli.sync_options import (
    Deadline,
    ExitOptions,
    ExpectPlan,
    LoopOptions,
    Pace,
    Plan,
    SyncOptions,
    TolerateObjectFailures,
)
from podcm_sync.errors import PlanMismatchError

if TYPE_CHECKING:
    from podcm_sync.cli.connect import Ports
    from podcm_sync.reconcile.renderer import Renderer
    from podcm_sync.reconcile.report import Report
    from podcm_sync.sync import Observer, Policy

log = logging.getLogger(__name__)


class ApplyOptions(Struct, frozen=True, kw_only=True):
    """The options of `apply`: what it writes and where is the plan's."""

    plan: Plan
    namespaces: Annotated[
        Namespaces,
        Help("Apply only the plan's part in this namespace. Repeatable."),
    ] = ()
    directory: Directory = None
    expect_plan: Annotated[
        ExpectPlan,
        Help(
            "Apply only the plan with this digest. For any other plan, podcm-sync changes nothing "
            "and exits 4."
        ),
    ] = None
    deletions: Deletions = Deletions()
    events: Events = True
    tolerate_object_failures: TolerateObjectFailures = False
    access: Access = Access()
    deadline: Deadline = None
    pace: Pace = Pace()
    report: Annotated[ReportOptions, But({"diff": None})] = ReportOptions()


@verb("apply", Section.APPLY)
def apply(options: ApplyOptions) -> int:
    """Make the changes of a saved plan, and no others.

    podcm-sync makes each change only if a run would make the same one now. If anything else has
    changed since, the report names it, and apply exits 4. The scope is the plan's, or its part in
    the namespaces of -n. The limits count what would be deleted now. Deletions that the plan holds
    back stay held back.
    """
    # Late, so that --help loads nothing of a run.
    from podcm_sync.cli.run import run
    from podcm_sync.plans import plan_file
    from podcm_sync.plans.apply_plan import apply_saved, part_of

    path, plan = options.plan, plan_file.load(options.plan)
    if options.expect_plan not in {None, plan.report.digest}:
        raise PlanMismatchError(
            f"{path}: the plan is {plan.report.digest}, not the expected {options.expect_plan}: "
            "nothing was changed"
        )
    if bool(plan.origin.directory) != (options.directory is not None):
        what = "leave out --from" if options.directory else "give --from, with its directory"
        raise PlanMismatchError(
            f"{path}: the plan was made for {plan.origin}: nothing was changed; {what}"
        )
    saved = part_of(plan.report, options.namespaces) if options.namespaces else plan.report

    def applied(
        ports: "Ports",
        policy: "Policy",
        *,
        now: str,
        renderer: "Renderer",
        observer: "Observer",
    ) -> "Report":
        assert ports.writer is not None, "it isn't a dry run"
        plan_file.check_origin(plan, ports.origin)
        log.info("applying the plan of %s, %s", plan.created, plan.report.digest)
        return apply_saved(
            saved,
            ports.reader,
            ports.writer,
            policy,
            now=now,
            is_of_files=bool(plan.origin.files),
            renderer=renderer,
            observer=observer,
            recorder=ports.recorder,
        )

    scope = saved.scope
    as_a_run = SyncOptions(
        scope=ScopeOptions(
            namespaces=scope.namespaces or (),
            all_namespaces=scope.namespaces is None,
            shard=scope.shard,
        ),
        directory=options.directory,
        deletions=options.deletions,
        exit=ExitOptions(tolerate_object_failures=options.tolerate_object_failures),
        access=options.access,
        timing=LoopOptions(deadline=options.deadline),
        pace=options.pace,
        events=options.events,
        report=options.report,
    )
    return run(as_a_run, applied)
