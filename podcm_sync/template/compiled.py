"""The engine's module, compiled for this host: from the package, else the user's cache, else now.

Compiling takes seconds, loading milliseconds. A compiled module is native code, so it is loaded
only from a file that nobody else can write; one that this version or host cannot use is made anew.
`python -m podcm_sync.template.compiled` puts one beside the engine, for an image.
"""

import hashlib
import logging
import os
import platform
import stat
import sys
import tempfile
from pathlib import Path
from typing import Final

import wasmtime

log = logging.getLogger(__name__)

HERE: Final = Path(__file__).parent
ENGINE: Final = HERE / "engine.wasm"
STAMP: Final = HERE / "engine.stamp"
"""Says what the engine was built from, so that its megabytes need not be read to know it."""
CACHE_VARIABLE: Final = "PODCM_SYNC_CACHE_DIR"
MAX_STACK: Final = 2 << 20
"""For templates within templates; a thread has 8 MiB on Linux."""
_TARGETS: Final = {
    ("Linux", "x86_64", "glibc"): "x86_64-unknown-linux-gnu",
    ("Linux", "aarch64", "glibc"): "aarch64-unknown-linux-gnu",
}


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
    """The compiled module, from wherever it is at hand; compiled and kept where it is nowhere."""
    name = _file_name()
    cache = _cache()
    for directory in (HERE, cache):
        if directory is not None and (found := _load(on, directory / name)):
            return found
    log.info("compiling the template engine for this host, which takes some seconds")
    made = wasmtime.Module(on, ENGINE.read_bytes())
    if cache is not None:
        _keep(made, cache, name)
    return made


def _file_name() -> str:
    # Read off the installed package's folder: importlib.metadata would take as long as all else. It
    # only keeps versions apart that share a cache; loading checks the version itself.
    installed = Path(wasmtime.__file__).parents[1].glob("wasmtime-*.dist-info")
    version = "".join(sorted(each.name for each in installed))
    versions = (version, platform.system(), platform.machine(), *platform.libc_ver())
    digest = hashlib.sha256("\0".join(versions).encode() + STAMP.read_bytes()).hexdigest()
    return f"engine-{digest[:24]}.cwasm"


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


def _load(on: wasmtime.Engine, path: Path) -> wasmtime.Module | None:
    if not (_is_private(path) and _is_private(path.parent)):
        return None
    try:
        return wasmtime.Module.deserialize_file(on, str(path))
    except wasmtime.WasmtimeError as error:
        log.debug("%s cannot be used and is made anew: %s", path, error)
        return None


def _is_private(path: Path) -> bool:
    """Whether it is there, and only this user or root can have written it."""
    try:
        found = path.stat()
    except OSError:
        return False
    if found.st_uid not in {0, os.geteuid()}:
        return False
    is_private = not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not is_private:
        log.warning("%s is not used: others can write it; make it yours with chmod go-w", path)
    return is_private


def _keep(made: wasmtime.Module, directory: Path, name: str) -> None:
    """Write it whole or not at all; a cache that cannot be written costs time, not the run."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=directory, prefix=".", delete=False) as file:
            file.write(made.serialize())
        Path(file.name).replace(directory / name)
    except OSError as error:
        log.warning(
            "the compiled template engine cannot be kept in %s (%s), so each run compiles it: "
            "let %s name a directory of yours",
            *(directory, error.strerror or error, CACHE_VARIABLE),
        )


def main() -> None:
    """Compile for this host and put the result beside the engine."""
    path = HERE / _file_name()
    _keep(wasmtime.Module(engine(), ENGINE.read_bytes()), HERE, path.name)
    path.chmod(0o644)
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
