"""The Deployment on a real node: its probes, its leader, its end, and how little it may write."""

import json
import os
import signal
import time

from tests.controlplane.api import Object, Objects
from tests.node import cluster as c
from tests.node import memory
from tests.node.cluster import HOME, SHOP, WEB, Cluster
from tests.node.install import Installer
from tests.promises import check, note

LOOP = "app.kubernetes.io/name=podcm-sync,app.kubernetes.io/component=loop"
REPLICAS = 2
GRACE = 30  # seconds: terminationGracePeriodSeconds
AT_ONCE = 10  # seconds, of the ten minutes between full runs
PROBES_SECONDS = 25  # two readiness probes
PLACES = ("/", "/tmp", "/var/tmp", "/run", "/opt/podcm-sync", "/dev/shm")  # noqa: S108 - tried
WRITE = """
import errno, json, os, pathlib, sys
found = {}
for place in sys.argv[1:]:
    try:
        pathlib.Path(place, "probe").touch()
        found[place] = "written"
    except OSError as problem:
        found[place] = errno.errorcode[problem.errno]
print(json.dumps(found))
"""


def check_deployment(cluster: Cluster, installer: Installer) -> None:
    """From the installation to replicas that lead, end, hang, and lose a permission."""
    began = time.monotonic()
    installer.install_deployment()
    cluster.apply(c.config())
    cluster.wait(lambda: len(replicas(cluster)) == REPLICAS, timeout=120)
    note(f"{time.monotonic() - began:.1f} s from the installation to two ready replicas")
    check("both replicas become ready by their readiness probe", len(replicas(cluster)), REPLICAS)
    cluster.wait(lambda: leader(cluster))
    check_confined(cluster)
    check_logs(cluster)
    check_events(cluster)
    check_watching(cluster)
    check_leader_change(cluster)
    check_hang(cluster)
    check_readiness(cluster)


def check_confined(cluster: Cluster) -> None:
    script = ["python", "-c", WRITE, *PLACES]
    printed = cluster.kubectl("exec", "-n", HOME, leader(cluster), "--", *script)
    found = json.loads(printed)
    # The runtime gives every container a /dev/shm of its own, in memory.
    check("its root is read-only", found, dict.fromkeys(PLACES[:-1], "EROFS") | SHM)


SHM = {"/dev/shm": "written"}  # noqa: S108 - tried, not used


def check_logs(cluster: Cluster) -> None:
    """Each line of a loop with `-o json --log-format json` is a JSON object."""
    cluster.wait(lambda: cluster.kubectl("logs", "-n", HOME, leader(cluster)).strip())
    lines = cluster.kubectl("logs", "-n", HOME, leader(cluster)).splitlines()
    parsed = [json.loads(line) for line in lines]
    check("kubectl logs has a JSON object a line", all(isinstance(p, dict) for p in parsed), True)


def check_events(cluster: Cluster) -> None:
    """A config that fails, and then does not."""
    broken = {"configMapDataTemplate": {"key": '{{ fail "as a test wants it" }}'}}
    cluster.apply(c.config("broken", **broken))

    def events(reason: str = "") -> list[str]:
        shown = cluster.kubectl(
            "get", "events", "-n", SHOP, "-o", "json", "--field-selector=involvedObject.name=broken"
        )
        found: Objects = json.loads(shown)["items"]
        return [
            f"{each['type']} {each['reportingComponent']}"
            for each in found
            if not reason or each["reason"] == reason
        ]

    cluster.wait(events, timeout=120)
    check(
        "kubectl get events has its Warning", events(), ["Warning podconfig.example.com/podcm-sync"]
    )
    cluster.apply(c.config("broken", configMapDataTemplate={"key": "{{ .name }}"}))
    cluster.wait(lambda: events("Recovered"), timeout=120)
    check("and its recovery", events("Recovered"), ["Normal podconfig.example.com/podcm-sync"])
    cluster.kubectl("delete", "pcmc", "broken", "-n", SHOP)


def check_watching(cluster: Cluster) -> None:
    """A Pod's label changes, and a config comes and goes. Full runs are ten minutes apart."""
    pod = cluster.running(SHOP, WEB)[0]["metadata"]["name"]

    def relabel(version: str) -> float:
        began = time.monotonic()
        patch = {"metadata": {"labels": {"version": version}}}
        cluster.api.patch("Pod", SHOP, pod, patch)
        name = f"pod-{pod}-from-web-cfg"
        cluster.wait(lambda: cluster.generated()[name]["data"].get("label_version") == version)
        return time.monotonic() - began

    took = relabel("3.0.0")
    check("a changed label shows within seconds", took < AT_ONCE, True)
    note(f"{took:.2f} s after the change, and {relabel('2.4.1'):.2f} s after the next one")

    def of_brief() -> list[str]:
        return [name for name in cluster.generated() if name.endswith("-from-brief-cfg")]

    cluster.apply(c.config("brief"))
    cluster.wait(of_brief)
    began = time.monotonic()
    cluster.kubectl("delete", "pcmc", "brief", "-n", SHOP)
    cluster.wait(lambda: not of_brief())
    took = time.monotonic() - began
    check("the ConfigMaps of a deleted config go within seconds", took < AT_ONCE, True)
    note(f"{took:.1f} s after the config")


