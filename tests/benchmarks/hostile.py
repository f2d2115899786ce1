"""20 hostile namespaces among 200 ordinary ones: `python -m tests.benchmarks.hostile [ROUNDS]`.

It prints how much longer the ordinary namespaces' changes take with the hostile ones than without
them, and the peak memory of a run. The bounds: 1.5 times, and 512 MiB.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.client_config import load
from podcm_sync.cluster.kube.reader import KubeReader
from podcm_sync.cluster.kube.writer import KubeWriter
from podcm_sync.reconcile.changes import Outcome, Plan
from podcm_sync.reconcile.report import exit_code
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.runtime import memory
from podcm_sync.runtime.context import RunContext
from podcm_sync.sync import Observer, Policy, run
from podcm_sync.template.lazy import LazySandbox
from tests import builders
from tests.controlplane.api import Api, Object
from tests.controlplane.crd_objects import KIND, pcmc
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import CRD

ORDINARY = 200
PODS = 20
HOSTILE = 4
"""Namespaces of each of the five hostile kinds."""
DEADLINE_SECONDS = 60.0
MIB = 1 << 20


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["worker"]:
        print(json.dumps(worker(sys.argv[2])))
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        alone = stack.enter_context(ControlPlane.start(Path(folder) / "alone"))
        beside = stack.enter_context(ControlPlane.start(Path(folder) / "beside"))
        measure(alone, beside, Path(folder), rounds)


def measure(alone: ControlPlane, beside: ControlPlane, folder: Path, rounds: int) -> None:
    """Rounds in turn, in a cluster without hostile namespaces and in one with them.

    In turn, because the load of the machine changes; so the ratio is that of each pair's.
    """
    apis = []
    kubeconfigs = []
    for plane in (alone, beside):
        api = Api(plane.server, plane.ca_file, plane.admin_token)
        api.apply_crd(CRD)
        create(api, ordinary_namespaces(), ordinary_objects())
        apis.append(api)
        kubeconfigs.append(
            plane.kubeconfig(folder / f"kubeconfig-{len(apis)}", namespace="default")
        )
        one_run(kubeconfigs[-1])
    create(apis[1], [name for kind in KINDS for name in names(kind)], hostile_objects())
    ratios: list[float] = []
    peaks: list[float] = []
    for number in range(rounds):
        seconds = []
        for api, kubeconfig in zip(apis, kubeconfigs, strict=True):
            change(api, number)
            measured = one_run(kubeconfig)
            assert measured["ordinary_writes"] == ORDINARY * PODS, measured
            seconds.append(measured["seconds"])
            peaks.append(measured["peak_mib"])
            print(json.dumps(measured), flush=True)
        ratios.append(seconds[1] / seconds[0])
    shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"ratios {shown}, median {statistics.median(ratios):.2f}, peak {max(peaks):.0f} MiB")


def one_run(kubeconfig: Path) -> dict[str, Any]:
    """What a run in a process of its own came to."""
    command = [sys.executable, "-m", "tests.benchmarks.hostile", "worker", str(kubeconfig)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def worker(kubeconfig: str) -> dict[str, Any]:
    """One run: the seconds until the last ordinary change, and the peak memory."""
    began = time.monotonic()
    memory.tune()
    context = RunContext()
    connection = Connection(
        lambda: load(kubeconfig, None, None), connections=32, request_timeout=30.0, context=context
    )
    last = [0.0, 0.0, 0.0]
    decided = [0.0, 0.0]

    def planned(_: Plan) -> None:
        if not decided[0]:  # the first pass
            decided[:] = [time.monotonic() - began, time.process_time()]

    def watch(outcome: Outcome) -> None:
        if outcome.is_write and outcome.change.namespaced_name.namespace.startswith("ordinary"):
            last[0] += 1
            last[1:] = [time.monotonic() - began, time.process_time()]

    def is_over() -> bool:
        return time.monotonic() - began > DEADLINE_SECONDS

    writer = KubeWriter(connection)
    report = run(
        Scope(namespaces=None),
        KubeReader(connection),
        writer,
        Policy(),
        now=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        renderer=LazySandbox(),
        observer=Observer(
            planned=planned,
            watch=watch,
            stopping=builders.stopping(is_stopping=is_over),
        ),
        recorder=writer,
    )
    return {
        "code": exit_code(report),
        "tolerated": exit_code(report, tolerate_object_failures=True),
        "ordinary_writes": int(last[0]),
        "planned_seconds": round(decided[0], 2),
        "planned_cpu_seconds": round(decided[1], 2),
        "seconds": round(last[1], 2),
        "cpu_seconds": round(last[2], 2),
        "load": os.getloadavg()[0],
        "total_seconds": round(time.monotonic() - began, 1),
        "peak_mib": round(peak_mib(), 1),
        "closed": [
            f"{each.namespaced_name.namespace}: {each.message.split('`')[1]}"
            for each in report.problems
        ],
    }


def peak_mib() -> float:
    """This program's peak. `ru_maxrss` would be its parent's, if that had more when it forked."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


