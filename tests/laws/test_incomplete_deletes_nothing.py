"""An incomplete Snapshot deletes nothing where it is incomplete (behavior.md §2.1, §6)."""

import random
from collections.abc import Iterable

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.reconcile.changes import Verb
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.plan import creates_in, diff
from podcm_sync.reconcile.report import predicted
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.reconcile.status import predicted_conditions
from podcm_sync.sync import Policy, run
from tests.builders import NOW
from tests.laws.worlds import World, worlds

PLACES = st.sampled_from(["", "one", "two"])


@given(
    world=worlds(),
    places=st.dictionaries(PLACES, st.booleans(), min_size=1),
    chance=st.randoms(use_true_random=False),
)
def test_nothing_is_deleted_where_a_list_did_not_complete(
    world: World, places: dict[str, bool], chance: random.Random
) -> None:
    """Any of the objects may be missing; False is a namespace of which not even that is known."""
    whole = world.snapshot()
    seen = msgspec.structs.replace(
        whole,
        pods=tuple(each for each in whole.pods if chance.random() < 0.5),
        incomplete=dict.fromkeys(places, "a list did not complete"),
        unplannable=frozenset(place for place, is_plannable in places.items() if not is_plannable),
    )
    desired = build(seen)
    plan = diff(seen, desired, {})

    def concerns(namespace: str, chosen: Iterable[str]) -> bool:
        return bool({"", namespace} & set(chosen))

    deleted = {x.namespaced_name.namespace for x in plan.changes if x.verb is Verb.DELETE}
    assert not any(concerns(namespace, seen.incomplete) for namespace in deleted)
    changed = {x.namespaced_name.namespace for x in plan.changes} | creates_in(seen, desired)
    assert not any(concerns(namespace, seen.unplannable) for namespace in changed)
    stamped = {
        status.update.namespaced_name.namespace
        for status in predicted_conditions(seen, desired, predicted(plan), NOW)
    }
    assert not any(concerns(namespace, seen.incomplete) for namespace in stamped)


@given(
    world=worlds(),
    failing=st.sets(
        st.tuples(st.sampled_from(["ConfigMap", "PodConfigMapConfig", "Pod"]), PLACES), min_size=1
    ),
)
def test_a_run_deletes_nothing_there_either(world: World, failing: set[tuple[str, str]]) -> None:
    cluster = world.cluster()
    cluster.before_list = lambda kind, namespace: (
        "no right" if (kind, namespace) in failing else None
    )
    scopes = [Scope(namespaces=None), Scope(namespaces=("one", "two"))]
    for scope in scopes:
        before = cluster.dump()
        report = run(scope, cluster, cluster, Policy(concurrency=1), now=NOW)
        for key in before.keys() - cluster.dump().keys():
            assert not {"", key[1].namespace} & set(report.incomplete)
