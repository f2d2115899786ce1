"""One case directory: its cluster and options, and what a run and `explain` say of it."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import yaml

from podcm_sync.api.meta import NamespacedName
from podcm_sync.cluster.files.directory import DirectoryCluster
from podcm_sync.explain.explain import explain
from podcm_sync.explain.explanation import Subject
from podcm_sync.explain.explanation_text import explained
from podcm_sync.output.escape import printable
from podcm_sync.output.text import text
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.prune import Guards, parse_limit
from podcm_sync.reconcile.report import Report, exit_code
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.sync import Policy, plan_pass, run
from podcm_sync.template.lazy import LazySandbox
from tests.builders import Object

CASES = Path(__file__).parent / "cases"
_KINDS = ("Pod", "PodConfigMapConfig", "ConfigMap")
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
        _scope(name),
        DirectoryCluster(Path()),
        None,
        Policy(max_prune=tuple(map(parse_limit, options.get("maxPrune", ())))),
        now=NOW,
        renderer=LazySandbox(),
    )


def plan_of(report: Report) -> str:
    """plan.txt: what `podcm-sync --dry-run -v --diff full` prints."""
    return text(report, is_verbose=True, is_full_diff=True)


def statuses_of(report: Report) -> str:
    """status.yaml: the exit code, and each config's status as it should be."""
    content = {
        "exitCode": int(exit_code(report)),
        "statuses": {
            str(each.update.namespaced_name): msgspec.to_builtins(each.update.desired)
            for each in report.statuses
        },
    }
    return STATUS_HEADER + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def explanations_of(name: str, workdir: Path) -> str:
    """explain.txt: what `podcm-sync explain` prints of each object of the case, one by one."""
    copy(name, workdir)
    said: list[str] = []
    limits = _options(name).get("maxPrune", ())
    whole = DirectoryCluster(Path()).snapshot(_scope(name))
    for namespace in sorted({each.namespace for _, each in _objects(whole)}):
        reader = DirectoryCluster(Path())
        snapshot = reader.snapshot(Scope(namespaces=(namespace,)))
        guards = Guards(max_prune=tuple(map(parse_limit, limits)))
        decided = plan_pass(snapshot, build(snapshot, LazySandbox()), reader, guards)
        listed = {each for _, each in _objects(snapshot)}
        taken = reader.occupied_names({namespace}).keys() - listed
        subjects = _objects(snapshot) | {("ConfigMap", each) for each in taken}
        subjects |= {("ConfigMap", each.namespaced_name) for each in decided.plan.changes}
        for kind, each in sorted(subjects, key=lambda x: (_KINDS.index(x[0]), x[1])):
            explanation = explain(
                decided,
                Subject(kind=kind, name=each.name),
                namespace,
                is_taken=kind == "ConfigMap" and each in taken,
                now=NOW,
            )
            options = "".join(f" --max-prune {limit}" for limit in limits)
            said.append(f"$ explain {kind.lower()}/{printable(each.name)} -n {namespace}{options}")
            said.append(explained(explanation))
    return "\n".join(said)


def _objects(snapshot: Snapshot) -> set[tuple[str, NamespacedName]]:
    listed: tuple[Object, ...] = (*snapshot.pods, *snapshot.configs, *snapshot.config_maps)
    return {(type(each).__name__, each.namespaced_name) for each in listed} | {
        (each.kind, each.namespaced_name) for each in snapshot.problems
    }


def _scope(name: str) -> Scope:
    return Scope(namespaces=tuple(_options(name).get("namespaces", ())) or None)


def _options(name: str) -> dict[str, Any]:
    path = CASES / name / "options.yaml"
    options: dict[str, Any] = yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}
    return options
