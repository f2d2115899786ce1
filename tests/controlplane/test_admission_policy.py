"""deploy/admission-policy.yaml lets through every write of a sync, and no other of its token.

The account has more rights than the shipped ones here, so that nothing but the policy refuses.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.accounts import RBAC
from tests.controlplane.api import Api, Object, path_of
from tests.controlplane.deploy_files import DEPLOY, TEAM, apply_rights, document, documented, shell
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import (
    FINALIZER,
    GENERATED_BY,
    POD_UID,
    PRUNE,
    all_config_maps,
    change_config,
    config_map,
    generated,
    made_for,
    make_config,
    names,
    owner,
    selecting,
    status_of,
)
from tests.controlplane.syncing import LATER, Run, sync

POLICY = "podcm-sync-own-configmaps"
ACCOUNT = "podcm-sync"
MERGE = "application/merge-patch+json"
OURS = {GENERATED_BY: "mine", POD_UID: "u"}
OTHER = {"apiVersion": "v1", "kind": "Pod", "name": "other", "uid": "not-the-labels"}
NODE = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}


def somebody(api: Api, namespace: str) -> Object:
    """An owner that exists, as the garbage collector takes away those that don't."""
    account = api.get("ServiceAccount", namespace, "default") or {}
    uid = account["metadata"]["uid"]
    return {"apiVersion": "v1", "kind": "ServiceAccount", "name": "default", "uid": uid}


class Account:
    """The ServiceAccount's token, in anybody's hands."""

    def __init__(self, api: Api, token: str) -> None:
        self._api = api
        self.token = token

    def asks(self, method: str, path: str, body: object = None, **options: Any) -> tuple[int, str]:
        """The HTTP status and the message of the answer."""
        status, answer = self._api.request(method, path, body, token=self.token, **options)
        message = answer.get("message", "") if isinstance(answer, dict) else answer
        return status, str(message)

    def is_refused(self, method: str, path: str, body: object = None, **options: Any) -> str:
        """Why the policy refuses it; that it does is asserted."""
        status, message = self.asks(method, path, body, **options)
        assert status == 403, (status, message)
        assert POLICY in message
        return message


