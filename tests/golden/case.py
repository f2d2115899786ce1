"""One case directory: its cluster and options, and the run that gives its plan and statuses."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import yaml

from podcm_sync.cluster.directory import DirectoryCluster
from podcm_sync.core.guards import parse_limit
from podcm_sync.core.report import Report, exit_code
from podcm_sync.model.objects import Scope
from podcm_sync.render.text import text
from podcm_sync.sync import Policy, run
from podcm_sync.template.lazy import LazySandbox

CASES = Path(__file__).parent / "cases"
NOW = "2026-11-22T12:00:00Z"
STATUS_HEADER = "# The exit code, and the status that each config should have.\n"


def names() -> list[str]:
    """Every case, in reading order."""
    return sorted(each.name for each in CASES.iterdir())


def copy(name: str, workdir: Path) -> None:
    """Put the case's cluster where it can be read, and its ConfigMaps be changed."""
    (workdir / "generated").mkdir(exist_ok=True)
    shutil.copy(CASES / name / "cluster.yaml", workdir / "generated")


def arguments(name: str) -> list[str]:
    """The case's options as the command has them."""
    options = _options(name)
    namespaces = [f"--namespace={each}" for each in options.get("namespaces", ())]
    return namespaces + [f"--max-prune={each}" for each in options.get("maxPrune", ())]


def report_of(name: str, workdir: Path) -> Report:
    """A dry run over a copy of the case's cluster.

    `workdir` must be the working directory: paths in messages are then the same on any machine.
    """
    copy(name, workdir)
    options = _options(name)
    return run(
        Scope(namespaces=tuple(options.get("namespaces", ())) or None),
        DirectoryCluster(Path()),
        None,
        Policy(max_prune=tuple(map(parse_limit, options.get("maxPrune", ())))),
        now=NOW,
        renderer=LazySandbox(),
    )


def plan_of(report: Report) -> str:
    """plan.txt: what `podcm-sync --dry-run -v` prints."""
    return text(report, is_verbose=True)


def statuses_of(report: Report) -> str:
    """status.yaml: the exit code, and each config's status as it should be."""
    content = {
        "exitCode": exit_code(report),
        "statuses": {
            str(each.update.namespaced_name): msgspec.to_builtins(each.update.desired)
            for each in report.statuses
        },
    }
    return STATUS_HEADER + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def _options(name: str) -> dict[str, Any]:
    path = CASES / name / "options.yaml"
    options: dict[str, Any] = yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}
    return options
