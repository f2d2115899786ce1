"""A real control plane with many Pods of 8 to 13 KB in 50 namespaces, and the peer that fills it.

The peer is `loader/`: client-go with protobuf, no rate limit, 32 requests at once. It is built into
the same cache as the control plane's binaries.
"""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.controlplane.api import Api, Object, path_of
from tests.controlplane.harness import ControlPlane

HERE = Path(__file__).parent
CRD = HERE.parents[1] / "crd" / "podconfigmapconfig_crd.yaml"
NAMESPACES = 50
CONFIG = "all"


class World:
    """A running control plane, filled."""

    def __init__(self, plane: ControlPlane, directory: Path) -> None:
        self.plane = plane
        self.api = Api(plane.server, plane.ca_file, plane.admin_token)
        self.kubeconfig = plane.kubeconfig(directory / "bench.kubeconfig")
        self.names = [f"bench-{number:02}" for number in range(NAMESPACES)]

    def fill(self, pods: int) -> None:
        """The CRD, the namespaces with a config in each, and so many Pods over them."""
        self.api.apply_crd(CRD)
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        for name in self.names:
            meta: Object = {"name": name}
            self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
            self.api.request("POST", path_of("ServiceAccount", name), account)
            self.api.create(
                {
                    "apiVersion": "podconfig.example.com/v1alpha1",
                    "kind": "PodConfigMapConfig",
                    "metadata": {"name": CONFIG, "namespace": name},
                    "spec": {
                        "labelsToInclude": ["app"],
                        "annotationsToInclude": ["example.com/build"],
                    },
                }
            )
        filled = self.peer("populate", "-pods", str(pods))
        assert filled["failed"] == 0, filled

    def peer(self, work: str, *options: str) -> dict[str, Any]:
        """What the loader measured of its own work: seconds, items, and how many failed."""
        command = [loader(), "-kubeconfig", str(self.kubeconfig), *options, work]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def worker(self, rounds: int, *works: str) -> list[dict[str, Any]]:
        """What a process of ours measured of these works."""
        command = [sys.executable, "-m", "tests.benchmarks.worker", str(self.kubeconfig)]
        done = subprocess.run(
            [*command, str(rounds), *works],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE.parents[1],
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def touch(self) -> None:
        """Write one Pod: an idle resource's lists drift from the watch cache to etcd."""
        (pod, *_) = self.api.request("GET", path_of("Pod", self.names[0]), query={"limit": "1"})[1][
            "items"
        ]
        self.relabel([pod], "benchmarks.podconfig.example.com/touched")

    def relabel(self, pods: list[Object], key: str) -> None:
        """Another value for a label of these Pods."""
        for pod in pods:
            meta = pod["metadata"]
            value = "b" if meta["labels"].get(key) == "a" else "a"
            patch = {"metadata": {"labels": {key: value}}}
            self.api.patch("Pod", meta["namespace"], meta["name"], patch)

    def select(self, wanted: Object | None) -> None:
        """Give all configs this podSelector; None is every Pod."""
        for name in self.names:
            patch = {"spec": {"podSelector": wanted}}
            self.api.patch("PodConfigMapConfig", name, CONFIG, patch)


@contextlib.contextmanager
def running(directory: Path, pods: int) -> Iterator[World]:
    """A world of so many Pods; it ends with the block."""
    with ControlPlane.start(directory / "plane") as plane:
        world = World(plane, directory)
        world.fill(pods)
        yield world


def loader() -> str:
    """The peer's binary, built once for each content of its sources."""
    sources = sorted((HERE / "loader").iterdir())
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in sources)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    binary = cache / "podcm-sync-tests" / f"loader-{digest}"
    if not binary.exists():
        binary.parent.mkdir(parents=True, exist_ok=True)
        print("building the peer (client-go), once", file=sys.stderr, flush=True)
        subprocess.run(
            ["go", "build", "-trimpath", "-o", str(binary), "."], cwd=HERE / "loader", check=True
        )
    return str(binary)
