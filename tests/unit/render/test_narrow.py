"""Diff lines that fit a terminal, and still show what differs."""

from podcm_sync.render.narrow import narrowed

ALIKE = "0123456789" * 30


def shown(*lines: str, width: int = 60) -> list[str]:
    return list(narrowed(iter(lines), width))


def test_lines_that_fit_stay_as_they_are() -> None:
    lines = ("--- a", "+++ b", "@@ -1 +1 @@", " same", "-key: old", "+key: new")
    assert shown(*lines) == list(lines)


def test_a_long_value_is_cut_and_says_so() -> None:
    assert shown(f"+  key: {ALIKE}") == [f"+  key: {ALIKE[:42]}… 258 more"]
    assert shown(f"   key: {ALIKE}") == [f"   key: {ALIKE[:42]}… 258 more"]


def test_values_that_begin_alike_are_shown_where_they_part() -> None:
    """Cut at their ends, the two sides would look the same."""
    assert shown(f"-  key: {ALIKE}old", f"+  key: {ALIKE}new") == [
        "-  key: … 292 alike …23456789old",
        "+  key: … 292 alike …23456789new",
    ]


def test_what_comes_after_is_cut_too() -> None:
    old, new = shown(f"-  key: {ALIKE}old{ALIKE}", f"+  key: {ALIKE}new{ALIKE}")
    assert old.startswith("-  key: … 292 alike …23456789old01234")
    assert new.startswith("+  key: … 292 alike …23456789new01234")
    assert len(old) == len(new) <= 60


def test_values_of_different_keys_are_not_compared() -> None:
    old, new = shown(f"-  a: {ALIKE}old", f"+  b: {ALIKE}new")
    assert old.startswith("-  a: 0123")
    assert new.startswith("+  b: 0123")
