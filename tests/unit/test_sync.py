"""One run as a whole (behavior.md §2, §5, §6), against an API server in memory."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.reasons import Reason
from podcm_sync.errors import ClusterError
from podcm_sync.reconcile.changes import Answer, Outcome, Plan, Result
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.prune import PruneLimit
from podcm_sync.reconcile.report import Count, Pass, Report, exit_code, latest_counts, summary
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.sync import Observer, Policy, run
from tests import builders
from tests.builders import (
    EARLIER,
    GENERATED_BY,
    NOW,
    POD_UID,
    Json,
    Object,
    config_map,
    owner,
    pcmc,
    pod,
    snapshot,
)
from tests.fakes import FakeCluster, Unreachable, Write, fail_nth

ALL = Scope(namespaces=None)
NAME = NamespacedName("shop", "pod-web-0-from-web-cfg")
WEB = NamespacedName("shop", "web")
OUT_OF_SYNC = config_map(more_data={"phase": "Pending"})
SERVER_ERROR = Answer(result=Result.FAILED, reason=Reason.SERVER_ERROR, code=500)


def sync(
    cluster: FakeCluster,
    *,
    scope: Scope = ALL,
    policy: Policy | None = None,
    now: str = NOW,
    observer: Observer | None = None,
) -> Report:
    """One run with one writer at a time, so that the order of writes is the plan's."""
    return run(
        scope,
        cluster,
        cluster,
        policy or Policy(concurrency=1),
        now=now,
        observer=observer or Observer(),
    )


def shop(*more: Object | Json) -> FakeCluster:
    """The Pod web-0 and the config web, and whatever else."""
    return FakeCluster(pod(), pcmc(), *more)


def results(report: Report) -> dict[str, tuple[Result, Reason]]:
    return {
        each.change.namespaced_name.name: (each.result, each.reason) for each in report.outcomes
    }


def meddle(cluster: FakeCluster, *, times: int, patch: Json) -> Callable[[Write], Answer | None]:
    """Just before the first so many updates arrive, somebody else changes the object."""
    left = times

    def before_write(write: Write) -> None:
        nonlocal left
        if write.verb == "update" and left:
            left -= 1
            cluster.edit("ConfigMap", write.name, patch | {"n": left})

    return before_write


def test_a_run_creates_updates_deletes_and_stamps() -> None:
    cluster = shop(pod("web-1"), OUT_OF_SYNC, config_map(made_for=pod("gone"), owners=[]))
    report = sync(cluster)
    assert results(report) == {
        "pod-web-0-from-web-cfg": (Result.UPDATED, Reason.OUT_OF_SYNC),
        "pod-web-1-from-web-cfg": (Result.CREATED, Reason.MISSING),
        "pod-gone-from-web-cfg": (Result.DELETED, Reason.POD_GONE),
    }
    assert [write.verb for write in cluster.writes] == ["update", "create", "delete", "status"]
    assert exit_code(report) == 0
    stored = cluster.config_map("pod-web-1-from-web-cfg")
    assert stored["data"] == {
        "podName": "web-1",
        "namespace": "shop",
        "nodeName": "node-a",
        "phase": "Running",
    }
    config = cluster.get("PodConfigMapConfig", WEB)
    assert config is not None
    assert config["status"]["observedGeneration"] == 1
    assert (config["status"]["matchedPods"], config["status"]["configMaps"]) == (2, 2)
    assert config["status"]["conditions"][0]["lastTransitionTime"] == NOW


def test_a_second_run_writes_nothing_at_all() -> None:
    """behavior.md §2; a refused spec and a blocked object are no reason to write either."""
    cluster = shop(
        pcmc("bad", labels=["a b"]),
        pcmc("taken"),
        config_map(made_by="taken", labels={GENERATED_BY: None}),
    )
    sync(cluster, now=EARLIER)
    cluster.writes.clear()
    report = sync(cluster, now=NOW)
    assert cluster.writes == []
    assert all(each.result is Result.UNCHANGED for each in report.statuses)
    assert exit_code(report) == 3


