"""A small JSON client of the API server that shares no code with the product.

request() hands back whatever the server answered, refusals included; everything else is for the
arranging and checking that tests do, and fails the test with the server's own message.
"""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import urllib3
import yaml

T = TypeVar("T")
Object = dict[str, Any]
Objects = list[Object]  # the name `list` is taken inside Api

ADMISSION = "admissionregistration.k8s.io/v1"
# kind → (apiVersion, plural, namespaced)
KINDS = {
    "ConfigMap": ("v1", "configmaps", True),
    "Pod": ("v1", "pods", True),
    "Namespace": ("v1", "namespaces", False),
    "ServiceAccount": ("v1", "serviceaccounts", True),
    "Secret": ("v1", "secrets", True),
    "Node": ("v1", "nodes", False),
    "ResourceQuota": ("v1", "resourcequotas", True),
    "PodConfigMapConfig": ("podconfig.example.com/v1alpha1", "podconfigmapconfigs", True),
    "CustomResourceDefinition": ("apiextensions.k8s.io/v1", "customresourcedefinitions", False),
    "Role": ("rbac.authorization.k8s.io/v1", "roles", True),
    "RoleBinding": ("rbac.authorization.k8s.io/v1", "rolebindings", True),
    "ClusterRole": ("rbac.authorization.k8s.io/v1", "clusterroles", False),
    "ClusterRoleBinding": ("rbac.authorization.k8s.io/v1", "clusterrolebindings", False),
    "Lease": ("coordination.k8s.io/v1", "leases", True),
    "CronJob": ("batch/v1", "cronjobs", True),
    "Job": ("batch/v1", "jobs", True),
    "Deployment": ("apps/v1", "deployments", True),
    "ReplicaSet": ("apps/v1", "replicasets", True),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets", True),
    "ValidatingAdmissionPolicy": (ADMISSION, "validatingadmissionpolicies", False),
    "ValidatingAdmissionPolicyBinding": (ADMISSION, "validatingadmissionpolicybindings", False),
}


def path_of(kind: str, namespace: str | None, name: str = "", subresource: str = "") -> str:
    """The API path of an object, or of a collection where there is no name."""
    version, plural, namespaced = KINDS[kind]
    parts = ["/apis" if "/" in version else "/api", version]
    if namespaced and namespace:
        parts += ["namespaces", quote(namespace, safe="")]
    assert namespaced or not namespace, f"a {kind} is in no namespace"
    assert namespace or not (namespaced and name), f"{kind} {name}: in which namespace?"
    parts += [plural, *(quote(part, safe="") for part in (name, subresource) if part)]
    return "/".join(parts)


