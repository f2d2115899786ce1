"""A pass over a few Pods writes what a run would write for them, and nothing that it would not."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.cluster.kube.reader import KubeReader
from podcm_sync.cluster.object_memory import NO_MEMORY
from podcm_sync.reconcile.changes import Change, Verb
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.plan import diff
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.watch.readers import ListingReader, StoreReader
from podcm_sync.watch.store import Store
from tests.laws.worlds import EVERYWHERE, World, rivalries, worlds
from tests.watched import WatchedCluster, WatchedServer

UPSERTS = {Verb.CREATE, Verb.UPDATE}


def upserts(seen: Snapshot) -> Iterator[Change]:
    """The creates and updates of a plan."""
    for change in diff(seen, build(seen), {}).changes:
        if change.verb in UPSERTS:
            yield change


@given(world=worlds() | rivalries(), data=st.data())
def test_a_focused_pass_writes_what_a_run_would(world: World, data: st.DataObject) -> None:
    cluster = WatchedCluster()
    for obj in world.objects:
        cluster.add(obj)
    server, store = WatchedServer(cluster), Store(EVERYWHERE)
    lists = ListingReader(store, lambda memory: KubeReader(server, memory=memory or NO_MEMORY))
    listed = lists.snapshot(EVERYWHERE)
    for watch in store.lives.watches:
        store.opened(watch)
    for namespace in sorted({pod.namespaced_name.namespace for pod in listed.pods}):
        names = {
            pod.namespaced_name.name
            for pod in listed.pods
            if pod.namespaced_name.namespace == namespace
        }
        focus = data.draw(st.sets(st.sampled_from(sorted(names)), min_size=1))
        reader = StoreReader(store, lambda *_: None, frozenset(focus))
        focused = list(upserts(reader.snapshot(Scope(namespaces=(namespace,)))))
        whole = [
            change for change in upserts(listed) if change.namespaced_name.namespace == namespace
        ]
        assert all(change in whole for change in focused)
        assert all(change in focused for change in whole if change.pod_name in focus)
