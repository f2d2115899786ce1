"""The rights in deploy/ are exactly those that are promised, and enough for a whole life of syncs.

As -A is every namespace there is, these tests have a control plane of their own.
"""

import json
from pathlib import Path

import pytest

from tests import command
from tests.controlplane import own
from tests.controlplane.api import Api, Object, path_of
from tests.controlplane.audit import Audit, AuditEvent
from tests.controlplane.deploy_files import SHIPPED, TEAM, apply_rights, document, documented, shell
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import GENERATED_BY, make_config, selecting

# The list of behavior.md §9, written down: (group, resource) → verbs.
RIGHTS = {
    ("", "pods"): ["list"],
    ("podconfig.example.com", "podconfigmapconfigs"): ["list"],
    ("", "configmaps"): ["create", "delete", "get", "list", "patch"],
    ("podconfig.example.com", "podconfigmapconfigs/status"): ["patch"],
    ("events.k8s.io", "events"): ["create"],
}
ACCOUNT = "podcm-sync"


control_plane, api, deletions = own.control_plane, own.api, own.deletions


@pytest.fixture
def cluster_account(api: Api, control_plane: ControlPlane, tmp_path: Path) -> Path:
    """rbac.yaml applied, and its namespace; the kubeconfig of its ServiceAccount."""
    apply_rights(api)
    token = api.service_account_token(ACCOUNT, ACCOUNT)
    # The authorizer learns of a new binding through a watch.
    api.wait_for(lambda: api.request("GET", path_of("Pod", None), token=token)[0] == 200)
    return control_plane.kubeconfig(tmp_path / "cluster-account", token=token)


@pytest.fixture
def namespace_account(
    api: Api, control_plane: ControlPlane, kubeconfig: Path, namespace: str, tmp_path: Path
) -> Path:
    """What a team applies, by the command in it; the kubeconfig of its ServiceAccount."""
    given = documented(TEAM, "kubectl apply -n shop -k")
    done = shell(control_plane, kubeconfig, given.replace("shop", namespace))
    assert done.returncode == 0, done.stderr
    token = api.service_account_token(namespace, ACCOUNT)
    api.wait_for(lambda: api.request("GET", path_of("Pod", namespace), token=token)[0] == 200)
    return control_plane.kubeconfig(tmp_path / "account", token=token, namespace=namespace)


def flat(rules: list[dict[str, list[str]]]) -> dict[tuple[str, str], list[str]]:
    """Each (group, resource) with its verbs; fails on one that is given twice."""
    pairs = [
        ((group, resource), sorted(rule["verbs"]))
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    ]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def make_web(api: Api, namespace: str) -> None:
    make_config(api, namespace, "web", selecting(app="web") | {"labelsToInclude": ["tier"]})


def generated(api: Api, namespace: str) -> dict[str, dict[str, str]]:
    """The data of each generated ConfigMap."""
    found = api.list("ConfigMap", namespace, GENERATED_BY)
    return {each["metadata"]["name"]: each["data"] for each in found}


def asked(audit: Audit, mark: int, namespace: str = ACCOUNT) -> list[AuditEvent]:
    """What the account in that namespace has asked of the API server's resources since then."""
    user = f"system:serviceaccount:{namespace}:{ACCOUNT}"
    return [event for event in audit.since(mark, user=user) if event.resource]


def live_a_life(api: Api, namespace: str, kubeconfig: Path, *arguments: str) -> None:
    """Creates, an update, a delete, and the status after each, all with exit 0."""
    make_web(api, namespace)
    for name in ("a", "b"):
        api.make_pod(namespace, name, labels={"app": "web", "tier": "front"})
    first = command.run(*arguments, kubeconfig=kubeconfig)
    assert first.code == 0, first.stdout + first.stderr
    data = {"podName": "a", "namespace": namespace, "nodeName": "", "phase": "Pending"}
    assert generated(api, namespace) == {
        "pod-a-from-web-cfg": data | {"label_tier": "front"},
        "pod-b-from-web-cfg": data | {"label_tier": "front", "podName": "b"},
    }
    assert _status(api, namespace) == (1, 2, "Synced")

    api.patch("Pod", namespace, "a", {"metadata": {"labels": {"tier": "back"}}})
    api.patch("Pod", namespace, "b", {"metadata": {"labels": {"app": "other"}}})
    second = command.run(*arguments, kubeconfig=kubeconfig)
    assert second.code == 0, second.stdout + second.stderr
    assert generated(api, namespace) == {"pod-a-from-web-cfg": data | {"label_tier": "back"}}
    assert _status(api, namespace) == (1, 1, "Synced")


