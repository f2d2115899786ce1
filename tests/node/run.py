"""Installs podcm-sync on a real node, and sees what only a node can show: `make test-node`.

`python -m tests.node.run [PART...]`: a line for each promise that was seen kept; ends with 1 at the
first that is not. README.md says what it needs, what it leaves behind, and what it can't show.
"""

import fcntl
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests import debian
from tests.chart import binaries as chart
from tests.controlplane import binaries
from tests.controlplane.binaries import Build
from tests.controlplane.deploy_files import REPOSITORY
from tests.image import base
from tests.image import run as image
from tests.image.engine import Engine
from tests.node import isolation, needs
from tests.node.cluster import IMAGE
from tests.node.inside import PARTS, Settings
from tests.node.node import PAUSE
from tests.promises import note

HERE = Path(__file__).resolve().parent
CGROUP = "podcm-sync-node"
KUBERNETES = {
    "pause": "./pause",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    "kubelet": "k8s.io/kubernetes/cmd/kubelet",
}
PACKAGES = ("containerd", "containernetworking-plugins")
PROGRAMS = (
    *(f"usr/bin/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")),
    *(f"usr/lib/cni/{name}" for name in ("bridge", "host-local", "loopback")),
)
NOT_RUN: Final = (
    "NetworkPolicy: CNI's bridge plugin enforces none",
    "several nodes: spreading over nodes and zones, a drain to another node",
    "kube-proxy and cluster DNS: the API server listens at its Service's address",
    "a pull from a registry: images are imported, under the names that the manifests have",
    "the official base image: the stand-in of tests/image has the same Python on the same Debian",
    "another container runtime, a kernel with cgroup v2, and arm64, unless you ran it there",
    "OpenShift",
)


def main() -> None:
    parts = sys.argv[1:] or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        sys.exit(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    needs.check()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    try:
        with alone(), folder() as workdir, isolation.cgroup(CGROUP):
            settings = prepared(workdir, parts)
            note(f"{time.monotonic() - began:.0f} s for the programs and images")
            path = workdir / "settings.json"
            settings.write(path)
            code = isolation.inside([sys.executable, "-m", "tests.node.inside", str(path)])
    except (binaries.ControlPlaneUnavailable, debian.PackagesUnavailable) as problem:
        sys.exit(f"tests.node: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
    if code:
        sys.exit(code)
    print(f"Every promise is kept on a real node, in {time.monotonic() - began:.0f} s.")
    if skipped := [part for part in PARTS if part not in parts]:
        print(f"Not run, as you left them out: {', '.join(skipped)}")
    print("Not run, as this can't show it:", *NOT_RUN, sep="\n- ")


def prepared(workdir: Path, parts: list[str]) -> Settings:
    """Programs and images, built or fetched if the cache doesn't have them."""
    binaries.find_or_build()
    chart.find_or_build()
    kubernetes = binaries.built(Build("node", HERE, KUBERNETES))
    unpacked = debian.unpacked("node-debian", PACKAGES, PROGRAMS)
    cache = kubernetes.parent / "image"
    cache.mkdir(exist_ok=True)
    engine = Engine(cache)
    stand_in = base.ensure(engine, base.base_image(REPOSITORY / "Dockerfile"), cache)
    with tempfile.TemporaryDirectory() as context:
        image.plant(Path(context))
        image.build(engine, Path(context), stand_in)
    with tempfile.TemporaryDirectory() as context:
        shutil.copy(kubernetes / "pause", context)
        lines = ["FROM scratch", "COPY pause /pause", "USER 65535", 'ENTRYPOINT ["/pause"]']
        Path(context, "Dockerfile").write_text("\n".join(lines))
        engine.build(Path(context), PAUSE, {})
    names = {f"docker.io/library/{IMAGE}": image.IMAGE, PAUSE: PAUSE}
    archives = {}
    for number, (name, source) in enumerate(names.items()):
        archives[name] = str(workdir / f"image-{number}.tar")
        engine.archive(source, Path(archives[name]), name)
    return Settings(
        workdir=workdir,
        cgroup=CGROUP,
        kubernetes=kubernetes,
        debian=unpacked,
        images=archives,
        parts=parts,
    )


@contextmanager
def folder() -> Iterator[Path]:
    """A new folder; its path is short, since sockets in it may have 107 bytes at most."""
    path = Path(tempfile.gettempdir(), CGROUP)
    shutil.rmtree(path, ignore_errors=True)  # a run that was killed left it
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def alone() -> Iterator[None]:
    """Ends this run if there is another: both would have the same cgroups and folder."""
    cache = binaries._cache()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{CGROUP}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"tests.node: another run holds {file.name}")
        yield


if __name__ == "__main__":
    main()
