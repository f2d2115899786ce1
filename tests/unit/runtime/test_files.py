"""The atomic write: complete or not at all, never through a link, never outside its directory."""

import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from podcm_sync.runtime import files


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file that no write must change."""
    path = tmp_path / "outside" / "precious"
    path.parent.mkdir()
    path.write_bytes(b"precious")
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    path.mkdir()
    return path


def plant(directory: Path, name: str, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Predict the random name of the temporary file, and put a link there."""
    monkeypatch.setattr(secrets, "token_hex", lambda _: name)
    (directory / f".{name}.tmp").symlink_to(target)


def broken() -> Iterator[bytes]:
    yield b"half"
    raise OSError(28, "No space left on device")


def test_a_link_planted_as_the_temporary_file_is_not_written_through(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if somebody could predict its random name."""
    plant(root, "known", outside, monkeypatch)
    with pytest.raises(FileExistsError):
        files.write(root / "x", [b"new"], mode=files.PRIVATE)
    with pytest.raises(FileExistsError):
        files.write_below(root, Path("x"), b"new")
    assert outside.read_bytes() == b"precious"
    assert not (root / "x").exists()


def test_a_link_at_the_target_is_replaced_and_what_it_led_to_stays(
    root: Path, outside: Path
) -> None:
    (root / "x").symlink_to(outside)
    files.write(root / "x", [b"new"], mode=files.PRIVATE)
    assert not (root / "x").is_symlink()
    (root / "y").symlink_to(outside)
    files.write_below(root, Path("y"), b"new")
    assert (root / "y").read_bytes() == b"new"
    assert outside.read_bytes() == b"precious"


@pytest.mark.parametrize("linked", ["a", "a/b"])
def test_no_directory_below_the_root_may_be_a_link(root: Path, outside: Path, linked: str) -> None:
    (root / linked).parent.mkdir(exist_ok=True)
    target = outside.parent if linked == "a/b" else outside.parent / "b"
    target.mkdir(exist_ok=True)
    (root / linked).symlink_to(outside.parent)
    with pytest.raises(OSError, match="is a link"):
        files.write_below(root, Path("a/b/precious"), b"new")
    with pytest.raises(OSError, match="is a link"):
        files.remove_below(root, Path("a/b/precious"))
    assert outside.read_bytes() == b"precious"


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    """The user chose that path."""
    (tmp_path / "named").symlink_to(root)
    files.write_below(tmp_path / "named", Path("a/x"), b"new")
    assert (root / "a/x").read_bytes() == b"new"


def test_a_write_that_fails_leaves_the_old_content_and_nothing_beside_it(root: Path) -> None:
    (root / "x").write_bytes(b"old")
    with pytest.raises(OSError, match="No space"):
        files.write(root / "x", broken(), mode=files.PRIVATE)
    assert (root / "x").read_bytes() == b"old"
    assert [path.name for path in root.iterdir()] == ["x"]


def test_a_signal_in_the_middle_leaves_nothing_beside_it(root: Path) -> None:
    def interrupted() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write(root / "x", interrupted(), mode=files.PRIVATE)
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("mode", [files.PRIVATE, files.SHARED])
def test_a_mode_is_what_it_says_whatever_the_umask_and_the_old_file(root: Path, mode: int) -> None:
    (root / "x").touch(0o666)
    before = os.umask(0o077)
    try:
        files.write(root / "x", [b"new"], mode=mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / "x").stat().st_mode) == mode


def test_below_a_root_a_file_keeps_its_mode_and_a_new_one_honors_the_umask(root: Path) -> None:
    (root / "old").touch()
    (root / "old").chmod(0o604)
    before = os.umask(0o027)
    try:
        files.write_below(root, Path("old"), b"new")
        files.write_below(root, Path("new"), b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / "old").stat().st_mode) == 0o604
    assert stat.S_IMODE((root / "new").stat().st_mode) == 0o640


def test_a_link_at_the_target_gives_the_new_file_no_mode(root: Path, outside: Path) -> None:
    """The mode of a link is 0777."""
    outside.chmod(0o777)
    (root / "x").symlink_to(outside)
    files.write_below(root, Path("x"), b"new")
    assert not stat.S_IMODE((root / "x").stat().st_mode) & 0o111


def test_the_last_file_takes_its_directory_along_and_others_keep_it(root: Path) -> None:
    for name in ("a/x", "a/y"):
        files.write_below(root, Path(name), b"new")
    files.remove_below(root, Path("a/x"))
    assert (root / "a/y").exists()
    files.remove_below(root, Path("a/y"))
    assert list(root.iterdir()) == []
    files.remove_below(root, Path("a/y"))


def test_a_link_at_the_target_is_removed_and_what_it_led_to_stays(
    root: Path, outside: Path
) -> None:
    (root / "x").symlink_to(outside)
    files.remove_below(root, Path("x"))
    assert list(root.iterdir()) == []
    assert outside.read_bytes() == b"precious"
