"""A hostile world beside the node's own: the memory limit holds, and the shop is still served.

Its objects are those of tests/benchmarks/hostile.py. Its Pods belong to a scheduler that isn't
there, so that they stay Pending instead of filling the node.
"""

import json
import time
from collections.abc import Iterator

from tests.benchmarks import hostile
from tests.controlplane.api import Object, path_of
from tests.node import cluster as c
from tests.node.cluster import HOME, SHOP, Cluster
from tests.node.cronjob import condition, finished_job
from tests.node.deployment import GRACE, LOOP, REPLICAS, check_syncs, leader, replicas
from tests.node.install import Installer
from tests.node.memory import Peaks
from tests.promises import check, note

COUNT = 2
"""Namespaces of each of the five hostile kinds; the benchmark has four."""
LIMIT_MIB = 512
WRITTEN = 100
"""ConfigMaps of a hostile namespace that show a run which has read and planned everything."""
GREEDY = "data = bytearray(256 << 20); print(len(data), flush=True)"


def check_hostile(cluster: Cluster, installer: Installer) -> None:
    """First the Deployment, whose leader is ended while it works; then the CronJob."""
    installer.install_deployment()
    cluster.apply(c.config())
    cluster.wait(lambda: len(replicas(cluster)) == REPLICAS, timeout=120)
    check_limit_is_real(cluster)
    make_world(cluster)
    with Peaks(cluster.node.cgroup) as peaks:
        check_leader(cluster, peaks)
        check_job(cluster, installer, peaks)


def check_limit_is_real(cluster: Cluster) -> None:
    """Otherwise no limit would prove anything."""
    spec = c.idle_pod_spec(
        command=["python", "-c", GREEDY], resources={"limits": {"memory": "64Mi"}}
    )
    meta = {"namespace": SHOP, "name": "greedy"}
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": meta,
            "spec": spec | {"restartPolicy": "Never"},
        }
    )
    ended = cluster.ended(SHOP, "greedy")
    found = (ended["reason"], ended["exitCode"])
    check("a container over its memory limit is killed here", found, ("OOMKilled", 137))


def make_world(cluster: Cluster) -> None:
    names = [name for kind in hostile.KINDS for name in hostile.names(kind, COUNT)]
    hostile.create(cluster.api, names, unscheduled(hostile.hostile_objects(COUNT)))


def unscheduled(objects: Iterator[Object]) -> Iterator[Object]:
    for each in objects:
        if each["kind"] == "Pod":
            each["spec"]["schedulerName"] = "nobody"
        yield each


def check_leader(cluster: Cluster, peaks: Peaks) -> None:
    cluster.wait(lambda: len(written(cluster)) >= WRITTEN, timeout=400)
    pods = {pod["metadata"]["name"]: pod for pod in replicas(cluster)}
    first = leader(cluster)
    check("in the middle of a hostile run, the leader is ready", first in pods, True)
    with cluster.kept(HOME, first):
        began = time.monotonic()
        cluster.kubectl("delete", "pod", first, "-n", HOME, "--wait=false")
        ended = cluster.ended(HOME, first)
        took = time.monotonic() - began
    found = (ended["exitCode"], ended["reason"])
    check("SIGTERM ends it with 143 and without OOMKilled", found, (143, "Error"))
    check("within the grace period, even so", took < GRACE, True)
    note(f"{took:.1f} s, of {GRACE} s")
    check_peak(peaks, pods[first])
    # A run that has 180,000 ConfigMaps to write lasts until its deadline of 4 minutes.
    check_syncs(cluster, "beside the hostile namespaces, the shop is served", timeout=360)


def written(cluster: Cluster) -> list[Object]:
    """Some of the ConfigMaps in the namespaces that request 90,000 each; these come last."""
    query = {"labelSelector": c.GENERATED, "limit": str(WRITTEN)}
    found = [
        cluster.api.request("GET", path_of("ConfigMap", name), query=query)[1]["items"]
        for name in hostile.names("many", COUNT)
    ]
    return max(found, key=len)


def check_job(cluster: Cluster, installer: Installer, peaks: Peaks) -> None:
    installer.install_cronjob()
    cluster.wait(lambda: not cluster.api.list("Pod", HOME, LOOP), timeout=120)
    job = finished_job(cluster)
    (pod,) = cluster.api.list("Pod", HOME, f"job-name={job['metadata']['name']}")
    ended = c.terminated(pod) or {}
    found = (ended.get("exitCode"), ended.get("reason"))
    # --tolerate-object-failures, which it ships with: a tenant's failure is the tenant's.
    check("the CronJob's run exits 0, as documented, and isn't OOMKilled", found, (0, "Completed"))
    check("and its Job completes", condition(job, "Complete"), "True")
    check_peak(peaks, pod)
    reasons = {
        f"{each['metadata']['namespace']}: {ready_reason(each)}"
        for each in cluster.api.list("PodConfigMapConfig")
        if each["metadata"]["name"] == "c0"
    }
    note(", ".join(sorted(reasons)))


def ready_reason(config: Object) -> str:
    found = config.get("status", {}).get("conditions") or []
    return next((str(each["reason"]) for each in found if each["type"] == "Ready"), "no status")


def check_peak(peaks: Peaks, pod: Object) -> None:
    peak = peaks.mib(pod["metadata"]["uid"])
    check(f"its memory was seen, and stays below {LIMIT_MIB} MiB", 0 < peak < LIMIT_MIB, True)
    note(json.dumps({"peak_mib": round(peak), "limit_mib": LIMIT_MIB}))
