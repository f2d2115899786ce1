"""Applying a saved plan: one pass, no status if something didn't fit, and the rules of a run."""

import pytest
from msgspec import structs

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap
from podcm_sync.api.reasons import Reason
from podcm_sync.errors import ClusterError, PlanMismatchError
from podcm_sync.plans.apply_plan import apply_saved, part_of
from podcm_sync.reconcile.changes import Outcome, Plan, Result, SyncPolicy
from podcm_sync.reconcile.prune import PruneLimit
from podcm_sync.reconcile.report import Report, exit_code
from podcm_sync.sync import Observer, Policy, run
from tests import builders
from tests.builders import NOW, config_map, owner, pcmc, pod
from tests.fakes import FakeCluster, Unreachable
from tests.laws.worlds import EVERYWHERE

NAME = NamespacedName("shop", "pod-web-0-from-web-cfg")


def shop() -> FakeCluster:
    return FakeCluster(pod(), pod("web-1"), pcmc(), pcmc("other", match_labels={"a": "b"}))


def planned(cluster: FakeCluster) -> Report:
    return run(EVERYWHERE, cluster, None, Policy(), now=NOW)


def came_to(report: Report) -> dict[str, tuple[Result, Reason]]:
    return {
        outcome.change.namespaced_name.name: (outcome.result, outcome.reason)
        for outcome in report.outcomes
    }


def test_a_conflict_is_held_back_and_there_is_no_second_pass() -> None:
    cluster = FakeCluster(pod(), pcmc(), config_map(more_data={"added": "x"}))
    saved = planned(cluster)
    lists = cluster.lists
    drift = {"data": {"phase": "Edited"}}

    def meddle(_: object) -> None:
        cluster.edit("ConfigMap", NAME, drift)

    cluster.before_write = meddle
    seen: list[Outcome] = []
    done = apply_saved(saved, cluster, cluster, now=NOW, observer=Observer(watch=seen.append))
    assert seen == list(done.outcomes)
    assert cluster.lists == lists + 1
    assert came_to(done) == {NAME.name: (Result.SKIPPED, Reason.PLAN_OUTDATED)}
    assert done.outcomes[0].code == 409
    assert (exit_code(done), done.statuses) == (4, ())


def test_a_config_is_stamped_only_if_all_that_is_its_agreed() -> None:
    cluster = shop()
    saved = planned(cluster)
    cluster.add(pod("web-2"))
    done = apply_saved(saved, cluster, cluster, now=NOW)
    assert came_to(done)["pod-web-2-from-web-cfg"] == (Result.SKIPPED, Reason.NOT_IN_PLAN)
    assert exit_code(done) == 0
    assert [status.update.namespaced_name.name for status in done.statuses] == ["other"]


def test_what_was_incomplete_then_is_not_stamped_now_and_exits_5() -> None:
    cluster = shop()
    saved = structs.replace(planned(cluster), incomplete={"shop": "a list failed"})
    done = apply_saved(saved, cluster, cluster, now=NOW)
    assert [write.verb for write in cluster.writes] == ["create", "create"]
    assert (exit_code(done), done.statuses) == (5, ())
    assert done.incomplete == {"shop": "a list failed"}


def test_a_signal_stops_it_as_it_stops_a_run() -> None:
    cluster = shop()
    saved = planned(cluster)
    plans: list[Plan] = []
    seen: list[Outcome] = []
    stopping = builders.stopping(is_stopping=lambda: bool(cluster.writes))
    observer = Observer(stopping=stopping, planned=plans.append, watch=seen.append)
    done = apply_saved(saved, cluster, cluster, Policy(concurrency=1), now=NOW, observer=observer)
    assert came_to(done)["pod-web-1-from-web-cfg"] == (Result.SKIPPED, Reason.INTERRUPTED)
    assert exit_code(done) == 5
    assert len(plans) == 1
    assert len(seen) == len(done.outcomes)
    assert "web" not in {status.update.namespaced_name.name for status in done.statuses}


def test_without_an_answer_nothing_is_written() -> None:
    cluster = shop()
    saved = planned(cluster)
    with pytest.raises(ClusterError):
        apply_saved(saved, Unreachable(), cluster, now=NOW)
    assert cluster.writes == []


