"""Outcomes add up to changes, and counts to outcomes: nothing vanishes, whatever a server says."""

from collections.abc import Callable

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.api.reasons import Reason
from podcm_sync.errors import EXIT_CODES
from podcm_sync.reconcile.changes import Answer, Result, Verb
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.plan import diff
from podcm_sync.reconcile.report import exit_code, summary
from podcm_sync.sync import Policy, run
from tests.builders import NOW
from tests.fakes import Write, outcomes_of
from tests.laws.worlds import EVERYWHERE, World, worlds

REFUSALS = (
    Reason.CONFLICT,
    Reason.FORBIDDEN,
    Reason.QUOTA_EXCEEDED,
    Reason.REJECTED,
    Reason.SERVER_ERROR,
    Reason.UNREACHABLE,
    Reason.UNAUTHORIZED,
)
ANSWERS = st.lists(st.none() | st.sampled_from(REFUSALS), max_size=12)
DONE = {
    Verb.CREATE: Result.CREATED,
    Verb.UPDATE: Result.UPDATED,
    Verb.DELETE: Result.DELETED,
    Verb.KEEP: Result.UNCHANGED,
    Verb.SKIP: Result.SKIPPED,
}


def refusing(reasons: list[Reason | None]) -> Callable[[Write], Answer | None]:
    """A `before_write` that gives these answers, and then none."""
    left = iter(reasons)

    def before_write(_: Write) -> Answer | None:
        reason = next(left, None)
        return None if reason is None else Answer(result=Result.FAILED, reason=reason)

    return before_write


@given(world=worlds(), reasons=ANSWERS)
def test_each_change_has_one_outcome_which_is_the_servers_word(
    world: World, reasons: list[Reason | None]
) -> None:
    cluster = world.cluster()
    seen = cluster.snapshot(EVERYWHERE)
    desired = build(seen)
    plan = diff(seen, desired, cluster.occupied_names(["one", "two"]))
    cluster.before_write = refusing(reasons)
    outcomes = outcomes_of(plan, cluster, concurrency=1)
    assert tuple(each.change for each in outcomes) == plan.changes
    for each in outcomes:
        assert each.result in {DONE[each.change.verb], Result.FAILED}
    failed = [each.reason for each in outcomes if each.result is Result.FAILED]
    sent = [reason for reason in reasons[: len(cluster.writes)] if reason is not None]
    assert sorted(failed) == sorted(sent)


@given(world=worlds(), reasons=ANSWERS)
def test_the_counts_of_a_report_add_up_to_its_outcomes(
    world: World, reasons: list[Reason | None]
) -> None:
    cluster = world.cluster()
    cluster.before_write = refusing(reasons)
    report = run(EVERYWHERE, cluster, cluster, Policy(concurrency=1), now=NOW)
    counts = msgspec.structs.asdict(summary(report))
    assert sum(counts.values()) == len(report.outcomes)
    assert exit_code(report) in EXIT_CODES
