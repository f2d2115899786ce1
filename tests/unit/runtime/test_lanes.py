"""Lanes: if one namespace hangs, the others still get their writes, statuses, and Events."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.interfaces import Confirm, needs_no_look
from podcm_sync.reconcile.changes import Answer, DesiredConfigMap, Result, StatusUpdate
from podcm_sync.reconcile.prune import PruneLimit
from podcm_sync.reconcile.report import Report, exit_code
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.runtime import lanes
from podcm_sync.runtime.lanes import NEVER, Stage, Stopping, run_lanes
from podcm_sync.sync import Observer, Policy, run
from tests import builders
from tests.builders import NOW, config_map, pcmc, pod
from tests.fakes import FakeCluster

PODS = 50
SOON = 1.5
"""Seconds, less than a task takes before it counts as hanging."""
LONG = 30.0


class Hanging:
    """A Writer whose writes to some namespaces hang until the test releases them."""

    def __init__(self, cluster: FakeCluster, hangs: Callable[[str, NamespacedName], bool]) -> None:
        self.release = threading.Event()
        self.begun: Counter[str] = Counter()
        """How many writes began, by namespace."""
        self._cluster = cluster
        self._hangs = hangs

    def create(self, desired: DesiredConfigMap) -> Answer:
        self._begin("create", desired.namespaced_name)
        return self._cluster.create(desired)

    def update(self, existing: ConfigMap, desired: DesiredConfigMap) -> Answer:
        self._begin("update", existing.namespaced_name)
        return self._cluster.update(existing, desired)

    def delete(self, existing: ConfigMap, confirm: Confirm = needs_no_look) -> Answer:
        self._begin("delete", existing.namespaced_name)
        return self._cluster.delete(existing, confirm)

    def update_status(self, update: StatusUpdate) -> Answer:
        self._begin("status", update.namespaced_name)
        return self._cluster.update_status(update)

    def _begin(self, verb: str, name: NamespacedName) -> None:
        self.begun[name.namespace] += 1
        if self._hangs(verb, name):
            self.release.wait(LONG)


def world(*bad: str, pods: int = PODS) -> FakeCluster:
    """The namespace `good`, with a create, a delete, a status, and an Event, and bad namespaces."""
    cluster = FakeCluster(
        pcmc(namespace="good"), pcmc("invalid", namespace="good", match_labels={"a b": "c"})
    )
    for number in range(5):
        cluster.add(config_map(made_for=pod(f"gone-{number}", namespace="good"), owners=[]))
    for namespace in ("good", *bad):
        cluster.add(pcmc(namespace=namespace))
        for number in range(pods):
            cluster.add(pod(f"web-{number}", namespace=namespace))
    return cluster


def creates_in_bad(verb: str, name: NamespacedName) -> bool:
    return verb == "create" and name.namespace.startswith("bad")


def is_done(cluster: FakeCluster) -> bool:
    """Whether the namespace `good` is done. Its Event is the last request."""
    return [event.config for event in cluster.events.values()] == [
        NamespacedName("good", "invalid")
    ]


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.005)
    return condition()


@contextmanager
def running(
    cluster: FakeCluster, writer: Hanging, concurrency: int, stopping: Stopping = NEVER, **more: Any
) -> Iterator[Callable[[], Report]]:
    """Start a run on a thread. Returns a function that waits for its report."""
    reports: list[Report] = []

    def body() -> None:
        policy = Policy(concurrency=concurrency, **more)
        observer = Observer(stopping=stopping)
        scope = Scope(namespaces=None)
        reports.append(
            run(scope, cluster, writer, policy, now=NOW, observer=observer, recorder=cluster)
        )

    def ended() -> Report:
        thread.join(LONG)
        return reports[0]

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    try:
        yield ended
    finally:
        writer.release.set()
        thread.join(LONG)


def config_maps(cluster: FakeCluster, namespace: str) -> set[str]:
    return {
        name.name
        for kind, name in cluster.dump()
        if kind == "ConfigMap" and name.namespace == namespace
    }


@pytest.mark.parametrize("count", [1, 2, 3])
def test_creates_that_hang_elsewhere_delay_no_delete_status_or_event(count: int) -> None:
    bad = [f"bad-{number}" for number in range(count)]
    cluster = world(*bad)
    writer = Hanging(cluster, creates_in_bad)
    with running(cluster, writer, concurrency=4) as ended:
        assert wait_for(lambda: is_done(cluster), SOON)
        assert config_maps(cluster, "good") == {
            f"pod-web-{number}-from-web-cfg" for number in range(PODS)
        }
        status = cluster.get("PodConfigMapConfig", NamespacedName("good", "web"))
        assert status is not None
        assert status["status"]["conditions"][0]["status"] == "True"
        assert not any(config_maps(cluster, namespace) for namespace in bad)
        writer.release.set()
        report = ended()
    assert all(len(config_maps(cluster, namespace)) == PODS for namespace in bad)
    assert exit_code(report) == 3, "the invalid spec"


@pytest.mark.parametrize("concurrency", [1, 2, 4])
@pytest.mark.parametrize("count", [1, 3])
def test_workers_that_hang_in_the_midst_of_a_run_are_replaced(
    monkeypatch: pytest.MonkeyPatch, concurrency: int, count: int
) -> None:
    """Each bad namespace answers at first, so it has workers when it begins to hang."""
    monkeypatch.setattr(lanes, "HANGING_SECONDS", 0.2)
    monkeypatch.setattr(lanes, "POLL_SECONDS", 0.02)
    bad = [f"bad-{number}" for number in range(count)]
    cluster = world(*bad)
    answers: Counter[str] = Counter()

    def hangs(verb: str, name: NamespacedName) -> bool:
        answers[name.namespace] += 1
        return creates_in_bad(verb, name) and answers[name.namespace] > 5

    writer = Hanging(cluster, hangs)
    with running(cluster, writer, concurrency=concurrency):
        assert wait_for(lambda: is_done(cluster), LONG / 3)
        # The bad namespaces hold at most their share of the workers, and as many replacements.
        assert sum(writer.begun[namespace] - 5 for namespace in bad) <= concurrency + max(
            concurrency, lanes.HANGING_LANES
        )


def test_a_second_pass_does_not_wait_for_what_hangs_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run settles a conflict in one namespace while another one hangs."""
    monkeypatch.setattr(lanes, "HANGING_SECONDS", 0.2)
    cluster = world("bad")
    drifted = config_map(made_for=pod("web-0", namespace="good"), more_data={"phase": "x"})
    cluster.add(drifted)
    meddled: list[str] = []

    def hangs(verb: str, name: NamespacedName) -> bool:
        if verb == "update" and not meddled:
            meddled.append(name.name)
            cluster.edit("ConfigMap", name, {"data": {"added": "x"}})
        return creates_in_bad(verb, name)

    writer = Hanging(cluster, hangs)
    with running(cluster, writer, concurrency=4) as ended:
        assert wait_for(lambda: is_done(cluster), LONG / 3)
        assert "added" not in cluster.config_map("pod-web-0-from-web-cfg", "good")["data"]
        assert cluster.lists == 2
        writer.release.set()
        report = ended()
    assert {outcome.reason for outcome in report.outcomes if outcome.result is Result.FAILED} == (
        set()
    )