def test_a_dry_run_calls_no_writer_and_foretells_the_run() -> None:
    cluster = shop(OUT_OF_SYNC, config_map(made_for=pod("gone")), pod("web-1"))
    before = cluster.dump()
    foretold = run(ALL, cluster, None, Policy(), now=NOW)
    assert cluster.writes == []
    assert cluster.dump() == before
    assert foretold.is_prediction
    done = sync(cluster)
    assert results(foretold) == results(done)
    assert [each.update.desired for each in foretold.statuses] == [
        each.update.desired for each in done.statuses
    ]
    assert exit_code(foretold, changes_are_1=True) == exit_code(done, changes_are_1=True) == 1


def test_a_dry_run_sees_a_foreign_config_map_that_no_list_by_label_has() -> None:
    """behavior.md §2.3: one list of names finds those that are taken."""
    cluster = shop(config_map(labels={GENERATED_BY: None, POD_UID: None}))
    report = run(ALL, cluster, None, Policy(), now=NOW)
    assert results(report) == {NAME.name: (Result.SKIPPED, Reason.FOREIGN)}
    assert exit_code(report) == 3


def test_names_are_listed_only_where_something_is_to_be_created() -> None:
    asked: list[tuple[str, str]] = []
    cluster = shop(config_map(), pod("x", namespace="new"), pcmc(namespace="new"))
    cluster.before_list = lambda kind, namespace: asked.append((kind, namespace))
    sync(cluster)
    assert [namespace for kind, namespace in asked if kind == "names"] == ["new"]


def test_a_name_that_could_not_be_listed_meets_the_other_object_as_a_conflict() -> None:
    cluster = shop(config_map(labels={GENERATED_BY: None}))
    cluster.before_list = lambda kind, _: "no right" if kind == "names" else None
    before = cluster.config_map(NAME.name)
    report = sync(cluster)
    assert results(report) == {NAME.name: (Result.FAILED, Reason.CONFLICT)}
    assert cluster.config_map(NAME.name) == before


def test_a_conflict_is_settled_in_a_second_pass() -> None:
    """behavior.md §2.4: the namespaces concerned get another whole pass."""
    cluster = shop(OUT_OF_SYNC)
    cluster.before_write = meddle(cluster, times=1, patch={"data": {"added": "x"}})
    report = sync(cluster)
    assert cluster.lists == 2
    assert results(report) == {NAME.name: (Result.UPDATED, Reason.OUT_OF_SYNC)}
    assert "added" not in cluster.config_map(NAME.name)["data"]
    assert exit_code(report) == 0
    assert report.statuses[0].update.desired.observed_generation == 1


def test_a_second_pass_looks_at_the_contested_namespaces_alone() -> None:
    cluster = shop(OUT_OF_SYNC, pod("x", namespace="other"), pcmc(namespace="other"))
    cluster.before_write = meddle(cluster, times=1, patch={"data": {"added": "x"}})
    asked: list[tuple[str, str]] = []
    cluster.before_list = lambda kind, namespace: asked.append((kind, namespace))
    report = sync(cluster)
    lists = [each for each in asked if each[0] != "names"]
    kinds = ["ConfigMap", "PodConfigMapConfig", "Pod"]
    assert lists == [(kind, "") for kind in kinds] + [(kind, "shop") for kind in kinds]
    assert summary(report).created == 1
    assert [each.update.namespaced_name.namespace for each in report.statuses] == ["other", "shop"]


