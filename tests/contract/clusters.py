"""Three clusters behind one face: put objects in, run the ports, look at what is there.

Objects go in and come out as manifests.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import yaml

from podcm_sync.api.meta import NamespacedName
from podcm_sync.cluster.files.directory import DirectoryCluster
from podcm_sync.cluster.interfaces import Reader, Recorder, Writer
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.client_config import load
from podcm_sync.cluster.kube.reader import KubeReader
from podcm_sync.cluster.kube.writer import KubeWriter
from tests.controlplane.api import Api
from tests.fakes import FakeCluster

Json = dict[str, Any]


class Cluster(Protocol):
    """One cluster with one namespace of the test's."""

    namespace: str

    def ports(self) -> tuple[Reader, Writer]:
        """The ports under test."""
        ...

    def add(self, manifest: Json) -> None:
        """Put an object there, as a user would."""
        ...

    def config_maps(self) -> dict[str, Json]:
        """Every ConfigMap of the namespace by name, whole."""
        ...

    def annotate(self, name: str, annotations: Mapping[str, str]) -> None:
        """Somebody else annotates a ConfigMap."""
        ...

    def remove(self, kind: str, name: str) -> None:
        """Somebody else deletes an object."""
        ...


class Telling(Cluster, Protocol):
    """One that takes Events."""

    def recorder(self) -> Recorder:
        """The port under test."""
        ...


class Fake:
    """The FakeCluster."""

    namespace = "shop"

    def __init__(self) -> None:
        self._cluster = FakeCluster()

    def ports(self) -> tuple[Reader, Writer]:
        return self._cluster, self._cluster

    def recorder(self) -> Recorder:
        return self._cluster

    def add(self, manifest: Json) -> None:
        self._cluster.add(manifest)

    def config_maps(self) -> dict[str, Json]:
        return {
            name.name: raw
            for (kind, name), raw in self._cluster.dump().items()
            if kind == "ConfigMap"
        }

    def annotate(self, name: str, annotations: Mapping[str, str]) -> None:
        patch = {"metadata": {"annotations": dict(annotations)}}
        self._cluster.edit("ConfigMap", NamespacedName(self.namespace, name), patch)

    def remove(self, kind: str, name: str) -> None:
        self._cluster.remove(kind, NamespacedName(self.namespace, name))


class Directory:
    """A directory of manifests, a file an object."""

    namespace = "shop"

    def __init__(self, path: Path) -> None:
        self._path = path

    def ports(self) -> tuple[Reader, Writer]:
        cluster = DirectoryCluster(self._path)
        return cluster, cluster

    def add(self, manifest: Json) -> None:
        if manifest["kind"] == "Pod":
            # As in a dump: a Pod without a uid owns nothing.
            uid = f"uid-{manifest['metadata']['name']}"
            manifest = {**manifest, "metadata": {"uid": uid, **manifest["metadata"]}}
        self._file(manifest["kind"], manifest["metadata"]["name"]).write_text(yaml.dump(manifest))

    def config_maps(self) -> dict[str, Json]:
        raws = [yaml.safe_load(path.read_text()) for path in sorted(self._path.rglob("*.yaml"))]
        return {raw["metadata"]["name"]: raw for raw in raws if raw["kind"] == "ConfigMap"}

    def annotate(self, name: str, annotations: Mapping[str, str]) -> None:
        path = self._path / "generated" / self.namespace / f"{name}.yaml"
        raw = yaml.safe_load(path.read_text())
        raw["metadata"]["annotations"] = dict(annotations)
        path.write_text(yaml.dump(raw))

    def remove(self, kind: str, name: str) -> None:
        self._file(kind, name).unlink()

    def _file(self, kind: str, name: str) -> Path:
        return self._path / f"{kind}-{name}.yaml"


class Real:
    """A namespace of a real API server."""

    def __init__(self, api: Api, namespace: str, kubeconfig: Path) -> None:
        self.namespace = namespace
        self._api = api
        self._kubeconfig = kubeconfig

    def ports(self) -> tuple[Reader, Writer]:
        connection = self._connection()
        return KubeReader(connection), KubeWriter(connection)

    def recorder(self) -> Recorder:
        return KubeWriter(self._connection())

    def _connection(self) -> Connection:
        return Connection(
            lambda: load(str(self._kubeconfig), None), connections=4, request_timeout=30.0
        )

    def add(self, manifest: Json) -> None:
        metadata = {**manifest["metadata"], "namespace": self.namespace}
        if manifest["kind"] == "Pod":
            self._api.make_pod(
                self.namespace,
                metadata["name"],
                labels=metadata.get("labels"),
                node_name=manifest["spec"]["nodeName"],
                phase=manifest["status"]["phase"],
            )
            return
        self._api.create({**manifest, "metadata": metadata})

    def config_maps(self) -> dict[str, Json]:
        found = self._api.list("ConfigMap", self.namespace)
        names = {manifest["metadata"]["name"]: manifest for manifest in found}
        names.pop("kube-root-ca.crt", None)
        return names

    def annotate(self, name: str, annotations: Mapping[str, str]) -> None:
        patch = {"metadata": {"annotations": dict(annotations)}}
        self._api.patch("ConfigMap", self.namespace, name, patch)

    def remove(self, kind: str, name: str) -> None:
        options = {"gracePeriodSeconds": 0} if kind == "Pod" else {}
        self._api.delete(kind, self.namespace, name, **options)
        Api.wait_for(lambda: self._api.get(kind, self.namespace, name) is None)