def test_when_time_is_up_what_hangs_is_lost_and_what_was_not_begun_is_not_said_to_be() -> None:
    cluster = world("bad")
    writer = Hanging(cluster, creates_in_bad)
    is_over = threading.Event()
    stopping = builders.stopping(is_stopping=is_over.is_set, is_cancelled=is_over.is_set)
    with running(cluster, writer, concurrency=4, stopping=stopping) as ended:
        assert wait_for(lambda: is_done(cluster), SOON)
        begun = writer.begun["bad"]
        is_over.set()
        report = ended()
        reasons = Counter(
            outcome.reason
            for outcome in report.outcomes
            if outcome.change.namespaced_name.namespace == "bad"
        )
        assert reasons == {Reason.UNREACHABLE: begun, Reason.INTERRUPTED: PODS - begun}
        assert writer.begun["bad"] == begun
    assert [status.update.namespaced_name.namespace for status in report.statuses] == ["good"] * 2
    assert exit_code(report) == 5


def test_a_lane_that_hangs_now_and_then_gets_no_further_worker_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There are answers between the writes that hang. Each could bring the namespace a worker."""
    monkeypatch.setattr(lanes, "HANGING_SECONDS", 0.2)
    monkeypatch.setattr(lanes, "POLL_SECONDS", 0.02)
    cluster = world("bad")

    def hangs(verb: str, name: NamespacedName) -> bool:
        if name.namespace == "good":
            time.sleep(0.02)
        return creates_in_bad(verb, name) and bool(writer.begun["bad"] % 2)

    writer = Hanging(cluster, hangs)
    with running(cluster, writer, concurrency=4):
        assert wait_for(lambda: is_done(cluster), LONG / 3)
        assert writer.begun["bad"] < PODS / 2


def test_a_status_that_time_did_not_allow_to_write_is_a_failure() -> None:
    """Otherwise the report would show it as Ready, with exit code 0, although it doesn't exist."""
    cluster = FakeCluster(pod(), pcmc(), pcmc("other"))
    is_over = threading.Event()

    def hangs(verb: str, _: NamespacedName) -> bool:
        if verb == "status":
            is_over.set()
        return verb == "status"

    writer = Hanging(cluster, hangs)
    stopping = builders.stopping(is_stopping=is_over.is_set, is_cancelled=is_over.is_set)
    with running(cluster, writer, concurrency=1, stopping=stopping) as ended:
        report = ended()
    assert [(status.result, status.reason) for status in report.statuses] == [
        (Result.FAILED, Reason.INTERRUPTED),
        (Result.FAILED, Reason.UNREACHABLE),
    ] or [(status.result, status.reason) for status in report.statuses] == [
        (Result.FAILED, Reason.UNREACHABLE),
        (Result.FAILED, Reason.INTERRUPTED),
    ]
    assert exit_code(report) == 5


