"""§10: a pass over a few Pods reads whatever has a say in their ConfigMaps."""

import pytest
from msgspec.structs import replace

from podcm_sync.cluster.kube import paths
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.plan import diff
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.watch import readers
from podcm_sync.watch.readers import StoreReader
from podcm_sync.watch.store import Store
from tests.builders import (
    NAMESPACE,
    POD_UID,
    Object,
    config_map,
    owner,
    pcmc,
    pod,
    problem,
    snapshot,
)

SCOPE = Scope(namespaces=(NAMESPACE,))
DRIFTED = {"phase": "Drifted"}
GOING = pod("web-1", terminating=True)


def read(*objects: Object, undecodable: str = "", focus: str = "web-0") -> Snapshot:
    """What a pass over one Pod reads of a namespace with these objects."""
    store = Store(SCOPE)
    problems = [problem(name=undecodable)] if undecodable else []
    seen = replace(snapshot(*objects, problems=problems), scope=SCOPE)
    with store.listing() as listing:
        for resource in (paths.CONFIG_MAPS, paths.CONFIGS, paths.PODS):
            listing.listed(resource, NAMESPACE, "10")
        store.replace(seen, listing)
    for watch in store.lives.watches:
        store.opened(watch)
    return StoreReader(store, lambda *_: None, frozenset({focus})).snapshot(SCOPE)


def pods_of(seen: Snapshot) -> set[str]:
    return {pod.namespaced_name.name for pod in seen.pods}


def verbs(seen: Snapshot) -> list[str]:
    """What a plan from it does."""
    return [str(change.verb) for change in diff(seen, build(seen), {}).changes]


def test_only_the_pod_and_its_config_maps_are_read() -> None:
    seen = read(pod(), pod("web-1"), pcmc(), config_map(data=DRIFTED))
    assert (pods_of(seen), len(seen.config_maps)) == ({"web-0"}, 1)
    assert verbs(seen) == ["update"]


def test_a_pod_that_also_owns_its_config_map_is_read_too() -> None:
    """If that one is terminating, the ConfigMap stays as it is."""
    owners = [owner(), owner("web-1", controller=False)]
    seen = read(pod(), GOING, pod("web-2"), pcmc(), config_map(data=DRIFTED, owners=owners))
    assert pods_of(seen) == {"web-0", "web-1"}
    assert "update" not in verbs(seen)


def test_a_config_map_that_names_another_pod_is_judged_by_the_whole_namespace() -> None:
    forged = config_map(data=DRIFTED, labels={POD_UID: GOING.uid})
    seen = read(pod(), GOING, pod("web-2"), pcmc(), forged)
    assert pods_of(seen) == {"web-0", "web-1", "web-2"}
    assert "update" not in verbs(seen)


def test_beside_a_pod_that_cant_be_decoded_the_whole_namespace_is_read() -> None:
    assert pods_of(read(pod(), pod("web-1"), pcmc(), undecodable="lost")) == {"web-0", "web-1"}


@pytest.mark.parametrize("name", ["b-from-c", "from-c"])
def test_if_two_pairs_can_give_one_name_the_whole_namespace_is_read(name: str) -> None:
    assert pods_of(read(pod(), pod("web-1"), pcmc(name))) == {"web-0", "web-1"}


def test_too_many_pairs_are_left_to_the_bounds_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MAX_PAIRS", 1)
    objects = (pod(), pod("web-1"), pcmc())
    assert pods_of(read(*objects)) == {"web-0"}
    assert pods_of(read(*objects, pcmc("api"))) == {"web-0", "web-1"}