def check_leader_change(cluster: Cluster) -> None:
    """The leader's Pod is deleted, as a rollout or a drain does."""
    first = leader(cluster)
    with cluster.kept(HOME, first):
        began = time.monotonic()
        cluster.kubectl("delete", "pod", first, "-n", HOME, "--wait=false")
        cluster.wait(lambda: leader(cluster) not in ("", first))
        changed = time.monotonic() - began
        ended = cluster.ended(HOME, first)
        took = time.monotonic() - began
    check("a deleted leader's standby leads before its Lease expires", changed < 15, True)
    note(f"{changed:.1f} s after the deletion")
    check("SIGTERM ends the leader with 143", ended["exitCode"], 143)
    check("within the grace period", took < GRACE, True)
    note(f"{took:.1f} s, of {GRACE} s")
    cluster.wait(lambda: len(replicas(cluster)) == REPLICAS, timeout=90)
    check_syncs(cluster, "the new leader syncs")


def check_syncs(cluster: Cluster, promise: str, timeout: float = 120) -> None:
    """One more Pod gets its ConfigMap."""
    began = time.monotonic()
    wanted = len(cluster.running(SHOP, WEB)) + 1
    cluster.kubectl("scale", "deployment/web", "-n", SHOP, f"--replicas={wanted}")
    cluster.wait(lambda: len(cluster.generated()) == wanted, timeout)
    check(promise, len(cluster.generated()), wanted)
    note(f"{time.monotonic() - began:.1f} s after the Pod was requested")


def check_hang(cluster: Cluster) -> None:
    """The leader's process is frozen: the other leads, and the kubelet restarts this one."""
    first = leader(cluster)
    uid = (cluster.api.get("Pod", HOME, first) or {})["metadata"]["uid"]
    began = time.monotonic()
    for process in memory.processes(cluster.node.cgroup, uid, "podcm-sync"):
        os.kill(process, signal.SIGSTOP)
    cluster.wait(lambda: leader(cluster) not in ("", first))
    check("a frozen leader's standby leads", leader(cluster) != first, True)
    note(f"{time.monotonic() - began:.1f} s after it froze")

    def restarted() -> Object:
        pod = cluster.api.get("Pod", HOME, first) or {"status": {}}
        last: Object = c.container_of(pod).get("lastState", {}).get("terminated") or {}
        return last

    cluster.wait(restarted, timeout=240)
    check("its liveness probe has the kubelet restart it", restarted()["exitCode"], 137)
    note(f"{time.monotonic() - began:.1f} s after it froze")
    cluster.wait(lambda: len(replicas(cluster)) == REPLICAS, timeout=120)
    check("and it is ready again", len(replicas(cluster)), REPLICAS)


def check_readiness(cluster: Cluster) -> None:
    """Without permission on the Lease, a rollout stops at its first Pod and takes nothing away."""
    names = [b["metadata"]["name"] for b in cluster.api.list("RoleBinding", HOME)]
    bindings = [cluster.api.get("RoleBinding", HOME, name) or {} for name in names]
    before = {replica["metadata"]["name"] for replica in replicas(cluster)}
    cluster.kubectl("delete", "rolebinding", "-n", HOME, *names)
    cluster.kubectl("rollout", "restart", "deployment", "-n", HOME)

    def unready() -> Objects:
        found = cluster.api.list("Pod", HOME, LOOP)
        new = [pod for pod in found if pod["metadata"]["name"] not in before]
        return [pod for pod in new if not c.is_ready(pod) and c.container_of(pod).get("started")]

    cluster.wait(unready, timeout=120)
    time.sleep(PROBES_SECONDS)
    check("a new replica that can't read the Lease isn't ready", len(unready()), 1)
    left = {replica["metadata"]["name"] for replica in replicas(cluster)}
    check("and the rollout leaves the old ones", left, before)
    for binding in bindings:
        for field in ("resourceVersion", "uid", "creationTimestamp"):
            binding["metadata"].pop(field)
    cluster.apply(*bindings)
    cluster.wait(lambda: is_rolled_out(cluster, before), timeout=180)
    counts = [c.container_of(replica)["restartCount"] for replica in replicas(cluster)]
    check("with the permission, the rollout ends, and nothing is restarted", counts, [0, 0])


def is_rolled_out(cluster: Cluster, before: set[str]) -> bool:
    """Whether the ready replicas are new ones, and there are no others."""
    names = {pod["metadata"]["name"] for pod in cluster.api.list("Pod", HOME, LOOP)}
    ready = {replica["metadata"]["name"] for replica in replicas(cluster)}
    return names == ready and not names & before


def replicas(cluster: Cluster) -> Objects:
    return cluster.running(HOME, LOOP)


def leader(cluster: Cluster) -> str:
    """The Pod that holds the Lease; empty if none does."""
    for lease in cluster.api.list("Lease", HOME):
        holder = str(lease["spec"].get("holderIdentity") or "")
        return holder.rpartition("_")[0]
    return ""
