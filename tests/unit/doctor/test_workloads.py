"""Two workloads that sync one namespace are a warning; separate ones are not."""

import pytest

from podcm_sync.doctor.checks import Level
from podcm_sync.doctor.facts import NotChecked, Workload
from podcm_sync.doctor.workloads import workloads_check
from podcm_sync.reconcile.snapshot import Scope, Shard

ALL = Scope(namespaces=None)


def namespaces(*names: str) -> Scope:
    return Scope(namespaces=names)


def shard(index: int, count: int) -> Scope:
    return Scope(namespaces=None, shard=Shard(index=index, count=count))


def workloads(*scopes: Scope) -> tuple[Workload, ...]:
    return tuple(
        Workload(kind="CronJob", namespace="tools", name=f"sync-{number}", scope=scope)
        for number, scope in enumerate(scopes)
    )


@pytest.mark.parametrize(
    ("scopes", "detail"),
    [
        ((), "no CronJob or Deployment runs podcm-sync"),
        ((ALL,), "CronJob tools/sync-0 syncs all namespaces"),
        (
            (namespaces("shop", "billing"), namespaces("bank")),
            "2 workloads with separate namespaces: CronJob tools/sync-0, CronJob tools/sync-1",
        ),
        (
            (shard(0, 2), shard(1, 2)),
            "2 workloads with separate namespaces: CronJob tools/sync-0, CronJob tools/sync-1",
        ),
    ],
)
def test_one_workload_for_each_namespace_is_no_finding(
    scopes: tuple[Scope, ...], detail: str
) -> None:
    check = workloads_check(workloads(*scopes))
    assert (check.name, check.level, check.detail) == ("workloads", Level.OK, detail)


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (ALL, ALL, "all namespaces"),
        (ALL, namespaces("shop"), "namespace shop"),
        (namespaces("shop", "bank"), namespaces("bank", "post"), "namespace bank"),
        (ALL, shard(1, 2), "the namespaces of shard 1/2"),
        (shard(1, 2), shard(1, 2), "the namespaces of shard 1/2"),
        (shard(0, 2), shard(1, 4), "some namespaces, as shards 0/2 and 1/4"),
    ],
)
def test_two_workloads_for_one_namespace_are_a_warning(
    one: Scope, other: Scope, shared: str
) -> None:
    check = workloads_check(workloads(one, other))
    assert check.level is Level.WARN
    assert check.detail == f"CronJob tools/sync-0 and CronJob tools/sync-1 both sync {shared}"
    assert check.action
    assert workloads_check(workloads(other, one)).level is Level.WARN


def test_each_of_two_shards_has_its_own_of_two_namespaces() -> None:
    named = namespaces("shop", "warehouse")
    found = [workloads_check(workloads(shard(index, 2), named)).detail for index in (0, 1)]
    both = " ".join(found)
    assert ("shop" in both, "warehouse" in both) == (True, True)
    assert found[0] != found[1]


def test_the_second_of_three_is_found_too() -> None:
    check = workloads_check(workloads(namespaces("shop"), namespaces("bank"), namespaces("bank")))
    assert "sync-1 and CronJob tools/sync-2 both sync namespace bank" in check.detail


def test_without_permission_nothing_is_claimed() -> None:
    check = workloads_check(NotChecked(why="no permission to list CronJobs in all namespaces"))
    assert check.level is Level.SKIP
    assert check.detail == "not checked: no permission to list CronJobs in all namespaces"