@pytest.fixture(scope="module")
def policy(api: Api, control_plane: ControlPlane) -> Iterator[Account]:
    """The policy in force for the shipped account, to which every right on ConfigMaps is given."""
    apply_rights(api)
    subject = {"kind": "ServiceAccount", "namespace": ACCOUNT, "name": ACCOUNT}
    meta = {"name": "podcm-sync-stolen"}
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}]
    api.create(
        {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": meta, "rules": rules}
    )
    role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": meta["name"]}
    binding = {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRoleBinding", "metadata": meta}
    api.create({**binding, "roleRef": role, "subjects": [subject]})
    api.apply_yaml(DEPLOY / "admission-policy.yaml")
    account = Account(api, api.service_account_token(ACCOUNT, ACCOUNT))
    path = path_of("ConfigMap", ACCOUNT)
    foreign = config_map(ACCOUNT, "probe")
    # Rights and policies come into force a moment after they are stored.
    api.wait_for(lambda: POLICY in account.asks("POST", path, foreign, query={"dryRun": "All"})[1])
    yield account
    api.delete("ValidatingAdmissionPolicyBinding", None, POLICY)
    api.delete("ValidatingAdmissionPolicy", None, POLICY)


@pytest.fixture
def as_account(
    policy: Account, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> Path:
    return control_plane.kubeconfig(tmp_path / "account", token=policy.token, namespace=namespace)


def test_the_server_finds_no_fault_in_its_expressions(api: Api, policy: Account) -> None:
    def checked() -> Object | None:
        stored = api.get("ValidatingAdmissionPolicy", None, POLICY) or {}
        status: Object = stored.get("status") or {}
        is_current = status.get("observedGeneration") == stored["metadata"]["generation"]
        return status if is_current else None

    status = api.wait_for(checked)
    assert status is not None
    assert not status.get("typeChecking", {}).get("expressionWarnings")


def both_runs(kubeconfig: Path, **counts: int) -> None:
    """A run whose writes are these, all accepted, and a second one that writes nothing."""
    for expected in (counts, {}):
        run: Run = sync(kubeconfig, now=LATER)
        assert run.code == 0, run.report.outcomes
        written = {key: number for key, number in run.counts.items() if key != "unchanged"}
        assert written == expected


def test_a_whole_life_of_syncs_passes(api: Api, namespace: str, as_account: Path) -> None:
    """Creates, adoption, every sort of drift, a recreated Pod, deletes, and long names."""
    long = "l" * 70
    template = {"configMapDataTemplate": {"greeting": "hello {{ .name }}"}}
    make_config(api, namespace, "mine", selecting(app="web") | template)
    make_config(api, namespace, long, selecting(app="web"))
    web = api.make_pod(namespace, "web", labels={"app": "web"})
    api.make_pod(namespace, "p" * 240, labels={"app": "web"})
    both_runs(as_account, created=4)

    # The Go controller's, with an owner of somebody else's beside the Pod.
    old = api.make_pod(namespace, "old", labels={"app": "web"})
    theirs = somebody(api, namespace)
    made = made_for(old)
    made["ownerReferences"] = [owner(old) | {"blockOwnerDeletion": True}, theirs]
    api.create(config_map(namespace, "pod-old-from-mine-cfg", {"podName": "?"}, **made))
    both_runs(as_account, created=1, updated=1)
    adopted = generated(api, namespace, "pod-old-from-mine-cfg")["metadata"]
    assert sorted(each["kind"] for each in adopted["ownerReferences"]) == ["Pod", "ServiceAccount"]

    drifted = {
        "data": {"podName": "x", "added": "y"},
        "metadata": {
            "labels": {POD_UID: "x", "others": "stay"},
            "annotations": {PRUNE: "disabled"},
            "finalizers": [FINALIZER],
            "ownerReferences": [theirs | {"controller": True}],
        },
    }
    api.patch("ConfigMap", namespace, "pod-web-from-mine-cfg", drifted)
    both_runs(as_account, updated=1)
    found = generated(api, namespace)["metadata"]
    assert found["ownerReferences"] == [owner(web)]
    assert found["finalizers"] == [FINALIZER]
    keeps = {"metadata": {"annotations": {PRUNE: None}, "finalizers": None}}
    api.patch("ConfigMap", namespace, "pod-web-from-mine-cfg", keeps)

    api.patch("Pod", namespace, "web", {"metadata": {"labels": {"app": "other"}}})
    both_runs(as_account, deleted=2)
    api.delete("PodConfigMapConfig", namespace, long)
    both_runs(as_account, deleted=2)
    change_config(api, namespace, selecting(app="nothing"))
    both_runs(as_account, deleted=2)
    assert names(api, namespace) == []
    assert status_of(api, namespace)["observedGeneration"] == 2


def test_a_pod_that_was_recreated_keeps_its_config_map(
    api: Api, namespace: str, as_account: Path
) -> None:
    make_config(api, namespace)
    api.make_pod(namespace, "web")
    both_runs(as_account, created=1)
    # Without its owner the collector leaves it, as if it were slow.
    api.patch(
        "ConfigMap", namespace, "pod-web-from-mine-cfg", {"metadata": {"ownerReferences": None}}
    )
    api.delete("Pod", namespace, "web", gracePeriodSeconds=0)
    api.wait_for(lambda: api.get("Pod", namespace, "web") is None)
    again = api.make_pod(namespace, "web")
    both_runs(as_account, updated=1)
    assert generated(api, namespace)["metadata"]["ownerReferences"] == [owner(again)]


@pytest.mark.parametrize("where", ["kube-system", "its own"])
def test_the_token_cannot_touch_a_foreign_config_map(
    api: Api, policy: Account, namespace: str, where: str
) -> None:
    place = where if where == "kube-system" else namespace
    name = f"settings-of-{namespace}"
    api.create(config_map(place, name, {"a": "1"}))
    path = path_of("ConfigMap", place, name)
    collection = path_of("ConfigMap", place)
    assert "form pod-...-cfg" in policy.is_refused("POST", collection, config_map(place, "mine"))
    generate = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "x-"}}
    policy.is_refused("POST", collection, generate)
    policy.is_refused("PATCH", path, {"data": {"a": "2"}}, content_type=MERGE)
    policy.is_refused("PATCH", path, {"metadata": {"labels": OURS}}, content_type=MERGE)
    policy.is_refused("PUT", path, config_map(place, name, {"a": "2"}, labels=OURS))
    applied = config_map(place, name, {"a": "2"})
    query = {"fieldManager": "stolen", "force": "true"}
    policy.is_refused(
        "PATCH", path, applied, content_type="application/apply-patch+yaml", query=query
    )
    policy.is_refused("DELETE", path)
    policy.is_refused("DELETE", path, query={"dryRun": "All"})
    policy.is_refused("DELETE", collection)
    assert (api.get("ConfigMap", place, name) or {})["data"] == {"a": "1"}


def test_the_token_cannot_make_a_foreign_one_of_the_right_name_its_own(
    api: Api, policy: Account, namespace: str
) -> None:
    """Relabel it, and it could be deleted next: the labels count before as after."""
    name = "pod-web-from-mine-cfg"
    api.create(config_map(namespace, name, {"a": "1"}, labels={POD_UID: "u"}))
    path = path_of("ConfigMap", namespace, name)
    refused = policy.is_refused("PATCH", path, {"metadata": {"labels": OURS}}, content_type=MERGE)
    assert "before and after" in refused
    policy.is_refused("DELETE", path)
    created = config_map(namespace, "pod-b-cfg", labels={GENERATED_BY: "mine"})
    policy.is_refused("POST", path_of("ConfigMap", namespace), created)
    assert names(api, namespace) == [name]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"metadata": {"finalizers": [FINALIZER]}}, "finalizers"),
        ({"immutable": True}, "immutable"),
        ({"metadata": {"labels": {GENERATED_BY: None}}}, "before and after"),
        ({"metadata": {"annotations": {PRUNE: "disabled"}}}, "prune"),
        ({"metadata": {"ownerReferences": [OTHER]}}, "no owner but the Pod"),
        ({"metadata": {"ownerReferences": [NODE]}}, "no owner but the Pod"),
    ],
)
def test_the_token_cannot_do_more_than_a_sync_to_its_own(
    api: Api, policy: Account, namespace: str, change: Object, why: str
) -> None:
    api.create(config_map(namespace, "pod-a-cfg", {"a": "1"}, labels=OURS))
    before = all_config_maps(api, namespace)
    path = path_of("ConfigMap", namespace, "pod-a-cfg")
    assert why in policy.is_refused("PATCH", path, change, content_type=MERGE)
    created = config_map(namespace, "pod-b-cfg", labels=OURS)
    created["metadata"] |= change.get("metadata", {})
    created |= {key: value for key, value in change.items() if key != "metadata"}
    if "annotations" not in created["metadata"]:
        policy.is_refused("POST", path_of("ConfigMap", namespace), created)
    assert all_config_maps(api, namespace) == before
    assert policy.asks("DELETE", path)[0] == 200