def test_a_second_pass_forgets_nothing_of_the_namespaces_that_it_leaves_out() -> None:
    taken = config_map(made_for=pod("x", namespace="other"), labels={POD_UID: None})
    cluster = shop(OUT_OF_SYNC, pod("x", namespace="other"), pcmc(namespace="other"), taken)
    cluster.before_write = meddle(cluster, times=1, patch={"data": {"added": "x"}})
    report = sync(cluster)
    assert cluster.lists == 2
    assert results(report) == {
        "pod-x-from-web-cfg": (Result.SKIPPED, Reason.FOREIGN),
        "pod-web-0-from-web-cfg": (Result.UPDATED, Reason.OUT_OF_SYNC),
    }
    assert exit_code(report) == 3


def test_what_still_conflicts_after_three_passes_is_reported_as_failed() -> None:
    cluster = shop(OUT_OF_SYNC)
    cluster.before_write = meddle(cluster, times=9, patch={"data": {"added": "x"}})
    report = sync(cluster)
    assert cluster.lists == 3
    assert [write.verb for write in cluster.writes] == ["update"] * 3 + ["status"]
    assert results(report) == {NAME.name: (Result.FAILED, Reason.CONFLICT)}
    assert exit_code(report) == 3
    assert report.statuses[0].update.desired.observed_generation is None


def test_one_that_the_garbage_collector_took_first_is_made_anew() -> None:
    """behavior.md §3: a Pod recreated under its name; 404 on the patch."""
    cluster = shop(config_map(made_for=pod(uid="old")))

    def collect(write: Write) -> None:
        if write.verb == "update":
            cluster.remove("ConfigMap", write.name)

    cluster.before_write = collect
    report = sync(cluster)
    assert [write.verb for write in cluster.writes] == ["update", "create", "status"]
    assert results(report) == {NAME.name: (Result.CREATED, Reason.MISSING)}
    assert exit_code(report) == 0


def test_one_that_appeared_under_the_name_meanwhile_is_found_foreign() -> None:
    cluster = shop()

    def appear(write: Write) -> None:
        if write.verb == "create":
            cluster.add(config_map(labels={POD_UID: None}))

    cluster.before_write = appear
    report = sync(cluster)
    assert results(report) == {NAME.name: (Result.SKIPPED, Reason.FOREIGN)}


def test_one_that_changed_before_its_delete_is_looked_at_again() -> None:
    """The Pod came back, and somebody touched the ConfigMap: it is not deleted."""
    cluster = FakeCluster(pcmc(), config_map(owners=[]))

    def come_back(write: Write) -> None:
        if write.verb == "delete":
            cluster.add(pod())
            cluster.edit("ConfigMap", NAME, {"metadata": {"labels": {"touched": "x"}}})

    cluster.before_write = come_back
    report = sync(cluster)
    assert results(report) == {NAME.name: (Result.UPDATED, Reason.OUT_OF_SYNC)}
    assert cluster.get("ConfigMap", NAME) is not None


def test_one_failed_write_is_no_reason_for_another_pass() -> None:
    cluster = shop(pod("web-1"))
    cluster.before_write = fail_nth(1, SERVER_ERROR)
    report = sync(cluster)
    assert cluster.lists == 1
    assert results(report) == {
        "pod-web-0-from-web-cfg": (Result.FAILED, Reason.SERVER_ERROR),
        "pod-web-1-from-web-cfg": (Result.CREATED, Reason.MISSING),
    }
    assert exit_code(report) == 5


def test_a_later_pass_that_cannot_list_is_incomplete_and_exits_5() -> None:
    """What the first pass wrote is still reported."""
    cluster = shop(OUT_OF_SYNC, pod("web-1"))
    cluster.before_write = meddle(cluster, times=1, patch={"data": {"added": "x"}})

    def before_list(kind: str, namespace: str) -> None:
        if cluster.lists > 1:
            raise ClusterError(f"cannot list {kind} in {namespace}")

    cluster.before_list = before_list
    report = sync(cluster)
    assert results(report) == {
        "pod-web-0-from-web-cfg": (Result.FAILED, Reason.CONFLICT),
        "pod-web-1-from-web-cfg": (Result.CREATED, Reason.MISSING),
    }
    assert report.incomplete == {"shop": "cannot list ConfigMap in shop"}
    assert report.statuses == ()
    assert exit_code(report) == 5
    # The first pass's lists, and what it created.
    assert report.counts == {"shop": Count(configs=1, config_maps=2)}