def test_a_config_that_begins_to_fail_is_said_in_an_event_as_by_a_run() -> None:
    cluster = FakeCluster(pod(), pcmc(match_labels={"a b": "c"}))
    saved = planned(cluster)
    apply_saved(saved, cluster, cluster, now=NOW, recorder=cluster)
    assert [event.reason for event in cluster.events.values()] == ["InvalidSpec"]


def test_what_a_file_says_of_an_object_is_not_believed() -> None:
    """The patch starts from today's list. Otherwise a forger could add owners to a ConfigMap."""
    cluster = FakeCluster(pod(), pcmc(), config_map(more_data={"added": "x"}))
    saved = planned(cluster)
    (outcome,) = saved.outcomes
    assert outcome.change.existing is not None
    forged = structs.replace(
        outcome.change.existing,
        data={},
        owner_references=(
            *outcome.change.existing.owner_references,
            owner("gone", kind="Node", controller=False),
        ),
    )
    change = structs.replace(outcome.change, existing=forged)
    saved = structs.replace(saved, outcomes=(structs.replace(outcome, change=change),))
    assert came_to(apply_saved(saved, cluster, cluster, now=NOW)) == {
        NAME.name: (Result.UPDATED, Reason.OUT_OF_SYNC)
    }
    (written,) = cluster.snapshot(EVERYWHERE).config_maps
    assert [owner_reference.kind for owner_reference in written.owner_references] == ["Pod"]
    assert "added" not in written.data


def stale(*names: str, namespace: str = "shop") -> list[ConfigMap]:
    return [config_map(made_for=pod(name, namespace=namespace), owners=[]) for name in names]


def limited(amount: int) -> Policy:
    return Policy(max_prune=(PruneLimit(amount=amount, is_percentage=False),))


def test_the_guards_judge_what_the_plan_would_delete_now() -> None:
    """One of two is already gone, and a limit of one allows the other."""
    cluster = FakeCluster(*stale("a", "b"))
    saved = planned(cluster)
    assert exit_code(apply_saved(saved, cluster, cluster, limited(1), now=NOW)) == 4
    assert cluster.writes == []
    cluster.remove("ConfigMap", NamespacedName("shop", "pod-a-from-web-cfg"))
    done = apply_saved(saved, cluster, cluster, limited(1), now=NOW)
    assert came_to(done) == {
        "pod-a-from-web-cfg": (Result.SKIPPED, Reason.ALREADY_GONE),
        "pod-b-from-web-cfg": (Result.DELETED, Reason.POD_GONE),
    }


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (limited(0), Reason.PRUNE_BLOCKED),
        (Policy(sync_policy=SyncPolicy.UPSERT_ONLY), Reason.UPSERT_ONLY),
    ],
)
def test_what_the_plan_holds_back_stays_held_back(policy: Policy, reason: Reason) -> None:
    cluster = FakeCluster(*stale("a"))
    saved = run(EVERYWHERE, cluster, None, policy, now=NOW)
    done = apply_saved(saved, cluster, cluster, now=NOW)
    assert came_to(done) == {"pod-a-from-web-cfg": (Result.SKIPPED, reason)}
    assert done.sync_policy is policy.sync_policy
    assert cluster.writes == []


def test_a_part_of_a_plan_is_applied_within_its_namespaces() -> None:
    cluster = FakeCluster(*stale("a"), *stale("b", namespace="team"))
    part = part_of(planned(cluster), ("team",))
    done = apply_saved(part, cluster, cluster, now=NOW)
    assert came_to(done) == {"pod-b-from-web-cfg": (Result.DELETED, Reason.POD_GONE)}
    assert done.scope.namespaces == ("team",)


def test_a_part_of_a_plan_that_it_does_not_have_is_refused() -> None:
    saved = planned(FakeCluster(*stale("a")))
    with pytest.raises(PlanMismatchError, match=r"no ConfigMap in namespace team"):
        part_of(saved, ("shop", "team"))


def test_what_is_left_to_the_garbage_collector_is_named_after_an_apply_too() -> None:
    cluster = FakeCluster(config_map(), pcmc())
    done = apply_saved(planned(cluster), cluster, cluster, now=NOW)
    assert done.left_to_gc == (NAME,)
