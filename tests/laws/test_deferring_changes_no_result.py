"""A namespace that is left to a later pass gets what it would have got in the first one.

The guards judge the deletions of all passes together (behavior.md §6), so a dry run, which defers
nothing, predicts the run.
"""

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from podcm_sync.reconcile.bounds import LIMITS, Bound
from podcm_sync.reconcile.changes import AnyOutcome
from podcm_sync.reconcile.prune import Guards
from podcm_sync.reconcile.report import exit_code
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.sync import Policy, run
from tests.builders import NOW
from tests.laws.test_guard_only_takes_deletes_away import GUARDS
from tests.laws.worlds import EVERYWHERE, NAMESPACES, World, outline, status_facts, worlds

SCOPES = st.sampled_from([EVERYWHERE, Scope(namespaces=NAMESPACES)])


def facts(outcome: AnyOutcome) -> tuple[object, ...]:
    """What a prediction and a fact have in common."""
    return outcome.change, outcome.result, outcome.reason, outcome.message


@given(
    world=worlds(),
    long_lists=st.frozensets(st.sampled_from(NAMESPACES)),
    guards=GUARDS,
    scope=SCOPES,
    knows_long_lists=st.booleans(),
    first_turn=st.sampled_from([0, 1, 2, 2_000]),
)
def test_deferring_changes_no_result(
    world: World,
    long_lists: frozenset[str],
    guards: Guards,
    scope: Scope,
    first_turn: int,
    *,
    knows_long_lists: bool,
) -> None:
    cluster, other = world.cluster(), world.cluster()
    policy = Policy(**structs.asdict(guards), concurrency=1)
    predicted = run(scope, cluster, None, policy, now=NOW)
    run(scope, other, other, policy, now=NOW)
    cluster.long_lists, cluster.knows_long_lists = long_lists, knows_long_lists
    with patch.dict(LIMITS, {Bound.FIRST_DESIRED: first_turn}):
        done = run(scope, cluster, cluster, policy, now=NOW)
    assert sorted(map(facts, done.outcomes), key=repr) == sorted(
        map(facts, predicted.outcomes), key=repr
    )
    assert status_facts(done) == status_facts(predicted)
    assert sorted(done.problems, key=repr) == sorted(predicted.problems, key=repr)
    assert exit_code(done) == exit_code(predicted)
    assert done.counts == predicted.counts
    assert outline(cluster) == outline(other)
