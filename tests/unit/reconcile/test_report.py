"""What a run says (behavior.md §2.5, §7): counts, exit codes, and what several passes come to."""

import pytest
from msgspec.structs import replace

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import PodConfigMapConfigStatus, Problem
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.changes import (
    Outcome,
    Plan,
    Prediction,
    Result,
    StatusOutcome,
    StatusUpdate,
    SyncPolicy,
    Verb,
)
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.events import events
from podcm_sync.reconcile.plan import Planned
from podcm_sync.reconcile.prune import Guards, PruneBudget
from podcm_sync.reconcile.report import (
    Count,
    Report,
    counted,
    exit_code,
    forecast,
    merged,
    namespaces_to_requeue,
    predicted,
    problems,
    summary,
)
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.reconcile.status import conditions, predicted_conditions
from tests.builders import (
    NOW,
    change,
    config_map,
    newer_pcmc,
    outcome,
    pcmc,
    problem,
    snapshot,
)

CREATED = outcome(Result.CREATED)
UNCHANGED = outcome(Result.UNCHANGED, Reason.IN_SYNC)
FORBIDDEN = outcome(Result.FAILED, Reason.FORBIDDEN, code=403)
CONFLICT = outcome(Result.FAILED, Reason.CONFLICT, code=409)
SERVER_ERROR = outcome(Result.FAILED, Reason.SERVER_ERROR, code=500)
FOREIGN = outcome(Result.SKIPPED, Reason.FOREIGN)
SUSPENDED = outcome(Result.SKIPPED, Reason.SUSPENDED)
HELD_BACK = outcome(Result.SKIPPED, Reason.PRUNE_BLOCKED)
HELD_BACK_IN_ALL = outcome(Result.SKIPPED, Reason.PRUNE_TOTAL_BLOCKED)
OUTDATED = outcome(Result.SKIPPED, Reason.PLAN_OUTDATED)
INTERRUPTED = outcome(Result.SKIPPED, Reason.INTERRUPTED)
LOST = {"shop": "no right to list pods"}


def status(result: Result, reason: Reason | None = None) -> StatusOutcome:
    nothing = PodConfigMapConfigStatus()
    update = StatusUpdate(
        namespaced_name=NamespacedName("shop", "web"),
        uid="uid-1",
        resource_version="1",
        existing=nothing,
        desired=PodConfigMapConfigStatus(observed_generation=1),
    )
    return StatusOutcome(update=update, result=result, reason=reason, message="")


