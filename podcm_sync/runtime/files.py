"""The one atomic write: a reader sees the whole new file or what was there before.

The new content goes into a file of its own beside the target, which a rename then replaces. That
file has a random name and is created exclusively, so nobody can plant a link where it will be.
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
_DEFAULT: Final = 0o666
"""The mode that open(2) is given for a new file; the umask takes from it."""
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY


def write(path: Path, chunks: Iterable[bytes | bytearray], *, mode: int) -> None:
    """Replace the file with these bytes, with these permission bits whatever the umask is.

    A link at `path` is itself replaced; its target stays. Raises OSError, after which the old
    content is still there and nothing new is beside it.
    """
    directory = os.open(path.parent, _DIRECTORY)
    try:
        _replace(directory, path.name, chunks, mode)
    finally:
        os.close(directory)


def write_below(root: Path, relative: Path, content: bytes) -> None:
    """Replace a file below `root`, and create the directories between them.

    No link below `root` is followed, so the file is inside it even if others can write there. A
    file keeps its permission bits; a new one gets those of the umask. Raises OSError.
    """
    with _opened(root, relative.parent, creates=True) as directory:
        _replace(directory, relative.name, [content], None)


def remove_below(root: Path, relative: Path) -> None:
    """Remove a file below `root`, and its directory if that is then empty.

    It isn't an error if the file does not exist. No link is followed. Raises OSError.
    """
    with contextlib.suppress(FileNotFoundError), _opened(root, relative.parent) as directory:
        os.unlink(relative.name, dir_fd=directory)
    if relative.parent.name:
        with contextlib.suppress(OSError), _opened(root, relative.parent.parent) as directory:
            os.rmdir(relative.parent.name, dir_fd=directory)


@contextlib.contextmanager
def _opened(root: Path, relative: Path, *, creates: bool = False) -> Iterator[int]:
    """A descriptor of the directory `root/relative`, opened component by component.

    A path with links in it could be changed between a check and its use; a descriptor cannot.
    """
    directory = os.open(root, _DIRECTORY)
    try:
        for part in relative.parts:
            if creates:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=directory)
            below = _child(directory, part)
            os.close(directory)
            directory = below
        yield directory
    finally:
        os.close(directory)


def _child(directory: int, name: str) -> int:
    try:
        return os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
    except OSError as error:
        # The kernel's word for a link here, ENOTDIR, would tell nobody what to change.
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
    """Write a temporary file and rename it; `mode` None keeps the target's permission bits."""
    temporary = f".{secrets.token_hex(8)}.tmp"
    number = os.open(temporary, _NEW, _DEFAULT if mode is None else PRIVATE, dir_fd=directory)
    try:
        with os.fdopen(number, "wb") as file:
            if mode is None:
                mode = _mode(directory, name)
            if mode is not None:
                os.fchmod(number, mode)
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            # Without it a power failure can leave the new name with none of its content.
            os.fsync(number)
        os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:  # a signal too: what is left behind would stay for ever
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
