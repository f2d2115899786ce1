"""--loop for years: nothing grows, a server that is away is waited for, a signal ends it."""

import gc
import json
import logging
import os
import signal
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import pytest
from msgspec.structs import replace

from podcm_sync import loop
from podcm_sync.api.meta import NamespacedName
from podcm_sync.cli import run as command
from podcm_sync.cli.connect import Ports
from podcm_sync.cli.sync_options import LoopOptions
from podcm_sync.errors import Interrupted
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.runtime import backoff
from podcm_sync.runtime.context import RunContext
from tests.builders import pcmc, pod
from tests.chaos.proxy import Proxy
from tests.chaos.rules import Fault, Rule
from tests.chaos.running import OPTIONS
from tests.command import Running, started, until
from tests.controlplane.api import Api
from tests.controlplane.sync_objects import make_config
from tests.documents import valid
from tests.fakes import FakeCluster

INTERVALS = 5_000
WARM = 500
DRIFTS_EVERY = 50
AS_FAST_AS_CAN_BE = replace(OPTIONS, timing=LoopOptions(deadline=60.0, loop=True, interval=0.0005))


@contextmanager
def unheard() -> Iterator[None]:
    """Output goes nowhere, since pytest would keep every line; signals and log are given back."""
    receivers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    root = logging.getLogger()
    level, handlers = root.level, root.handlers
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        root.handlers = [logging.StreamHandler(nowhere)]
        try:
            yield
        finally:
            root.handlers = handlers
            root.setLevel(level)
            for number, receiver in receivers.items():
                signal.signal(number, receiver)


class Watched(FakeCluster):
    """A cluster that drifts now and then, measures the process, and at last sends SIGTERM."""

    def __init__(self) -> None:
        pods = [pod(f"web-{number}") for number in range(3)]
        super().__init__(pcmc("mine"), *pods)
        self.runs = 0
        self.sizes: list[tuple[int, int]] = []

    def snapshot(self, scope: Scope, *, may_defer: bool = False) -> Snapshot:
        self.runs += 1
        if self.runs % DRIFTS_EVERY == 0:
            name = NamespacedName("shop", "pod-web-0-from-mine-cfg")
            self.edit("ConfigMap", name, {"data": {"podName": "drifted"}})
        self.writes.clear()
        if self.runs in {WARM, INTERVALS}:
            gc.collect()
            self.sizes.append((tracemalloc.get_traced_memory()[0], open_files()))
        if self.runs >= INTERVALS:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().snapshot(scope, may_defer=may_defer)


def open_files(process: int | str = "self") -> int:
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def test_in_5000_intervals_memory_and_file_descriptors_stay_flat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The whole command but for its cluster; SIGTERM ends it as the last run reads."""
    cluster = Watched()
    ports = Ports(reader=cluster, writer=cluster, scope=Scope(namespaces=("shop",)))
    monkeypatch.setattr(command, "opened", lambda *_: ports)
    tracemalloc.start()
    try:
        with unheard(), pytest.raises(Interrupted) as caught:
            command.run(AS_FAST_AS_CAN_BE)
    finally:
        tracemalloc.stop()
    assert caught.value.signal_number == signal.SIGTERM
    assert cluster.runs == INTERVALS
    (memory, files), (later_memory, later_files) = cluster.sizes
    assert later_files == files
    assert later_memory - memory < 64 * 1024


@pytest.fixture
def work(api: Api, namespace: str) -> None:
    for number in range(3):
        api.make_pod(namespace, f"web-{number}")
    make_config(api, namespace)


def codes(running: Running) -> list[int]:
    """The exit codes of the runs so far, one line of JSON each."""
    whole_lines = running.stdout.rpartition("\n")[0].splitlines()
    return [valid(json.loads(line))["exitCode"] for line in whole_lines]


def resident_kilobytes(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    (line,) = [each for each in status.splitlines() if each.startswith("VmRSS:")]
    return int(line.split()[1])


@pytest.mark.usefixtures("work")
def test_hundreds_of_runs_over_one_connection_open_nothing_more(kubeconfig: Path) -> None:
    """A process before the real server: file descriptors equal, memory within 2 MB."""
    with started(kubeconfig, "--loop", "--interval", "10ms", "-o", "json") as running:
        pid = running.process.pid
        until(lambda: len(codes(running)) >= 100, "100 runs")
        files, memory = open_files(pid), resident_kilobytes(pid)
        until(lambda: len(codes(running)) >= 400, "400 runs")
        # Threads come and go within a run, descriptors do not.
        assert open_files(pid) <= files
        assert resident_kilobytes(pid) - memory < 2_048
        running.signal(signal.SIGTERM)
        assert running.end(5).code == 128 + signal.SIGTERM
        assert set(codes(running)[:-1]) == {0}


@pytest.mark.usefixtures("work")
def test_a_failing_server_is_left_in_peace_for_longer_and_found_again(
    proxy: Proxy, through: Path
) -> None:
    """Runs fail and are told, the pauses grow, and the first run after the failure is as ever."""
    arguments = ("--loop", "--interval", "200ms", "-o", "json", "--request-timeout", "1s")
    with started(through, *arguments) as running:
        until(lambda: codes(running)[:1] == [0], "a run")
        proxy.begin(Rule(Fault.ANSWER, status=503, times=None))
        until(lambda: codes(running).count(5) >= 3, "three failures")
        proxy.begin()
        recovered = len(codes(running))
        until(lambda: 0 in codes(running)[recovered:], "a run that is well again")
        running.signal(signal.SIGTERM)
        ended = running.end(5)
    assert ended.code == 128 + signal.SIGTERM
    assert "Traceback" not in ended.stderr


def test_pauses_double_while_it_fails_and_are_the_interval_again_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a grid of one second: next time, then the one after 1, 3 and 7 more, then the next."""
    monkeypatch.setattr(backoff, "JITTER_SHARE", 0.0)
    outcomes = iter([True, False, False, False, False, True, True])
    context = Paused(runs=7)
    assert loop.loop(lambda: next(outcomes), context, interval=1.0) == 128 + signal.SIGTERM
    assert [round(pause) for pause in context.pauses] == [1, 1, 2, 4, 8, 1, 1]


class Paused(RunContext):
    """Notes the pauses, makes none, and stops after so many runs."""

    def __init__(self, runs: int) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self._runs = runs

    def wait(self, seconds: float, is_enough: Callable[[], bool] = lambda: False) -> bool:
        self.pauses.append(seconds)
        if len(self.pauses) == self._runs:
            self.receive(signal.SIGTERM)
        return not self.is_stopping()