def _status(api: Api, namespace: str) -> tuple[int | None, int, str]:
    config = api.get("PodConfigMapConfig", namespace, "web")
    assert config
    status = config["status"]
    (ready,) = [c for c in status["conditions"] if c["type"] == "Ready"]
    return status.get("observedGeneration"), status["configMaps"], ready["reason"]


@pytest.mark.parametrize(
    ("file", "kind"),
    [("rbac.yaml", "ClusterRole"), ("kustomize/namespaced/team/rbac.yaml", "Role")],
)
def test_the_rights_are_the_list_and_nothing_more(file: str, kind: str) -> None:
    role = document(file, kind)
    assert flat(role["rules"]) == RIGHTS
    assert "*" not in json.dumps(role)
    assert {key for rule in role["rules"] for key in rule} == {"apiGroups", "resources", "verbs"}


def test_the_namespace_enforces_restricted() -> None:
    labels = document("00-namespace.yaml", "Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_shipped_rights_serve_a_whole_cluster(
    api: Api, audit: Audit, namespace: str, cluster_account: Path
) -> None:
    """Each is used but for lost answers (`get`) and failures (Events); nothing is refused."""
    make_web(api, "default")
    api.make_pod("default", "c", labels={"app": "web"})
    mark = audit.mark()
    live_a_life(api, namespace, cluster_account, *SHIPPED)
    assert list(generated(api, "default")) == ["pod-c-from-web-cfg"]
    events = asked(audit, mark)
    assert [e for e in events if e.code >= 400] == []
    used = {(e.resource + ("/" + e.subresource if e.subresource else ""), e.verb) for e in events}
    granted = {(resource, verb) for (_, resource), verbs in RIGHTS.items() for verb in verbs}
    assert granted - used == {("configmaps", "get"), ("events", "create")}
    assert used <= granted

    mark = audit.mark()
    again = command.run(*SHIPPED, kubeconfig=cluster_account)
    assert again.code == 0, again.stdout + again.stderr
    assert {e.verb for e in asked(audit, mark)} == {"list"}


def test_a_tenants_mistake_does_not_fail_the_shipped_run(
    api: Api, namespace: str, cluster_account: Path
) -> None:
    make_web(api, namespace)
    api.make_pod(namespace, "a", labels={"app": "web"})
    mine = {"namespace": namespace, "name": "pod-a-from-web-cfg"}
    api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": mine, "data": {"my": "own"}})
    done = command.run(*SHIPPED, kubeconfig=cluster_account)
    assert done.code == 0, done.stdout + done.stderr
    assert _status(api, namespace) == (None, 0, "SomeConfigMapsFailed")
    assert (api.get("ConfigMap", namespace, mine["name"]) or {})["data"] == {"my": "own"}


def test_a_namespaces_rights_serve_that_namespace(
    api: Api, namespace: str, namespace_account: Path
) -> None:
    """With -n as without it, since the context names the namespace."""
    live_a_life(api, namespace, namespace_account, "-n", namespace)
    bare = command.run("-v", kubeconfig=None, env={"KUBECONFIG": str(namespace_account)})
    assert bare.code == 0, bare.stdout + bare.stderr


@pytest.mark.parametrize(
    ("arguments", "where"),
    [(["-A"], "at the cluster scope"), (["-n", "default"], 'in the namespace "default"')],
)
def test_a_namespaces_rights_end_there(
    api: Api, namespace: str, namespace_account: Path, arguments: list[str], where: str
) -> None:
    """Exit 5, with the verb, the resource and the place that are missing, and nothing is done."""
    make_web(api, namespace)
    api.make_pod(namespace, "a", labels={"app": "web"})
    done = command.run(*arguments, kubeconfig=namespace_account)
    assert done.code == 5, done.stdout + done.stderr
    assert 'cannot list resource "' in done.stderr
    assert where in done.stderr
    assert generated(api, namespace) == {}


def test_an_account_of_the_same_name_elsewhere_has_no_rights(
    api: Api, namespace: str, namespace_account: Path
) -> None:
    """The RoleBinding has no namespace: that means its own, not any."""
    for name, expected in ((namespace, 200), ("default", 403)):
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}}
        api.request("POST", path_of("ServiceAccount", name), account)
        token = api.service_account_token(name, ACCOUNT)
        assert api.request("GET", path_of("Pod", namespace), token=token)[0] == expected


def test_the_cronjob_runs_in_a_single_namespace_too(
    api: Api, namespace: str, namespace_account: Path
) -> None:
    made: Object = api.get("CronJob", namespace, "podcm-sync") or {}
    (container,) = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["args"] == SHIPPED[1:]  # without -A
