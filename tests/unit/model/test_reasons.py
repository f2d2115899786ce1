"""The one table of reasons is whole (spec §3, last paragraph; design.md rule 7)."""

import re

import pytest

from podcm_sync.model.reasons import REASONS, Kind, Reason, kind_of


def test_every_reason_has_its_row() -> None:
    assert set(REASONS) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_one_camel_case_word_that_a_condition_may_have(reason: Reason) -> None:
    assert re.fullmatch(r"([A-Z][a-z]+)+", reason.value)


@pytest.mark.parametrize("reason", Reason)
def test_what_holds_things_up_says_what_to_do(reason: Reason) -> None:
    row = REASONS[reason]
    assert row.meaning
    assert bool(row.action) or row.kind in {Kind.ROUTINE, Kind.INTENDED}


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
    """Spec §3: suspended, prune disabled, Pod, ConfigMap or namespace terminating."""
    assert kind_of(reason) is Kind.INTENDED


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
        Reason.UNREADABLE,
    ],
)
def test_what_the_spec_calls_blocking_or_a_failure(reason: Reason) -> None:
    """Spec §3: its list of skips, refused writes, and invalid or unreadable configs."""
    assert kind_of(reason) is Kind.BLOCKING


def test_what_a_guard_or_a_saved_plan_refuses_is_held_back_and_nothing_else_is() -> None:
    held_back = [each for each in Reason if kind_of(each) is Kind.HELD_BACK]
    assert held_back == [
        Reason.PRUNE_BLOCKED,
        Reason.PRUNE_TOTAL_BLOCKED,
        Reason.PLAN_OUTDATED,
    ]