def report(
    *outcomes: Outcome,
    statuses: tuple[StatusOutcome, ...] = (),
    broken: tuple[Problem, ...] = (),
    incomplete: dict[str, str] | None = None,
    signal: int | None = None,
    is_prediction: bool = False,
) -> Report:
    return Report(
        is_prediction=is_prediction,
        scope=Scope(namespaces=("shop",)),
        outcomes=outcomes,
        statuses=statuses,
        problems=broken,
        incomplete=incomplete or {},
        signal_number=signal,
    )


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        pytest.param(report(), 0, id="nothing at all"),
        pytest.param(report(UNCHANGED), 0, id="nothing to do"),
        pytest.param(report(CREATED), 0, id="done"),
        pytest.param(report(SUSPENDED), 0, id="an intended skip"),
        pytest.param(report(FORBIDDEN), 3, id="a refused write"),
        pytest.param(report(CONFLICT), 3, id="still in conflict"),
        pytest.param(report(FOREIGN), 3, id="a blocking skip"),
        pytest.param(report(broken=(problem(),)), 3, id="an undecodable Pod"),
        pytest.param(report(broken=(problem("PodConfigMapConfig"),)), 3, id="an unreadable config"),
        pytest.param(report(HELD_BACK), 4, id="held back"),
        pytest.param(report(SERVER_ERROR), 5, id="no answer to a write"),
        pytest.param(report(CREATED, INTERRUPTED), 5, id="out of time, without a signal"),
        pytest.param(report(incomplete=LOST), 5, id="an incomplete list"),
        pytest.param(report(CREATED, signal=15), 143, id="SIGTERM"),
        pytest.param(report(INTERRUPTED, signal=2), 130, id="SIGINT"),
        pytest.param(
            report(statuses=(status(Result.FAILED, Reason.FORBIDDEN),)), 3, id="a refused status"
        ),
        pytest.param(
            report(statuses=(status(Result.FAILED, Reason.UNREACHABLE),)), 5, id="a lost status"
        ),
        pytest.param(
            report(statuses=(status(Result.FAILED, Reason.CONFLICT),)),
            0,
            id="a status that changed meanwhile is no failure (behavior.md §5)",
        ),
        pytest.param(report(statuses=(status(Result.SKIPPED),)), 0, id="a status only shown"),
        # The first of signal, 5, 4, 3, 1.
        pytest.param(report(FORBIDDEN, HELD_BACK), 4, id="4 before 3"),
        pytest.param(report(FORBIDDEN, HELD_BACK, SERVER_ERROR), 5, id="5 before 4"),
        pytest.param(report(FOREIGN, HELD_BACK, incomplete=LOST), 5, id="incomplete before 4"),
        pytest.param(
            report(FORBIDDEN, HELD_BACK, SERVER_ERROR, incomplete=LOST, signal=2), 130, id="signal"
        ),
    ],
)
def test_exit_codes(of: Report, expected: int) -> None:
    assert exit_code(of) == expected


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        pytest.param(report(UNCHANGED), 0, id="none"),
        pytest.param(report(CREATED), 1, id="a create"),
        pytest.param(report(outcome(Result.DELETED, Reason.POD_GONE)), 1, id="a delete"),
        pytest.param(report(outcome(Result.UPDATED, Reason.OUT_OF_SYNC)), 1, id="an update"),
        pytest.param(report(CREATED, is_prediction=True), 1, id="in a dry run"),
        pytest.param(report(CREATED, FORBIDDEN), 3, id="3 before 1"),
        pytest.param(report(CREATED, HELD_BACK), 4, id="4 before 1"),
        pytest.param(report(CREATED, incomplete=LOST), 5, id="5 before 1"),
        pytest.param(report(CREATED, signal=15), 143, id="a signal before 1"),
    ],
)
def test_exit_codes_where_changes_are_1(of: Report, expected: int) -> None:
    """behavior.md §7: 1 changes found, only with --exit-code."""
    assert exit_code(of, changes_are_1=True) == expected


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        pytest.param(report(FORBIDDEN), 0, id="a refused write"),
        pytest.param(report(FOREIGN, broken=(problem(),)), 0, id="skips and problems"),
        pytest.param(report(FORBIDDEN, HELD_BACK), 0, id="--max-prune of single namespaces"),
        pytest.param(report(HELD_BACK, HELD_BACK_IN_ALL), 4, id="not a 4 by the total"),
        pytest.param(report(HELD_BACK, OUTDATED), 4, id="not a 4 by a saved plan"),
        pytest.param(report(FORBIDDEN, SERVER_ERROR), 5, id="not a 5"),
        pytest.param(report(FORBIDDEN, signal=15), 143, id="not a signal"),
    ],
)
def test_tolerating_object_failures_turns_single_namespaces_failures_into_0(
    of: Report, expected: int
) -> None:
    assert exit_code(of, tolerate_object_failures=True) == expected


def test_tolerated_failures_do_not_hide_changes() -> None:
    of = report(CREATED, FORBIDDEN)
    assert exit_code(of, tolerate_object_failures=True, changes_are_1=True) == 1


def test_suspended_configs_and_protected_config_maps_are_counted_by_namespace() -> None:
    """Of the ConfigMaps only ours, whether they are in sync or not."""
    protected = {"podconfig.example.com/prune": "disabled"}
    found = counted(
        snapshot(
            pcmc("web", suspend=True),
            pcmc("api"),
            config_map(annotations=protected),
            config_map("pod-web-1-from-web-cfg", annotations={"podconfig.example.com/prune": "no"}),
            config_map("not-ours", annotations=protected),
        ),
        (),
    )
    assert found == {"shop": Count(configs=2, config_maps=2, suspended=1, protected=1)}


