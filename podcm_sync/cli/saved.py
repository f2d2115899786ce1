"""`podcm-sync apply PLAN` and `podcm-sync show PLAN`: a saved plan done, or only printed."""

import logging
from pathlib import Path

from msgspec import structs

from podcm_sync import plan_file
from podcm_sync.apply_saved import apply_saved, part_of
from podcm_sync.cli import run as command
from podcm_sync.cli.ports import Ports
from podcm_sync.cli.show import put, rendered
from podcm_sync.core.rendering import Renderer
from podcm_sync.core.report import Report
from podcm_sync.errors import PlanMismatchError
from podcm_sync.settings import Settings
from podcm_sync.sync import Observer, Policy

log = logging.getLogger(__name__)


def show(path: Path, settings: Settings) -> int:
    """Print the plan as the dry run would have; 0. Raises InputError, OutputError."""
    plan = plan_file.load(path)
    put(rendered(plan.report, settings, plan.exit_code, plan.run_id))
    return 0


def apply(path: Path, settings: Settings) -> int:
    """Do what the plan says where it still fits; the exit code of a run.

    The scope is the plan's, or its part in the namespaces of the settings. Raises RunError, as a
    run does; PlanMismatchError for a plan of another cluster, or that isn't the one expected.
    """
    plan = plan_file.load(path)
    if settings.expected_digest not in {"", plan.report.digest}:
        raise PlanMismatchError(
            f"{path}: the plan is {plan.report.digest}, not the expected "
            f"{settings.expected_digest}: nothing was changed"
        )
    if bool(plan.origin.directory) != (settings.directory is not None):
        what = "leave out --from" if settings.directory else "give --from, with its directory"
        raise PlanMismatchError(
            f"{path}: the plan was made for {plan.origin}: nothing was changed; {what}"
        )
    namespaces = settings.namespaces
    saved = part_of(plan.report, namespaces) if namespaces else plan.report
    scope = saved.scope

    def applied(
        ports: Ports, policy: Policy, *, now: str, renderer: Renderer, observer: Observer
    ) -> Report:
        assert ports.writer is not None, "it is no dry run"
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

    settings = structs.replace(
        settings,
        namespaces=scope.namespaces or (),
        is_all_namespaces=scope.namespaces is None,
        shard=scope.shard,
        expected_digest="",
    )
    return command.run(settings, applied)