def test_a_later_passs_lists_are_what_is_counted() -> None:
    cluster = shop(OUT_OF_SYNC, pod("web-1"))
    cluster.before_write = meddle(cluster, times=1, patch={"data": {"added": "x"}})
    report = sync(cluster)
    assert cluster.lists == 2
    assert report.counts == {"shop": Count(configs=1, config_maps=2)}


def test_a_namespace_whose_lists_broke_off_is_not_counted() -> None:
    """Its ConfigMaps were listed, its configs were not: 0 would be a guess."""
    seen = snapshot(config_map(), namespaces=("shop",), unplannable=("shop",))
    half = Pass(snapshot=seen, desired=build(seen), outcomes=())
    assert latest_counts([half]) == {}
    whole = replace(half, snapshot=snapshot(config_map(), pcmc()))
    assert latest_counts([whole, half]) == {"shop": Count(configs=1, config_maps=1)}


def test_a_later_pass_that_cannot_list_names_loses_nothing_of_the_report() -> None:
    """sync.run(): once something was written, nothing but a bug raises."""
    cluster = shop(OUT_OF_SYNC, pod("web-1"))

    def before_write(write: Write) -> None:
        if write.verb == "update":
            cluster.remove("ConfigMap", write.name)

    def before_list(kind: str, _: str) -> None:
        if cluster.lists > 1 and kind == "names":
            raise ClusterError("the server doesn't accept the credentials any more")

    cluster.before_write = before_write
    cluster.before_list = before_list
    report = sync(cluster)
    assert results(report) == {
        "pod-web-0-from-web-cfg": (Result.CREATED, Reason.MISSING),
        "pod-web-1-from-web-cfg": (Result.CREATED, Reason.MISSING),
    }


def test_a_server_that_cannot_be_asked_ends_the_run() -> None:
    with pytest.raises(ClusterError):
        run(ALL, Unreachable(), FakeCluster(), Policy(), now=NOW)


def test_a_server_that_cannot_be_asked_for_names_ends_a_run_that_wrote_nothing() -> None:
    cluster = shop()

    def before_list(kind: str, _: str) -> None:
        if kind == "names":
            raise ClusterError("the server doesn't accept the credentials")

    cluster.before_list = before_list
    with pytest.raises(ClusterError):
        sync(cluster)
    assert cluster.writes == []


def test_each_namespace_is_a_scope_of_its_own() -> None:
    """behavior.md §2: the others go on; nothing is deleted or stamped where a list failed."""
    stale = [config_map(made_for=pod("gone", namespace=space), owners=[]) for space in ("a", "b")]
    cluster = FakeCluster(*stale, pcmc(namespace="a"), pcmc(namespace="b"))
    cluster.before_list = lambda kind, space: "no right" if (kind, space) == ("Pod", "a") else None
    report = sync(cluster, scope=Scope(namespaces=("a", "b")))
    assert [(each.change.namespaced_name.namespace, each.reason) for each in report.outcomes] == [
        ("a", Reason.INCOMPLETE),
        ("b", Reason.POD_GONE),
    ]
    assert [each.update.namespaced_name.namespace for each in report.statuses] == ["b"]
    assert report.incomplete == {"a": "no right"}
    assert exit_code(report) == 5


@pytest.mark.parametrize("kind", ["ConfigMap", "PodConfigMapConfig"])
def test_without_config_maps_or_configs_nothing_is_written_there(kind: str) -> None:
    cluster = shop(OUT_OF_SYNC)
    cluster.before_list = lambda listed, _: "no right" if listed == kind else None
    report = sync(cluster)
    assert cluster.writes == []
    assert report.outcomes == ()
    assert exit_code(report) == 5


