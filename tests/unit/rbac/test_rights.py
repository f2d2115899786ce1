"""The Roles for the options (behavior.md §9)."""

import pytest

from podcm_sync.rbac.rights import RunProfile, Subject, needed, roles, rules

LISTS = ["list pods", "list podconfigmapconfigs.podconfig.example.com", "list configmaps"]
WRITES = [
    *(f"{verb} configmaps" for verb in ("get", "create", "patch", "delete")),
    "patch podconfigmapconfigs.podconfig.example.com/status",
]
EVENT = ["create events.events.k8s.io"]
PODS, CONFIGS, CONFIG_MAPS = (resource.removeprefix("list ") for resource in LISTS)
WATCH = [
    *[f"{verb} {resource}" for resource in (PODS, CONFIGS) for verb in ("get", "watch")],
    f"watch {CONFIG_MAPS}",
]
LEASE = [f"{verb} leases.coordination.k8s.io" for verb in ("create", "get", "patch")]


@pytest.mark.parametrize(
    ("use", "rights"),
    [
        (RunProfile(), LISTS + WRITES + EVENT),
        (RunProfile(events=False), LISTS + WRITES),
        (RunProfile(writes=False), LISTS),
        (RunProfile(writes=False, events=False), LISTS),
        (RunProfile(watch=True), LISTS + WRITES + EVENT + WATCH),
        (RunProfile(watch=True, events=False), LISTS + WRITES + WATCH),
        (RunProfile(leader_elect=True), LISTS + WRITES + EVENT + LEASE),
        (RunProfile(watch=True, leader_elect=True), LISTS + WRITES + EVENT + WATCH + LEASE),
        (RunProfile(writes=False, leader_elect=True), LISTS + LEASE),
    ],
)
def test_which_options_need_what(use: RunProfile, rights: list[str]) -> None:
    assert list(map(str, needed(use))) == rights


def test_a_resource_has_one_rule_and_a_name_of_its_own_another() -> None:
    made = [
        (rule.group, rule.resource, rule.names, rule.verbs)
        for rule in rules(needed(RunProfile(leader_elect=True)))
    ]
    pcmc = "podconfig.example.com"
    assert made == [
        ("", "pods", (), ("list",)),
        (pcmc, "podconfigmapconfigs", (), ("list",)),
        ("", "configmaps", (), ("list", "get", "create", "patch", "delete")),
        (pcmc, "podconfigmapconfigs/status", (), ("patch",)),
        ("events.k8s.io", "events", (), ("create",)),
        ("coordination.k8s.io", "leases", (), ("create",)),
        ("coordination.k8s.io", "leases", ("podcm-sync",), ("get", "patch")),
    ]


def test_each_namespace_has_a_role_and_the_cluster_one() -> None:
    made = roles(RunProfile(), ("shop", "billing"))
    assert [(role.is_cluster_wide, role.namespace, role.name) for role in made] == [
        (False, "shop", "podcm-sync"),
        (False, "billing", "podcm-sync"),
    ]
    (cluster,) = roles(RunProfile(), None, name="mine")
    assert (cluster.is_cluster_wide, cluster.namespace, cluster.name) == (True, "", "mine")


def test_the_lease_is_in_its_own_namespace_alone() -> None:
    """In a ClusterRole, it would allow the Lease of that name in every namespace."""
    subject = Subject(namespace="ops", name="sync")
    use = RunProfile(leader_elect=True, lease_namespace="ops", lease_name="another")
    cluster, lease = roles(use, None, name="mine", subject=subject)
    assert "leases" not in {rule.resource for rule in cluster.rules}
    assert [(rule.resource, rule.names) for rule in lease.rules] == [
        ("leases", ()),
        ("leases", ("another",)),
    ]
    assert (lease.is_cluster_wide, lease.namespace) == (False, "ops")
    assert lease.name == "mine-leader"
    assert cluster.subject == lease.subject == subject


def test_the_rights_to_watch_have_roles_of_their_own() -> None:
    """The first Role is the same with and without --watch, as a CronJob and a loop share it."""
    made = roles(RunProfile(watch=True), ("shop", "billing"), name="mine")
    assert [(role.namespace, role.name) for role in made] == [
        ("shop", "mine"),
        ("billing", "mine"),
        ("shop", "mine-watch"),
        ("billing", "mine-watch"),
    ]
    assert made[:2] == roles(RunProfile(), ("shop", "billing"), name="mine")
    for role in made[2:]:
        assert {rule.verbs for rule in role.rules} == {("get", "watch"), ("watch",)}
    names = [
        (role.is_cluster_wide, role.name)
        for role in roles(RunProfile(watch=True, leader_elect=True), None)
    ]
    assert names == [
        (True, "podcm-sync"),
        (True, "podcm-sync-watch"),
        (False, "podcm-sync-leader"),
    ]
