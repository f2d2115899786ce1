"""The engine's module, compiled for this host: from the package, else the user's cache, else now.

Compiling takes seconds, loading milliseconds. A compiled module is native code that runs outside
the sandbox, so it is loaded only from a place that nobody else could have filled
(docs/design/decisions/native-code.md). `python -m podcm_sync.template.compiled` puts one beside
the engine, for an image.
"""

import hashlib
import logging
import os
import platform
import pwd
import stat
import sys
from pathlib import Path
from typing import Final

import wasmtime

from podcm_sync.errors import RunError
from podcm_sync.runtime import files

log = logging.getLogger(__name__)

HERE: Final = Path(__file__).parent
ENGINE: Final = HERE / "engine.wasm"
STAMP: Final = HERE / "engine.stamp"
"""What the engine was built from, and the SHA-256 of its file; the build writes it."""
CACHE_VARIABLE: Final = "PODCM_SYNC_CACHE_DIR"
REPOSITORIES: Final = (".git", ".hg", ".svn", ".jj")
"""What the top of a checkout holds; `.git` is a file in a worktree or submodule."""
MAX_STACK: Final = 2 << 20
"""For templates within templates; a thread has 8 MiB on Linux."""
_TARGETS: Final = {
    ("Linux", "x86_64", "glibc"): "x86_64-unknown-linux-gnu",
    ("Linux", "aarch64", "glibc"): "aarch64-unknown-linux-gnu",
}


class EngineChangedError(RunError):
    """engine.wasm isn't the file that the build made; why, and what to do, in one line."""


def engine() -> wasmtime.Engine:
    """The engine, with its limits switched on.

    Naming the target leaves out what only some CPUs of an architecture have, so that a module
    compiled on one machine, such as an image's builder, runs on the others.
    """
    config = wasmtime.Config()
    config.consume_fuel = True
    config.epoch_interruption = True
    config.max_wasm_stack = MAX_STACK
    host = (platform.system(), platform.machine(), platform.libc_ver()[0])
    if target := _TARGETS.get(host):
        config.target = target
    return wasmtime.Engine(config)


def module(on: wasmtime.Engine) -> wasmtime.Module:
    """The compiled module: loaded if it is beside the engine or in the cache, else compiled.

    Raises EngineChangedError.
    """
    name = _file_name()
    if loaded := _load(on, HERE / name):
        return loaded
    cache = _trusted_cache()
    if cache is not None and (loaded := _load(on, cache / name)):
        return loaded
    log.info("compiling the template engine for this host, which takes some seconds")
    made = wasmtime.Module(on, _engine_bytes())
    if cache is not None:
        _keep(made, cache, name, files.PRIVATE)
    return made


def _file_name() -> str:
    # Read off the installed package's folder: importlib.metadata would take as long as all else. It
    # only keeps versions apart that share a cache; loading checks the version itself.
    installed = Path(wasmtime.__file__).parents[1].glob("wasmtime-*.dist-info")
    version = "".join(sorted(folder.name for folder in installed))
    versions = (version, platform.system(), platform.machine(), *platform.libc_ver())
    digest = hashlib.sha256("\0".join(versions).encode() + STAMP.read_bytes()).hexdigest()
    return f"engine-{digest[:24]}.cwasm"


def _engine_bytes() -> bytes:
    """The engine's WebAssembly, which must have the digest that the build wrote down."""
    content = ENGINE.read_bytes()
    expected = STAMP.read_text(encoding="utf-8").split()[-1:]
    if expected != [hashlib.sha256(content).hexdigest()]:
        raise EngineChangedError(
            f"{ENGINE} is not the file that the build of this package made: install it again"
        )
    return content


def _trusted_cache() -> Path | None:
    """The user's cache, without links; None if there is none or others could have filled it."""
    cache = _cache()
    if cache is None:
        return None
    cache = cache.resolve()
    why = _why_not(cache)
    if not why:
        return cache
    log.warning(
        "the compiled template engine is not loaded from %s, so each run compiles it: %s; let %s "
        "name a directory of your own elsewhere",
        *(cache, why, CACHE_VARIABLE),
    )
    return None


def _cache() -> Path | None:
    """The user's cache: PODCM_SYNC_CACHE_DIR, else in XDG_CACHE_HOME, else in ~/.cache."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "podcm-sync"
    try:
        return Path.home() / ".cache" / "podcm-sync"
    except RuntimeError:  # a user without a home, as in many containers
        return None


def _why_not(cache: Path) -> str:
    """Why somebody else could have put a file into the cache; "" if nobody could.

    A checkout holds what others committed, with the user as the owner, so ownership proves
    nothing there. CI systems put caches into it.
    """
    above = (cache, *cache.parents)
    for directory in above:
        if any((directory / name).exists() for name in REPOSITORIES):
            return f"it is inside the repository {directory}"
    here = Path.cwd()
    if here in above and not _is_home(here):
        return f"it is inside the working directory {here}"
    return next(filter(None, map(_why_not_private, above)), "")


def _is_home(directory: Path) -> bool:
    """Whether it is the user's home or above it; HOME may name a checkout, so it is not asked."""
    if directory == Path(directory.anchor):
        return True
    try:
        home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:  # a user of a container that has no name
        return False
    return home.resolve().is_relative_to(directory)


def _why_not_private(directory: Path) -> str:
    """Why others can put something there; "" if they cannot, or if it does not exist yet."""
    try:
        status = directory.stat()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{directory} cannot be examined: {error.strerror}"
    if status.st_uid not in {0, os.geteuid()}:
        return f"{directory} belongs to another user"
    # In a sticky directory such as /tmp, others can add names but not remove ours.
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not status.st_mode & stat.S_ISVTX:
        return f"others can write {directory} (chmod go-w changes that)"
    return ""


def _load(on: wasmtime.Engine, path: Path) -> wasmtime.Module | None:
    if not (_is_private(path) and _is_private(path.parent)):
        return None
    try:
        return wasmtime.Module.deserialize_file(on, str(path))
    except wasmtime.WasmtimeError as error:
        log.debug("%s cannot be used and is compiled again: %s", path, error)
        return None


def _is_private(path: Path) -> bool:
    """Whether it exists, is no link, and only this user or root can have written it."""
    try:
        status = path.lstat()
    except OSError:
        return False
    if stat.S_ISLNK(status.st_mode) or status.st_uid not in {0, os.geteuid()}:
        return False
    is_private = not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not is_private:
        log.warning("%s is not used: others can write it; make it yours with chmod go-w", path)
    return is_private


def _keep(made: wasmtime.Module, directory: Path, name: str, mode: int) -> None:
    """Write it whole or not at all; a cache that cannot be written costs time, not the run."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write(directory / name, [made.serialize()], mode=mode)
    except OSError as error:
        log.warning(
            "the compiled template engine cannot be kept in %s (%s), so each run compiles it: "
            "let %s name a directory of yours",
            *(directory, error.strerror or error, CACHE_VARIABLE),
        )


def main() -> None:
    """Compile for this host and put the result beside the engine."""
    path = HERE / _file_name()
    _keep(wasmtime.Module(engine(), _engine_bytes()), HERE, path.name, files.SHARED)
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
