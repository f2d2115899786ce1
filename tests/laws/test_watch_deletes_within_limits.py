"""A watching loop deletes as carefully as its full runs.

What each delete may be based on is judged in `watchloop`, in the histories of all these laws.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.api.meta import NamespacedName
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.watch import Restart
from podcm_sync.reconcile.bounds import LIMITS, Bound
from podcm_sync.reconcile.prune import PruneLimit
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.sync import Policy
from tests.laws.histories import FAULTS, KIND, LOOP, NETWORK, USERS, History, Step, begun, steps
from tests.laws.test_watch_comes_to_what_a_run_makes import differences, waiting
from tests.laws.watchloop import Loop

EVERYWHERE = Scope(namespaces=None)


@given(
    most=st.integers(0, 2),
    steps=steps(*USERS, *["config", "gone config"] * 4, *NETWORK, *LOOP, *FAULTS),
)
def test_between_two_full_runs_no_namespace_loses_more_than_max_prune(
    most: int, steps: list[Step]
) -> None:
    check_max_prune(most, steps)


def check_max_prune(most: int, steps: list[Step]) -> None:
    limit = PruneLimit(amount=most, is_percentage=False)
    with Loop(EVERYWHERE, Policy(concurrency=1, max_prune=(limit,))).in_its_time() as loop:
        begun(loop)
        History(loop, steps).play()
        loop.settle()
        assert all(count <= most for count in loop.most_deleted.values())


@given(steps=steps(*USERS, *NETWORK, *LOOP, *FAULTS))
def test_a_namespace_past_a_bound_is_left_to_the_lists(steps: list[Step]) -> None:
    """Whatever comes, a run's bounds hold, and nothing is deleted by mistake."""
    check_bounds(EVERYWHERE, steps)


def check_bounds(scope: Scope, steps: list[Step]) -> None:
    limits = {**LIMITS, Bound.PODS: 2, Bound.CONFIGS: 2, Bound.CONFIG_MAPS: 4}
    with Loop(scope, limits=limits).in_its_time() as loop:
        begun(loop)
        History(loop, steps).play()
        loop.settle()
        closed = {name.namespace for name in waiting(loop)}
        for namespace in loop.store.namespaces():
            with loop.store.locked(namespace) as part:
                assert part is not None
                # Its own writes can take a namespace past a bound; the next pass finds out.
                is_past = part.closed is not None or part.bound_passed(limits) is not None
                if is_past:
                    closed.add(namespace)
        different = differences(loop)
        assert {name.namespace for _, name in different} <= closed, different
        # A full run opens what is within the bounds again, and passes do the rest.
        loop.full_run()
        loop.settle()
        loop.full_run()
        assert not differences(loop)


def test_without_one_of_its_watches_a_namespace_loses_nothing() -> None:
    for closed in range(3):
        with Loop(EVERYWHERE).in_its_time() as loop:
            begun(loop)
            loop.settle()
            History(loop, [Step("gone config", which=0), Step("deliver all")]).play()
            loop.streams[closed].end(Restart.BROKEN)
            for _ in range(40):
                loop.clock.now += 1.0
                loop.make_pass()
            assert not loop.most_deleted
            loop.streams[closed].open()
            loop.settle()
            assert loop.most_deleted["one"] > 0
            assert not [key for key in loop.cluster.stored if key[0] == KIND and "c" in key[1].name]


@pytest.mark.parametrize(
    ("late", "told", "changes"),
    [
        # The config selects the Pod at any time.
        (paths.PODS, 0, [Step("pod", how=1), Step("config", how=3)]),
        # Now it selects the Pod again.
        (paths.CONFIGS, 1, [Step("config", how=6), Step("config", how=0)]),
        (paths.PODS, 1, [Step("config", how=1), Step("pod", how=1), Step("pod", how=0)]),
    ],
)
def test_while_a_watch_is_late_its_past_deletes_nothing(
    late: str, told: int, changes: list[Step]
) -> None:
    with Loop(EVERYWHERE).in_its_time() as loop:
        begun(loop)
        History(loop, [Step("config", how=0), Step("rest")]).play()
        History(loop, changes).play()
        for stream in loop.streams:
            stream.deliver(told if stream.watch.resource == late else 1_000_000)
        for _ in range(40):
            loop.clock.now += 1.0
            loop.make_pass()
        assert ("ConfigMap", NamespacedName("one", "pod-a-from-c-cfg")) in loop.cluster.stored
        loop.settle()
        assert not differences(loop)
