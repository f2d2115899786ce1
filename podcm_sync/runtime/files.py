"""The one atomic write: a reader sees either the complete new file or the old one.

The new content goes into a temporary file in the same directory, and a rename puts it in place. The
temporary file has a random name and is created with O_EXCL, so nobody can plant a link there.
"""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
SHARED: Final = 0o644
_DEFAULT_MODE: Final = 0o666
"""The mode that open(2) gets for a new file, before the kernel applies the umask."""
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY


def write(path: Path, chunks: Iterable[bytes | bytearray], *, mode: int) -> None:
    """Replace the file with these bytes. It gets exactly the permission bits `mode`.

    If `path` is a link, the file replaces the link and the link's target stays. Raises OSError;
    then the old content is still there, and no temporary file is left.
    """
    directory = os.open(path.parent, _DIRECTORY)
    try:
        _replace(directory, path.name, chunks, mode)
    finally:
        os.close(directory)


def write_below(root: Path, relative: Path, content: bytes) -> None:
    """Replace a file below `root`, and create the directories between them.

    It follows no link below `root`, so the file stays inside even if others can write there. A file
    that exists keeps its permission bits; for a new one, the umask decides. Raises OSError.
    """
    with _opened(root, relative.parent, creates=True) as directory:
        _replace(directory, relative.name, [content], None)


def remove_below(root: Path, relative: Path) -> None:
    """Remove a file below `root`, and then its directory if that is empty.

    A file that doesn't exist is not an error. It follows no link below `root`. Raises OSError.
    """
    with contextlib.suppress(FileNotFoundError), _opened(root, relative.parent) as directory:
        os.unlink(relative.name, dir_fd=directory)
    if relative.parent.name:
        with contextlib.suppress(OSError), _opened(root, relative.parent.parent) as directory:
            os.rmdir(relative.parent.name, dir_fd=directory)


@contextlib.contextmanager
def _opened(root: Path, relative: Path, *, creates: bool = False) -> Iterator[int]:
    """A descriptor of the directory `root/relative`, opened component by component.

    Somebody could replace a component of a path by a link between a check and its use. A descriptor
    stays the same directory.
    """
    directory = os.open(root, _DIRECTORY)
    try:
        for part in relative.parts:
            if creates:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=directory)
            child = _child(directory, part)
            os.close(directory)
            directory = child
        yield directory
    finally:
        os.close(directory)


def _child(directory: int, name: str) -> int:
    try:
        return os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
    except OSError as error:
        # For a link the kernel reports ENOTDIR, which doesn't tell anybody what to change.
        if not _is_link(directory, name):
            raise
        why = f"{name} is a link, and podcm-sync does not write through links"
        raise OSError(errno.ELOOP, why) from error


def _is_link(directory: int, name: str) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(name, dir_fd=directory).st_mode)
    except OSError:
        return False


def _replace(
    directory: int, name: str, chunks: Iterable[bytes | bytearray], mode: int | None
) -> None:
    """Write a temporary file and rename it; with mode None the target keeps its permission bits."""
    temporary = f".{secrets.token_hex(8)}.tmp"
    # With a given mode, the file is private until fchmod: a plan must never be readable by others.
    descriptor = os.open(
        temporary, _NEW_FILE, _DEFAULT_MODE if mode is None else PRIVATE, dir_fd=directory
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is None:
                mode = _mode(directory, name)
            if mode is not None:
                os.fchmod(descriptor, mode)
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            # Without fsync, a power failure after the rename can leave an empty file.
            os.fsync(descriptor)
        os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:  # a signal too: nothing else ever removes a temporary file
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        raise


def _mode(directory: int, name: str) -> int | None:
    """The permission bits of a regular file; None if there is no such file."""
    try:
        status = os.lstat(name, dir_fd=directory)
    except FileNotFoundError:
        return None
    return stat.S_IMODE(status.st_mode) if stat.S_ISREG(status.st_mode) else None
