"""No-op runs from 10,000 to 150,000 Pods: `python -m tests.benchmarks.scale [--json F] [PODS...]`.

The pages are synthesised by a local stub (`stub`), over plain HTTP: this measures the client alone,
and says nothing of an API server. Each size has a fresh process; sizes take turns. Printed are the
seconds and CPU seconds for each 10,000 Pods, beside those of the smallest size, and the peak.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

SIZES = [10_050, 49_950, 150_000]
"""Whole namespaces of 150 each: 67, 333 and 1,000, so many that one list of all serves best."""
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pods", type=int, nargs="*", default=SIZES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    found: dict[int, list[dict[str, Any]]] = {size: [] for size in chosen.pods}
    for _ in range(chosen.rounds):
        for size, each in found.items():
            each.append(measured(size))
    medians = {
        size: {key: statistics.median(each[key] for each in runs) for key in runs[0]}
        for size, runs in found.items()
    }
    show(medians)
    if chosen.json:
        chosen.json.write_text(json.dumps(medians, indent=1), encoding="utf-8")


def measured(pods: int) -> dict[str, float]:
    """One no-op run over so many Pods, in a process of its own."""
    with tempfile.TemporaryDirectory() as name, stub(pods) as address:
        kubeconfig = Path(name) / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(kubeconfig_of(address)), encoding="utf-8")
        command = [sys.executable, "-m", "tests.benchmarks.worker", str(kubeconfig), "1", "sync"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    result = json.loads(done.stdout)
    changed = [result[key] for key in ("code", "created", "updated", "deleted", "stamped")]
    assert (changed, result["unchanged"]) == ([0] * 5, pods), result
    return {key: result[key] for key in ("seconds", "cpu", "peak_mib")}


@contextlib.contextmanager
def stub(pods: int) -> Iterator[str]:
    """The address of a stub with so many Pods."""
    command = [sys.executable, "-m", "tests.benchmarks.stub", str(pods)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def show(medians: dict[int, dict[str, float]]) -> None:
    """The table."""
    smallest = min(medians)
    print("| Pods | seconds | CPU s | peak MiB | seconds a Pod | CPU a Pod |")
    print("|---|---|---|---|---|---|")
    for size, each in medians.items():
        beside = {
            key: each[key] / size / (medians[smallest][key] / smallest)
            for key in ("seconds", "cpu")
        }
        print(
            f"| {size:,} | {each['seconds']:.2f} | {each['cpu']:.2f} | {each['peak_mib']:.0f} "
            f"| x {beside['seconds']:.2f} | x {beside['cpu']:.2f} |"
        )


def kubeconfig_of(address: str) -> dict[str, Any]:
    """A kubeconfig for the stub at this address."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "stub", "cluster": {"server": address}}],
        "users": [{"name": "stub", "user": {}}],
        "contexts": [{"name": "stub", "context": {"cluster": "stub", "user": "stub"}}],
        "current-context": "stub",
    }


if __name__ == "__main__":
    main()
