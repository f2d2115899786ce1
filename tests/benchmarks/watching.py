"""How soon a watching loop reacts, and what it costs, on a real API server.

`python -m tests.benchmarks.watching [PODS]` starts a control plane of its own, fills a namespace
with that many Pods (300 by default) and two others, and starts `podcm-sync --loop --watch -A` as a
user does. In the other namespaces ten Pods a second change all the time.

A reaction is the time from the API server's answer to somebody's change until a watch of
ConfigMaps shows its result. Beside each, the round trip of the PATCH of a Pod is measured, so that
their ratio doesn't depend on the machine. The last part changes 100 Pods a second that no config
selects, and measures CPU time and memory; `--cost-only` skips the rest.
"""

import argparse
import json
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import urllib3

from tests.benchmarks.scale import kubeconfig_of, measured, stub
from tests.benchmarks.world import CRD
from tests.command import Running, run, started, until
from tests.controlplane.api import Api, path_of
from tests.controlplane.audit import Audit
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import GENERATED_BY

NAMESPACE = "large"
OTHERS = ("other-a", "other-b")
ROUNDS = 300
IRRELEVANT_PER_SECOND = 100
COST_SECONDS = 30
MERGE = "application/merge-patch+json"


class Seen:
    """What a watch of one namespace's ConfigMaps has shown, and when."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self._changed = threading.Condition()
        self._data: dict[str, tuple[dict[str, str] | None, float]] = {}
        self._http = urllib3.PoolManager(ca_certs=str(plane.ca_file), retries=False)
        path = path_of("ConfigMap", namespace)
        headers = {"Authorization": f"Bearer {plane.admin_token}"}
        url = f"{plane.server}{path}?labelSelector={GENERATED_BY}"
        listed = json.loads(self._http.request("GET", url, headers=headers).data)
        version = listed["metadata"]["resourceVersion"]
        for each in listed["items"]:
            self._data[each["metadata"]["name"]] = (each.get("data") or {}, 0.0)
        self._stream = self._http.request(
            "GET",
            f"{url}&watch=1&resourceVersion={version}",
            headers=headers,
            preload_content=False,
            timeout=urllib3.Timeout(connect=10, read=None),
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(urllib3.exceptions.HTTPError):
            self._read_chunks()

    def _read_chunks(self) -> None:
        rest = b""
        chunks = self._stream.read_chunked()
        while chunk := next(chunks, b""):
            now = time.perf_counter()
            *lines, rest = (rest + chunk).split(b"\n")
            with self._changed:
                for line in lines:
                    event = json.loads(line)
                    obj = event["object"]
                    is_gone = event["type"] == "DELETED"
                    data = None if is_gone else obj.get("data") or {}
                    self._data[obj["metadata"]["name"]] = (data, now)
                self._changed.notify_all()

    def since(self, name: str, shows: Callable[[dict[str, str]], bool], since: float) -> float:
        """The seconds from `since` until the ConfigMap showed what it should."""
        with self._changed:
            ends = time.perf_counter() + 20

            def is_there() -> bool:
                data, at = self._data.get(name, (None, 0.0))
                return data is not None and at > since - 1 and shows(data)

            while not is_there():
                assert self._changed.wait(max(0.0, ends - time.perf_counter())), name
            return self._data[name][1] - since

    def count(self, shows: Callable[[dict[str, str]], bool]) -> int:
        """How many ConfigMaps show it."""
        with self._changed:
            return sum(data is not None and shows(data) for data, _ in self._data.values())


def main() -> None:
    """Fill, watch, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pods", type=int, nargs="?", default=300)
    parser.add_argument("--cost-only", action="store_true")
    parser.add_argument("--memory", action="store_true", help="memory alone, with a stub's Pods")
    arguments = parser.parse_args()
    if arguments.memory:
        memory(arguments.pods)
        return
    with (
        tempfile.TemporaryDirectory() as directory,
        ControlPlane.start(Path(directory)) as plane,
    ):
        api = Api(plane.server, plane.ca_file, plane.admin_token)
        fill(api, arguments.pods)
        kubeconfig = plane.kubeconfig(Path(directory) / "bench.kubeconfig")
        with started(kubeconfig, "-A", "--loop", "--watch") as running:
            wanted = arguments.pods + 100
            until(lambda: generated(api) == wanted, "all ConfigMaps are there", 300)
            time.sleep(2)  # the first full run ends, and writes statuses
            audit = Audit(plane.audit_log)
            mark = audit.mark()
            if not arguments.cost_only:
                react(plane, api)
            cost(api, running)
            asked = audit.since(mark, user_agent="podcm-sync/")
            lists = [event for event in asked if event.verb == "list"]
            print(f"lists between full runs: {len(lists)}")
            one_shot(kubeconfig)
            running.process.terminate()
            done = running.end()
            print(f"exit code {done.code}; warnings:", *warnings(done.stderr), sep="\n  ")