def test_the_token_can_neither_delete_nor_unlock_what_may_not_be_pruned(
    api: Api, policy: Account, namespace: str
) -> None:
    held = config_map(namespace, "pod-a-cfg", labels=OURS, annotations={PRUNE: "disabled"})
    api.create(held | {"metadata": held["metadata"] | {"finalizers": [FINALIZER]}})
    path = path_of("ConfigMap", namespace, "pod-a-cfg")
    assert "prune: disabled" in policy.is_refused("DELETE", path)
    unlock = {"metadata": {"annotations": {PRUNE: None}}}
    assert "annotation" in policy.is_refused("PATCH", path, unlock, content_type=MERGE)
    release = {"metadata": {"finalizers": None}}
    assert "finalizers" in policy.is_refused("PATCH", path, release, content_type=MERGE)
    assert policy.asks("PATCH", path, {"data": {"a": "1"}}, content_type=MERGE)[0] == 200
    api.patch("ConfigMap", namespace, "pod-a-cfg", release)


def test_the_token_cannot_take_an_owner_of_somebody_elses_away(
    api: Api, policy: Account, namespace: str
) -> None:
    theirs = somebody(api, namespace)
    api.create(config_map(namespace, "pod-a-cfg", labels=OURS, ownerReferences=[theirs]))
    path = path_of("ConfigMap", namespace, "pod-a-cfg")
    change = {"metadata": {"ownerReferences": None}}
    assert "remove only" in policy.is_refused("PATCH", path, change, content_type=MERGE)