def test_a_namespace_that_is_not_asked_for_is_left() -> None:
    cluster = shop(OUT_OF_SYNC)
    before = cluster.dump()
    sync(cluster, scope=Scope(namespaces=("other",)))
    assert cluster.dump() == before


def test_a_create_in_a_terminating_namespace_is_an_intended_skip() -> None:
    """behavior.md §3."""
    cluster = shop()
    cluster.terminating_namespaces.add("shop")
    report = sync(cluster)
    assert results(report) == {NAME.name: (Result.SKIPPED, Reason.NAMESPACE_TERMINATING)}
    assert exit_code(report) == 0
    assert report.statuses[0].update.desired.conditions[0].status == "True"


def test_a_conflict_on_a_status_is_an_outcome_and_no_failure() -> None:
    """behavior.md §5."""
    cluster = shop()

    def touch(write: Write) -> None:
        if write.verb == "status":
            cluster.edit("PodConfigMapConfig", write.name, {"metadata": {"labels": {"a": "b"}}})

    cluster.before_write = touch
    report = sync(cluster)
    assert [each.reason for each in report.statuses] == [Reason.CONFLICT]
    assert cluster.lists == 1
    assert exit_code(report) == 0


def test_a_status_is_not_stamped_with_a_generation_that_came_later() -> None:
    """The spec changed between list and stamp: the conflict keeps the old verdict off it."""
    cluster = shop()

    def change_spec(write: Write) -> None:
        if write.verb == "create":
            cluster.edit("PodConfigMapConfig", WEB, {"spec": {"labelsToInclude": ["app"]}})

    cluster.before_write = change_spec
    sync(cluster)
    config = cluster.get("PodConfigMapConfig", WEB)
    assert config is not None
    assert config["metadata"]["generation"] == 2
    assert config["status"] == {}


def test_a_suspended_config_and_its_config_maps_are_left_exactly_as_they_are() -> None:
    cluster = FakeCluster(pod(), pcmc(suspend=True), OUT_OF_SYNC, config_map(made_for=pod("gone")))
    before = cluster.dump()
    report = sync(cluster)
    assert cluster.writes == []
    assert cluster.dump() == before
    assert exit_code(report) == 0


def test_a_run_that_is_to_stop_begins_no_further_pass_and_stamps_nothing_unfinished() -> None:
    cluster = shop(pod("web-1"), pcmc("done", match_labels={"app": "none"}), OUT_OF_SYNC)
    cluster.before_write = meddle(cluster, times=1, patch={"data": {"added": "x"}})
    stopping = builders.stopping(is_stopping=lambda: bool(cluster.writes))
    report = sync(cluster, observer=Observer(stopping=stopping))
    assert cluster.lists == 1
    assert results(report) == {
        "pod-web-0-from-web-cfg": (Result.FAILED, Reason.CONFLICT),
        "pod-web-1-from-web-cfg": (Result.SKIPPED, Reason.INTERRUPTED),
    }
    assert [each.update.namespaced_name.name for each in report.statuses] == ["done"]


def test_an_observer_is_told_of_each_plan_and_each_outcome() -> None:
    cluster = shop(OUT_OF_SYNC)
    cluster.before_write = meddle(cluster, times=1, patch={"data": {"added": "x"}})
    plans: list[Plan] = []
    outcomes: list[Outcome] = []
    sync(cluster, observer=Observer(planned=plans.append, watch=outcomes.append))
    assert [len(each.changes) for each in plans] == [1, 1]
    assert [each.result for each in outcomes] == [Result.FAILED, Result.UPDATED]


def expecting(digest: str) -> Policy:
    return Policy(expected_digest=digest, concurrency=1)


