"""Inputs are never mutated: models are frozen, and nobody changes a dict inside one either."""

import copy

from hypothesis import given

from podcm_sync.output.document import document
from podcm_sync.output.terminal import Style
from podcm_sync.output.text import text
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.plan import diff
from podcm_sync.reconcile.prune import Guards, PruneBudget, PruneLimit, guard
from podcm_sync.reconcile.report import Report, predicted, problems
from podcm_sync.reconcile.status import conditions, predicted_conditions
from tests.builders import NOW
from tests.fakes import outcomes_of
from tests.laws.worlds import EVERYWHERE, World, worlds

NOTHING = Guards(max_prune=(PruneLimit(amount=0, is_percentage=False),))


@given(world=worlds())
def test_a_whole_run_leaves_what_it_was_given_as_it_was(world: World) -> None:
    cluster = world.cluster()
    seen = cluster.snapshot(EVERYWHERE)
    seen_before = copy.deepcopy(seen)
    desired = build(seen)
    desired_before = copy.deepcopy(desired)
    plan = diff(seen, desired, cluster.occupied_names(["one", "two"]))
    plan_before = copy.deepcopy(plan)
    guarded = guard(plan, PruneBudget.of(NOTHING, seen, plan), seen)
    foretold = predicted(plan)
    report = Report(
        is_prediction=True,
        scope=EVERYWHERE,
        outcomes=foretold,
        statuses=predicted_conditions(seen, desired, foretold, NOW),
        problems=problems(seen, desired),
        incomplete={},
    )
    text(report, style=Style(is_colored=True), is_verbose=True)
    document(report, exit_code=0, run_id="0")
    outcomes_of(guarded, cluster, concurrency=1)
    outcomes = outcomes_of(plan, cluster, concurrency=1)
    outcomes_before = copy.deepcopy(outcomes)
    updates = conditions(seen, desired, outcomes, NOW)
    for update in updates:
        before = copy.deepcopy(update)
        cluster.update_status(update)
        assert update == before
    assert seen == seen_before
    assert desired == desired_before
    assert plan == plan_before
    assert outcomes == outcomes_before
