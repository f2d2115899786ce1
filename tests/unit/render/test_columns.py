"""Text measured, cut and folded in a terminal's columns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from podcm_sync.render.columns import columns, cut, folded

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
        kept, _, more = shown.rpartition("… ")
        assert text.startswith(kept)
        assert more == f"{len(text) - len(kept):,} more"


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
