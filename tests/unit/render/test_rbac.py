"""Roles as YAML for people and as JSON: the same objects, whatever the names."""

import json

import pytest
import yaml

from podcm_sync.core.rights import Subject, roles
from podcm_sync.model.rights import Use
from podcm_sync.render import rbac

SUBJECT = Subject(namespace="ops", name="sync")


@pytest.mark.parametrize("bound", [None, SUBJECT])
@pytest.mark.parametrize(
    "name", ["shop", "no", "on", "null", "1e3", "1", "0x1f", "1.5", "2026-11-22", "a.b-c", "y"]
)
def test_yaml_and_json_say_the_same_of_any_name(name: str, bound: Subject | None) -> None:
    made = roles(Use(leader_elect=True, lease_namespace=name), (name,), subject=bound)
    documents = list(yaml.safe_load_all(rbac.yaml(made, "podcm-sync rbac")))
    assert documents == json.loads(rbac.as_list(made))["items"]
    assert {each["metadata"]["namespace"] for each in documents} == {name}
    assert len(documents) == (4 if bound else 2)


def test_it_reads_like_this() -> None:
    """What each verb is for stands above it."""
    made = roles(Use(writes=False), ("shop",), subject=SUBJECT)
    assert rbac.yaml(made, "podcm-sync rbac -n shop --dry-run --bind=ops:sync") == (
        "# The rights that podcm-sync needs, and no other. "
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
# list: for which Pods
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
# list: what is asked for
- apiGroups: [podconfig.example.com]
  resources: [podconfigmapconfigs]
  verbs: [list]
# list: the generated ones, to compare with; the names of the others, as one may be taken
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
    role, binding = yaml.safe_load_all(rbac.yaml(roles(Use(), None, subject=SUBJECT), "x"))
    assert (role["kind"], binding["kind"]) == ("ClusterRole", "ClusterRoleBinding")
    assert binding["roleRef"]["kind"] == "ClusterRole"
    assert "namespace" not in role["metadata"] | binding["metadata"]


def test_a_name_is_on_the_rule_that_it_narrows() -> None:
    _, lease = yaml.safe_load_all(rbac.yaml(roles(Use(leader_elect=True), None), "x"))
    assert lease["rules"] == [
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": ["podcm-sync"],
            "verbs": ["get", "patch"],
        },
    ]
