"""Measuring, cutting, and folding text by columns of a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from podcm_sync.output.escape import printable
from podcm_sync.output.terminal import Color, columns, cut, folded, narrowed

PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=120)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("web-0", 5),
        ("é", 1),
        ("e\u0301", 1),
        ("日本", 4),
        ("\uff46\uff55\uff4c\uff4c", 8),
        ("\N{GRINNING FACE}", 2),
    ],
)
def test_wide_characters_take_two_columns_and_combining_ones_none(text: str, expected: int) -> None:
    assert columns(text) == expected


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("0123456789", 10, "0123456789"),
        ("0123456789abcdefghij", 19, "0123456789… 10 more"),
        ("日本語日本語", 12, "日本語日本語"),
        ("日本語日本語日本語", 16, "日本語日… 5 more"),
        ("x" * 2000, 40, f"{'x' * 28}… 1,972 more"),
    ],
)
def test_a_cut_says_how_many_characters_it_left_out(text: str, width: int, expected: str) -> None:
    assert cut(text, width) == expected


@given(text=PRINTABLE, width=st.integers(16, 100))
def test_a_cut_text_fits_and_says_the_truth(text: str, width: int) -> None:
    shown = cut(text, width)
    assert cell_len(shown) <= width
    if shown != text:
        beginning, _, more = shown.rpartition("… ")
        assert text.startswith(beginning)
        assert more == f"{len(text) - len(beginning):,} more"


def test_words_are_folded_under_an_indent() -> None:
    words = ["one", "two", "three", "four"]
    assert list(folded(words, 10, "  ")) == ["one two", "  three", "  four"]
    assert list(folded(words, 12, "  ", start="  ")) == ["  one two", "  three four"]


def test_a_word_longer_than_a_line_is_broken_where_the_line_ends() -> None:
    assert list(folded(["ab", "0123456789", "c"], 8, "  ")) == ["ab 01234", "  56789", "  c"]


@given(text=PRINTABLE, width=st.integers(20, 60))
def test_folding_loses_nothing_and_fits(text: str, width: int) -> None:
    lines = list(folded(text.split(" "), width, "   "))
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@pytest.mark.parametrize("before", range(1, 13))
@pytest.mark.parametrize("long", ["x" * 30, "\u754c" * 15])
def test_a_word_that_is_broken_never_overflows_the_line_that_it_begins_on(
    before: int, long: str
) -> None:
    lines = list(folded(["y" * before, long], 12, "  "))
    assert max(map(columns, lines)) <= 12
    assert "".join(lines).replace(" ", "") == "y" * before + long


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


def test_columns_are_those_of_a_current_terminal() -> None:
    """Rich's tables are newer than those of the oldest Python that podcm-sync supports."""
    narrower = [
        chr(code)
        for code in (*range(0x20, 0xD800), *range(0xE000, 0x20000))
        if printable(chr(code)) == chr(code) and columns(chr(code)) < cell_len(chr(code))
    ]
    assert narrower == []


@pytest.mark.parametrize(
    "color", [color for color in Color if color not in {Color.BOLD, Color.DIM}]
)
def test_a_color_can_be_read_on_white_and_on_black(color: Color) -> None:
    """WCAG's contrast, with the values that xterm gives to the colors from 16 to 231."""
    number = int(color.removeprefix("38;5;")) - 16
    levels = [0, 95, 135, 175, 215, 255]
    shares = [levels[step] / 255 for step in (number // 36, number // 6 % 6, number % 6)]
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert min(1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05) >= 3.5