class Api:
    """The API server at an address, as the owner of a token."""

    def __init__(self, server: str, ca_file: Path, token: str) -> None:
        self._server = server
        self._token = token
        # No retries: a test that asks once is to be answered once.
        self._http = urllib3.PoolManager(ca_certs=str(ca_file), retries=False, maxsize=32)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> tuple[int, Any]:
        """The HTTP status and the decoded answer (text where it is not JSON), whatever they are."""
        headers = {
            "Authorization": f"Bearer {token or self._token}",
            "Accept": "application/json",
            "User-Agent": "podcm-sync-tests",
        }
        if body is not None:
            headers["Content-Type"] = content_type
        answer = self._http.request(
            method,
            self._server + path + (f"?{urlencode(query)}" if query else ""),
            body=None if body is None else json.dumps(body).encode(),
            headers=headers,
            timeout=60.0,
        )
        if "json" in answer.headers.get("Content-Type", ""):
            return answer.status, json.loads(answer.data)
        return answer.status, answer.data.decode(errors="replace")

    def create(self, obj: Object) -> Object:
        """Creates it where its own metadata says."""
        version, _, _ = KINDS[obj["kind"]]
        assert obj["apiVersion"] == version, f"{obj['kind']} is of {version} here"
        return self._must("POST", path_of(obj["kind"], obj["metadata"].get("namespace")), obj)

    def get(self, kind: str, namespace: str | None, name: str) -> Object | None:
        """None if there is no such object."""
        path = path_of(kind, namespace, name)
        status, answer = self.request("GET", path)
        return None if status == 404 else _accepted("GET", path, status, answer)

    def list(
        self, kind: str, namespace: str | None = None, label_selector: str | None = None
    ) -> Objects:
        """All of them, or one namespace's; their kind and apiVersion are not on the items."""
        query = {"labelSelector": label_selector} if label_selector else None
        items: Objects = self._must("GET", path_of(kind, namespace), query=query)["items"]
        return items

    def patch(
        self, kind: str, namespace: str | None, name: str, body: Object, subresource: str = ""
    ) -> Object:
        """A JSON merge patch."""
        path = path_of(kind, namespace, name, subresource)
        return self._must("PATCH", path, body, content_type="application/merge-patch+json")

    def delete(self, kind: str, namespace: str | None, name: str, **options: object) -> Object:
        """The options are those of meta/v1 DeleteOptions, such as propagationPolicy.

        A Pod with a nodeName waits for a kubelet that isn't there: gracePeriodSeconds=0 ends it.
        """
        return self._must("DELETE", path_of(kind, namespace, name), options or None)

    def make_pod(
        self,
        namespace: str,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        node_name: str | None = None,
        phase: str | None = None,
        spec: Mapping[str, object] | None = None,
        status: Mapping[str, object] | None = None,
    ) -> Object:
        """A Pod that PodSecurity's `restricted` admits; spec and status add to it or override."""
        container_security = {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
        pod = self.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "namespace": namespace,
                    "name": name,
                    "labels": dict(labels or {}),
                    "annotations": dict(annotations or {}),
                },
                "spec": {
                    "containers": [
                        {"name": "main", "image": "none", "securityContext": container_security}
                    ],
                    "securityContext": {
                        "runAsNonRoot": True,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    **({"nodeName": node_name} if node_name else {}),
                    **(spec or {}),
                },
            }
        )
        wanted = {**({"phase": phase} if phase else {}), **(status or {})}
        return self.patch("Pod", namespace, name, {"status": wanted}, "status") if wanted else pod

    def service_account_token(self, namespace: str, name: str) -> str:
        """A fresh token of an existing ServiceAccount."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        path = path_of("ServiceAccount", namespace, name, "token")
        return str(self._must("POST", path, body)["status"]["token"])

    def apply_yaml(self, path: Path, namespace: str | None = None) -> Objects:
        """Creates or replaces each document; a namespace given overrides the documents' own."""
        applied = []
        for obj in filter(None, yaml.safe_load_all(path.read_text())):
            if namespace and KINDS[obj["kind"]][2]:
                obj["metadata"]["namespace"] = namespace
            applied.append(self._create_or_replace(obj))
        return applied

    def apply_crd(self, path: Path) -> None:
        """Applies the file's one CRD, and waits until its objects are served."""
        (crd,) = self.apply_yaml(path)
        group, names = crd["spec"]["group"], crd["spec"]["names"]
        version = next(v["name"] for v in crd["spec"]["versions"] if v["served"])

        def established() -> bool:
            found = self.get(crd["kind"], None, crd["metadata"]["name"]) or {}
            conditions = found.get("status", {}).get("conditions") or []  # null at first
            return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)

        self.wait_for(established)
        # Established comes a moment before the first request is served.
        served = f"/apis/{group}/{version}/{names['plural']}"
        self.wait_for(lambda: self.request("GET", served)[0] == 200)

    @staticmethod
    def wait_for(predicate: Callable[[], T], timeout: float = 30) -> T:
        """The first truthy answer of the predicate."""
        deadline = time.monotonic() + timeout
        while not (found := predicate()):
            assert time.monotonic() < deadline, f"still {found!r} after {timeout} s"
            time.sleep(0.05)
        return found

    def _create_or_replace(self, obj: Object) -> Object:
        kind, meta = obj["kind"], obj["metadata"]
        existing = self.get(kind, meta.get("namespace"), meta["name"])
        if existing is None:
            return self.create(obj)
        meta["resourceVersion"] = existing["metadata"]["resourceVersion"]
        return self._must("PUT", path_of(kind, meta.get("namespace"), meta["name"]), obj)

    def _must(self, method: str, path: str, body: object = None, **options: Any) -> Object:
        return _accepted(method, path, *self.request(method, path, body, **options))


def _accepted(method: str, path: str, status: int, answer: Any) -> Object:
    message = answer.get("message", answer) if isinstance(answer, dict) else answer
    assert status < 300, f"{method} {path}: {status}: {message}"
    assert isinstance(answer, dict), f"{method} {path}: not JSON: {answer!r}"
    return answer
