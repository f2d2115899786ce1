"""`podcm-sync show PLAN`: a saved plan, only printed."""

from msgspec import Struct

from podcm_sync.cli.app import Section, verb
from podcm_sync.cli.shared_options import ReportOptions
from podcm_sync.cli.sync_options import Plan
from podcm_sync.errors import ExitCode


class ShowOptions(Struct, frozen=True, kw_only=True):
    """The options of `show`."""

    plan: Plan
    report: ReportOptions = ReportOptions()


@verb("show", Section.INSPECT)
def show(options: ShowOptions) -> int:
    """Print a saved plan.

    The output is that of the dry run that saved the plan, in the format of your choice.
    """
    from podcm_sync.cli.output import next_step, put, rendered
    from podcm_sync.output.text import Occasion
    from podcm_sync.plans import plan_file

    plan = plan_file.load(options.plan)
    occasion = Occasion(next_step=next_step(plan.origin, plan.report.scope, options.plan))
    put(rendered(plan.report, options.report, plan.exit_code, plan.run_id, occasion))
    return ExitCode.DONE
