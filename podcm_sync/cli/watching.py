"""Options → a watching loop: its store, and connections that outlast runs and leadership."""

from collections.abc import Collection

from msgspec.structs import replace

from podcm_sync.cli.connect import READERS, Ports, connect
from podcm_sync.cli.sync_options import SyncOptions
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.crd import check_crd
from podcm_sync.cluster.kube.looker import KubeLooker
from podcm_sync.cluster.kube.pager import Pager
from podcm_sync.cluster.kube.reader import KubeReader
from podcm_sync.cluster.kube.reflector import Reflectors
from podcm_sync.cluster.kube.snapshot_builder import SnapshotBuilder
from podcm_sync.cluster.object_memory import NO_MEMORY, ListMemory
from podcm_sync.errors import ClusterError, Unavailable
from podcm_sync.runtime.context import RunContext
from podcm_sync.watch.lives import Lives
from podcm_sync.watch.readers import CheckCrd, ListingReader
from podcm_sync.watch.store import Store
from podcm_sync.watch.watching import Watching


def with_watching(
    ports: Ports, options: SyncOptions, connection: Connection, store: Store
) -> Ports:
    """The ports of a loop that watches: what its runs list fills the store.

    Watches, and the lists of a process that doesn't lead, have a connection of their own, because
    the run's ends with its deadline and with its leadership. Raises InputError, ClusterError.
    """
    unlimited = connect(options.access, RunContext(), connections=READERS)

    def lists(of: Connection) -> ListingReader:
        def reader_with(memory: ListMemory | None) -> KubeReader:
            return KubeReader(of, memory=memory or NO_MEMORY)

        return ListingReader(store, reader_with)

    watching = Watching(
        store,
        lists(unlimited),
        Reflectors(unlimited, store, store.lives.watches),
        check_crd=checking_crd(Pager(connection), store.lives),
        looker=KubeLooker(connection),
    )
    return replace(ports, reader=lists(connection), watching=watching)


def checking_crd(pager: Pager, lives: Lives) -> CheckCrd:
    """Checks the CRD for passes, and notes when it was missing."""

    def checked(namespaces: Collection[str], builder: SnapshotBuilder) -> None:
        try:
            is_there = check_crd(pager, namespaces, builder)
        except ClusterError as error:
            # A gateway can answer 404, too. If it was one, deletions only come later.
            if error.reason is Unavailable.CRD_MISSING:
                lives.note_lost()
            raise
        if not is_there:
            lives.note_lost()

    return checked