def test_a_dry_run_has_the_digest_that_lets_the_run_through() -> None:
    cluster = shop(OUT_OF_SYNC)
    foretold = run(ALL, cluster, None, Policy(), now=NOW)
    assert foretold.digest.startswith("sha256:")
    report = sync(cluster, policy=expecting(foretold.digest))
    assert (report.digest, report.is_prediction) == (foretold.digest, False)
    assert [write.verb for write in cluster.writes] == ["update", "status"]
    assert sync(cluster).digest == ""


def test_another_plan_than_the_expected_one_is_only_shown() -> None:
    """No ConfigMap, no status; and nobody is told that something is about to be applied."""
    cluster = shop(OUT_OF_SYNC)
    plans: list[Plan] = []
    expected = f"sha256:{'0' * 64}"
    observer = Observer(planned=plans.append)
    report = sync(cluster, policy=expecting(expected), observer=observer)
    assert (cluster.writes, plans) == ([], [])
    assert (report.is_prediction, report.is_unexpected) == (True, True)
    assert report.expected_digest == expected
    assert report.digest == run(ALL, cluster, None, Policy(), now=NOW).digest
    assert exit_code(report) == exit_code(report, tolerate_object_failures=True) == 4


def test_an_expected_plan_is_applied_in_one_pass_and_what_conflicts_is_held_back() -> None:
    cluster = shop(OUT_OF_SYNC)
    foretold = run(ALL, cluster, None, Policy(), now=NOW)
    cluster.before_write = meddle(cluster, times=1, patch={"data": {"added": "x"}})
    lists = cluster.lists
    report = sync(cluster, policy=expecting(foretold.digest))
    assert cluster.lists == lists + 1
    assert results(report) == {"pod-web-0-from-web-cfg": (Result.SKIPPED, Reason.PLAN_OUTDATED)}
    assert (exit_code(report), report.statuses) == (4, ())


@pytest.mark.parametrize(
    "failure",
    [
        # Answered by nobody, and a look finds nothing: an unreviewed run would have another pass.
        Answer(result=Result.FAILED, reason=Reason.UNREACHABLE, code=404),
        SERVER_ERROR,
    ],
)
def test_a_create_that_fails_in_an_expected_plan_stays_failed(failure: Answer) -> None:
    """A second pass would be another plan, of which everything would be a prediction."""
    cluster = shop(pod("web-1"))
    foretold = run(ALL, cluster, None, Policy(), now=NOW)
    cluster.before_write = fail_nth(1, failure)
    lists = cluster.lists
    report = sync(cluster, policy=expecting(foretold.digest))
    assert cluster.lists == lists + 1
    assert results(report) == {
        "pod-web-0-from-web-cfg": (Result.FAILED, failure.reason),
        "pod-web-1-from-web-cfg": (Result.CREATED, Reason.MISSING),
    }
    assert (exit_code(report), report.is_prediction) == (5, False)
    (status,) = report.statuses
    assert status.update.desired.conditions[0].status == "False"


OURS_AND_FOREIGN = [
    ({}, Reason.IN_SYNC),
    ({POD_UID: None}, Reason.FOREIGN),
]


def appearing(cluster: FakeCluster, late: Object, *, times: int = 1) -> None:
    """Somebody creates it after a labeled list and before the list of names, so many times.

    Before the next labeled list it is gone again, except after the last time.
    """
    left = times

    def before_list(kind: str, _: str) -> None:
        nonlocal left
        if kind == "names" and left:
            left -= 1
            cluster.add(late)
        elif kind == "ConfigMap" and left and left < times:
            cluster.remove("ConfigMap", late.namespaced_name)

    cluster.before_list = before_list


@pytest.mark.parametrize("is_dry", [True, False])
@pytest.mark.parametrize(("labels", "reason"), OURS_AND_FOREIGN)
def test_our_own_config_map_that_appears_between_two_lists_is_not_foreign(
    labels: Json, reason: Reason, is_dry: bool
) -> None:
    """It is another syncer's, or from a late POST of our own (§3)."""
    cluster = shop()
    appearing(cluster, config_map(labels=labels))
    report = run(ALL, cluster, None if is_dry else cluster, Policy(concurrency=1), now=NOW)
    assert [outcome.reason for outcome in report.outcomes] == [reason]
    assert exit_code(report) == (3 if reason is Reason.FOREIGN else 0)
    assert cluster.lists == (1 if reason is Reason.FOREIGN else 2)


