"""What a run deletes, leaves to the garbage collector, or holds back (behavior.md §3, §6)."""

import pytest

from podcm_sync.api.reasons import Reason
from podcm_sync.errors import ClusterError
from podcm_sync.reconcile.changes import Result, SyncPolicy
from podcm_sync.reconcile.report import exit_code, summary
from podcm_sync.sync import Policy, run
from tests.builders import NOW, config_map, pcmc, pod
from tests.fakes import FakeCluster
from tests.unit.test_sync import ALL, OUT_OF_SYNC, limit, results, shop, sync


def left(cluster: FakeCluster) -> tuple[str, ...]:
    """What is named at the end of a run."""
    return tuple(str(name) for name in sync(cluster).left_to_gc)


OWNED = config_map(made_for=pod("gone"))


@pytest.mark.parametrize("limits", [Policy(concurrency=1), limit(0)])
def test_what_a_filtered_list_of_pods_hides_is_left_to_the_garbage_collector(
    limits: Policy,
) -> None:
    """An access proxy answers 200 with the Pods that the identity may see (case 19)."""
    cluster = shop(*(config_map(made_for=pod(f"web-{number}")) for number in range(20)))
    before = set(cluster.dump())
    report = sync(cluster, policy=limits)
    assert set(cluster.dump()) == before
    assert summary(report).deleted == 0
    assert len(report.left_to_gc) == 19
    assert exit_code(report) == 0


def test_what_the_garbage_collector_took_meanwhile_is_not_named() -> None:
    assert left(shop(OWNED)) == ("shop/pod-gone-from-web-cfg",)
    quick = shop(OWNED)
    quick.collects_garbage = True
    assert left(quick) == ()


def test_what_cannot_be_looked_up_again_counts_as_left() -> None:
    cluster = shop(OWNED)
    cluster.collects_garbage = True
    cluster.before_list = lambda kind, _: "no right" if kind == "remaining" else None
    assert left(cluster) == ("shop/pod-gone-from-web-cfg",)

    def fail(kind: str, _: str) -> None:
        if kind == "remaining":
            raise ClusterError("the server went away")

    cluster = shop(OWNED)
    cluster.before_list = fail
    assert left(cluster) == ("shop/pod-gone-from-web-cfg",)


def test_a_dry_run_looks_nothing_up_and_shows_skips() -> None:
    cluster = shop(OWNED)
    asked: list[str] = []

    def note(kind: str, _: str) -> None:
        asked.append(kind)

    cluster.before_list = note
    report = run(ALL, cluster, None, Policy(), now=NOW)
    reasons = {each.change.namespaced_name.name: each.reason for each in report.outcomes}
    assert reasons["pod-gone-from-web-cfg"] is Reason.LEFT_TO_GARBAGE_COLLECTOR
    assert report.left_to_gc == ()
    assert "remaining" not in asked


def test_upsert_only_creates_and_updates_and_never_deletes() -> None:
    stale = config_map(made_for=pod("gone"), owners=[])
    policy = Policy(concurrency=1, sync_policy=SyncPolicy.UPSERT_ONLY, max_prune=limit(0).max_prune)
    cluster = shop(pod("web-1"), OUT_OF_SYNC, stale)
    report = sync(cluster, policy=policy)
    assert [write.verb for write in cluster.writes] == ["update", "create", "status"]
    assert results(report)[stale.namespaced_name.name] == (Result.SKIPPED, Reason.UPSERT_ONLY)
    again = sync(cluster, policy=policy)
    assert exit_code(again, changes_are_1=True) == 0
    assert report.sync_policy is SyncPolicy.UPSERT_ONLY


def test_a_total_holds_back_every_namespace_and_is_not_tolerated() -> None:
    stale = [
        config_map(made_for=pod(f"gone-{number}", namespace=space), owners=[])
        for space in ("a", "b", "c")
        for number in range(3)
    ]
    cluster = FakeCluster(*stale, *(pcmc(namespace=space) for space in ("a", "b", "c")))
    total = limit(5).max_prune
    report = sync(cluster, policy=Policy(max_prune_total=total, concurrency=1))
    assert (summary(report).deleted, summary(report).held_back) == (0, 9)
    assert exit_code(report, tolerate_object_failures=True) == 4
    ready = [each.update.desired.conditions[0] for each in report.statuses]
    assert {each.reason for each in ready} == {"PruneBlocked"}
    # A tenant's status says nothing of other namespaces, nor changes whenever they do.
    assert not any(f"namespace {space}" in each.message for each in ready for space in "abc")


def test_a_namespace_that_is_held_back_holds_back_no_other_and_is_tolerated() -> None:
    stale = [
        config_map(made_for=pod(f"gone-{number}", namespace=space), owners=[])
        for space, count in (("a", 101), ("b", 2))
        for number in range(count)
    ]
    cluster = FakeCluster(*stale)
    report = sync(cluster, policy=limit(100))
    assert (summary(report).deleted, summary(report).held_back) == (2, 101)
    assert exit_code(report) == 4
    assert exit_code(report, tolerate_object_failures=True) == 0