def test_a_summary_counts_what_each_outcome_came_to() -> None:
    counts = summary(
        report(
            CREATED,
            CREATED,
            outcome(Result.UPDATED, Reason.OUT_OF_SYNC),
            outcome(Result.DELETED, Reason.POD_GONE),
            UNCHANGED,
            SUSPENDED,
            INTERRUPTED,
            FOREIGN,
            HELD_BACK,
            FORBIDDEN,
        )
    )
    assert (counts.created, counts.updated, counts.deleted, counts.unchanged) == (2, 1, 1, 1)
    assert (counts.skipped, counts.blocked, counts.held_back, counts.failed) == (2, 1, 1, 1)
    assert counts.changed == 4


def test_a_prediction_is_the_plan_if_the_server_agrees() -> None:
    verbs = [Verb.CREATE, Verb.UPDATE, Verb.DELETE, Verb.KEEP, Verb.SKIP]
    changes = tuple(change(verb, message="why") for verb in verbs)
    foretold = predicted(Plan(changes=changes))
    assert [each.result for each in foretold] == [
        Result.CREATED,
        Result.UPDATED,
        Result.DELETED,
        Result.UNCHANGED,
        Result.SKIPPED,
    ]
    assert all(each.code is None and each.message == "why" for each in foretold)
    assert [each.change for each in foretold] == list(changes)


def test_a_predicted_status_is_written_if_it_differs() -> None:
    plan = Plan(changes=(change(),))
    seen = snapshot(pcmc())
    first = planned(seen, plan)
    report = foretell(first)
    (status,) = report.statuses
    stored = replace(seen.configs[0], status=status.update.desired)
    again = foretell(planned(snapshot(stored), plan))
    assert [status.result for status in (*report.statuses, *again.statuses)] == [
        Result.UPDATED,
        Result.UNCHANGED,
    ]


def foretell(decided: Planned) -> Report:
    return forecast(decided, NOW, sync_policy=SyncPolicy.SYNC, digest="", expected_digest="")


def planned(seen: Snapshot, plan: Plan) -> Planned:
    return Planned(snapshot=seen, desired=build(seen), proposed=plan, plan=plan)


def mypy_takes_no_prediction_for_a_fact(foretold: tuple[Prediction, ...], seen: Snapshot) -> None:
    """Nobody calls this. If mypy accepts one of these lines, its ignore is unused and CI fails."""
    merged(foretold, (), bool)  # type: ignore[arg-type]  # nothing predicted was done
    merged((), foretold, bool)  # type: ignore[arg-type]  # nothing predicted was done
    namespaces_to_requeue(foretold)  # type: ignore[arg-type]  # a prediction meets no conflict
    conditions(seen, build(seen), foretold, NOW)  # type: ignore[arg-type]  # not to be stamped
    plan = Plan(changes=())
    budget = PruneBudget.of(Guards(), seen, plan)
    budget.after(plan, foretold)  # type: ignore[arg-type]  # nothing was deleted
    statuses = predicted_conditions(seen, build(seen), foretold, NOW)
    events(statuses, NOW)  # type: ignore[arg-type]  # nothing was stored


def test_problems_are_what_did_not_decode_and_invalid_specs_each_once() -> None:
    seen = snapshot(
        pcmc("bad", labels=["a b"]),
        pcmc("good"),
        newer_pcmc("newer"),
        problems=[
            problem("PodConfigMapConfig", "worse"),
            problem("Pod", "x", namespace="a"),
            problem("Pod", "bad"),
        ],
    )
    found = problems(seen, build(seen))
    assert [(str(each.namespaced_name), each.kind, each.reason) for each in found] == [
        ("a/x", "Pod", Reason.UNDECODABLE),
        ("shop/bad", "Pod", Reason.UNDECODABLE),
        ("shop/bad", "PodConfigMapConfig", Reason.INVALID_SPEC),
        ("shop/newer", "PodConfigMapConfig", Reason.NEWER_SPEC),
        ("shop/worse", "PodConfigMapConfig", Reason.UNREADABLE),
    ]