KINDS = ("configs", "endless", "huge", "many", "slow")


def names(kind: str, count: int = HOSTILE) -> list[str]:
    """The namespaces of a hostile kind; half of them come before the ordinary ones in a list."""
    return [f"{'a' if number % 2 else 'z'}-{kind}-{number}" for number in range(count)]


def ordinary_namespaces() -> list[str]:
    """All of them."""
    return [f"ordinary-{number:03}" for number in range(ORDINARY)]


def ordinary_objects() -> Iterator[Object]:
    """20 Pods of 10 KB in each, and a config."""
    for namespace in ordinary_namespaces():
        yield config(namespace, "web", {"labelsToInclude": ["app"]})
        for number in range(PODS):
            yield pod(namespace, number, {"example.com/notes": "x" * 9_000})


def change(api: Api, number: int) -> None:
    """One that has each ordinary ConfigMap written again."""
    patch = {"spec": {"annotationsToInclude": [f"round_{number}"]}}
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: api.patch(KIND, name, "web", patch), ordinary_namespaces()))


def hostile_objects(count: int = HOSTILE) -> Iterator[Object]:
    """More configs than the bound; 50 MiB of ConfigMaps; and what is expensive."""
    yield from expensive_objects(count)
    for namespace in names("configs", count):
        for number in range(2_050):
            yield config(namespace, f"c{number}", {})
    for namespace in names("huge", count):
        labels = {
            "podconfig.example.com/generated-by-pcmc": "none",
            "podconfig.example.com/pod-uid": "none",
        }
        for number in range(50):
            meta = {
                "name": f"pod-{number}-from-none-cfg",
                "namespace": namespace,
                "labels": labels,
                "annotations": {"podconfig.example.com/prune": "disabled"},
            }
            data = {"x": "x" * (MIB - 10)}
            yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def expensive_objects(count: int = HOSTILE) -> Iterator[Object]:
    """Endless templates; 90,000 ConfigMaps to plan; 2.5 million steps of selectors."""
    for namespace in names("endless", count):
        templates = {"k": "{{ range 100000000000 }}{{ end }}"}
        for number in range(PODS):
            yield config(namespace, f"c{number}", {"configMapDataTemplate": templates})
            yield pod(namespace, number, {})
    for namespace in names("many", count):
        for number in range(300):
            yield config(namespace, f"c{number}", {})
            yield pod(namespace, number, {})
    for namespace in names("slow", count):
        expressions = [
            {"key": f"k{number}", "operator": "NotIn", "values": ["x"]} for number in range(64)
        ]
        for number in range(100):
            yield config(
                namespace, f"c{number}", {"podSelector": {"matchExpressions": expressions}}
            )
        for number in range(400):
            yield pod(namespace, number, {})


def config(namespace: str, name: str, spec: Object) -> Object:
    """A config."""
    return dict(pcmc(spec, namespace, name))


def pod(namespace: str, number: int, annotations: dict[str, str]) -> Object:
    """A Pod, whose annotations have a value for each round."""
    rounds = {f"round_{each}": f"{each}" for each in range(20)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": namespace,
            "name": f"web-{number}",
            "labels": {"app": "web"},
            "annotations": rounds | annotations,
        },
        "spec": {"containers": [{"name": "main", "image": "example.com/web"}]},
    }


def create(api: Api, namespaces: list[str], objects: Iterator[Object]) -> None:
    """Make namespaces, each with the ServiceAccount that Pods need, and what is in them."""
    began = time.monotonic()
    for name in namespaces:
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        api.request("POST", f"/api/v1/namespaces/{name}/serviceaccounts", account)
    with ThreadPoolExecutor(16) as pool:
        count = sum(1 for _ in pool.map(api.create, objects))
    print(f"made {count} objects in {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
