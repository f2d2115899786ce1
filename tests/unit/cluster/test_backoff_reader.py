"""A namespace that fails alone backs off alone, and no report hides it."""

import random
from itertools import pairwise

import pytest

from podcm_sync.cluster import backoff_reader
from podcm_sync.cluster.backoff_reader import BackoffReader
from podcm_sync.errors import ClusterError
from podcm_sync.reconcile.report import exit_code
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.runtime.backoff import JITTER_SHARE, MAX_BACKOFF_SECONDS
from podcm_sync.sync import Policy
from podcm_sync.sync import run as sync
from tests.builders import pcmc, pod
from tests.fakes import FakeCluster

INTERVAL = 60.0
FORBIDDEN = "no right to list pods in namespace bad"
BOTH = Scope(namespaces=("good", "bad"))


class World:
    """A cluster, read every INTERVAL seconds, whose namespace `bad` fails while `is_broken`."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.is_broken = True
        self.cluster = FakeCluster(pcmc(namespace="good"), pod(namespace="good"))
        self.cluster.before_list = self.before_list
        self.read: list[str] = []
        self.reader = BackoffReader(self.cluster, INTERVAL)

    def monotonic(self) -> float:
        return self.now

    def before_list(self, kind: str, namespace: str) -> str | None:
        if kind != "Pod":
            return None
        self.read.append(namespace)
        return FORBIDDEN if self.is_broken and namespace == "bad" else None

    def run(self, scope: Scope = BOTH) -> Snapshot:
        """One run and the pause after it."""
        self.read.clear()
        snapshot = self.reader.snapshot(scope)
        self.now += INTERVAL
        return snapshot

    def runs_that_read_bad(self, runs: int) -> list[int]:
        numbers = []
        for number in range(runs):
            self.run()
            if "bad" in self.read:
                numbers.append(number)
        return numbers


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(backoff_reader, "time", made)
    return made


def test_the_others_are_read_at_each_interval(world: World) -> None:
    for _ in range(40):
        snapshot = world.run()
        assert "good" in world.read
        assert not snapshot.is_incomplete("good")
        assert snapshot.is_plannable("good")
        assert snapshot.scope == BOTH


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_it_is_read_after_1_2_4_and_8_intervals_and_then_every_ten_minutes(
    world: World, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """Whatever the jitter is, no run starts too early to try it."""
    monkeypatch.setattr(random, "uniform", lambda low, high: low + share * (high - low))
    assert MAX_BACKOFF_SECONDS == 10 * INTERVAL
    numbers = world.runs_that_read_bad(40)
    assert numbers[:5] == [0, 1, 3, 7, 15]
    assert {after - before for before, after in pairwise(numbers[4:])} <= {10, 11}


def test_jitter_is_a_share_of_the_interval(world: World) -> None:
    delays = set()
    for _ in range(200):
        reader = BackoffReader(world.cluster, INTERVAL)
        reader.snapshot(BOTH)
        delays.add(reader._failures["bad"].until - world.now)
    assert min(delays) >= INTERVAL / 2
    assert max(delays) <= INTERVAL / 2 + JITTER_SHARE * INTERVAL
    assert max(delays) - min(delays) > 1


def test_while_it_backs_off_each_report_names_it_with_its_message_and_the_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, _: low)
    world.run()
    world.run()
    snapshot = world.run()
    assert world.read == ["good"]
    assert snapshot.incomplete == {
        "bad": f"{FORBIDDEN} (backing off: podcm-sync tries again in 30 s)"
    }
    assert not snapshot.is_plannable("bad")


def test_a_run_without_it_still_exits_5_and_serves_the_others(world: World) -> None:
    for _ in range(3):
        report = sync(BOTH, world.reader, world.cluster, Policy(concurrency=1), now="now")
        world.now += INTERVAL
        assert exit_code(report) == 5
        assert exit_code(report, tolerate_object_failures=True) == 5
        assert FORBIDDEN in report.incomplete["bad"]
    assert [change.verb for change in world.cluster.writes[:1]] == ["create"]


def test_one_success_ends_the_backing_off(world: World) -> None:
    world.runs_that_read_bad(7)
    world.is_broken = False
    assert world.runs_that_read_bad(3) == [0, 1, 2]
    world.is_broken = True
    assert world.runs_that_read_bad(4) == [0, 1, 3]


def test_if_every_namespace_would_back_off_all_are_read(world: World) -> None:
    """The loop itself backs off then, because it served nothing: two delays would add up."""
    only = Scope(namespaces=("bad",))
    for _ in range(6):
        assert world.run(only).incomplete == {"bad": FORBIDDEN}
        assert world.read == ["bad"]


def test_a_second_pass_of_the_same_run_is_no_second_failure(world: World) -> None:
    world.reader.snapshot(BOTH)
    world.reader.snapshot(Scope(namespaces=("bad",)))
    assert world.reader._failures["bad"].count == 1


def test_one_list_of_all_namespaces_is_read_as_it_is(world: World) -> None:
    for _ in range(5):
        world.run(Scope(namespaces=None))
        assert world.read


def test_a_server_that_cannot_be_asked_is_no_namespaces_failure(world: World) -> None:
    def away(kind: str, _: str) -> str | None:
        raise ClusterError(f"cannot list {kind}")

    world.cluster.before_list = away
    for _ in range(3):
        with pytest.raises(ClusterError):
            world.run()
    world.cluster.before_list = world.before_list
    world.run()
    assert "bad" in world.read
