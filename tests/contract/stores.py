"""The clusters as a watching loop has them: a store that lists filled, and events keep up to date.

A pass reads the store, or lists if the store lacks something; so does the Reader under test.
"""

from collections.abc import Callable, Collection, Mapping

from podcm_sync.api.meta import NamespacedName
from podcm_sync.cluster.interfaces import Reader, Writer
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.crd import check_crd
from podcm_sync.cluster.kube.pager import Pager
from podcm_sync.cluster.kube.reader import KubeReader
from podcm_sync.cluster.kube.reflector import Reflectors
from podcm_sync.cluster.kube.writer import KubeWriter
from podcm_sync.cluster.object_memory import NO_MEMORY, ListMemory
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.watch.readers import ListingReader, StoreReader
from podcm_sync.watch.store import Store
from tests.contract.clusters import Cluster, Json, Real
from tests.controlplane.api import Api
from tests.watched import Stream, WatchedCluster, WatchedServer


class PassReader:
    """Reads as a pass does; `from_store` counts how often that was the store."""

    def __init__(self, store: Store, connection: Connection) -> None:
        self.store = store
        self.lists = ListingReader(store, lambda memory: _reader(connection, memory))
        pager = Pager(connection)
        self._from_store = StoreReader(
            store, lambda namespaces, builder: check_crd(pager, namespaces, builder)
        )
        self.from_store = 0
        self.before: Callable[[], None] = lambda: None
        """Called before anything is read, to let the events come."""

    def snapshot(self, scope: Scope, *, may_defer: bool = False) -> Snapshot:
        self.before()
        (namespace,) = scope.namespaces or ()
        with self.store.locked(namespace) as part:
            must_list = part is None or part.must_list
        self.from_store += not must_list
        return (self.lists if must_list else self._from_store).snapshot(scope)

    def namespaces(self) -> Collection[str]:
        return self._from_store.namespaces()

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        return self._from_store.occupied_names(namespaces)

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        self.before()
        return self._from_store.remaining(config_maps)


class FakeStore:
    """A store over the server in memory."""

    namespace = "shop"

    def __init__(self) -> None:
        self._cluster = WatchedCluster()
        server = WatchedServer(self._cluster)
        store = Store(Scope(namespaces=(self.namespace,)))
        self.reader = PassReader(store, server)
        self._writer = KubeWriter(server, memory=store)
        self.reader.lists.snapshot(store.scope)
        self._streams = [
            Stream(self._cluster, watch, store, lambda: 0.0) for watch in store.lives.watches
        ]
        self.reader.before = self._deliver
        self._deliver()

    def _deliver(self) -> None:
        for stream in self._streams:
            stream.open()
            stream.deliver(1_000_000)

    def ports(self) -> tuple[Reader, Writer]:
        return self.reader, self._writer

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


class RealStore(Real):
    """A store over a real API server, with Reflectors."""

    def open(self) -> None:
        """List, and watch from there."""
        connection = self._connection()
        store = Store(Scope(namespaces=(self.namespace,)))
        self.reader = PassReader(store, connection)
        self._writer = KubeWriter(connection, memory=store)
        self.reader.lists.snapshot(store.scope)
        self._reflectors = Reflectors(connection, store, store.lives.watches)
        self._reflectors.start()
        Api.wait_for(lambda: not store.lives.why_unsure(self.namespace))
        self.reader.before = self._wait

    def close(self) -> None:
        """End the watches."""
        assert self._reflectors.stop(5.0), "a watch didn't end"

    def ports(self) -> tuple[Reader, Writer]:
        return self.reader, self._writer

    def _wait(self) -> None:
        Api.wait_for(self._is_up_to_date)

    def _is_up_to_date(self) -> bool:
        """Whether the store has what lists say now."""
        fresh, store = Store(self.reader.store.scope), self.reader.store
        ListingReader(fresh, lambda memory: _reader(self._connection(), memory)).snapshot(
            fresh.scope
        )
        with fresh.locked(self.namespace) as listed, store.locked(self.namespace) as stored:
            assert listed is not None
            return stored is not None and (
                stored.must_list
                or (stored.pods, stored.configs, stored.config_maps)
                == (listed.pods, listed.configs, listed.config_maps)
            )


def _reader(connection: Connection, memory: ListMemory | None) -> KubeReader:
    return KubeReader(connection, memory=memory or NO_MEMORY)


_as_cluster: type[Cluster] = FakeStore
