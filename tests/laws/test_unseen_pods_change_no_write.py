"""Where not every Pod was seen, a ConfigMap is written as if all had been, or not at all."""

import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import Problem
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.changes import Change, Verb
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.plan import diff
from podcm_sync.reconcile.report import predicted
from podcm_sync.reconcile.snapshot import Snapshot
from podcm_sync.reconcile.status import predicted_conditions
from tests.builders import NOW
from tests.laws.worlds import NAMESPACES, World, rivalries, worlds


def writes(seen: Snapshot) -> dict[NamespacedName, Change]:
    """The creates and updates of a plan, by name."""
    changes = diff(seen, build(seen), {}).changes
    return {
        change.namespaced_name: change
        for change in changes
        if change.verb in {Verb.CREATE, Verb.UPDATE}
    }


def without(whole: Snapshot, chance: random.Random) -> Snapshot:
    """The snapshot without some of its Pods, those that cannot be decoded among them."""
    return msgspec.structs.replace(
        whole,
        pods=tuple(pod for pod in whole.pods if chance.random() < 0.5),
        problems=tuple(
            problem for problem in whole.problems if problem.kind != "Pod" or chance.random() < 0.5
        ),
    )


@given(
    world=worlds() | rivalries(),
    chance=st.randoms(use_true_random=False),
    is_everywhere=st.booleans(),
)
def test_an_incomplete_list_of_pods_writes_nothing_else(
    world: World, chance: random.Random, is_everywhere: bool
) -> None:
    whole = world.snapshot()
    some = without(whole, chance)
    incomplete = dict.fromkeys([""] if is_everywhere else NAMESPACES, "page 2 failed")
    seen = msgspec.structs.replace(some, incomplete=incomplete)
    expected = writes(whole)
    for name, change in writes(seen).items():
        assert change == expected.get(name)


@given(
    world=worlds() | rivalries(),
    chance=st.randoms(use_true_random=False),
    has_namespace=st.booleans(),
)
def test_a_pod_without_a_name_may_be_any_of_those_that_were_not_seen(
    world: World, chance: random.Random, has_namespace: bool
) -> None:
    whole = world.snapshot()
    some = without(whole, chance)
    nameless = tuple(
        Problem(
            kind="Pod",
            namespaced_name=NamespacedName(namespace if has_namespace else "", ""),
            reason=Reason.UNDECODABLE,
            message="its name is no text",
        )
        for namespace in NAMESPACES
    )
    seen = msgspec.structs.replace(some, problems=(*some.problems, *nameless))
    expected = writes(whole)
    for name, change in writes(seen).items():
        assert change == expected.get(name)
    desired = build(seen)
    plan = diff(seen, desired, {})
    unwritten = {
        (change.namespaced_name.namespace, change.pcmc_name)
        for change in plan.changes
        if change.reason is Reason.INCOMPLETE
    }
    stamped = {
        tuple(status.update.namespaced_name)
        for status in predicted_conditions(seen, desired, predicted(plan), NOW)
    }
    assert not unwritten & stamped