def merge(earlier: list[Outcome], later: list[Outcome], settled: str = "shop") -> list[Outcome]:
    return list(merged(earlier, later, lambda namespace: namespace == settled))


def test_what_a_later_pass_did_replaces_what_an_earlier_one_failed_to_do() -> None:
    assert merge([CONFLICT], [CREATED]) == [CREATED]


def test_what_an_earlier_pass_wrote_stays_counted() -> None:
    """The later one finds it in step."""
    assert merge([CREATED], [UNCHANGED]) == [CREATED]


def test_what_both_passes_wrote_is_two_facts() -> None:
    drifted = outcome(Result.UPDATED, Reason.OUT_OF_SYNC)
    assert merge([CREATED], [drifted]) == [CREATED, drifted]


def test_a_skip_of_an_earlier_pass_is_not_counted_twice() -> None:
    assert merge([FOREIGN], [FOREIGN]) == [FOREIGN]


def test_a_namespace_that_a_later_pass_did_not_settle_keeps_what_it_had() -> None:
    elsewhere = outcome(Result.FAILED, Reason.FORBIDDEN, namespace="other")
    assert merge([elsewhere, CONFLICT], [CREATED]) == [elsewhere, CREATED]
    assert merge([CONFLICT], [], settled="other") == [CONFLICT]


def test_one_that_went_away_by_itself_is_no_failure_any_more() -> None:
    assert merge([CONFLICT], []) == []


def test_merged_outcomes_are_sorted_by_name() -> None:
    a, b = outcome(name="pod-a-cfg"), outcome(name="pod-b-cfg")
    assert merge([b], [a]) == [a, b]


@pytest.mark.parametrize("failure", [CONFLICT, FORBIDDEN, FOREIGN])
def test_a_write_of_an_earlier_pass_hides_no_failure_of_a_later_one(failure: Outcome) -> None:
    """§2.4: what still conflicts is reported as failed. It counts for the exit code too."""
    assert failure in merge([CREATED], [failure])


def test_pairs_that_share_a_name_are_two_changes() -> None:
    winner = outcome(Result.CREATED, pcmc_name="c")
    loser = outcome(Result.SKIPPED, Reason.NAME_TAKEN, pcmc_name="b-from-c")
    assert merge([winner, loser], [loser]) == [loser, winner]


def test_two_problems_of_one_name_have_one_order_too() -> None:
    """A Pod and a config may share a name, and neither may decode."""
    both = [problem("Pod", "a"), problem("PodConfigMapConfig", "a")]
    orders = [snapshot(problems=each) for each in (both, both[::-1])]
    assert len({problems(seen, build(seen)) for seen in orders}) == 1


CREATE = change(Verb.CREATE, Reason.MISSING)


@pytest.mark.parametrize(
    ("made", "is_contested"),
    [
        (outcome(), False),
        (outcome(Result.FAILED, Reason.CONFLICT, code=409), True),
        (outcome(Result.FAILED, Reason.FORBIDDEN, code=403), False),
        # No answer, and a get found nothing: it may come, or be done again.
        (outcome(Result.FAILED, Reason.UNREACHABLE, of=CREATE, code=404), True),
        (outcome(Result.FAILED, Reason.SERVER_ERROR, of=CREATE, code=404), True),
        # No answer to the get either: another pass would have none.
        (outcome(Result.FAILED, Reason.UNREACHABLE, of=CREATE), False),
        (outcome(Result.FAILED, Reason.SERVER_ERROR, code=503), False),
    ],
)
def test_another_pass_is_for_what_it_may_settle(made: Outcome, is_contested: bool) -> None:
    assert namespaces_to_requeue([outcome(namespace="bank"), made]) == (
        ("shop",) if is_contested else ()
    )
