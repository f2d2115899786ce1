"""A dry run foretells the run: in a quiet cluster, each result, each status, and the exit code."""

from hypothesis import given

from podcm_sync.reconcile.changes import AnyOutcome
from podcm_sync.reconcile.report import exit_code
from podcm_sync.sync import Policy, run
from tests.builders import NOW
from tests.laws.worlds import EVERYWHERE, World, status_facts, worlds


@given(world=worlds())
def test_what_is_foretold_comes_true(world: World) -> None:
    cluster = world.cluster()
    before = cluster.dump()
    foretold = run(EVERYWHERE, cluster, None, Policy(), now=NOW)
    assert cluster.writes == []
    assert cluster.dump() == before
    done = run(EVERYWHERE, cluster, cluster, Policy(concurrency=1), now=NOW)
    assert cluster.lists == 2

    def facts(outcome: AnyOutcome) -> tuple[object, ...]:
        return outcome.change, outcome.result, outcome.reason, outcome.message

    assert [facts(each) for each in done.outcomes] == [facts(each) for each in foretold.outcomes]
    assert status_facts(done) == status_facts(foretold)
    assert done.problems == foretold.problems
    for changes_are_1 in (False, True):
        assert exit_code(done, changes_are_1=changes_are_1) == exit_code(
            foretold, changes_are_1=changes_are_1
        )
