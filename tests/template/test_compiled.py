"""The cache of the compiled module is private and atomic, and never makes a run fail."""

import hashlib
import logging
import os
import pwd
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
    stamp("tiny")
    monkeypatch.setenv(compiled.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def stamp(sources: str) -> None:
    """Write the stamp that the build would write for this engine."""
    digest = hashlib.sha256(compiled.ENGINE.read_bytes()).hexdigest()
    compiled.STAMP.write_text(f"{sources} go1.0\n{digest}\n")


def is_refused(caplog: pytest.LogCaptureFixture) -> str:
    """The reason in the warning that the cache was not used; "" if it was used."""
    caplog.clear()
    compiled.module(compiled.engine())
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) < 2
    return warnings[0] if warnings else ""


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
        "compiling the template engine for this host; this takes some seconds"
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
    assert "others can write" in is_refused(caplog)


def test_what_belongs_to_somebody_else_is_not_loaded(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compiled.module(compiled.engine())
    if os.geteuid() == 0:
        os.chown(cache, 65_534, 65_534)
    else:
        mine = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    # If it were loaded, it would be an error rather than a module.
    assert "belongs to another user" in is_refused(caplog)


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x7fELF" + bytes(100)])
def test_a_file_that_cannot_be_used_is_made_anew(content: bytes, cache: Path) -> None:
    compiled.module(compiled.engine())
    good = only_file(cache).read_bytes()
    only_file(cache).write_bytes(content)
    compiled.module(compiled.engine())
    assert only_file(cache).read_bytes() == good


def test_another_engine_is_another_file(cache: Path) -> None:
    compiled.module(compiled.engine())
    stamp("from other sources")
    compiled.module(compiled.engine())
    assert len(list(cache.iterdir())) == 2


def test_a_cache_that_cannot_be_written_is_said_and_costs_no_more_than_time(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write_text("a file where the directory should be")
    assert compiled.module(compiled.engine()).exports == []
    (warning,) = [record.message for record in caplog.records if record.levelno == logging.WARNING]
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
    """As in the image, where nobody can write later."""
    compiled.main()
    path = Path(capsys.readouterr().out.strip())
    assert path.parent == compiled.HERE
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    compiled.module(compiled.engine())
    assert not cache.exists()


@pytest.mark.parametrize("marker", compiled.REPOSITORIES)
@pytest.mark.parametrize("depth", ["", "ci/"])
def test_a_file_that_was_committed_to_a_checkout_is_never_loaded(
    marker: str,
    depth: str,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """GitLab keeps caches in the checkout, and the user owns every file that git checks out."""
    compiled.module(compiled.engine())
    checkout = cache.parent / "checkout"
    inside = checkout / f"{depth}cache"
    inside.parent.mkdir(parents=True)
    cache.rename(inside)
    (checkout / marker).touch()
    before = only_file(inside).read_bytes()
    monkeypatch.setenv(compiled.CACHE_VARIABLE, str(inside))
    assert f"inside the repository {checkout}" in is_refused(caplog)
    # Nor is it written: a later run outside the checkout must not find it trusted.
    assert only_file(inside).read_bytes() == before


def test_a_link_to_a_checkout_is_seen_through(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    inside = cache.parent / "checkout" / "cache"
    inside.mkdir(parents=True)
    (inside.parent / ".git").mkdir()
    cache.symlink_to(inside)
    assert "inside the repository" in is_refused(caplog)
    assert list(inside.iterdir()) == []


def test_the_working_directory_is_no_place_for_a_cache(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A checkout can lack its .git, as an archive or an artifact of another job."""
    monkeypatch.chdir(cache.parent)
    assert f"inside the working directory {cache.parent}" in is_refused(caplog)
    monkeypatch.setenv("HOME", str(cache.parent))
    assert "inside the working directory" in is_refused(caplog)
    assert not cache.exists()


@pytest.mark.parametrize("place", ["home", "above home", "root"])
def test_a_run_that_starts_in_the_users_home_or_above_it_has_its_cache(
    place: str, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    entry = list(pwd.getpwuid(os.getuid()))
    entry[5] = str(cache.parent)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: pwd.struct_passwd(entry))
    places = {"home": cache.parent, "above home": cache.parent.parent, "root": Path("/")}
    monkeypatch.chdir(places[place])
    assert not is_refused(caplog)
    assert only_file(cache)


def test_a_directory_above_the_cache_that_others_can_write_is_as_bad(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """They can put another directory in its place."""
    shared = cache.parent / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setenv(compiled.CACHE_VARIABLE, str(shared / "cache"))
    assert f"others can write {shared}" in is_refused(caplog)
    shared.chmod(0o1777)  # as /tmp is
    assert not is_refused(caplog)


def test_a_link_in_the_cache_is_not_loaded(cache: Path) -> None:
    compiled.module(compiled.engine())
    file, elsewhere = only_file(cache), cache.parent / "elsewhere"
    elsewhere.write_bytes(b"native code of somebody else")
    file.unlink()
    file.symlink_to(elsewhere)
    compiled.module(compiled.engine())
    assert not file.is_symlink()
    assert elsewhere.read_bytes() == b"native code of somebody else"


def test_an_engine_of_another_digest_than_its_build_is_not_compiled(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compiled.ENGINE.write_bytes(TINY + b"\0\1\0")
    with pytest.raises(compiled.EngineChangedError, match="install podcm-sync again"):
        compiled.module(compiled.engine())
    with pytest.raises(compiled.EngineChangedError, match="install podcm-sync again"):
        compiled.main()
    assert not cache.exists()
    assert list(compiled.HERE.glob("*.cwasm")) == []


def test_the_engine_as_built_has_the_digest_of_its_stamp() -> None:
    assert compiled._engine_bytes() == compiled.ENGINE.read_bytes()
