"""A plan of 10,000 changes, computed and written: `python -m tests.benchmarks.plans [CHANGES]`.

No cluster, no network. Two Pods of five have a ConfigMap to create, two one to update, and one has
one to delete, each of 1 KB. Every way to write the plan has a process of its own, for its memory.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from msgspec import structs

from podcm_sync.api.meta import NamespacedName
from podcm_sync.cli.output import rendered
from podcm_sync.cli.shared_options import Output, ReportOptions
from podcm_sync.cluster import interfaces
from podcm_sync.output.text import ALONE
from podcm_sync.plans import plan_file
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.report import Report, exit_code
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.sync import Policy, run
from tests.speed.worlds import config, existing, pod, snapshot

CHANGES = 10_000
TEXT = "a value as somebody would have it, of some length. " * 10
NOW = "2026-11-22T12:00:00Z"
PLAN_FILE = "plan file"


class Still:
    """A Reader that has the lists already."""

    def __init__(self, seen: Snapshot) -> None:
        self._seen = seen

    def snapshot(self, scope: Scope, *, may_defer: bool = False) -> Snapshot:
        return structs.replace(self._seen, scope=scope)

    def namespaces(self) -> Collection[str]:
        raise AssertionError("nothing is deferred")

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        assert namespaces, "there are creates"
        return {}

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        return config_maps


def main() -> None:
    """Measure each in a process of its own, and print."""
    changes = sys.argv[1] if len(sys.argv) > 1 else str(CHANGES)
    print(f"{int(changes):,} changes\n\n| written as | planned, s | written, s | MB | peak MiB |")
    print("|---|---|---|---|---|")
    for name in ways():
        command = [sys.executable, "-m", "tests.benchmarks.plans", changes, name]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found = json.loads(done.stdout)
        print(
            "| {name} | {planned:.2f} | {written:.2f} | {megabytes:.1f} | {peak:.0f} |".format(
                name=name, **found
            )
        )


def ways() -> dict[str, Callable[[Report], int]]:
    """Every way to write a plan, and how many bytes it gives; a new format is in by itself."""

    def shown(output: Output) -> Callable[[Report], int]:
        options = ReportOptions(output=output)
        return lambda report: len(
            rendered(report, options, exit_code(report), "0" * 16, ALONE).encode()
        )

    return {**{str(each): shown(each) for each in Output}, PLAN_FILE: saved, "digest alone": len_of}


def len_of(report: Report) -> int:
    """What a run with --expect-plan has to say."""
    return len(report.digest)


def saved(report: Report) -> int:
    """Written, read and checked."""
    plan = plan_file.SavedPlan(
        created=NOW, origin=interfaces.Origin(), run_id="0", exit_code=0, report=report
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.json"
        plan_file.write(path, plan)
        assert plan_file.load(path).report.digest == report.digest
        return path.stat().st_size


def one(changes: int, name: str) -> dict[str, float]:
    """Plan and write once."""
    seen = world(changes)
    started = time.perf_counter()
    report = run(Scope(namespaces=None), Still(seen), None, Policy(), now=NOW)
    planned = time.perf_counter() - started
    assert len(report.outcomes) == changes
    size = ways()[name](report)
    written = time.perf_counter() - started - planned
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"planned": planned, "written": written, "megabytes": size / 1e6, "peak": peak}


def world(changes: int) -> Snapshot:
    """Of five ConfigMaps two are absent, two have drifted, and one is of a Pod that is gone."""
    pods = [pod(number, annotations={"note": f"{number} {TEXT}"}) for number in range(changes)]
    asking = [config(0, {}, annotations=["note"])]
    made = [existing(each) for each in build(snapshot(pods, asking)).config_maps.values()]
    there = [
        structs.replace(each, data={**each.data, "phase": "Pending"})
        for number, each in enumerate(made)
        if number % 5 > 1
    ]
    living = [each for number, each in enumerate(pods) if number % 5 < 4]
    return snapshot(living, asking, there)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(json.dumps(one(int(sys.argv[1]), sys.argv[2])))
    else:
        main()
