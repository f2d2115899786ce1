"""The compiled module's cache: private, atomic, remade when in doubt, never a reason to fail."""

import logging
import os
import stat
from pathlib import Path

import pytest

from podcm_sync.template import compiled

TINY = b"\0asm\1\0\0\0"  # the smallest module there is: compiled in no time


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, for an engine that is quick to compile."""
    monkeypatch.setattr(compiled, "ENGINE", tmp_path / "engine.wasm")
    monkeypatch.setattr(compiled, "STAMP", tmp_path / "engine.stamp")
    monkeypatch.setattr(compiled, "HERE", tmp_path)
    (tmp_path / "engine.wasm").write_bytes(TINY)
    (tmp_path / "engine.stamp").write_text("tiny")
    monkeypatch.setenv(compiled.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def only_file(cache: Path) -> Path:
    (file,) = cache.iterdir()
    return file


def test_the_first_run_compiles_and_keeps_the_second_loads(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        compiled.module(compiled.engine())
        compiled.module(compiled.engine())
    assert [record.message for record in caplog.records] == [
        "compiling the template engine for this host, which takes some seconds"
    ]


def test_the_cache_is_this_users_alone(cache: Path) -> None:
    compiled.module(compiled.engine())
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(cache).stat().st_mode) == 0o600


@pytest.mark.parametrize("who", ["file", "directory"])
@pytest.mark.parametrize("mode", [0o777, 0o722])
def test_what_others_can_write_is_never_loaded(
    who: str, mode: int, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    compiled.module(compiled.engine())
    # If it were loaded, it would be an error rather than a module.
    only_file(cache).write_bytes(b"native code of somebody else")
    (only_file(cache) if who == "file" else cache).chmod(mode)
    caplog.clear()
    compiled.module(compiled.engine())
    assert "others can write it" in caplog.records[0].message


def test_what_belongs_to_somebody_else_is_not_loaded(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compiled.module(compiled.engine())
    if os.geteuid() == 0:
        os.chown(cache, 65_534, 65_534)
    else:
        mine = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        compiled.module(compiled.engine())
    assert "compiling" in caplog.records[0].message


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x7fELF" + bytes(100)])
def test_a_file_that_cannot_be_used_is_made_anew(content: bytes, cache: Path) -> None:
    compiled.module(compiled.engine())
    good = only_file(cache).read_bytes()
    only_file(cache).write_bytes(content)
    compiled.module(compiled.engine())
    assert only_file(cache).read_bytes() == good


def test_another_engine_is_another_file(cache: Path) -> None:
    compiled.module(compiled.engine())
    compiled.STAMP.write_text("from other sources")
    compiled.module(compiled.engine())
    assert len(list(cache.iterdir())) == 2


def test_a_cache_that_cannot_be_written_is_said_and_costs_no_more_than_time(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write_text("a file where the directory should be")
    assert compiled.module(compiled.engine()).exports == []
    (warning,) = [each.message for each in caplog.records if each.levelno == logging.WARNING]
    assert warning.startswith(f"the compiled template engine cannot be kept in {cache} (")
    assert compiled.CACHE_VARIABLE in warning


def test_a_user_without_a_home_compiles_each_time(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv(compiled.CACHE_VARIABLE)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert compiled.module(compiled.engine()).exports == []
    assert not cache.exists()


def test_nothing_half_written_stays_behind(cache: Path) -> None:
    compiled.module(compiled.engine())
    assert [path.suffix for path in cache.iterdir()] == [".cwasm"]


def test_the_one_beside_the_engine_comes_first(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in the image, where nothing can be written later."""
    compiled.main()
    made = Path(capsys.readouterr().out.strip())
    assert made.parent == compiled.HERE
    assert stat.S_IMODE(made.stat().st_mode) == 0o644
    compiled.module(compiled.engine())
    assert not cache.exists()
