"""SIGINT and SIGTERM at any time: what is begun is finished and told, and nothing more is begun."""

import signal
import threading
import time
from pathlib import Path

import pytest

from podcm_sync.runtime.context import RunContext
from tests.chaos.proxy import Proxy
from tests.chaos.rules import Fault, Rule
from tests.chaos.running import run_once
from tests.command import Running, started, until
from tests.controlplane.api import Api, Object
from tests.controlplane.sync_objects import condition, make_config, names, status_of

SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
AT_ONCE = 2.0
"""Seconds within which a run that has nothing to wait for ends (§7)."""
PODS = 6
SLOW_WRITES = Rule(Fault.DELAY, method="POST|PATCH|DELETE", times=None, seconds=1.0)


@pytest.fixture
def work(api: Api, namespace: str, kubeconfig: Path) -> None:
    """One config that is in step and only to be stamped, and one with everything to be made."""
    for number in range(PODS):
        api.make_pod(namespace, f"web-{number}")
    make_config(api, namespace, "done")
    assert run_once(kubeconfig).code == 0
    pending: Object = {"observedGeneration": None, "conditions": None, "matchedPods": None}
    api.patch("PodConfigMapConfig", namespace, "done", {"status": pending}, "status")
    make_config(api, namespace, "open")


def writes_begun(proxy: Proxy) -> int:
    return len([each for each in proxy.writes() if each.path.endswith("/configmaps")])


def wait_for_write(running: Running, proxy: Proxy) -> None:
    until(proxy.writes, "the first write")
    time.sleep(0.3)  # all that may be under way at once is
    assert running.process.poll() is None


@SIGNALS
@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.usefixtures("work")
def test_during_lists_it_ends_at_once_and_wrote_nothing(
    proxy: Proxy, through: Path, number: signal.Signals, nth: int
) -> None:
    """The server does not even answer; the run says that nothing was changed."""
    proxy.begin(Rule(Fault.FREEZE, nth=nth, times=None))
    with started(through) as running:
        until(proxy.stuck.is_set, "the list that is not answered")
        running.signal(number)
        asked = time.monotonic()
        ended = running.end()
    assert ended.code == 128 + number
    assert ended.at - asked < AT_ONCE
    assert "nothing was changed" in ended.stderr
    assert ended.stdout == ""
    assert proxy.writes() == []


@SIGNALS
@pytest.mark.usefixtures("work")
def test_during_writes_it_finishes_what_is_under_way_stamps_what_is_done_and_reports(
    api: Api, namespace: str, proxy: Proxy, through: Path, number: signal.Signals
) -> None:
    """Of six creates two are under way: they are carried out, and no third one begins."""
    proxy.begin(SLOW_WRITES)
    with started(through, "--concurrency", "2", "-o", "json") as running:
        wait_for_write(running, proxy)
        running.signal(number)
        ended = running.end()
    assert ended.code == 128 + number
    assert ended.at - max(each.ended for each in proxy.requests) < AT_ONCE
    assert writes_begun(proxy) == 2
    made = [each for each in names(api, namespace) if each.endswith("-from-open-cfg")]
    assert len(made) == 2
    assert condition(status_of(api, namespace, "done"))["status"] == "True"
    assert condition(status_of(api, namespace, "open"))["reason"] == "Pending"
    assert ended.report["exitCode"] == 128 + number
    assert ended.report["summary"]["created"] == 2
    interrupted = [each for each in ended.report["changes"] if each["reason"] == "Interrupted"]
    assert len(interrupted) == PODS - 2
    proxy.begin()
    assert run_once(through).code == 0, "and the next run does the rest"


@SIGNALS
@pytest.mark.usefixtures("work")
def test_a_second_signal_ends_it_there_and_then(
    proxy: Proxy, through: Path, number: signal.Signals
) -> None:
    """The server answers no write: the first signal waits for it, the second does not."""
    proxy.begin(Rule(Fault.FREEZE, method="POST", times=None))
    with started(through, "--concurrency", "2") as running:
        until(proxy.stuck.is_set, "the write that is not answered")
        running.signal(signal.SIGINT)
        time.sleep(0.5)
        assert running.process.poll() is None, "what is under way may still be answered"
        running.signal(number)
        asked = time.monotonic()
        ended = running.end()
    assert ended.code == 128 + number
    assert ended.at - asked < 0.5


@pytest.mark.usefixtures("work", "quick_retries")
def test_what_is_under_way_has_only_a_while_to_finish(
    proxy: Proxy, through: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """clock.py: a Pod has 30 s to end, so a server that never answers is waited for less long.

    The request's own timeout, here 5 s, is the longer one.
    """
    monkeypatch.setattr("podcm_sync.runtime.context.GRACE_SECONDS", 1.0)
    proxy.begin(Rule(Fault.FREEZE, method="POST", times=None))
    context = RunContext()

    def send_signal() -> None:
        proxy.stuck.wait(10)
        context.receive(signal.SIGTERM)

    threading.Thread(target=send_signal, daemon=True).start()
    ran = run_once(through, request_timeout=5.0, context=context)
    assert ran.seconds < 1.0 + AT_ONCE