def test_others_are_not_concerned(api: Api, policy: Account, namespace: str) -> None:
    """Neither people nor the garbage collector nor accounts of another name."""
    api.create(config_map(namespace, "anything", {"a": "1"}))
    api.patch("ConfigMap", namespace, "anything", {"data": {"a": "2"}})
    api.delete("ConfigMap", namespace, "anything")


def test_it_concerns_the_account_in_every_namespace(
    api: Api, policy: Account, control_plane: ControlPlane, kubeconfig: Path
) -> None:
    """As a team installs it for itself, with the kustomization of a team."""
    shop = new_namespace(api)
    given = documented(TEAM, "kubectl apply -n shop -k")
    done = shell(control_plane, kubeconfig, given.replace("shop", shop))
    assert done.returncode == 0, done.stderr
    theirs = Account(api, api.service_account_token(shop, ACCOUNT))
    path = path_of("ConfigMap", shop)
    api.wait_for(lambda: "cannot create" not in theirs.asks("POST", path, config_map(shop, "a"))[1])
    theirs.is_refused("POST", path, config_map(shop, "a"))
    assert theirs.asks("POST", path, config_map(shop, "pod-a-cfg", labels=OURS))[0] == 201


def test_it_can_name_single_accounts_instead_as_its_comment_says(
    api: Api, policy: Account, namespace: str
) -> None:
    api.create(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"namespace": namespace, "name": "sync"},
        }
    )
    expression = documented("admission-policy.yaml", "expression: request.userInfo.username in")
    changed = document("admission-policy.yaml", "ValidatingAdmissionPolicy")
    (condition,) = changed["spec"]["matchConditions"]
    condition["expression"] = expression.removeprefix("expression: ").replace("shop", namespace)
    grant = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"namespace": namespace, "name": "sync"},
    }
    role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "podcm-sync-stolen"}
    subject = {"kind": "ServiceAccount", "namespace": namespace, "name": "sync"}
    api.create({**grant, "roleRef": role, "subjects": [subject]})
    other = Account(api, api.service_account_token(namespace, "sync"))
    path = path_of("ConfigMap", namespace)
    try:
        api.patch("ValidatingAdmissionPolicy", None, POLICY, {"spec": changed["spec"]})
        api.wait_for(
            lambda: (
                POLICY
                in other.asks("POST", path, config_map(namespace, "a"), query={"dryRun": "All"})[1]
            )
        )
    finally:
        shipped = document("admission-policy.yaml", "ValidatingAdmissionPolicy")
        api.patch("ValidatingAdmissionPolicy", None, POLICY, {"spec": shipped["spec"]})
        api.wait_for(
            lambda: (
                POLICY
                in policy.asks("POST", path, config_map(namespace, "a"), query={"dryRun": "All"})[1]
            )
        )
