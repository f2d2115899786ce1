"""Every run is exported once, however it finish_run, and an exporter that fails changes no run."""

import contextlib
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from msgspec.structs import replace

from podcm_sync.cluster.interfaces import RequestCount, Traffic
from podcm_sync.errors import ClusterError, InputError, Interrupted, OutputError
from podcm_sync.metrics.exporters import MetricsExporters
from podcm_sync.metrics.exposition import Exposition
from podcm_sync.metrics.push import Gateway
from podcm_sync.metrics.scope import MetricScope
from podcm_sync.reconcile.report import Report
from podcm_sync.runtime.context import RunContext
from tests.observability.running import value
from tests.observability.servers import fetch
from tests.unit.reconcile.test_report import CREATED, FOREIGN, report

RUNS = "podcm_sync_runs_total"
SCOPE = MetricScope(label="here")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.prom"


@pytest.fixture
def exporters(path: Path) -> MetricsExporters:
    exporters = MetricsExporters(SCOPE, deadline=60.0)
    exporters.write_to(path)
    return exporters


def exported(path: Path, name: str, **labels: str) -> float | None:
    return value(path.read_text(encoding="utf-8"), name, **labels)


def finish_run(
    exporters: MetricsExporters, result: Report | None = None, *, error: Exception | None = None
) -> None:
    """A run finish_run with this report and then raises the error."""
    with contextlib.nullcontext() if error is None else pytest.raises(type(error)):  # noqa: SIM117 - one may be none
        with exporters.run(Traffic) as recorder:
            if result is not None or error is None:
                recorder(result or report(CREATED), 0)
            if error is not None:
                raise error


def test_a_run_that_went_through_is_told(exporters: MetricsExporters, path: Path) -> None:
    with exporters.run(Traffic) as recorder:
        recorder(report(FOREIGN), 3)
    assert exported(path, RUNS, result="failed_objects") == 1
    assert exported(path, "podcm_sync_last_run_exit_code") == 3
    assert exported(path, "podcm_sync_run_deadline_seconds") == 60


@pytest.mark.parametrize(
    ("error", "code", "result"),
    [
        (ClusterError("away"), 5, "failed"),
        (InputError("no such context"), 2, "failed"),
        (Interrupted(15), 143, "interrupted"),
        (ValueError("a bug"), 70, "failed"),
    ],
)
def test_a_run_that_an_error_ends_is_told_and_the_error_goes_on(
    exporters: MetricsExporters, path: Path, error: Exception, code: int, result: str
) -> None:
    with pytest.raises(type(error)), exporters.run(Traffic):
        raise error
    assert exported(path, "podcm_sync_last_run_exit_code") == code
    assert exported(path, RUNS, result=result) == 1
    assert exported(path, "podcm_sync_run_duration_seconds_count") == 1


def test_a_report_that_cannot_be_written_is_a_failure_and_its_work_counts(
    exporters: MetricsExporters, path: Path
) -> None:
    finish_run(exporters, report(CREATED), error=OutputError("no space left"))
    assert exported(path, "podcm_sync_last_success_timestamp_seconds") is None
    failed = {"kind": "run", "reason": "ReportUnwritten"}
    assert exported(path, "podcm_sync_failures_total", **failed) == 1
    created = {"verb": "create", "result": "created"}
    assert exported(path, "podcm_sync_configmap_operations_total", **created) == 1


def test_a_reader_of_stdout_that_has_gone_is_no_failure(
    exporters: MetricsExporters, path: Path
) -> None:
    finish_run(exporters, report(CREATED), error=BrokenPipeError())
    assert exported(path, RUNS, result="succeeded") == 1


def test_a_run_that_cannot_begin_is_told_and_one_that_can_is_not_told_twice(
    exporters: MetricsExporters, path: Path
) -> None:
    with exporters.opening():
        pass
    assert not path.exists()
    with pytest.raises(InputError), exporters.opening():
        raise InputError("no such context")
    assert exported(path, "podcm_sync_last_run_exit_code") == 2


