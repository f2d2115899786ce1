"""First sync and no-op over 2,000 Pods and 2 configs on a real API server: time, requests, memory.

`python -m tests.benchmarks.sync_2000 [PODS]` starts a control plane of its own, fills a namespace,
runs the command as users do (a process, start-up counted), and prints a table. The original Go
controller's line stands below ours for scale: 182 s for 300 ConfigMaps, measured once on the same
kind of machine when this project began (client-go's default of 5 requests a second).
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from tests.command import PROGRAM
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.harness import ControlPlane

CRD = Path(__file__).parents[2] / "crd" / "podconfigmapconfig_crd.yaml"
NAMESPACE = "bench"
GO_CONTROLLER = (300, 182.0)
"""ConfigMaps and seconds; not measured here anew."""


@dataclass(frozen=True)
class Figures:
    """One run of the command, as a whole process."""

    code: int
    wall_seconds: float
    cpu_seconds: float
    peak_mib: float
    requests: Counter[str]
    last_line: str


def main() -> None:
    """Fill, run, print."""
    pods = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with (
        tempfile.TemporaryDirectory() as directory,
        ControlPlane.start(Path(directory)) as plane,
    ):
        api = Api(plane.server, plane.ca_file, plane.admin_token)
        fill(api, pods)
        kubeconfig = plane.kubeconfig(Path(directory) / "bench.kubeconfig")
        audit = Audit(plane.audit_log)
        first = _run(kubeconfig, audit)
        noops = [_run(kubeconfig, audit) for _ in range(3)]
    noop = sorted(noops, key=lambda each: each.wall_seconds)[len(noops) // 2]
    print(f"{pods} Pods x 2 configs, one namespace, whole processes:")
    _print("first sync", first)
    _print("no-op (median of 3)", noop)
    made, seconds = GO_CONTROLLER
    ours = first.requests["create"] / first.wall_seconds
    print(f"Go controller: {made} ConfigMaps in {seconds:.0f} s, {made / seconds:.1f} a second")
    print(f"creates a second: {ours:.0f}, {ours / (made / seconds):.0f} times the Go controller's")


def fill(api: Api, pods: int) -> None:
    """Install the CRD, and make a namespace with so many Pods and two configs."""
    api.apply_yaml(CRD)
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    # No Pod is admitted before the controller has made it.
    Api.wait_for(lambda: api.get("ServiceAccount", NAMESPACE, "default"))
    configs = "/apis/podconfig.example.com/v1alpha1/namespaces/bench/podconfigmapconfigs"
    Api.wait_for(lambda: api.request("GET", configs)[0] == 200)
    for name in ("one", "two"):
        api.create(
            {
                "apiVersion": "podconfig.example.com/v1alpha1",
                "kind": "PodConfigMapConfig",
                "metadata": {"name": name, "namespace": NAMESPACE},
                "spec": {"labelsToInclude": ["app"], "annotationsToInclude": ["example.com/build"]},
            }
        )

    def make(number: int) -> None:
        api.make_pod(
            NAMESPACE,
            f"web-{number:05}",
            labels={"app": f"app-{number % 20}", "shard": str(number)},
            annotations={"example.com/build": str(number), "example.com/notes": "x" * 4000},
            node_name=f"node-{number % 50}",
            phase="Running",
        )

    _in_parallel(make, pods, threads=8)


def _in_parallel(make: Callable[[int], None], count: int, *, threads: int) -> None:
    due: SimpleQueue[int] = SimpleQueue()
    for number in range(count):
        due.put(number)

    def work() -> None:
        while True:
            try:
                make(due.get_nowait())
            except Empty:
                return

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def _run(kubeconfig: Path, audit: Audit) -> Figures:
    mark = audit.mark()
    command = [*PROGRAM, "-n", NAMESPACE, "--kubeconfig", str(kubeconfig)]
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        out.seek(0)
        lines = out.read().splitlines()
    events = audit.since(mark, user_agent="podcm-sync/")
    return Figures(
        code=process.returncode,
        wall_seconds=wall,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mib=usage.ru_maxrss / 1024,
        requests=Counter(event.verb for event in events),
        last_line=lines[-1] if lines else "",
    )


def _print(name: str, figures: Figures) -> None:
    requests = ", ".join(f"{count} {verb}" for verb, count in sorted(figures.requests.items()))
    print(
        f"{name}: exit {figures.code}, {figures.wall_seconds:.2f} s wall, "
        f"{figures.cpu_seconds:.2f} s CPU, {figures.peak_mib:.0f} MiB peak; {requests}"
    )
    print(f"  {figures.last_line}")


if __name__ == "__main__":
    main()
