"""What starting costs: `--help` beside `python -c pass`, 10 Pods beside kubectl, in turns.

`python -m tests.benchmarks.cold_start` prints medians of whole processes, and what the project
promises: `--help` within 0.15 s of bare Python, a run over 10 Pods within 8 times kubectl's list.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from tests.benchmarks.sync_2000 import NAMESPACE, fill
from tests.command import PROGRAM
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane

ROUNDS = 11
PODS = 10
KUBECTL = "kubectl get cm"


def main() -> None:
    """Time each command in turn, so that the machine's moods fall on all of them."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with ControlPlane.start(directory / "plane") as plane:
            fill(Api(plane.server, plane.ca_file, plane.admin_token), PODS)
            kubeconfig = plane.kubeconfig(directory / "kubeconfig")
            kubectl = [str(plane.binaries / "kubectl"), "--kubeconfig", str(kubeconfig)]
            kubectl += ["--cache-dir", str(directory / "cache"), "-n", NAMESPACE]
            commands = _commands(_manifests(directory / "manifests"), kubeconfig)
            _print(_medians({**commands, KUBECTL: [*kubectl, "get", "cm"]}))


def _commands(manifests: Path, kubeconfig: Path) -> dict[str, list[str]]:
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "podcm-sync --help": [*PROGRAM, "--help"],
        f"no-op, {PODS} Pods of a directory": [*PROGRAM, "--from", str(manifests)],
        f"no-op, {PODS} Pods of an API server": [
            *(*PROGRAM, "-n", NAMESPACE, "--kubeconfig", str(kubeconfig))
        ],
    }


def _manifests(directory: Path) -> Path:
    directory.mkdir()
    metadata = {"namespace": NAMESPACE, "labels": {"app": "web"}}
    config = {
        "apiVersion": "podconfig.example.com/v1alpha1",
        "kind": "PodConfigMapConfig",
        "metadata": {"name": "all", "namespace": NAMESPACE},
        "spec": {"labelsToInclude": ["app"]},
    }
    pods = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"web-{number}", **metadata}}
        for number in range(PODS)
    ]
    (directory / "all.yaml").write_text(yaml.safe_dump_all([config, *pods]), encoding="utf-8")
    return directory


def _medians(commands: dict[str, list[str]]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times[name].append(time.perf_counter() - started)
    # The first round warms caches up, and makes what the later ones find in step.
    return {name: statistics.median(each[1:]) for name, each in times.items()}


def _print(medians: dict[str, float]) -> None:
    bare = next(iter(medians.values()))
    for name, seconds in medians.items():
        print(
            f"{name:40} {seconds:6.3f} s   {seconds - bare:+.3f} s beside bare Python"
            f"   {seconds / medians[KUBECTL]:5.2f} x kubectl get cm"
        )


if __name__ == "__main__":
    main()
