"""The metrics file: old or new, never half written; files of others stay."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from podcm_sync.metrics import table
from podcm_sync.metrics.exposition import Exposition
from podcm_sync.metrics.finished_run import FinishedRun
from podcm_sync.metrics.scope import MetricScope
from podcm_sync.metrics.textfile import MetricsFileError, read_gauges, write
from podcm_sync.reconcile.report import Count
from tests.unit.reconcile.test_report import CREATED, report

REPORT = replace(report(CREATED), counts={"shop": Count(configs=1, config_maps=1)})
SUCCESS = FinishedRun(at=1_000.5, duration_seconds=1.0, exit_code=0, report=REPORT)
FAILURE = FinishedRun(at=2_000.0, duration_seconds=1.0, exit_code=5, failure="ServerUnreachable")


def written(path: Path, finished: FinishedRun, scope: str = "all") -> None:
    exposition = Exposition(MetricScope(label=scope))
    exposition.restore(read_gauges(path, scope))
    exposition.add(finished)
    write(path, exposition)


def test_a_failed_run_keeps_the_last_success_and_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    written(path, SUCCESS)
    written(path, FAILURE)
    gauges = read_gauges(path, "all")
    assert gauges[table.LAST_SUCCESS] == {(): 1_000.5}
    assert gauges[table.LAST_RUN] == {(): 2_000.0}
    assert gauges[table.MANAGED] == {("shop",): 1.0}
    assert gauges[table.LAST_FAILURES]["run", "ServerUnreachable"] == 1.0


def test_counters_begin_anew_in_each_process(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    written(path, SUCCESS)
    written(path, SUCCESS)
    series = 'podcm_sync_runs_total{result="succeeded",scope="all"} 1.0'
    assert series in path.read_text(encoding="utf-8")


def test_a_file_of_another_scope_gives_nothing(tmp_path: Path) -> None:
    """Its last success isn't that of this scope."""
    path = tmp_path / "x.prom"
    written(path, SUCCESS, "shard-0-of-4")
    written(path, FAILURE, "shard-0-of-5")
    assert table.LAST_SUCCESS not in read_gauges(path, "shard-0-of-5")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.prom"
    written(path, SUCCESS)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    with pytest.raises(MetricsFileError, match="cannot be written: No space left on device"):
        written(path, FAILURE)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["x.prom"]


@pytest.mark.parametrize(
    "content", ["hello world\n", "# TYPE up gauge\nup 1\n", "\x00\x01{", "# notes of mine\n"]
)
def test_a_file_of_somebody_elses_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.prom"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(MetricsFileError, match="stays"):
        read_gauges(path, "all")


def test_an_empty_file_and_none_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    assert read_gauges(path, "all") == {}
    path.touch()
    assert read_gauges(path, "all") == {}


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    """A rename to /dev/stdout would replace the device by a file."""
    with pytest.raises(MetricsFileError, match="a regular file"):
        read_gauges(Path("/dev/null"), "all")
    with pytest.raises(MetricsFileError, match="a regular file"):
        read_gauges(tmp_path, "all")


def test_what_cannot_be_looked_at_is_said_as_such(tmp_path: Path) -> None:
    with pytest.raises(MetricsFileError, match="cannot be read: File name too long"):
        read_gauges(tmp_path / ("x" * 300), "all")


def test_metrics_that_are_written_onto_a_link_replace_the_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.touch()
    path = tmp_path / "x.prom"
    path.symlink_to(precious)
    written(path, SUCCESS)
    assert precious.read_bytes() == b""
    assert not path.is_symlink()


def test_other_users_can_read_the_file(tmp_path: Path) -> None:
    """node_exporter runs as another user."""
    path = tmp_path / "x.prom"
    before = os.umask(0o077)
    try:
        written(path, SUCCESS)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644
