"""The ways in which a config's ConfigMaps can fail, each as it is met on a real API server.

They are the reasons of the README's table that are failures, but for those that need what no API
server and CRD of ours store (InvalidName, Undecodable, Unreadable), those of a saved plan, and
those of a directory of manifests. Incomplete and Interrupted are a whole run's.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.proxy import Forward, Handler, no_fault
from tests.chaos.rules import Observed, Reply
from tests.controlplane.api import Api, Object
from tests.controlplane.sync_objects import INVALID, config_map, made_for, make_config

NAME = "pod-web-from-mine-cfg"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


@dataclass(frozen=True)
class Failure:
    """How to bring it about, and what a run then says of the config `mine`."""

    reason: str
    plant: Callable[[Api, str], object]
    ready: str = "SomeConfigMapsFailed"
    kind: str = "blocking"
    code: int = 3
    options: tuple[str, ...] = ()
    lacks: tuple[str, str] | None = None
    fault: Callable[[Api, str], Handler] = lambda *_: no_fault


def web(api: Api, namespace: str, spec: Object | None = None) -> Object:
    """A Pod, and a config that selects it."""
    make_config(api, namespace, spec=spec)
    return api.make_pod(namespace, "web")


def foreign(api: Api, namespace: str) -> None:
    web(api, namespace)
    api.create(config_map(namespace, NAME, {"my": "own"}))


def name_taken(api: Api, namespace: str) -> None:
    """Pod a + config b-from-mine, and Pod a-from-b + config mine, give one name."""
    make_config(api, namespace, "b-from-mine", {"podSelector": {"matchLabels": {"n": "a"}}})
    api.make_pod(namespace, "a", labels={"n": "a"})
    api.make_pod(namespace, "a-from-b", labels={"n": "b"})
    make_config(api, namespace, "mine", {"podSelector": {"matchLabels": {"n": "b"}}})


def immutable(api: Api, namespace: str) -> None:
    pod = web(api, namespace)
    drifted = config_map(namespace, NAME, {"podName": "old"}, **made_for(pod))
    api.create(drifted | {"immutable": True})


def quota(api: Api, namespace: str) -> None:
    web(api, namespace)
    api.wait_for(lambda: api.get("ConfigMap", namespace, "kube-root-ca.crt"))
    meta = {"namespace": namespace, "name": "few"}
    hard = {"hard": {"configmaps": "1"}}
    api.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": hard})
    api.wait_for(lambda: (api.get("ResourceQuota", namespace, "few") or {})["status"].get("used"))


def too_many_to_prune(api: Api, namespace: str) -> None:
    """What the config made once, and no longer selects."""
    pod = web(api, namespace, {"podSelector": {"matchLabels": {"n": "another"}}})
    api.create(config_map(namespace, NAME, {}, **made_for(pod)))


def drifted(api: Api, namespace: str) -> None:
    pod = web(api, namespace)
    api.create(config_map(namespace, NAME, {}, **made_for(pod)))


def touched(api: Api, namespace: str) -> Handler:
    """Somebody else writes the ConfigMap, each time just before we do."""

    def fault(request: Observed, forward: Forward) -> Reply:
        if request.method == "PATCH" and request.path.endswith(NAME):
            found = api.get("ConfigMap", namespace, NAME) or {}
            count = len(found["metadata"].get("annotations") or {})
            patch = {"metadata": {"annotations": {f"touched-{count}": "x"}}}
            api.patch("ConfigMap", namespace, NAME, patch)
        return forward()

    return fault


def answering(status: int | None) -> Callable[[Api, str], Handler]:
    """To each create of a ConfigMap this answer, or none, and nothing is stored."""

    def fault(request: Observed, forward: Forward) -> Reply | None:
        if request.method == "POST" and request.path.endswith("/configmaps"):
            body = b'{"kind": "Status", "apiVersion": "v1", "message": "a fault"}'
            return None if status is None else Reply(status, body)
        return forward()

    return lambda *_: fault


def policy(api: Api, namespace: str) -> None:
    """An admission policy that finds ours invalid, and is in force."""
    make_policy(api, namespace)
    probe = config_map(namespace, "pod-probe-from-mine-cfg", {})
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    api.wait_for(lambda: api.request("POST", path, probe, query={"dryRun": "All"})[0] == 422)
    web(api, namespace)


def make_policy(api: Api, namespace: str) -> None:
    """By CEL, on the server's side, with its own default: 422 Invalid."""
    version = "admissionregistration.k8s.io/v1"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"]}
    there = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    spec: Object = {
        "matchConstraints": {"resourceRules": [rule | {"resources": ["configmaps"]}]},
        "validations": [
            {"expression": "!object.metadata.name.startsWith('pod-')", "message": "not here"}
        ],
    }
    binding: Object = {
        "policyName": namespace,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": there},
    }
    for kind, made in (("", spec), ("Binding", binding)):
        obj = {
            "apiVersion": version,
            "kind": f"ValidatingAdmissionPolicy{kind}",
            "metadata": {"name": namespace},
            "spec": made,
        }
        path = POLICIES.replace("policies", "policybindings") if kind else POLICIES
        status, answer = api.request("POST", path, obj)
        assert status == 201, answer


def templated(*sources: str) -> Callable[[Api, str], object]:
    templates = dict(zip("ab", sources, strict=False))
    return lambda api, namespace: web(api, namespace, {"configMapDataTemplate": templates})


FAILURES = [
    Failure("Foreign", foreign),
    Failure("NameTaken", name_taken),
    Failure("Immutable", immutable),
    Failure("TooLarge", templated(*['{{ repeat 530000 "x" }}'] * 2)),
    Failure("TemplateFailed", templated('{{ fail "not today" }}')),
    Failure("QuotaExceeded", quota),
    Failure("Forbidden", web, lacks=("create", "configmaps")),
    Failure("Conflict", drifted, fault=touched),
    Failure("InvalidSpec", lambda api, ns: web(api, ns, INVALID), ready="InvalidSpec"),
    Failure("Rejected", policy),
    Failure(
        "PruneBlocked",
        too_many_to_prune,
        ready="PruneBlocked",
        kind="held_back",
        code=4,
        options=("--max-prune", "0"),
    ),
    Failure("ServerError", web, kind="api", code=5, fault=answering(503)),
    Failure("Unreachable", web, kind="api", code=5, fault=answering(None)),
    Failure("Unauthorized", web, kind="api", code=5, fault=answering(401)),
]
