"""Roles as YAML for people and as JSON have the same objects, whatever the names are."""

import json

import pytest
import yaml

from podcm_sync.rbac import role_manifests
from podcm_sync.rbac.rights import RunProfile, Subject, roles

SUBJECT = Subject(namespace="ops", name="sync")


@pytest.mark.parametrize("bound", [None, SUBJECT])
@pytest.mark.parametrize(
    "name", ["shop", "no", "on", "null", "1e3", "1", "0x1f", "1.5", "2026-11-22", "a.b-c", "y"]
)
def test_yaml_and_json_say_the_same_of_any_name(name: str, bound: Subject | None) -> None:
    made = roles(RunProfile(leader_elect=True, lease_namespace=name), (name,), subject=bound)
    documents = list(yaml.safe_load_all(role_manifests.yaml(made, "podcm-sync rbac")))
    assert documents == json.loads(role_manifests.as_list(made))["items"]
    assert {document["metadata"]["namespace"] for document in documents} == {name}
    assert len(documents) == (4 if bound else 2)


def test_it_reads_like_this() -> None:
    """A comment above each rule says what each verb is for."""
    made = roles(RunProfile(writes=False), ("shop",), subject=SUBJECT)
    assert role_manifests.yaml(made, "podcm-sync rbac -n shop --dry-run --bind=ops:sync") == (
        "# All permissions that podcm-sync needs. "
        "Made by: podcm-sync rbac -n shop --dry-run --bind=ops:sync\n"
        """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: podcm-sync
  namespace: shop
  labels:
    app.kubernetes.io/name: podcm-sync
    app.kubernetes.io/part-of: podcm-sync
rules:
# list: find Pods
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
# list: read configs
- apiGroups: [podconfig.example.com]
  resources: [podconfigmapconfigs]
  verbs: [list]
# list: compare generated ConfigMaps; see which names are taken
- apiGroups: [""]
  resources: [configmaps]
  verbs: [list]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: podcm-sync
  namespace: shop
  labels:
    app.kubernetes.io/name: podcm-sync
    app.kubernetes.io/part-of: podcm-sync
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: podcm-sync
subjects:
- kind: ServiceAccount
  name: sync
  namespace: ops
"""
    )


def test_a_cluster_role_is_bound_in_the_cluster() -> None:
    role, binding = yaml.safe_load_all(
        role_manifests.yaml(roles(RunProfile(), None, subject=SUBJECT), "x")
    )
    assert (role["kind"], binding["kind"]) == ("ClusterRole", "ClusterRoleBinding")
    assert binding["roleRef"]["kind"] == "ClusterRole"
    assert "namespace" not in role["metadata"] | binding["metadata"]


def test_a_name_is_on_the_rule_that_it_narrows() -> None:
    _, lease = yaml.safe_load_all(
        role_manifests.yaml(roles(RunProfile(leader_elect=True), None), "x")
    )
    assert lease["rules"] == [
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": ["podcm-sync"],
            "verbs": ["get", "patch"],
        },
    ]
