"""The table of reasons is complete (behavior.md §3; architecture.md, rule 8)."""

import re

import pytest

from podcm_sync.api.reasons import REASONS, Reason, ReasonClass, class_of


def test_every_reason_has_its_row() -> None:
    assert set(REASONS) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_one_camel_case_word_that_a_condition_may_have(reason: Reason) -> None:
    assert re.fullmatch(r"([A-Z][a-z]+)+", reason.value)


@pytest.mark.parametrize("reason", Reason)
def test_what_holds_things_up_says_what_to_do(reason: Reason) -> None:
    row = REASONS[reason]
    assert row.meaning
    assert bool(row.action) or row.reason_class in {ReasonClass.ROUTINE, ReasonClass.INTENDED}


@pytest.mark.parametrize(
    "reason",
    [
        Reason.SUSPENDED,
        Reason.PRUNE_DISABLED,
        Reason.POD_TERMINATING,
        Reason.CONFIG_MAP_TERMINATING,
        Reason.NAMESPACE_TERMINATING,
    ],
)
def test_what_the_spec_calls_intended(reason: Reason) -> None:
    """behavior.md §3: suspended, prune disabled, and a terminating Pod, ConfigMap, or namespace."""
    assert class_of(reason) is ReasonClass.INTENDED


@pytest.mark.parametrize(
    "reason",
    [
        Reason.FOREIGN,
        Reason.NAME_TAKEN,
        Reason.IMMUTABLE,
        Reason.TOO_LARGE,
        Reason.INVALID_NAME,
        Reason.TEMPLATE_FAILED,
        Reason.UNDECODABLE,
        Reason.FORBIDDEN,
        Reason.QUOTA_EXCEEDED,
        Reason.INVALID_SPEC,
        Reason.NEWER_SPEC,
        Reason.UNREADABLE,
    ],
)
def test_what_the_spec_calls_blocking_or_a_failure(reason: Reason) -> None:
    """behavior.md §3: skips, refused writes, and invalid or unreadable configs."""
    assert class_of(reason) is ReasonClass.BLOCKING


def test_what_a_guard_or_a_saved_plan_refuses_is_held_back_and_nothing_else_is() -> None:
    held_back = [reason for reason in Reason if class_of(reason) is ReasonClass.HELD_BACK]
    assert held_back == [
        Reason.PRUNE_BLOCKED,
        Reason.PRUNE_TOTAL_BLOCKED,
        Reason.PLAN_OUTDATED,
    ]
