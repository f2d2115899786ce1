"""A watching loop: once it is quiet, the cluster is what one run alone would make of it."""

from collections.abc import Iterator

import pytest
from hypothesis import given

from podcm_sync.api.meta import NamespacedName
from podcm_sync.reconcile.snapshot import Scope, Shard
from podcm_sync.watch.confirming import claimants_of
from tests.laws.histories import (
    FAULTS,
    KIND,
    LOOP,
    NETWORK,
    SCOPES,
    USERS,
    History,
    Step,
    begun,
    steps,
)
from tests.laws.watchloop import Loop
from tests.laws.worlds import outline
from tests.watched import Key, has_label

HISTORIES = steps(*USERS, *NETWORK, *LOOP, *FAULTS)


def differences(loop: Loop) -> dict[Key, tuple[object, object]]:
    """What a run would change now: before and after."""
    actual, expected = outline(loop.cluster), outline(loop.expected())
    return {
        key: (actual.get(key), expected.get(key))
        for key in actual.keys() | expected.keys()
        if actual.get(key) != expected.get(key)
    }


def waiting(loop: Loop) -> Iterator[NamespacedName]:
    """The ConfigMaps that may wait for the next full run, by design.

    - Nothing wants it, and neither its owners nor a Pod that is there show whose it is.
    - Another client's ConfigMap without the label had this name. No event tells that it went away.
    - A policy, a quota, or a missing permission refused the write. No event tells that this passed.
    """
    yield from loop.server.refused - loop.server.denied
    for namespace in loop.store.namespaces():
        with loop.store.locked(namespace) as part:
            assert part is not None
            yield from (
                each.namespaced_name
                for each in part.config_maps.values()
                if claimants_of(each, part) is None
            )
            for name in map(NamespacedName, [namespace] * len(part.others), part.others):
                had = [each.before for each in loop.cluster.log if each.key == ("ConfigMap", name)]
                if any(raw is not None and not has_label(raw) for raw in had):
                    yield name


@given(scope=SCOPES, steps=HISTORIES)
def test_after_quiet_only_what_must_wait_waits_for_the_next_full_run(
    scope: Scope, steps: list[Step]
) -> None:
    check(scope, steps)


FOUND = {
    "beside a config that can't be decoded, somebody leaves a ConfigMap": [
        Step("odd config"),
        Step("foreign", how=14),
    ],
    "a watch expires at the version that it began from": [Step("expire")],
    "a write of a full run fails": [
        Step("pod", which=2, how=0),
        Step("fate"),
        Step("full"),
    ],
    "a Pod ends whose ConfigMap no config wants any more": [
        Step("ending pod"),
        Step("deliver all"),
        Step("config map", how=5),
        Step("config", which=0, how=2),
        Step("config", which=1, how=2),
        Step("rest"),
        Step("full"),
        Step("rest"),
        Step("gone pod"),
    ],
    "a Pod of a namespace that only the lists under way have": [
        Step("full"),
        Step("config", where=1, how=0, inside=1),
        Step("pod", where=1, how=0, inside=8),
        Step("deliver", which=2, how=9, inside=1),
    ],
    "a Pod that came after its list, and a config whose event comes after the lists": [
        Step("config", which=1, how=1),
        Step("rest"),
        Step("full"),
        Step("config", which=0, how=4, inside=1),
        Step("pod", which=2, how=2, inside=6),
        Step("deliver", which=2, how=9, inside=1),
    ],
    "lists fail, and then those of one namespace don't": [
        Step("expire", which=1),
        Step("config", where=1, how=0),
        Step("full"),
        Step("list fails", which=1, inside=1),
        Step("pass"),
    ],
    "lists of a namespace that began later are done sooner, and are older": [
        Step("expire"),
        Step("pod", where=1),
        Step("config", where=1),
        Step("fate"),
        Step("full"),
        Step("fate", which=2),
        Step("config", where=1),
        Step("pass"),
        Step("list fails"),
        Step("pass"),
        Step("pass"),
        Step("passes"),
        Step("full"),
        Step("full"),
        Step("pass", inside=1),
    ],
    "a config in a namespace that had only another's ConfigMap": [
        Step("foreign", where=1, how=6),
        Step("deliver all"),
        Step("pod", where=1),
        Step("full"),
        Step("config", where=1),
    ],
}
"""Histories that ended in another cluster once."""


@pytest.mark.parametrize("steps", FOUND.values(), ids=FOUND)
def test_a_history_that_once_ended_elsewhere_ends_right(steps: list[Step]) -> None:
    check(Scope(namespaces=None), steps)


@pytest.mark.parametrize("index", range(3))
def test_a_shard_watches_before_it_has_a_namespace(index: int) -> None:
    """Of three shards, each of the two namespaces has one, and one has none."""
    shard = Scope(namespaces=None, shard=Shard(index=index, count=3))
    steps = [
        Step("expire", which=1),
        Step("full"),
        Step("gone config", which=0, inside=3),
        Step("config", where=1, inside=1),
        Step("pod", where=1, inside=1),
    ]
    with Loop(shard).in_its_time() as loop:
        begun(loop)
        assert all(stream.is_open for stream in loop.streams)
    check(shard, steps)


def check(scope: Scope, steps: list[Step]) -> None:
    with Loop(scope).in_its_time() as loop:
        begun(loop)
        History(loop, steps).play()
        loop.settle()
        different, may_wait = differences(loop), set(waiting(loop))
        for (kind, name), (before, after) in different.items():
            if kind == KIND:
                # A status counts the ConfigMaps that wait.
                assert any(each.namespace == name.namespace for each in may_wait), different
            else:
                assert name in may_wait, different
                is_refused = name in loop.server.refused - loop.server.denied
                assert is_refused or before is None or after is None, different
        loop.full_run()
        loop.settle()
        assert not differences(loop)
