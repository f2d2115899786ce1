"""Loads the engine's module, compiled for this host, from the package or from the user's cache.

If neither has it, it is compiled, which takes seconds; loading takes milliseconds. A compiled
module is native code that runs outside the sandbox. So it is loaded only from a place that nobody
else can have filled (docs/design/decisions/native-code.md). To put one beside the engine, for an
image, run `python -m podcm_sync.template.compiled`.
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
"""The build writes it: what it built the engine from, and the SHA-256 of engine.wasm."""
CACHE_VARIABLE: Final = "PODCM_SYNC_CACHE_DIR"
REPOSITORIES: Final = (".git", ".hg", ".svn", ".jj")
"""The entries that mark the top of a checkout. `.git` is a file in a worktree or submodule."""
MAX_STACK: Final = 2 << 20
"""Bytes of stack, which nested templates use. A thread has 8 MiB on Linux."""
_TARGETS: Final = {
    ("Linux", "x86_64", "glibc"): "x86_64-unknown-linux-gnu",
    ("Linux", "aarch64", "glibc"): "aarch64-unknown-linux-gnu",
}


class EngineChangedError(RunError):
    """engine.wasm isn't the file that the build of the package made."""


def engine() -> wasmtime.Engine:
    """A wasmtime engine that counts fuel and epochs and limits the stack.

    It names the target, so that the compiler uses no instructions that only some CPUs have. A
    module compiled on one machine, such as the builder of an image, then runs on the others.
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
    """The compiled module: loaded from beside the engine or from the cache, else compiled.

    Raises EngineChangedError if it must compile and engine.wasm isn't the file of the build.
    """
    name = _file_name()
    if loaded := _load(on, HERE / name):
        return loaded
    cache = _trusted_cache()
    if cache is not None and (loaded := _load(on, cache / name)):
        return loaded
    log.info("compiling the template engine for this host; this takes some seconds")
    compiled = wasmtime.Module(on, _engine_bytes())
    if cache is not None:
        _store(compiled, cache, name, files.PRIVATE)
    return compiled


def _file_name() -> str:
    # The version is read from the name of the installed package's folder: importlib.metadata would
    # take as long as everything else here. It only separates versions in a shared cache, because
    # wasmtime checks the version when it loads a module.
    installed = Path(wasmtime.__file__).parents[1].glob("wasmtime-*.dist-info")
    version = "".join(sorted(folder.name for folder in installed))
    versions = (version, platform.system(), platform.machine(), *platform.libc_ver())
    digest = hashlib.sha256("\0".join(versions).encode() + STAMP.read_bytes()).hexdigest()
    return f"engine-{digest[:24]}.cwasm"


def _engine_bytes() -> bytes:
    """The engine's WebAssembly. Raises EngineChangedError if its digest isn't that of the build."""
    content = ENGINE.read_bytes()
    expected = STAMP.read_text(encoding="utf-8").split()[-1:]
    if expected != [hashlib.sha256(content).hexdigest()]:
        raise EngineChangedError(
            f"{ENGINE} isn't the file that the build of this package made; install podcm-sync again"
        )
    return content


def _trusted_cache() -> Path | None:
    """The user's cache with links resolved; None if there is none or others can have filled it."""
    cache = _cache()
    if cache is None:
        return None
    cache = cache.resolve()
    distrust = _distrust(cache)
    if not distrust:
        return cache
    log.warning(
        "podcm-sync doesn't load the compiled template engine from %s, so each run compiles it: "
        "%s; set %s to another directory that only you can write",
        *(cache, distrust, CACHE_VARIABLE),
    )
    return None


def _cache() -> Path | None:
    """The user's cache: PODCM_SYNC_CACHE_DIR, or podcm-sync in XDG_CACHE_HOME or ~/.cache."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "podcm-sync"
    try:
        return Path.home() / ".cache" / "podcm-sync"
    except RuntimeError:  # a user without a home, as in many containers
        return None


def _distrust(cache: Path) -> str:
    """Why somebody else can have put a file into the cache; "" if nobody can.

    The user owns every file of a checkout, and others commit them. So ownership proves nothing
    there, and CI systems put caches into checkouts.
    """
    above = (cache, *cache.parents)
    for directory in above:
        if any((directory / name).exists() for name in REPOSITORIES):
            return f"it is inside the repository {directory}"
    here = Path.cwd()
    if here in above and not _is_home(here):
        return f"it is inside the working directory {here}"
    return next(filter(None, map(_writable_by_others, above)), "")


def _is_home(directory: Path) -> bool:
    """Whether it is the user's home or above. HOME isn't used, because it can name a checkout."""
    if directory == Path(directory.anchor):
        return True
    try:
        home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:  # the user has no name, as in many containers
        return False
    return home.resolve().is_relative_to(directory)


def _writable_by_others(directory: Path) -> str:
    """Why others can put a file there; "" if they can't, or if it doesn't exist yet."""
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
        return f"others can write {directory} (fix: chmod go-w {directory})"
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
    """Whether it exists, isn't a link, and only this user or root can have written it."""
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


def _store(compiled: wasmtime.Module, directory: Path, name: str, mode: int) -> None:
    """Write a module atomically. If that fails, it warns: each run compiles, but works."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write(directory / name, [compiled.serialize()], mode=mode)
    except OSError as error:
        log.warning(
            "the compiled template engine cannot be kept in %s (%s), so each run compiles it: "
            "let %s name a directory of yours",
            *(directory, error.strerror or error, CACHE_VARIABLE),
        )


def main() -> None:
    """Compile for this host and put the result beside the engine."""
    path = HERE / _file_name()
    _store(wasmtime.Module(engine(), _engine_bytes()), HERE, path.name, files.SHARED)
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