def test_deletes_that_hang_count_for_the_guard_of_a_second_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server can still do them. With those of the second pass, they are too many."""
    monkeypatch.setattr(lanes, "HANGING_SECONDS", 0.2)
    cluster = FakeCluster(
        pod(namespace="bad"),
        config_map(made_for=pod(namespace="bad"), made_by="old"),
        config_map(made_for=pod(namespace="bad"), made_by="older"),
        pod(namespace="good"),
        pcmc(namespace="good"),
        config_map(made_for=pod(namespace="good"), more_data={"phase": "x"}),
    )

    def hangs(verb: str, name: NamespacedName) -> bool:
        if verb == "update" and cluster.lists == 1:
            cluster.edit("ConfigMap", name, {"data": {"added": "x"}})
            cluster.add(config_map(made_for=pod(namespace="good"), made_by="old"))
            cluster.add(config_map(made_for=pod(namespace="good"), made_by="older"))
        return verb == "delete" and name.namespace == "bad"

    writer = Hanging(cluster, hangs)
    # --max-prune-total leaves one namespace out. The deletes of the other are too many.
    limit = PruneLimit(amount=1, is_percentage=False)
    with running(cluster, writer, concurrency=4, max_prune_total=(limit,)) as ended:
        assert wait_for(lambda: cluster.lists == 2, LONG / 3)
        writer.release.set()
        report = ended()
    reasons = {
        outcome.change.namespaced_name.namespace: outcome.reason
        for outcome in report.outcomes
        if outcome.change.pcmc_name == "old"
    }
    assert reasons == {"bad": Reason.CONFIG_GONE, "good": Reason.PRUNE_TOTAL_BLOCKED}


# Tests of run_lanes itself.


def stage(count: int, work: Callable[[int], Any], done: list[Any] | None = None) -> Stage[Any]:
    results = [] if done is None else done
    return Stage(
        range(count),
        work,
        lambda _, result: results.append(result),
        skipped=lambda _: "skipped",
        on_abandoned=lambda _: "lost",
    )


def test_a_stage_begins_when_the_one_before_it_is_done() -> None:
    order: list[str] = []

    def lane() -> Iterator[Stage[Any]]:
        yield stage(9, lambda _: order.append("first"))
        assert order == ["first"] * 9
        yield stage(0, lambda _: order.append("nothing"))
        yield stage(2, lambda _: order.append("second"))

    run_lanes([lane()], 4)
    assert order == ["first"] * 9 + ["second"] * 2


def test_lanes_take_turns() -> None:
    order: list[str] = []
    names = "abc"

    def lane(name: str) -> Iterator[Stage[Any]]:
        yield stage(3, lambda _: order.append(name))

    run_lanes(map(lane, names), 1)
    assert sorted(order[:3]) == sorted(order[3:6]) == list(names)


def test_without_work_there_is_no_thread() -> None:
    before = threading.active_count()
    counts: list[int] = []

    def more() -> tuple[()]:
        counts.append(threading.active_count())
        return ()

    run_lanes([iter([stage(0, str)])], 4, more=more)
    assert counts[0] == before


def test_if_every_lane_hangs_no_further_worker_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    """More requests at once don't help a slow server."""
    monkeypatch.setattr(lanes, "HANGING_SECONDS", 0.05)
    monkeypatch.setattr(lanes, "POLL_SECONDS", 0.01)
    released = threading.Event()
    begun: list[int] = []
    counts: list[int] = []

    def release() -> None:
        counts.append(len(begun))
        released.set()

    def work(index: int) -> None:
        begun.append(index)
        if len(begun) == 4:
            threading.Timer(0.3, release).start()
        released.wait(LONG)

    run_lanes([iter([stage(6, work)])], 4)
    assert (counts, len(begun)) == ([4], 6)


def test_a_worker_that_comes_back_is_one_too_many_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The concurrency applies again as soon as nothing hangs."""
    monkeypatch.setattr(lanes, "HANGING_SECONDS", 0.3)
    monkeypatch.setattr(lanes, "POLL_SECONDS", 0.01)
    released, is_back = threading.Event(), threading.Event()
    lock = threading.Lock()
    under_way = 0
    seen: list[int] = []

    def hang(_: int) -> None:
        released.wait(LONG)
        is_back.set()

    def work(_: int) -> None:
        nonlocal under_way
        with lock:
            under_way += 1
            if is_back.is_set():
                seen.append(under_way)
            elif under_way == 2:  # a replacement for the worker that hangs
                released.set()
        time.sleep(0.005)
        with lock:
            under_way -= 1

    run_lanes([iter([stage(1, hang)]), iter([stage(300, work)])], 2)
    assert max(seen[-50:]) == 2


def test_what_a_task_raises_is_raised_here_and_nothing_more_begins() -> None:
    begun: list[int] = []

    def work(index: int) -> None:
        begun.append(index)
        raise ValueError(index)

    with pytest.raises(ValueError, match="0"):
        run_lanes([iter([stage(1, work), stage(9, begun.append)])], 1)
    assert begun == [0]