def memory(pods: int) -> None:
    """The memory of a loop with so many Pods of a stub, beside a one-shot run's."""
    with tempfile.TemporaryDirectory() as directory, stub(pods) as address:
        kubeconfig = Path(directory) / "kubeconfig"
        kubeconfig.write_text(json.dumps(kubeconfig_of(address)), encoding="utf-8")
        loop = ("-A", "--loop", "--watch", "--interval", "30s", "-o", "json")
        with started(kubeconfig, *loop) as running:
            for number in range(1, 4):
                until(partial(has_run, running, number), "a run", 120)
                print(f"after full run {number}: peak {rss_mib(running):.0f} MiB")
    one_shot = measured(pods)
    print(f"a one-shot run: peak {one_shot['peak_mib']:.0f} MiB")


def has_run(running: Running, times: int) -> bool:
    """Whether so many full runs have ended."""
    return running.stdout.count('"summary"') >= times


def warnings(stderr: str) -> list[str]:
    """The log lines that a user should worry about."""
    return [line for line in stderr.splitlines() if "warning" in line or "error" in line]


def fill(api: Api, pods: int) -> None:
    """The Pods, and a config in each namespace."""
    api.apply_crd(CRD)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    for namespace in (NAMESPACE, *OTHERS, "idle"):
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        api.request("POST", path_of("ServiceAccount", namespace), account)
    for namespace in (NAMESPACE, *OTHERS):
        api.create(config(namespace))
    with ThreadPoolExecutor(16) as pool:
        names = [f"web-{number}" for number in range(pods)]
        list(pool.map(lambda name: pod(api, NAMESPACE, name), names))
        for namespace in OTHERS:
            list(pool.map(lambda name, at=namespace: pod(api, at, name), names[:50]))
        list(pool.map(lambda name: api.make_pod("idle", name), names[:100]))


def config(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "podconfig.example.com/v1alpha1",
        "kind": "PodConfigMapConfig",
        "metadata": {"name": "all", "namespace": namespace},
        "spec": {
            "podSelector": {"matchLabels": {"app": "web"}},
            "labelsToInclude": ["app", "step"],
        },
    }


def pod(api: Api, namespace: str, name: str, app: str = "web") -> None:
    api.make_pod(namespace, name, labels={"app": app}, node_name="node-a", phase="Running")


def generated(api: Api) -> int:
    return len(api.list("ConfigMap", None, GENERATED_BY))


def react(plane: ControlPlane, api: Api) -> None:
    """All kinds of reactions, beside the round trip of a PATCH."""
    seen = Seen(plane, NAMESPACE)
    with changing(api, OTHERS, 10):
        trips: list[float] = []
        relabeled: list[float] = []
        for step in range(ROUNDS):
            name = f"web-{random.randrange(300)}"  # noqa: S311 - no secret
            began = time.perf_counter()
            label(api, NAMESPACE, name, f"s{step}")
            answered = time.perf_counter()
            trips.append(answered - began)
            generated_name = f"pod-{name}-from-all-cfg"
            relabeled.append(seen.since(generated_name, shows(f"s{step}"), answered))
            time.sleep(random.uniform(0.0, 0.03))  # noqa: S311 - no secret
        report("PATCH of a Pod, round trip", trips)
        report("relabeled Pod", relabeled, trips)
        created = []
        for number in range(50):
            name = f"new-{number}"
            pod(api, NAMESPACE, name)
            at = time.perf_counter()
            created.append(seen.since(f"pod-{name}-from-all-cfg", bool, at))
        report("new Pod (after its status)", created, trips)
        restored = []
        for number in range(50):
            name = f"pod-web-{number}-from-all-cfg"
            api.delete("ConfigMap", NAMESPACE, name)
            at = time.perf_counter()
            restored.append(seen.since(name, bool, at))
        report("deleted ConfigMap, put back", restored, trips)
    changed_config(api, seen)


