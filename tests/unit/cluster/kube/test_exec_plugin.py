"""Exec plugins that hang, print too much or leave programs behind; and people who sign in.

What a plugin is given and may print is in tests/cases/kubeconfig.
"""

import os
import pty
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from podcm_sync.cluster.kube import exec_plugin
from podcm_sync.cluster.kube.exec_plugin import Credential
from podcm_sync.cluster.kube.kubeconfig import ExecConfig
from podcm_sync.errors import ClusterError, Interrupted
from podcm_sync.runtime import workers
from podcm_sync.runtime.context import RunContext
from tests import command

VERSION = "client.authentication.k8s.io/v1"
GOOD = (
    f'echo \'{{"apiVersion": "{VERSION}", "kind": "ExecCredential", "status": {{"token": "t"}}}}\''
)


def plugin(folder: Path, script: str, mode: str = "Never") -> ExecConfig:
    path = folder / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return ExecConfig(command=str(path), api_version=VERSION, interactive_mode=mode)


def run(config: ExecConfig, context: RunContext | None = None) -> Credential:
    return exec_plugin.run(config, {}, "kubeconfig x", context or RunContext())


def failure(config: ExecConfig, context: RunContext | None = None) -> str:
    with pytest.raises(ClusterError) as error:
        run(config, context)
    return str(error.value)


def is_alive(pid: int) -> bool:
    """Whether the process runs. A zombie, which is dead but not waited for, doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def soon(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_plugin, "UNATTENDED_SECONDS", 0.5)


@pytest.mark.usefixtures("short")
def test_a_plugin_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $! $$ > {pids}; echo 'open the address' >&2; wait"
    began = time.monotonic()
    message = failure(plugin(tmp_path, script))
    assert time.monotonic() - began < 5
    assert "did not finish within 500ms: open the address" in message
    both = [int(pid) for pid in pids.read_text().split()]
    assert len(both) == 2
    assert soon(lambda: not any(map(is_alive, both)))


def test_the_limit_that_ends_a_plugin_is_named(tmp_path: Path) -> None:
    context = RunContext()
    context.begin(0.3)
    assert "timed out (--deadline 300ms)" in failure(plugin(tmp_path, "exec sleep 60"), context)


def test_a_plugin_does_not_outlive_an_interrupted_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = tmp_path / "pid"

    def interrupt(_: object) -> None:
        if pid.exists() and pid.read_text().strip():
            raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr(workers.Waiting, "warn_if_due", interrupt)
    with pytest.raises(Interrupted):
        run(plugin(tmp_path, f"echo $$ > {pid}; exec sleep 60"))
    assert not is_alive(int(pid.read_text()))


def test_a_plugin_does_not_outlive_the_process_whose_thread_waits_for_it(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    config = plugin(tmp_path, f"echo $$ > {pid}; exec sleep 60")
    program = f"""
import pathlib, threading, time
from podcm_sync.runtime.context import RunContext
from podcm_sync.cluster.kube import exec_plugin
from podcm_sync.cluster.kube.kubeconfig import ExecConfig
config = ExecConfig(command={config.command!r}, api_version={VERSION!r}, interactive_mode="Never")
threading.Thread(
    target=exec_plugin.run, args=(config, {{}}, "x", RunContext()), daemon=True
).start()
pid = pathlib.Path({str(pid)!r})
while not (pid.exists() and pid.read_text()):
    time.sleep(0.01)
"""
    assert command.python("-c", program).code == 0
    assert not is_alive(int(pid.read_text()))


def test_a_plugin_that_prints_without_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exec_plugin, "MAX_OUTPUT_BYTES", 1 << 20)
    assert "printed more than 1 MiB" in failure(plugin(tmp_path, "exec yes"))


def test_a_program_that_a_plugin_leaves_running_is_not_waited_for(tmp_path: Path) -> None:
    """A browser, or an agent that keeps a token, holds the pipes open."""
    pid = tmp_path / "pid"
    began = time.monotonic()
    run(plugin(tmp_path, f"sleep 60 & echo $! > {pid}; {GOOD}"))
    assert time.monotonic() - began < 10
    assert is_alive(int(pid.read_text()))
    os.kill(int(pid.read_text()), signal.SIGKILL)


def test_stderr_is_shown_while_the_plugin_still_runs(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Even without a line break: a prompt has none."""
    gate = tmp_path / "gate"
    config = plugin(
        tmp_path, f"printf 'Code: ' >&2; while [ ! -e {gate} ]; do sleep 0.01; done; {GOOD}"
    )
    thread = threading.Thread(target=run, args=(config,))
    thread.start()
    shown = ""

    def is_shown() -> bool:
        nonlocal shown
        shown += capfd.readouterr().err
        return shown == "Code: "

    assert soon(is_shown)
    assert thread.is_alive()
    gate.touch()
    thread.join()


def test_a_person_at_a_terminal_has_minutes(tmp_path: Path) -> None:
    """With a terminal, the plugin reads from it, and its limit is longer."""
    config = plugin(tmp_path, f'read answer; [ "$answer" = yes ] && {GOOD}', "Always")
    program = f"""
import sys
from podcm_sync.runtime.context import RunContext
from podcm_sync.cluster.kube import exec_plugin
from podcm_sync.cluster.kube.kubeconfig import ExecConfig

from tests import command
exec_plugin.UNATTENDED_SECONDS = 0.0
config = ExecConfig(command={config.command!r}, api_version={VERSION!r}, interactive_mode="Always")
print("TOKEN", exec_plugin.run(config, {{}}, "x", RunContext()).token)
"""
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(terminal, b"yes\n")
    output = b""
    with suppress(OSError):  # how a terminal without a program ends
        while piece := os.read(terminal, 1024):
            output += piece
    os.close(terminal)
    assert process.wait(30) == 0, output
    assert b"TOKEN t" in output


def test_what_a_plugin_gives_shows_nothing_of_itself() -> None:
    assert repr(Credential(token="s3cret")) == "Credential(...)"  # noqa: S106 - no secret
