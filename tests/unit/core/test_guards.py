"""Guards (spec §6): limits on deletes, over all passes of a run."""

import pytest

from podcm_sync.core.guards import PruneBudget, PruneLimit, guard, parse_limit
from podcm_sync.model.changes import Change, Plan, Result, Verb
from podcm_sync.model.reasons import Reason
from tests.builders import POD_UID, change, config_map, outcome, pod, snapshot


def number(amount: int) -> PruneLimit:
    return PruneLimit(amount=amount, is_percentage=False)


def percent(amount: int) -> PruneLimit:
    return PruneLimit(amount=amount, is_percentage=True)


def delete(name: str, reason: Reason = Reason.NOT_SELECTED) -> Change:
    existing = config_map(made_for=pod(name))
    return change(Verb.DELETE, reason, name=f"pod-{name}-from-web-cfg", existing=existing)


THREE = Plan(
    changes=(
        change(name="pod-new-from-web-cfg"),
        delete("a"),
        delete("b", Reason.CONFIG_GONE),
        delete("c"),
        change(Verb.SKIP, Reason.FOREIGN, name="pod-taken-from-web-cfg"),
    )
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", number(0)),
        ("100", number(100)),
        ("101", number(101)),
        ("999999999", number(999_999_999)),
        ("50%", percent(50)),
        ("0%", percent(0)),
        ("100%", percent(100)),
        (" 7 ", number(7)),
    ],
)
def test_a_limit_is_a_number_or_a_percentage(text: str, expected: PruneLimit) -> None:
    assert parse_limit(text) == expected


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5", "101%", "%", "ten", "1e3", "5 %", "٣", "1%%", "1000000000"]
)
def test_anything_else_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="write 100, say, or 50%"):
        parse_limit(text)


@pytest.mark.parametrize(
    ("limit", "total", "expected"),
    [
        (number(3), 0, 3),
        (number(3), 1_000, 3),
        (percent(50), 10, 5),
        (percent(50), 11, 6),
        (percent(1), 1, 1),
        (percent(1), 101, 2),
        (percent(33), 100, 33),
        (percent(7), 100, 7),
        (percent(0), 100, 0),
        (percent(100), 7, 7),
    ],
)
def test_a_percentage_is_rounded_up(limit: PruneLimit, total: int, expected: int) -> None:
    assert limit.of(total) == expected


def test_a_percentage_is_of_ours_in_the_whole_scope() -> None:
    """Spec §6: foreign ones that carry one of our labels do not count, other namespaces' do."""
    seen = snapshot(
        config_map(),
        config_map(made_for=pod("b", namespace="other")),
        config_map(made_for=pod("c"), labels={POD_UID: None}),
        config_map("settings"),
    )
    assert PruneBudget.of((percent(100),), seen).allowed == 2


def test_the_most_generous_limit_holds() -> None:
    seen = snapshot(*(config_map(made_for=pod(f"p-{index}")) for index in range(10)))
    assert PruneBudget.of((number(2), percent(50)), seen).allowed == 5
    assert PruneBudget.of((number(7), percent(50)), seen).allowed == 7


def test_without_a_limit_everything_goes_through() -> None:
    budget = PruneBudget.of((), snapshot())
    assert guard(THREE, budget) == THREE


def test_a_plan_within_the_limit_goes_through() -> None:
    assert guard(THREE, PruneBudget(allowed=3)) == THREE


def test_a_plan_beyond_the_limit_deletes_nothing_and_does_the_rest() -> None:
    guarded = guard(THREE, PruneBudget(allowed=2))
    assert [(each.verb, each.reason) for each in guarded.changes] == [
        (Verb.CREATE, Reason.MISSING),
        (Verb.SKIP, Reason.PRUNE_BLOCKED),
        (Verb.SKIP, Reason.PRUNE_BLOCKED),
        (Verb.SKIP, Reason.PRUNE_BLOCKED),
        (Verb.SKIP, Reason.FOREIGN),
    ]
    assert guarded.changes[0] == THREE.changes[0]
    assert guarded.changes[1].existing == THREE.changes[1].existing


def test_what_is_held_back_keeps_why_it_was_to_be_deleted() -> None:
    plan = Plan(changes=(delete("a"), delete("b", Reason.POD_GONE)))
    held_back = guard(plan, PruneBudget(allowed=0)).changes
    assert [each.planned_reason for each in held_back] == [x.reason for x in plan.changes]
    assert [each.planned_message for each in held_back] == [x.message for x in plan.changes]


def test_what_is_held_back_says_with_which_option_it_would_go_through() -> None:
    held_back = guard(THREE, PruneBudget(allowed=2)).changes[1]
    assert "--max-prune 3 " in held_back.message
    assert guard(THREE, PruneBudget(allowed=3)) == THREE


def test_a_limit_of_nought_allows_no_delete() -> None:
    plan = Plan(changes=(delete("a"),))
    assert guard(plan, PruneBudget(allowed=0)).changes[0].reason is Reason.PRUNE_BLOCKED


def test_those_whose_pod_is_gone_do_not_count() -> None:
    """Spec §6: the others go with their Pod anyway."""
    plan = Plan(changes=(delete("a"), *(delete(f"gone-{n}", Reason.POD_GONE) for n in range(9))))
    assert guard(plan, PruneBudget(allowed=1)) == plan


def test_when_it_strikes_those_whose_pod_is_gone_are_held_back_too() -> None:
    """Spec §6: deletes nothing."""
    plan = Plan(changes=(delete("a"), delete("b"), delete("gone", Reason.POD_GONE)))
    guarded = guard(plan, PruneBudget(allowed=1))
    assert {each.verb for each in guarded.changes} == {Verb.SKIP}


def test_what_was_deleted_counts_against_later_passes() -> None:
    done = [outcome(Result.DELETED, Reason.NOT_SELECTED, name=f"pod-{n}-cfg") for n in range(2)]
    gone = outcome(Result.DELETED, Reason.POD_GONE, of=delete("gone", Reason.POD_GONE))
    failed = outcome(Result.FAILED, Reason.FORBIDDEN, of=delete("z"))
    budget = PruneBudget(allowed=3).after([*done, gone, failed])
    assert budget == PruneBudget(allowed=3, spent=2)
    assert guard(Plan(changes=(delete("a"),)), budget).changes[0].verb is Verb.DELETE
    two = Plan(changes=(delete("a"), delete("b")))
    assert {each.verb for each in guard(two, budget).changes} == {Verb.SKIP}


def test_once_closed_it_stays_closed_and_names_the_option_for_all_passes() -> None:
    """A later pass over fewer namespaces must not slip under the limit.

    Three were too many for two; the second pass, over one namespace, sees one of them again. What
    would have let the run through is 3 (spec §6: with which option it would go through).
    """
    guarded = guard(THREE, PruneBudget(allowed=2))
    held_back = [
        outcome(Result.SKIPPED, Reason.PRUNE_BLOCKED, of=change) for change in guarded.changes
    ]
    budget = PruneBudget(allowed=2).after(held_back, THREE)
    assert budget.is_closed
    assert budget.after([], Plan(changes=())).is_closed
    (again,) = guard(Plan(changes=(delete("a"),)), budget).changes
    assert again.reason is Reason.PRUNE_BLOCKED
    assert "--max-prune 3 " in again.message


def test_no_limit_is_never_closed() -> None:
    assert not PruneBudget(allowed=None).after([outcome(Result.DELETED, Reason.POD_GONE)]).is_closed
