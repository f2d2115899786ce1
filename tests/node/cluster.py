"""The cluster as its users have it: kubectl, Pods with containers, and generated ConfigMaps."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.controlplane.api import Api, Object, Objects
from tests.node.node import NAME, Node

IMAGE = "podcm-sync:node"
GENERATED = "podconfig.example.com/generated-by-pcmc"
SHOP = "shop"
HOME = "podcm-sync"
"""The namespace that podcm-sync runs in."""
KEPT = "podcm-sync.test/kept"
WEB = "app.kubernetes.io/name=web"
REPLICAS = 3
"""Pods of the shop, before anything is scaled."""

# The one image that there is has a Python. This process ends when it is told to.
IDLE = "import signal, sys; signal.signal(15, lambda *_: sys.exit()); signal.pause()"
HARDENED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


class Cluster:
    """A node's cluster, with an admin's kubeconfig."""

    def __init__(self, node: Node, workdir: Path) -> None:
        self.node = node
        self.api = node.api
        self.kubeconfig = node.plane.kubeconfig(workdir / "kubeconfig")

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """What kubectl printed."""
        return self.node.plane.kubectl(self.kubeconfig, *arguments, stdin=stdin).stdout

    def apply(self, *objects: Object) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(listed))

    def open_shop(self) -> None:
        """The namespaces, and running Pods for podcm-sync to find."""
        for namespace in (HOME, SHOP):
            self._make_namespace(namespace)
        self.apply(workload(REPLICAS))
        self.wait(lambda: len(self.running(SHOP, WEB)) == REPLICAS)

    def _make_namespace(self, name: str) -> None:
        """One in which PodSecurity's `restricted` is enforced."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        meta = {"name": name, "labels": labels}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
        self.wait(lambda: self.api.get("ServiceAccount", name, "default"))

    def wait(self, predicate: Callable[[], object], timeout: float = 60) -> None:
        """Until it is true; ends the script with the node's logs if it stays false."""
        try:
            Api.wait_for(predicate, timeout)
        except AssertionError:
            print(self.node.logs(), flush=True)
            print(self.kubectl("get", "pods,jobs,leases,events", "-A", "-o", "wide"), flush=True)
            raise

    def running(self, namespace: str, selector: str) -> Objects:
        """The Pods that run, are ready, and are not about to end."""
        return [
            pod
            for pod in self.api.list("Pod", namespace, selector)
            if is_ready(pod) and not pod["metadata"].get("deletionTimestamp")
        ]

    def generated(self, namespace: str = SHOP) -> dict[str, Object]:
        """The generated ConfigMaps by name."""
        found = self.api.list("ConfigMap", namespace, GENERATED)
        return {each["metadata"]["name"]: each for each in found}

    def ended(self, namespace: str, name: str, timeout: float = 60) -> Object:
        """The state in which the Pod's one container ended."""
        self.wait(lambda: terminated(self.api.get("Pod", namespace, name)), timeout)
        return terminated(self.api.get("Pod", namespace, name)) or {}

    @contextmanager
    def kept(self, namespace: str, name: str) -> Iterator[None]:
        """The Pod's object outlives its deletion, so that its end can be read."""
        self.api.patch("Pod", namespace, name, {"metadata": {"finalizers": [KEPT]}})
        try:
            yield
        finally:
            self.api.patch("Pod", namespace, name, {"metadata": {"finalizers": None}})


def is_ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def container_of(pod: Object) -> Object:
    """The status of its one container; empty before the kubelet reported any."""
    statuses: Objects = pod["status"].get("containerStatuses") or [{}]
    return statuses[0]


def terminated(pod: Object | None) -> Object | None:
    """How its container ended; None while it runs."""
    state: Object = container_of(pod or {"status": {}}).get("state") or {}
    return state.get("terminated")


def idle_pod_spec(**more: object) -> Object:
    """A Pod that waits."""
    container = {
        "name": "main",
        "image": IMAGE,
        "command": ["python", "-c", IDLE],
        "securityContext": HARDENED,
    }
    return {"automountServiceAccountToken": False, "containers": [container | more]}


def workload(replicas: int) -> Object:
    """The Pods that the README's config selects."""
    labels = {"app.kubernetes.io/name": "web", "version": "2.4.1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": SHOP, "name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app.kubernetes.io/name": "web"}},
            "template": {
                "metadata": {"labels": labels, "annotations": {"example.com/build": "4711"}},
                "spec": idle_pod_spec(),
            },
        },
    }


def config(name: str = "web", **spec: object) -> Object:
    return {
        "apiVersion": "podconfig.example.com/v1alpha1",
        "kind": "PodConfigMapConfig",
        "metadata": {"namespace": SHOP, "name": name},
        "spec": {
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "web"}},
            "labelsToInclude": ["version"],
            **spec,
        },
    }


def expected_data(pod: Object) -> Object:
    """The data of a Pod's ConfigMap, by hand from what the kubelet reported."""
    return {
        "podName": pod["metadata"]["name"],
        "namespace": SHOP,
        "nodeName": NAME,
        "phase": "Running",
        "label_version": "2.4.1",
    }
