"""Counts and lists of names in sentences."""

import pytest

from podcm_sync.api.phrases import count, listed


def test_counts_agree_with_their_nouns() -> None:
    assert count(1, "Pod") == "1 Pod"
    assert count(0, "Pod") == "0 Pods"
    assert count(2_000, "Pod") == "2,000 Pods"
    assert count(2, "status") == "2 statuses"


@pytest.mark.parametrize(
    ("names", "most", "expected"),
    [
        ("", 3, ""),
        ("abc", 3, "a, b, c"),
        ("abcd", 3, "a, b, c and 1 more"),
        ("abcd", None, "a, b, c, d"),
        ("a" * 2_000, 1, "a and 1,999 more"),
    ],
)
def test_a_list_names_the_first_and_counts_the_others(
    names: str, most: int | None, expected: str
) -> None:
    assert listed(names, most) == expected
