"""Durations as kubectl takes them (behavior.md §7, kubectl's habits)."""

import pytest

from podcm_sync.cli.option import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30.0),
        ("1m30s", 90.0),
        ("500ms", 0.5),
        ("1h", 3600.0),
        ("1.5h", 5400.0),
        ("1h1m1s1ms", 3661.001),
        ("45", 45.0),
        ("0.5", 0.5),
        ("1m", 60.0),
        ("1m500ms", 60.5),
    ],
)
def test_a_duration_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["0", "0s", "0.0", "0h0m"])
def test_nought_is_no_limit(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    "text",
    ["", " ", "s", "-1s", "+1s", "1 s", "1m 30s", "1d", "1e3", "1,5s", "1s!", "x1s", "٣s", "1s\n"],
)
def test_anything_else_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="write 30s, 1m30s, or 500ms"):
        parse_duration(text)
