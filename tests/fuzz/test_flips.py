"""What was in sync stays, whatever became of the bytes of a list (§2.1)."""

import pytest

from tests.fuzz.flips import World, one, worlds

SEEDS = 2_000


@pytest.fixture(scope="module")
def among() -> list[World]:
    return worlds()


@pytest.mark.parametrize("first", range(0, SEEDS, 100))
def test_what_was_in_sync_is_not_deleted_because_a_list_was_damaged(
    among: list[World], first: int
) -> None:
    broken = [message for seed in range(first, first + 100) if (message := one(seed, among))]
    assert broken == []
