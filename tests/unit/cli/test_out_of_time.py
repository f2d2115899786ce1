"""A run ends in time, shows what it waits for, and names the limit that was too short."""

import json
import shlex
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.command import Completed, started, until
from tests.frozen import Answer, FrozenServer, Request, empty, serving

START = 1.2
"""Seconds that a process may take to start and to end; the deadline is the run's."""


@pytest.fixture
def server() -> Iterator[FrozenServer]:
    with serving() as server:
        yield server


def plugin(folder: Path, script: str) -> Mapping[str, object]:
    """A kubeconfig's user whose exec plugin is this shell script."""
    path = folder / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    api = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": api, "command": str(path), "interactiveMode": "Never"}}


CREDENTIAL = shlex.quote(
    json.dumps(
        {
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": {"token": "t"},
        }
    )
)


def ran(kubeconfig: Path, *arguments: str) -> tuple[Completed, float]:
    """How a run ended, and after how many seconds."""
    began = time.monotonic()
    with started(kubeconfig, *arguments) as running:
        ended = running.end()
    return ended, ended.at - began


def test_a_frozen_server_cannot_hold_a_run_beyond_its_deadline(
    server: FrozenServer, tmp_path: Path
) -> None:
    ended, seconds = ran(server.kubeconfig(tmp_path), "--deadline", "1s")
    assert ended.code == 5
    assert seconds < 1.0 + START
    assert "timed out (--deadline 1s)" in ended.stderr


def test_the_deadline_counts_the_time_to_log_in(server: FrozenServer, tmp_path: Path) -> None:
    """It is the run's in all: a server that freezes afterwards gets what is left of it."""
    user = plugin(tmp_path, f"sleep 1.8; echo {CREDENTIAL}")
    ended, seconds = ran(server.kubeconfig(tmp_path, user), "--deadline", "2s")
    assert ended.code == 5
    assert seconds < 2.0 + START
    assert "timed out (--deadline 2s)" in ended.stderr


def test_a_deadline_that_ends_the_login_is_not_the_plugins_fault(
    server: FrozenServer, tmp_path: Path
) -> None:
    user = plugin(tmp_path, "exec sleep 30 2>/dev/null")
    ended, seconds = ran(server.kubeconfig(tmp_path, user), "--deadline", "1s")
    assert ended.code == 5
    assert seconds < 1.0 + START
    assert "timed out (--deadline 1s)" in ended.stderr
    assert "plugin" not in ended.stderr


@pytest.mark.parametrize("deadline", ["1ms", "150ms"])
def test_a_deadline_that_is_too_short_to_begin_is_named(
    server: FrozenServer, tmp_path: Path, deadline: str
) -> None:
    ended, _ = ran(server.kubeconfig(tmp_path), "--deadline", deadline)
    assert ended.code == 5
    assert f"timed out (--deadline {deadline})" in ended.stderr
    assert "plugin" not in ended.stderr


def test_the_requests_own_limit_is_named(server: FrozenServer, tmp_path: Path) -> None:
    arguments = ("--request-timeout", "100ms", "--deadline", "60s")
    ended, _ = ran(server.kubeconfig(tmp_path), *arguments)
    assert ended.code == 5
    assert "timed out (--request-timeout 100ms)" in ended.stderr


def test_a_read_that_takes_long_shows_what_it_waits_for(
    server: FrozenServer, tmp_path: Path
) -> None:
    """As a warning, so that the log of the shipped CronJob shows it; once, not at each look."""
    arguments = ("--deadline", "5s", "--log-format", "json")
    ended, _ = ran(server.kubeconfig(tmp_path), *arguments)
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    told = [line for line in lines if line["message"].startswith("waiting for ")]
    (line,) = told
    assert line["severity"] == "WARNING"
    assert line["message"] == (
        f"waiting for {server.url} (context test): list configmaps in namespace shop (3 s)"
    )


def forbidden(request: Request) -> Answer:
    """The answers of an empty cluster where nobody may list the Pods of the namespace `bad`."""
    if "/namespaces/bad/pods" in request.path:
        return 403, {
            "apiVersion": "v1",
            "kind": "Status",
            "status": "Failure",
            "reason": "Forbidden",
            "message": "pods is forbidden",
            "details": {"kind": "pods"},
            "code": 403,
        }
    return empty(request)


def test_a_loop_serves_the_other_namespaces_at_each_interval(
    server: FrozenServer, tmp_path: Path
) -> None:
    server.answers = forbidden
    arguments = ("-n", "good", "-n", "bad", "--loop", "--interval", "200ms", "-o", "json")
    with started(server.kubeconfig(tmp_path), *arguments) as running:
        until(lambda: running.stdout.count("\n") >= 9, "nine reports", 10)
        lines = running.stdout.splitlines()[:9]
    reports = [json.loads(line) for line in lines]
    assert {report["exitCode"] for report in reports} == {5}
    for report in reports:
        (incomplete,) = report["incomplete"]
        assert incomplete["namespace"] == "bad"
        assert "pods is forbidden" in incomplete["message"]
    paths = [request.path for request in server.requests]
    assert paths.count("/api/v1/namespaces/good/pods") >= 9
    assert paths.count("/api/v1/namespaces/bad/pods") <= 5