def test_what_was_asked_between_two_runs_is_in_neither(
    exporters: MetricsExporters, path: Path
) -> None:
    once = RequestCount(verb="list", code="200", count=3)
    taken = iter([Traffic(requests=(once,)), Traffic(requests=(replace(once, count=1),))])
    with exporters.run(lambda: next(taken)) as recorder:
        recorder(report(), 0)
    assert exported(path, "podcm_sync_api_requests_total", verb="list", code="200") == 1


def test_nothing_asked_for_is_nothing_told(tmp_path: Path) -> None:
    exporters = MetricsExporters(SCOPE)
    with exporters.run(Traffic) as recorder:
        recorder(report(CREATED), 0)
    exporters.idle(1.0)
    exporters.elect("ns/lease")
    exporters.standby(1.0)
    exporters.lead()
    exporters.close()
    assert list(tmp_path.iterdir()) == []


def test_one_that_fails_keeps_no_other_from_being_told(
    path: Path, caplog: pytest.LogCaptureFixture, gateway: str
) -> None:
    """If the folder of the file is missing, there is a warning, and the push still happens."""
    nowhere = path.parent / "no" / "x.prom"
    exporters = MetricsExporters(SCOPE)
    exporters.write_to(nowhere)
    exporters.push_to(Gateway(gateway, "podcm-sync", "here"), RunContext().remaining)
    with caplog.at_level(logging.WARNING), exporters.run(Traffic) as recorder:
        recorder(report(CREATED), 0)
    (warning,) = caplog.messages
    assert warning == f"{nowhere} cannot be written: No such file or directory"
    assert Pushed.paths == ["/metrics/job/podcm-sync/scope/here"]


def test_whatever_goes_wrong_in_telling_is_a_warning(
    exporters: MetricsExporters, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(Exposition, "collect", broken)
    with caplog.at_level(logging.WARNING), exporters.run(Traffic) as recorder:
        recorder(report(CREATED), 0)
    assert caplog.messages == ["nobody thought of this"]


class Pushed(BaseHTTPRequestHandler):
    """A gateway that accepts everything and records the paths."""

    paths: list[str] = []  # noqa: RUF012 - the server makes the instances

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.paths.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def gateway() -> Iterator[str]:
    Pushed.paths.clear()
    with HTTPServer(("127.0.0.1", 0), Pushed) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_loop_counts_on_and_its_pages_follow(caplog: pytest.LogCaptureFixture) -> None:
    """With --listen, runs add up, and the first completed run makes the process ready."""
    exporters = MetricsExporters(SCOPE)
    with caplog.at_level(logging.INFO, logger="podcm_sync.metrics.listen"):
        exporters.listen_on(("127.0.0.1", 0), RunContext(), interval=60.0)
    (message,) = caplog.messages
    url = message.removeprefix("listening on ")
    try:
        finish_run(exporters, error=ClusterError("away"))
        assert fetch(f"{url}/readyz")[:2] == (503, "no run has gone through yet\n")
        finish_run(exporters)
        finish_run(exporters)
        assert fetch(f"{url}/readyz")[:2] == (200, "ok\n")
        text = fetch(f"{url}/metrics")[1]
        assert value(text, RUNS, result="succeeded") == 2
        assert value(text, RUNS, result="failed") == 1
        exporters.elect("ns/lease")
        exporters.standby(5.0)
        text = fetch(f"{url}/metrics")[1]
        assert value(text, "podcm_sync_last_run_exit_code") is None
        assert value(text, "podcm_sync_leader", lease="ns/lease") == 0
        exporters.lead()
        text = fetch(f"{url}/metrics")[1]
        assert value(text, "podcm_sync_leader", lease="ns/lease") == 1
    finally:
        exporters.close()
    with pytest.raises(OSError, match="refused"):
        fetch(f"{url}/healthz")
