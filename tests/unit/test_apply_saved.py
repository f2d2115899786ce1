"""Applying a saved plan: one pass, no statuses of what did not agree, and a run's good manners."""

import pytest
from msgspec import structs

from podcm_sync.apply_saved import apply_saved
from podcm_sync.core.report import Report, exit_code
from podcm_sync.errors import ClusterError
from podcm_sync.lanes import Stopping
from podcm_sync.model.changes import Outcome, Plan, Result
from podcm_sync.model.meta import NamespacedName
from podcm_sync.model.reasons import Reason
from podcm_sync.sync import Observer, Policy, run
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
        each.change.namespaced_name.name: (each.result, each.reason) for each in report.outcomes
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
    assert [each.update.namespaced_name.name for each in done.statuses] == ["other"]


def test_what_was_incomplete_then_is_not_stamped_now_and_exits_5() -> None:
    cluster = shop()
    saved = structs.replace(planned(cluster), incomplete={"shop": "a list failed"})
    done = apply_saved(saved, cluster, cluster, now=NOW)
    assert [each.verb for each in cluster.writes] == ["create", "create"]
    assert (exit_code(done), done.statuses) == (5, ())
    assert done.incomplete == {"shop": "a list failed"}


def test_a_signal_stops_it_as_it_stops_a_run() -> None:
    cluster = shop()
    saved = planned(cluster)
    plans: list[Plan] = []
    seen: list[Outcome] = []
    stopping = Stopping(begins_nothing=lambda: bool(cluster.writes), waits_no_longer=lambda: False)
    observer = Observer(stopping=stopping, planned=plans.append, watch=seen.append)
    done = apply_saved(saved, cluster, cluster, Policy(concurrency=1), now=NOW, observer=observer)
    assert came_to(done)["pod-web-1-from-web-cfg"] == (Result.SKIPPED, Reason.INTERRUPTED)
    assert exit_code(done) == 5
    assert len(plans) == 1
    assert len(seen) == len(done.outcomes)
    assert "web" not in {each.update.namespaced_name.name for each in done.statuses}


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
    assert [each.reason for each in cluster.events.values()] == ["InvalidSpec"]


def test_what_a_file_says_of_an_object_is_not_believed() -> None:
    """The patch is made of what was listed now: else a forger could add owners to a ConfigMap."""
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
        NAME.name: (Result.UPDATED, Reason.DRIFTED)
    }
    (written,) = cluster.snapshot(EVERYWHERE).config_maps
    assert [each.kind for each in written.owner_references] == ["Pod"]
    assert "added" not in written.data
