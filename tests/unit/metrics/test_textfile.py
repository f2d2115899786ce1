"""The metrics file: as it was or as it is, never half; others' files stay."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from podcm_sync.core.ended import Ended
from podcm_sync.core.report import Count
from podcm_sync.metrics import table
from podcm_sync.metrics.exposition import Exposition
from podcm_sync.metrics.textfile import MetricsFileError, kept, write
from tests.unit.core.test_report import CREATED, report

REPORT = replace(report(CREATED), counts={"shop": Count(configs=1, config_maps=1)})
SUCCESS = Ended(at=1_000.5, duration_seconds=1.0, exit_code=0, report=REPORT)
FAILURE = Ended(at=2_000.0, duration_seconds=1.0, exit_code=5, failure="ServerUnreachable")


def written(path: Path, ended: Ended) -> None:
    exposition = Exposition()
    exposition.keep(kept(path))
    exposition.add(ended)
    write(path, exposition)


def test_a_failed_run_keeps_the_last_success_and_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    written(path, SUCCESS)
    written(path, FAILURE)
    found = kept(path)
    assert found[table.LAST_SUCCESS] == {(): 1_000.5}
    assert found[table.LAST_RUN] == {(): 2_000.0}
    assert found[table.MANAGED] == {("shop",): 1.0}
    assert found[table.LAST_FAILURES]["run", "ServerUnreachable"] == 1.0


def test_counters_begin_anew_in_each_process(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    written(path, SUCCESS)
    written(path, SUCCESS)
    assert 'podcm_sync_runs_total{result="succeeded"} 1.0' in path.read_text(encoding="utf-8")


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
    assert [each.name for each in tmp_path.iterdir()] == ["x.prom"]


@pytest.mark.parametrize(
    "content", ["hello world\n", "# TYPE up gauge\nup 1\n", "\x00\x01{", "# notes of mine\n"]
)
def test_a_file_of_somebody_elses_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.prom"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(MetricsFileError, match="stays"):
        kept(path)


def test_an_empty_file_and_none_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    assert kept(path) == {}
    path.touch()
    assert kept(path) == {}


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    """A rename onto /dev/stdout would put a file in its place."""
    with pytest.raises(MetricsFileError, match="no regular file"):
        kept(Path("/dev/null"))
    with pytest.raises(MetricsFileError, match="no regular file"):
        kept(tmp_path)


def test_what_cannot_be_looked_at_is_said_as_such(tmp_path: Path) -> None:
    with pytest.raises(MetricsFileError, match="cannot be read: File name too long"):
        kept(tmp_path / ("x" * 300))


def test_metrics_that_are_written_onto_a_link_replace_the_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.touch()
    path = tmp_path / "x.prom"
    path.symlink_to(precious)
    written(path, SUCCESS)
    assert precious.read_bytes() == b""
    assert not path.is_symlink()


def test_other_users_can_read_the_file(tmp_path: Path) -> None:
    """node_exporter is one."""
    path = tmp_path / "x.prom"
    before = os.umask(0o077)
    try:
        written(path, SUCCESS)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644