def shows(value: str) -> Callable[[dict[str, str]], bool]:
    return lambda data: value in data.values()


def changed_config(api: Api, seen: Seen) -> None:
    """A config over 300 Pods: new, and then with another label included."""
    with ThreadPoolExecutor(16) as pool:
        names = [f"many-{number}" for number in range(300)]
        list(pool.map(lambda name: pod(api, NAMESPACE, name, "many"), names))
    many = config(NAMESPACE)
    many["metadata"]["name"] = "many"
    many["spec"]["podSelector"] = {"matchLabels": {"app": "many"}}
    began = time.perf_counter()
    api.create(many)
    until(
        lambda: (
            seen.count(lambda data: data.get("app") == "many" or "many" in data.values()) >= 300
        ),
        "all are written",
    )
    print(f"a new config over 300 Pods, all created: {time.perf_counter() - began:.2f} s")
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: label(api, NAMESPACE, name, "before"), names))
    began = time.perf_counter()
    spec = {"spec": {"labelsToInclude": ["step"]}}
    api.patch("PodConfigMapConfig", NAMESPACE, "many", spec)
    until(lambda: seen.count(shows("before")) >= 300, "all are updated")
    print(f"a changed config over 300 Pods, all updated: {time.perf_counter() - began:.2f} s")


def one_shot(kubeconfig: Path) -> None:
    """A run over the same namespace, which finds nothing to do."""
    began = time.perf_counter()
    done = run("-n", NAMESPACE, "-o", "json", kubeconfig=kubeconfig)
    summary = done.report["summary"]
    print(f"a one-shot run: {time.perf_counter() - began:.2f} s, {summary}")


def label(api: Api, namespace: str, name: str, value: str) -> None:
    patch = {"metadata": {"labels": {"step": value}}}
    api.request("PATCH", path_of("Pod", namespace, name), patch, content_type=MERGE)


@contextmanager
def changing(api: Api, namespaces: Sequence[str], per_second: float) -> Iterator[None]:
    """Pods of these namespaces change all the time."""
    over = threading.Event()

    def work() -> None:
        number = 0
        while not over.wait(1 / per_second):
            number += 1
            name = f"web-{number % 50}"
            label(api, namespaces[number % len(namespaces)], name, f"n{number}")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def cost(api: Api, running: Running) -> None:
    """The CPU time of a loop, idle and with many changes that matter to nobody."""
    for per_second in (0, IRRELEVANT_PER_SECOND):
        over = threading.Event()
        made = 0

        def change(at: int, stop: threading.Event = over, rate: int = per_second) -> None:
            nonlocal made
            number = at
            while rate and not stop.wait(4 / rate):
                number += 4
                label(api, "idle", f"web-{number % 100}", f"i{number}")
                made += 1

        threads = [threading.Thread(target=change, args=(at,), daemon=True) for at in range(4)]
        for thread in threads:
            thread.start()
        began, used = time.perf_counter(), cpu_seconds(running)
        time.sleep(COST_SECONDS)
        seconds, used = time.perf_counter() - began, cpu_seconds(running) - used
        over.set()
        for thread in threads:
            thread.join()
        print(
            f"{made / seconds:.0f} irrelevant changes a second: {100 * used / seconds:.1f} % of a "
            f"core, {rss_mib(running):.0f} MiB"
        )


def cpu_seconds(running: Running) -> float:
    fields = Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def rss_mib(running: Running) -> float:
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def report(name: str, seconds: list[float], trips: list[float] | None = None) -> None:
    ordered = sorted(1000 * each for each in seconds)
    median, p99 = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
    ratio = f", {median / (1000 * statistics.median(trips)):.2f} round trips" if trips else ""
    print(f"{name}: median {median:.1f} ms{ratio}, p99 {p99:.1f} ms, worst {ordered[-1]:.1f} ms")


if __name__ == "__main__":
    main()
