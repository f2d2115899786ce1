"""A watching loop's store: after quiet it has what lists would bring, and says so if it has not."""

import pytest
from hypothesis import given

from podcm_sync.api.objects import Pod
from podcm_sync.reconcile.snapshot import Scope, Shard
from podcm_sync.watch.divergence import GRACE_SECONDS
from podcm_sync.watch.namespace import Namespace
from tests.laws.histories import FAULTS, LOOP, NETWORK, SCOPES, USERS, History, Step, begun, steps
from tests.laws.watchloop import Loop


@given(scope=SCOPES, steps=steps(*USERS, *NETWORK, *LOOP, *FAULTS))
def test_after_quiet_the_store_has_what_lists_say(scope: Scope, steps: list[Step]) -> None:
    with Loop(scope).in_its_time() as loop:
        begun(loop)
        History(loop, steps).play()
        loop.settle()
        fresh = loop.listed_afresh()
        for namespace in fresh.namespaces():
            with fresh.locked(namespace) as listed, loop.store.locked(namespace) as stored:
                assert listed is not None
                assert stored is not None, namespace
                assert not stored.must_list, namespace
                assert_same(stored, listed)
        for namespace in set(loop.store.namespaces()) - set(fresh.namespaces()):
            with loop.store.locked(namespace) as stored:
                assert stored is not None
                # Such a namespace is listed before anything is written there.
                assert stored.must_list or not stored.configs, namespace


def assert_same(stored: Namespace, listed: Namespace) -> None:
    """See that the store has the listed objects; which annotations of Pods are kept may differ."""
    assert stored.configs == listed.configs
    assert stored.config_maps == listed.config_maps
    assert stored.problems == listed.problems
    specs = [config.spec for config in listed.configs.values() if config.spec is not None]
    needed = frozenset(key for spec in specs for key in spec.annotations_to_include)
    assert stored.kept is None or stored.kept >= needed
    assert slim(stored.pods, needed) == slim(listed.pods, needed)
    assert stored.held == sum_of(stored)


def slim(pods: dict[str, Pod], annotations: frozenset[str]) -> dict[str, Pod]:
    """The Pods with only these annotations."""
    part = Namespace()
    part.kept = annotations
    return {name: part.slim(pod) for name, pod in pods.items()}


def sum_of(part: Namespace) -> int:
    """The memory of all objects, computed from all of them."""
    held = part.held
    part.weigh()
    computed, part.held = part.held, held
    return computed


@given(scope=SCOPES, steps=steps(*USERS, *NETWORK, *LOOP, *FAULTS))
def test_after_quiet_a_full_run_counts_no_divergence(scope: Scope, steps: list[Step]) -> None:
    with Loop(scope).in_its_time() as loop:
        begun(loop)
        History(loop, steps).play()
        loop.settle()
        # Later events explain what an earlier full run noted; what was late for too long counts.
        loop.clock.now += GRACE_SECONDS
        loop.store.divergences.settle()
        before = dict(loop.diverged)
        full_run_and_grace(loop)
        assert loop.diverged == before


@given(scope=SCOPES, steps=steps(*USERS, *NETWORK, *LOOP, *FAULTS))
def test_without_late_events_nothing_ever_diverges(scope: Scope, steps: list[Step]) -> None:
    """Events come before the next step, or within the grace."""
    with Loop(scope).in_its_time() as loop:
        begun(loop)
        prompt = [
            each
            for step in steps
            if step.do not in {"wait", "break", "expire", "rest"}
            for each in (step, Step("deliver all"))
        ]
        History(loop, prompt).play()
        loop.settle()
        full_run_and_grace(loop)
        assert not loop.diverged


def test_a_shard_that_doesnt_list_a_namespace_of_others_misses_nothing_there() -> None:
    shard = Scope(namespaces=None, shard=Shard(index=2, count=3))
    with Loop(shard).in_its_time() as loop:
        begun(loop)
        History(loop, [Step("foreign", where=1, how=6), Step("deliver all")]).play()
        loop.settle()
        full_run_and_grace(loop)
        assert not loop.diverged


@pytest.mark.parametrize(
    ("which", "change"),
    [
        (0, Step("config map", how=1)),
        (0, Step("config map", how=0)),
        (1, Step("suspend")),
        (1, Step("gone config")),
        (2, Step("pod", how=1)),
        (2, Step("gone pod")),
        (2, Step("odd pod")),
    ],
)
def test_an_event_that_is_lost_is_counted_once(which: int, change: Step) -> None:
    with Loop(Scope(namespaces=None)).in_its_time() as loop:
        begun(loop)
        loop.settle()
        History(loop, [change]).play()
        stream = loop.streams[which]
        assert stream.drop() is not None
        full_run_and_grace(loop)
        assert loop.diverged == {stream.watch.resource: 1}
        full_run_and_grace(loop)
        assert sum(loop.diverged.values()) == 1


def full_run_and_grace(loop: Loop) -> None:
    """A full run, and time enough for events to explain what it found."""
    loop.full_run()
    loop.settle()
    loop.clock.now += GRACE_SECONDS + 1.0
    loop.store.divergences.settle()
