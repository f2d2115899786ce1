"""What a single namespace writes is bounded, and comes after what is small (behavior.md §2.6)."""

import threading

import pytest

from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.bounds import LIMITS, Bound
from podcm_sync.reconcile.changes import Answer, Result
from podcm_sync.reconcile.report import exit_code
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.sync import Observer, Policy, run
from tests import builders
from tests.builders import NOW, pcmc, pod
from tests.fakes import FakeCluster, Write

ALL = Scope(namespaces=None)


def set_limit(monkeypatch: pytest.MonkeyPatch, bound: Bound, limit: int) -> None:
    monkeypatch.setitem(LIMITS, bound, limit)


def statuses(cluster: FakeCluster) -> list[str]:
    return [str(write.name) for write in cluster.writes if write.verb == "status"]


def test_statuses_past_the_bound_are_written_by_the_next_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_limit(monkeypatch, Bound.STATUS_WRITES, 2)
    configs = [pcmc(f"c{number}") for number in range(5)]
    cluster = FakeCluster(*configs, pcmc(namespace="bank"))
    codes = []
    for _ in range(4):
        report = run(ALL, cluster, cluster, Policy(concurrency=1), now=NOW)
        codes.append(exit_code(report))
        assert exit_code(report, tolerate_object_failures=True) == 0
    assert codes == [3, 3, 0, 0]
    assert statuses(cluster) == ["bank/web", *(f"shop/c{number}" for number in range(5))]


def test_events_past_the_bound_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, Bound.EVENTS, 2)
    configs = [pcmc(f"c{number}", match_labels={"/": ""}) for number in range(5)]
    cluster = FakeCluster(*configs, pcmc(namespace="bank", match_labels={"/": ""}))
    report = run(ALL, cluster, cluster, Policy(concurrency=1), now=NOW, recorder=cluster)
    assert {status.result for status in report.statuses} == {Result.UPDATED}
    assert sorted(event.config.namespace for event in cluster.events.values()) == [
        "bank",
        "shop",
        "shop",
    ]


def test_a_large_namespace_is_written_after_the_small_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the number of its writes, or by their size."""
    set_limit(monkeypatch, Bound.FIRST_WRITES, 6)
    large = [pod(f"web-{number}", namespace="a-many") for number in range(6)]
    large.append(pod(namespace="b-huge", annotations={"x": "x" * 100_000}))
    small = [pod(f"web-{number}", namespace="shop") for number in range(5)]
    configs = [pcmc(namespace=name, annotations=["x"]) for name in ("a-many", "b-huge", "shop")]
    cluster = FakeCluster(*large, *small, *configs)
    run(ALL, cluster, cluster, Policy(concurrency=1), now=NOW)
    places = [write.name.namespace for write in cluster.writes]
    assert places[:6] == ["shop"] * 6
    assert sorted(places[6:]) == ["a-many"] * 7 + ["b-huge"] * 2


@pytest.mark.parametrize(("limit", "code"), [(5, 3), (6, 5)])
def test_a_namespace_with_more_writes_than_a_run_has_time_for_fails_alone(
    monkeypatch: pytest.MonkeyPatch, limit: int, code: int
) -> None:
    """The deadline comes after its third write of six."""
    set_limit(monkeypatch, Bound.WRITES, limit)
    cluster = FakeCluster(*(pod(f"web-{number}") for number in range(6)), pcmc())
    is_over = threading.Event()

    def third(write: Write) -> Answer | None:
        if sum(each.verb == "create" for each in cluster.writes) == 3:
            is_over.set()
        return None

    cluster.before_write = third
    stopping = builders.stopping(is_stopping=is_over.is_set)
    report = run(
        ALL,
        cluster,
        cluster,
        Policy(concurrency=1),
        now=NOW,
        observer=Observer(stopping=stopping),
    )
    results = [outcome.result for outcome in report.outcomes]
    assert results.count(Result.CREATED) == 3
    assert exit_code(report) == code
    assert exit_code(report, tolerate_object_failures=True) == (0 if code == 3 else 5)
    reasons = {outcome.reason for outcome in report.outcomes} - {Reason.MISSING}
    assert reasons == {Reason.BOUND_EXCEEDED if code == 3 else Reason.INTERRUPTED}
