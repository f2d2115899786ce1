"""Options → Roles (spec §9)."""

import pytest

from podcm_sync.core.rights import Subject, needed, roles, rules
from podcm_sync.model.rights import Use

LISTS = ["list pods", "list podconfigmapconfigs.podconfig.example.com", "list configmaps"]
WRITES = [
    *(f"{verb} configmaps" for verb in ("get", "create", "patch", "delete")),
    "patch podconfigmapconfigs.podconfig.example.com/status",
]
EVENT = ["create events.events.k8s.io"]
LEASE = [f"{verb} leases.coordination.k8s.io" for verb in ("create", "get", "patch")]


@pytest.mark.parametrize(
    ("use", "rights"),
    [
        (Use(), LISTS + WRITES + EVENT),
        (Use(events=False), LISTS + WRITES),
        (Use(writes=False), LISTS),
        (Use(writes=False, events=False), LISTS),
        (Use(leader_elect=True), LISTS + WRITES + EVENT + LEASE),
        (Use(writes=False, leader_elect=True), LISTS + LEASE),
    ],
)
def test_which_options_need_what(use: Use, rights: list[str]) -> None:
    assert list(map(str, needed(use))) == rights


def test_a_resource_has_one_rule_and_a_name_of_its_own_another() -> None:
    found = [
        (rule.group, rule.resource, rule.names, rule.verbs)
        for rule in rules(needed(Use(leader_elect=True)))
    ]
    pcmc = "podconfig.example.com"
    assert found == [
        ("", "pods", (), ("list",)),
        (pcmc, "podconfigmapconfigs", (), ("list",)),
        ("", "configmaps", (), ("list", "get", "create", "patch", "delete")),
        (pcmc, "podconfigmapconfigs/status", (), ("patch",)),
        ("events.k8s.io", "events", (), ("create",)),
        ("coordination.k8s.io", "leases", (), ("create",)),
        ("coordination.k8s.io", "leases", ("podcm-sync",), ("get", "patch")),
    ]


def test_each_namespace_has_a_role_and_the_cluster_one() -> None:
    found = roles(Use(), ("shop", "billing"))
    assert [(each.is_cluster_wide, each.namespace, each.name) for each in found] == [
        (False, "shop", "podcm-sync"),
        (False, "billing", "podcm-sync"),
    ]
    (cluster,) = roles(Use(), None, name="mine")
    assert (cluster.is_cluster_wide, cluster.namespace, cluster.name) == (True, "", "mine")


def test_the_lease_is_in_its_own_namespace_alone() -> None:
    """A ClusterRole with it would be the right to any namespace's Lease of that name."""
    subject = Subject(namespace="ops", name="sync")
    use = Use(leader_elect=True, lease_namespace="ops", lease_name="another")
    cluster, lease = roles(use, None, name="mine", subject=subject)
    assert "leases" not in {rule.resource for rule in cluster.rules}
    assert [(rule.resource, rule.names) for rule in lease.rules] == [
        ("leases", ()),
        ("leases", ("another",)),
    ]
    assert (lease.is_cluster_wide, lease.namespace) == (False, "ops")
    assert lease.name == "mine-leader"
    assert cluster.subject == lease.subject == subject
