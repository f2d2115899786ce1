"""The order of lists is invisible: in plan and statuses, and in every word of the report."""

import random
from collections.abc import Collection, Mapping

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.api.meta import NamespacedName
from podcm_sync.output.text import text
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.sync import Policy, run
from tests.builders import NOW
from tests.laws.worlds import EVERYWHERE, World, worlds


class SnapshotBuilder:
    """A Reader of one snapshot."""

    def __init__(self, snapshot: Snapshot, occupied: Mapping[NamespacedName, bool]) -> None:
        self._snapshot = snapshot
        self._occupied = occupied

    def snapshot(self, scope: Scope, *, may_defer: bool = False) -> Snapshot:
        assert scope == EVERYWHERE
        return self._snapshot

    def namespaces(self) -> Collection[str]:
        raise AssertionError("nothing is deferred")

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        return {
            name: is_ours
            for name, is_ours in self._occupied.items()
            if name.namespace in namespaces
        }

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        return config_maps


@given(world=worlds(), chance=st.randoms(use_true_random=False))
def test_shuffled_lists_give_the_same_report(world: World, chance: random.Random) -> None:
    seen = world.snapshot()
    occupied = world.cluster().occupied_names(["one", "two"])
    shuffled = msgspec.structs.replace(
        seen,
        **{
            field: tuple(chance.sample(items, len(items)))
            for field in ("pods", "configs", "config_maps", "problems")
            if (items := getattr(seen, field))
        },
    )
    expected = run(EVERYWHERE, SnapshotBuilder(seen, occupied), None, Policy(), now=NOW)
    found = run(EVERYWHERE, SnapshotBuilder(shuffled, occupied), None, Policy(), now=NOW)
    assert found == expected
    assert text(found, is_verbose=True) == text(expected, is_verbose=True)
    assert text(found) == text(expected)
