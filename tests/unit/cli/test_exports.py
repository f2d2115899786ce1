"""A run's end is told once, however it ends, and nobody who is told can spoil it."""

import contextlib
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from msgspec.structs import replace

from podcm_sync.cli.exports import Exports
from podcm_sync.clock import Clock
from podcm_sync.core.report import Report
from podcm_sync.errors import ClusterError, InputError, Interrupted, OutputError
from podcm_sync.metrics.exposition import Exposition
from podcm_sync.model.traffic import RequestCount, Traffic
from podcm_sync.settings import Export
from tests.chaos.running import SETTINGS
from tests.observability.running import value
from tests.observability.servers import fetch
from tests.unit.core.test_report import CREATED, FOREIGN, report

RUNS = "podcm_sync_runs_total"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.prom"


@pytest.fixture
def exports(path: Path) -> Exports:
    return Exports(replace(SETTINGS, export=Export(metrics_file=path), deadline=60.0), Clock())


def told(path: Path, name: str, **labels: str) -> float | None:
    return value(path.read_text(encoding="utf-8"), name, **labels)


def ends(exports: Exports, made: Report | None = None, *, error: Exception | None = None) -> None:
    """A run comes to this, and then to the error, which goes on."""
    with contextlib.nullcontext() if error is None else pytest.raises(type(error)):  # noqa: SIM117 - one may be none
        with exports.run(Traffic) as measure:
            if made is not None or error is None:
                measure(made or report(CREATED), 0)
            if error is not None:
                raise error


def test_a_run_that_went_through_is_told(exports: Exports, path: Path) -> None:
    with exports.run(Traffic) as measure:
        measure(report(FOREIGN), 3)
    assert told(path, RUNS, result="failed_objects") == 1
    assert told(path, "podcm_sync_last_run_exit_code") == 3
    assert told(path, "podcm_sync_run_deadline_seconds") == 60


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
    exports: Exports, path: Path, error: Exception, code: int, result: str
) -> None:
    with pytest.raises(type(error)), exports.run(Traffic):
        raise error
    assert told(path, "podcm_sync_last_run_exit_code") == code
    assert told(path, RUNS, result=result) == 1
    assert told(path, "podcm_sync_run_duration_seconds_count") == 1


def test_a_report_that_cannot_be_written_is_a_failure_and_its_work_counts(
    exports: Exports, path: Path
) -> None:
    ends(exports, report(CREATED), error=OutputError("no space left"))
    assert told(path, "podcm_sync_last_success_timestamp_seconds") is None
    failed = {"kind": "run", "reason": "ReportUnwritten"}
    assert told(path, "podcm_sync_failures_total", **failed) == 1
    created = {"verb": "create", "result": "created"}
    assert told(path, "podcm_sync_configmap_operations_total", **created) == 1


def test_a_reader_of_stdout_that_has_gone_is_no_failure(exports: Exports, path: Path) -> None:
    ends(exports, report(CREATED), error=BrokenPipeError())
    assert told(path, RUNS, result="succeeded") == 1


def test_a_run_that_cannot_begin_is_told_and_one_that_can_is_not_told_twice(
    exports: Exports, path: Path
) -> None:
    with exports.opening():
        pass
    assert not path.exists()
    with pytest.raises(InputError), exports.opening():
        raise InputError("no such context")
    assert told(path, "podcm_sync_last_run_exit_code") == 2


def test_what_was_asked_between_two_runs_is_in_neither(exports: Exports, path: Path) -> None:
    once = RequestCount(verb="list", code="200", count=3)
    taken = iter([Traffic(requests=(once,)), Traffic(requests=(replace(once, count=1),))])
    with exports.run(lambda: next(taken)) as measure:
        measure(report(), 0)
    assert told(path, "podcm_sync_api_requests_total", verb="list", code="200") == 1


def test_nothing_asked_for_is_nothing_told(tmp_path: Path) -> None:
    exports = Exports(SETTINGS, Clock())
    with exports.run(Traffic) as measure:
        measure(report(CREATED), 0)
    exports.rests(1.0)
    exports.stands_by(1.0)
    exports.close()
    assert list(tmp_path.iterdir()) == []


def test_one_that_fails_keeps_no_other_from_being_told(
    path: Path, caplog: pytest.LogCaptureFixture, gateway: str
) -> None:
    """A file in a folder that is not there: a warning; the push goes out all the same."""
    nowhere = path.parent / "no" / "x.prom"
    export = Export(metrics_file=nowhere, push_gateway=gateway)
    exports = Exports(replace(SETTINGS, export=export), Clock())
    with caplog.at_level(logging.WARNING), exports.run(Traffic) as measure:
        measure(report(CREATED), 0)
    (warning,) = caplog.messages
    assert warning == f"{nowhere} cannot be written: No such file or directory"
    assert Pushed.paths == ["/metrics/job/podcm-sync/scope/default"]


def test_whatever_goes_wrong_in_telling_is_a_warning(
    exports: Exports, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(Exposition, "collect", broken)
    with caplog.at_level(logging.WARNING), exports.run(Traffic) as measure:
        measure(report(CREATED), 0)
    assert caplog.messages == ["nobody thought of this"]


class Pushed(BaseHTTPRequestHandler):
    """A gateway that takes everything, and notes where to."""

    paths: list[str] = []  # noqa: RUF012 - the server makes the instances

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.paths.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def gateway() -> Iterator[str]:
    Pushed.paths.clear()
    with HTTPServer(("127.0.0.1", 0), Pushed) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_loop_counts_on_and_its_pages_follow(caplog: pytest.LogCaptureFixture) -> None:
    """Over --listen: runs add up, and readiness comes with the first that goes through."""
    export = Export(listen=("127.0.0.1", 0))
    with caplog.at_level(logging.INFO, logger="podcm_sync.metrics.listen"):
        exports = Exports(replace(SETTINGS, export=export, is_loop=True), Clock())
    (said,) = caplog.messages
    url = said.removeprefix("listening on ")
    try:
        ends(exports, error=ClusterError("away"))
        assert fetch(f"{url}/readyz")[:2] == (503, "no run has gone through yet\n")
        ends(exports)
        ends(exports)
        assert fetch(f"{url}/readyz")[:2] == (200, "ok\n")
        text = fetch(f"{url}/metrics")[1]
        assert value(text, RUNS, result="succeeded") == 2
        assert value(text, RUNS, result="failed") == 1
        exports.stands_by(5.0)
        assert value(fetch(f"{url}/metrics")[1], "podcm_sync_last_run_exit_code") is None
    finally:
        exports.close()
    with pytest.raises(OSError, match="refused"):
        fetch(f"{url}/healthz")