def test_an_expected_plan_is_compared_when_the_lists_agree() -> None:
    cluster = shop(pod("web-1"))
    late = config_map()
    cluster.add(late)
    foretold = run(ALL, cluster, None, Policy(), now=NOW)
    cluster.remove("ConfigMap", NAME)
    appearing(cluster, late)
    report = sync(cluster, policy=expecting(foretold.digest))
    assert not report.is_unexpected
    assert results(report) == {
        "pod-web-0-from-web-cfg": (Result.UNCHANGED, Reason.IN_SYNC),
        "pod-web-1-from-web-cfg": (Result.CREATED, Reason.MISSING),
    }


@pytest.mark.parametrize("is_dry", [True, False])
def test_lists_that_never_agree_are_a_conflict_after_three_times(is_dry: bool) -> None:
    cluster = shop()
    appearing(cluster, config_map(), times=9)
    report = run(ALL, cluster, None if is_dry else cluster, Policy(concurrency=1), now=NOW)
    assert cluster.lists == 3
    assert results(report) == {NAME.name: (Result.SKIPPED, Reason.CONFLICT)}
    assert exit_code(report) == 3
    assert [write.verb for write in cluster.writes] == ([] if is_dry else ["status"])


def limit(amount: int) -> Policy:
    return Policy(max_prune=(PruneLimit(amount=amount, is_percentage=False),), concurrency=1)


def test_a_guard_holds_back_all_deletes_and_exits_4() -> None:
    """behavior.md §6: deletes nothing, does the rest."""
    unselected = [config_map(made_for=pod(name), made_by="old") for name in ("web-0", "web-1")]
    cluster = shop(pod("web-1"), *unselected)
    report = sync(cluster, policy=limit(1))
    assert [write.verb for write in cluster.writes] == ["create", "create", "status"]
    assert summary(report).held_back == 2
    assert exit_code(report) == 4


def test_a_guard_counts_over_all_passes() -> None:
    """One is deleted; then the second pass finds another two, which are beyond two."""
    old = config_map(made_by="old")
    cluster = shop(config_map(more_data={"phase": "x"}), old, pod("web-1"))

    def before_write(write: Write) -> None:
        if write.verb == "update" and cluster.lists == 1:
            for name in ("web-0", "web-1"):
                cluster.add(config_map(made_for=pod(name), made_by="older"))
            cluster.edit("ConfigMap", write.name, {"data": {"added": "x"}})

    cluster.before_write = before_write
    report = sync(cluster, policy=limit(2))
    assert summary(report).deleted == 1
    assert summary(report).held_back == 2
    assert exit_code(report) == 4


def test_what_a_guard_held_back_over_two_passes_still_names_the_option() -> None:
    """behavior.md §6: says what it held back and with which option it would go through."""
    cluster = shop(OUT_OF_SYNC, config_map(made_by="old"), config_map(made_by="older"))
    cluster.before_write = meddle(cluster, times=1, patch={"data": {"added": "x"}})
    report = sync(cluster, policy=limit(1))
    assert cluster.lists == 2
    held_back = [each.message for each in report.outcomes if each.reason is Reason.PRUNE_BLOCKED]
    assert len(held_back) == 2
    assert all("use --max-prune 2" in message for message in held_back)


def test_the_go_controllers_objects_are_taken_over_in_place() -> None:
    go = config_map(
        labels={"app.kubernetes.io/managed-by": None},
        owners=[owner()],
        data={"podName": "web-0", "namespace": "shop", "nodeName": "node-a", "phase": "Running"},
    )
    cluster = shop(go)
    sync(cluster)
    assert [write.verb for write in cluster.writes] == ["status"]
    assert cluster.config_map(NAME.name)["metadata"]["uid"] == go.uid


