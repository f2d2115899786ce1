"""The CronJob on a real node: its Job completes, and Pods' ConfigMaps can be mounted and read."""

import time

from tests.controlplane.api import Object
from tests.node import cluster as c
from tests.node.cluster import HOME, REPLICAS, SHOP, WEB, Cluster
from tests.node.install import Installer
from tests.promises import check, note

JOBS = "app.kubernetes.io/name=podcm-sync,app.kubernetes.io/component=sync"
READER = """
import pathlib, time
folder = pathlib.Path("/config")
shown = None
while True:
    data = {p.name: p.read_text() for p in folder.iterdir() if not p.name.startswith("..")}
    if data != shown:
        print(sorted(data.items()), flush=True)
    shown = data
    time.sleep(1)
"""


def check_cronjob(cluster: Cluster, installer: Installer) -> None:
    """From the installation to a Pod that reads what it gave."""
    began = time.monotonic()
    installer.install_cronjob()
    cluster.apply(c.config())
    cluster.wait(cluster.generated, timeout=150)
    note(f"{time.monotonic() - began:.1f} s from the installation to the first ConfigMap,")
    note("the wait for the next full minute included")

    job = finished_job(cluster)
    check("a Job of the CronJob completes", condition(job, "Complete"), "True")
    check("and needs one Pod", job["status"].get("succeeded"), 1)
    (pod,) = cluster.api.list("Pod", HOME, f"job-name={job['metadata']['name']}")
    ended = c.terminated(pod) or {}
    check("its container exits 0", (ended.get("exitCode"), ended.get("reason")), (0, "Completed"))
    logs = cluster.kubectl("logs", "-n", HOME, f"job/{job['metadata']['name']}")
    check("kubectl logs has the run's result", f"{REPLICAS} created" in logs, True)
    check_data(cluster)
    check_mounted(cluster)
    check_second_run(cluster)
    check_collected(cluster)


def check_data(cluster: Cluster) -> None:
    pods = cluster.running(SHOP, WEB)
    wanted = {f"pod-{p['metadata']['name']}-from-web-cfg": c.expected_data(p) for p in pods}
    found = {name: each["data"] for name, each in cluster.generated().items()}
    check("each running Pod's ConfigMap has its node and phase", found, wanted)
    owners = {
        reference["uid"]
        for each in cluster.generated().values()
        for reference in each["metadata"]["ownerReferences"]
    }
    check("and is owned by the Pod", owners, {pod["metadata"]["uid"] for pod in pods})


def check_mounted(cluster: Cluster) -> None:
    """Of a Pod that starts after the run; and when the ConfigMap changes while it is mounted."""
    name = min(cluster.generated())
    cluster.apply(reader(name))
    cluster.wait(lambda: c.is_ready(cluster.api.get("Pod", SHOP, "reader") or {"status": {}}))
    first = sorted(cluster.generated()[name]["data"].items())
    cluster.wait(lambda: cluster.kubectl("logs", "-n", SHOP, "reader").strip())
    read = cluster.kubectl("logs", "-n", SHOP, "reader").splitlines()
    check("a Pod mounts a generated ConfigMap and reads it", read, [str(first)])


def check_second_run(cluster: Cluster) -> None:
    """It changes what changed, and nothing else; and the mounted files follow."""
    before = versions(cluster)
    mounted = min(before)
    pod = mounted.removeprefix("pod-").removesuffix("-from-web-cfg")
    cluster.kubectl("label", "--overwrite", "-n", SHOP, f"pod/{pod}", "version=2.4.2")
    cluster.wait(lambda: cluster.generated()[mounted]["data"]["label_version"] == "2.4.2", 150)
    began = time.monotonic()
    after = versions(cluster)
    changed = {name for name in after if after[name] != before.get(name)}
    check("the next run writes the one ConfigMap whose Pod changed", changed, {mounted})
    cluster.wait(lambda: "2.4.2" in cluster.kubectl("logs", "-n", SHOP, "reader"), timeout=180)
    check("the Pod that mounts it reads the new value without a restart", restarts(cluster), 0)
    note(f"{time.monotonic() - began:.1f} s after the write, by the kubelet's own period")


def check_collected(cluster: Cluster) -> None:
    cluster.kubectl("delete", "pod", "reader", "-n", SHOP, "--grace-period=1")
    cluster.kubectl("scale", "deployment/web", "-n", SHOP, f"--replicas={REPLICAS - 1}")
    cluster.wait(lambda: len(cluster.generated()) == REPLICAS - 1)
    left = {name.removeprefix("pod-").removesuffix("-from-web-cfg") for name in cluster.generated()}
    live = {pod["metadata"]["name"] for pod in cluster.running(SHOP, WEB)}
    check("a deleted Pod's ConfigMap goes with it, and no other", left, live)


def finished_job(cluster: Cluster) -> Object:
    """The first Job that ended, however it ended."""

    def ended() -> list[Object]:
        jobs = cluster.api.list("Job", HOME, JOBS)
        return [j for j in jobs if condition(j, "Complete") or condition(j, "Failed")]

    cluster.wait(ended, timeout=300)
    return ended()[0]


def condition(obj: Object, kind: str) -> str | None:
    """The status of the object's condition of that type."""
    found = obj["status"].get("conditions") or []
    return next((str(each["status"]) for each in found if each["type"] == kind), None)


def versions(cluster: Cluster) -> dict[str, str]:
    return {k: each["metadata"]["resourceVersion"] for k, each in cluster.generated().items()}


def restarts(cluster: Cluster) -> int:
    pod = cluster.api.get("Pod", SHOP, "reader") or {"status": {}}
    return int(c.container_of(pod)["restartCount"])


def reader(name: str) -> Object:
    """A Pod that prints the ConfigMap's files, whenever they change."""
    spec = c.idle_pod_spec(
        command=["python", "-c", READER],
        volumeMounts=[{"name": "config", "mountPath": "/config", "readOnly": True}],
    )
    volumes = [{"name": "config", "configMap": {"name": name, "optional": True}}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": SHOP, "name": "reader"},
        "spec": spec | {"volumes": volumes},
    }
