"""§10: the store has what lists, events, and answers tell, as the next lists will have it."""

import pytest
from msgspec.structs import replace

from podcm_sync.api.meta import NamespacedName
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.watch import Restart, Watch
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.watch import divergence
from podcm_sync.watch.store import Store
from tests.builders import GENERATED_BY, NAMESPACE, POD_UID, config_map, pcmc, pod, snapshot

NAME = NamespacedName(NAMESPACE, "pod-web-0-from-web-cfg")
SCOPE = Scope(namespaces=(NAMESPACE,))


def listed(store: Store, snapshot: Snapshot, version: int) -> None:
    """Let the store take over a listing at this version."""
    with store.listing() as listing:
        for resource in (paths.PODS, paths.CONFIGS, paths.CONFIG_MAPS):
            listing.listed(resource, NAMESPACE, str(version))
        store.replace(snapshot, listing)


def watched() -> tuple[Store, list[str]]:
    """A store whose watches are open, and the resources of its divergences."""
    store, diverged = Store(SCOPE), list[str]()
    store.divergences.on_diverged = diverged.append
    listed(store, replace(snapshot(pod(), pcmc()), scope=SCOPE), 10)
    for watch in store.lives.watches:
        store.opened(watch)
    return store, diverged


def test_after_a_conflict_a_config_map_that_lists_dont_have_isnt_stored_either() -> None:
    """Lists and watches select by a label: without it, the name is only taken."""
    store, _ = watched()
    others = replace(config_map(), labels={POD_UID: "any"}, resource_version="11")
    store.seen(NAME, others)
    with store.locked(NAMESPACE) as part:
        assert part is not None
        assert part.config_maps == {}
        assert part.others == {NAME.name}
    store.seen(NAME, replace(others, labels={GENERATED_BY: "web"}, resource_version="12"))
    with store.locked(NAMESPACE) as part:
        assert part is not None
        assert part.config_maps.keys() == {NAME.name}
        assert part.others == set()


def test_an_expired_watch_asks_for_lists_until_its_own_namespace_is_listed() -> None:
    """A list of another namespace, which a pass asked for, is no version to start from."""
    scope = Scope(namespaces=("other", NAMESPACE))
    store = Store(scope)
    with store.listing() as listing:
        for namespace in ("other", NAMESPACE):
            for resource in (paths.PODS, paths.CONFIGS, paths.CONFIG_MAPS):
                listing.listed(resource, namespace, "10")
        store.replace(replace(snapshot(pod(), pcmc()), scope=scope), listing)
    assert not store.needs_lists
    expired = Watch(paths.PODS, "other")
    store.closed(expired, Restart.EXPIRED, "too old")
    assert store.start(expired) is None
    listed(store, replace(snapshot(pod(), pcmc()), scope=SCOPE), 20)
    assert store.needs_lists
    assert store.start(expired) is None
    assert store.start(Watch(paths.PODS, NAMESPACE)) == 20


def test_a_watch_that_ends_explains_what_it_did_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins again at the version of the lists, so the event never comes."""
    for ends in (False, True):
        store, diverged = watched()
        listed(store, replace(snapshot(pod(), pod("web-1"), pcmc()), scope=SCOPE), 20)
        if ends:
            store.closed(Watch(paths.PODS, NAMESPACE), Restart.BROKEN, "cut")
        monkeypatch.setattr(divergence, "GRACE_SECONDS", 0.0)
        assert store.divergences.settle() == (0 if ends else 1)
        assert diverged == ([] if ends else [paths.PODS])


def test_lists_of_a_restored_etcd_replace_what_higher_versions_left() -> None:
    store, _ = watched()
    before = config_map(resource_version="900")
    listed(store, replace(snapshot(pod(), pcmc(), before), scope=SCOPE), 1000)
    restored = config_map(resource_version="30", more_data={"a": "restored"})
    listed(store, replace(snapshot(pod(), pcmc(), restored), scope=SCOPE), 40)
    with store.locked(NAMESPACE) as part:
        assert part is not None
        assert part.config_maps == {NAME.name: restored}


def test_lists_that_began_earlier_change_nothing_once_later_ones_are_there() -> None:
    store, _ = watched()
    late = config_map(resource_version="20")
    with store.listing() as slow:
        slow.listed(paths.CONFIG_MAPS, NAMESPACE, "15")
        listed(store, replace(snapshot(pod(), pcmc(), late), scope=SCOPE), 30)
        store.replace(replace(snapshot(pod(), pcmc()), scope=SCOPE), slow)
    with store.locked(NAMESPACE) as part:
        assert part is not None
        assert part.config_maps == {NAME.name: late}


def test_a_slow_list_does_not_move_the_start_of_a_watch_back() -> None:
    store, _ = watched()
    seen = replace(snapshot(pod(), pcmc()), scope=SCOPE)
    with store.listing() as slow:
        for resource in (paths.PODS, paths.CONFIGS, paths.CONFIG_MAPS):
            slow.listed(resource, NAMESPACE, "15")
        listed(store, seen, 30)
        store.replace(seen, slow)
    assert store.start(Watch(paths.PODS, NAMESPACE)) == 30
