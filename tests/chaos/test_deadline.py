"""--deadline: whatever the server does, the run ends in time, with exit 5, and says why."""

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.proxy import Proxy
from tests.chaos.rules import Fault, Rule
from tests.chaos.running import run_once
from tests.command import Completed, started
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import condition, make_config, names, status_of

DEADLINE = 2.0
START = 2.0
"""Seconds that a process may take to start and to end: the deadline is the run's."""
PODS = 12
WRITE = "POST|PATCH|DELETE"


@pytest.fixture(autouse=True)
def work(api: Api, namespace: str) -> None:
    """One config and its Pods, with everything to be made."""
    for number in range(PODS):
        api.make_pod(namespace, f"web-{number}")
    make_config(api, namespace)


def ended_in_time(kubeconfig: Path, *arguments: str) -> Completed:
    """A run under a deadline."""
    began = time.monotonic()
    with started(kubeconfig, "--deadline", f"{DEADLINE}s", *arguments) as running:
        ended = running.end()
    assert ended.at - began < DEADLINE + START, ended.stderr
    return ended


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_server_that_answers_no_list(proxy: Proxy, through: Path, nth: int) -> None:
    """The very first list is an error, a later one leaves the scope incomplete."""
    proxy.begin(Rule(Fault.FREEZE, nth=nth, times=None))
    ended = ended_in_time(through)
    assert ended.code == 5
    assert "cannot" in ended.stderr
    assert "timed out" in ended.stderr or "deadline" in ended.stderr
    assert not [each for each in proxy.writes() if each.method == "DELETE"]


@pytest.mark.parametrize("fault", [Fault.FREEZE, Fault.SWALLOW])
def test_a_server_that_answers_no_write(
    api: Api, namespace: str, proxy: Proxy, through: Path, fault: Fault
) -> None:
    """The report says of each object what is known of it, and no status claims success."""
    proxy.begin(Rule(fault, method=WRITE, times=None))
    ended = ended_in_time(through, "-o", "json")
    assert ended.code == 5
    reasons = {each["reason"] for each in ended.report["changes"]}
    assert reasons <= {"Unreachable", "Interrupted", "Missing", "Conflict"}
    assert reasons & {"Unreachable", "Interrupted"}
    assert condition(status_of(api, namespace))["status"] != "True"


def test_with_slow_writes_it_stops_beginning_new_ones(
    api: Api, namespace: str, proxy: Proxy, through: Path
) -> None:
    """What was begun is told as made or lost, the rest as not begun; the next run does it."""
    proxy.begin(Rule(Fault.DELAY, method=WRITE, times=None, seconds=0.3))
    ended = ended_in_time(through, "-o", "json", "--concurrency", "1")
    assert ended.code == 5
    created = ended.report["summary"]["created"]
    assert 0 < created < PODS
    reasons = [each["reason"] for each in ended.report["changes"]]
    # The reserve is a tenth of the deadline: the last one begun may outlast it.
    assert len(names(api, namespace)) == created + reasons.count("Unreachable")
    assert reasons.count("Unreachable") <= 1
    assert reasons.count("Interrupted") == PODS - created - reasons.count("Unreachable")
    assert condition(status_of(api, namespace))["reason"] == "Pending"
    proxy.begin()
    assert run_once(through).code == 0
    assert len(names(api, namespace)) == PODS


HEAD = Rule(Fault.TRICKLE, times=None, seconds=8.0, share=0.0)
BODY = replace(HEAD, share=1.0)
CHUNKS = replace(BODY, is_chunked=True)
TRICKLES = {"head": HEAD, "body": BODY, "chunks": CHUNKS}


@pytest.mark.parametrize("trickle", TRICKLES)
@pytest.mark.parametrize("method", ["GET", WRITE], ids=["lists", "writes"])
@pytest.mark.usefixtures("quick_retries")
def test_a_server_that_trickles(proxy: Proxy, through: Path, method: str, trickle: str) -> None:
    """A byte now and then keeps a socket's timeout from striking; the deadline strikes."""
    proxy.begin(replace(TRICKLES[trickle], method=method))
    ran = run_once(through, deadline=DEADLINE, request_timeout=1.0)
    assert ran.seconds < DEADLINE + 1.0
    assert ran.code == 5


@pytest.fixture
def mute() -> Iterator[int]:
    """A port that takes connections and never says a word, no TLS either."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_server_that_does_not_even_speak_tls(
    control_plane: ControlPlane, mute: int, tmp_path: Path
) -> None:
    server = f"https://127.0.0.1:{mute}"
    ended = ended_in_time(control_plane.kubeconfig(tmp_path / "mute", server=server))
    assert ended.code == 5
    assert "cannot reach" in ended.stderr


def test_a_server_that_refuses_connections(proxy: Proxy, through: Path) -> None:
    """Exit 5 as soon as the retries are used up, and at the deadline at the latest."""
    proxy.begin(Rule(Fault.REFUSE, nth=1, times=None, seconds=60.0))
    ended = ended_in_time(through)
    proxy._refuse_until = 0.0
    assert ended.code == 5
    assert "cannot reach" in ended.stderr


@pytest.mark.usefixtures("quick_retries")
def test_retry_after_beyond_the_deadline_is_not_waited_for(proxy: Proxy, through: Path) -> None:
    """Retry-After is honoured, but a deadline is a deadline."""
    proxy.begin(Rule(Fault.ANSWER, status=429, retry_after=30, times=None))
    ran = run_once(through, deadline=DEADLINE)
    assert ran.seconds < DEADLINE + 0.5
    assert ran.code == 5