def test_a_delete_waits_for_finalizers_and_is_not_sent_twice() -> None:
    cluster = FakeCluster(pcmc(), config_map(owners=[]))
    cluster.edit("ConfigMap", NAME, {"metadata": {"finalizers": ["example.com/wait"]}})
    assert summary(sync(cluster)).deleted == 1
    cluster.writes.clear()
    report = sync(cluster)
    assert results(report) == {NAME.name: (Result.SKIPPED, Reason.CONFIG_MAP_TERMINATING)}
    assert cluster.writes == []


def test_a_desired_config_map_that_is_being_deleted_is_waited_for() -> None:
    """§3: it isn't in place, so the config isn't ready or stamped, and nothing failed."""
    cluster = shop(config_map())
    cluster.edit("ConfigMap", NAME, {"metadata": {"deletionTimestamp": NOW}})
    report = sync(cluster)
    assert results(report) == {NAME.name: (Result.SKIPPED, Reason.CONFIG_MAP_TERMINATING)}
    assert exit_code(report) == 0
    (status,) = report.statuses
    (condition,) = status.update.desired.conditions
    assert (condition.status, condition.reason) == ("False", "Waiting")
    assert NAME.name in condition.message
    assert status.update.desired.observed_generation is None
    cluster.remove("ConfigMap", NAME)
    (status,) = sync(cluster).statuses
    assert status.update.desired.conditions[0].status == "True"


@pytest.mark.parametrize("concurrency", [1, 16])
def test_how_many_write_at_once_changes_nothing_of_what_comes_of_it(concurrency: int) -> None:
    pods = [pod(f"web-{number}") for number in range(30)]
    stale = [config_map(made_for=pod(f"gone-{number}"), owners=[]) for number in range(10)]
    cluster = FakeCluster(pcmc(), *pods, *stale)
    report = run(ALL, cluster, cluster, Policy(concurrency=concurrency), now=NOW)
    assert (summary(report).created, summary(report).deleted) == (30, 10)
    assert len(cluster.writes) == 41


def test_events_are_told_after_the_statuses_and_where_somebody_is_told() -> None:
    """What is not stored yet would be said again by the next run."""
    quiet, told = (FakeCluster(pod(), pcmc()) for _ in range(2))
    for cluster in (quiet, told):
        cluster.before_write = lambda write: SERVER_ERROR if write.verb == "create" else None
    policy = Policy(concurrency=1)
    without = run(ALL, quiet, quiet, policy, now=NOW)
    report = run(ALL, told, told, policy, now=NOW, recorder=told)
    assert report == without
    assert [write.verb for write in quiet.writes] == ["create", "status"]
    assert [write.verb for write in told.writes] == ["create", "status", "event"]
    (event,) = told.events.values()
    assert (event.config, event.type, event.time) == (WEB, "Warning", NOW)


def test_a_run_without_a_writer_tells_nobody() -> None:
    cluster = FakeCluster(pod(), pcmc(labels=["not a key"]))
    report = run(ALL, cluster, None, Policy(), now=NOW, recorder=cluster)
    assert [each.result for each in report.statuses] == [Result.UPDATED]
    assert (cluster.writes, cluster.events) == ([], {})


def test_a_plan_that_is_not_the_expected_one_writes_no_event_either() -> None:
    """Its statuses are only foretold: an Event would speak of what is not stored."""
    cluster = FakeCluster(pcmc(match_labels={"a b": "c"}))
    policy = expecting(f"sha256:{'0' * 64}")
    report = run(ALL, cluster, cluster, policy, now=NOW, recorder=cluster)
    assert [each.result for each in report.statuses] == [Result.UPDATED]
    assert (cluster.writes, cluster.events) == ([], {})
