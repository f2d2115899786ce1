"""Measures, folds, cuts, and colors text for a terminal.

A wide character takes two columns and a combining one takes none. The text must be printable
already (see escape.py) and have no color codes.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from msgspec import Struct

from podcm_sync.output.escape import continued, printable

NARROWEST: Final = 40
"""On a terminal with fewer columns, lines are not folded: little would remain of each."""
_ASCII: Final = str.maketrans(
    {"✔": "v", "✘": "x", "·": ".", "–": "-", "→": "->", "…": "..."}  # noqa: RUF001 - the marks
)
"""How our own marks look without UTF-8."""
_WIDE_SINCE_16: Final = re.compile(
    "[\u2630-\u2637\u268a-\u268f\u4dc0-\u4dff\U0001d300-\U0001d356\U0001d360-\U0001d376]"
)
"""Wide since Unicode 16, which the tables of Python 3.11 don't know yet."""
_ASCII_GROWTH: Final = 6
"""The columns by which the three `…` of a cut line grow."""


class Color(StrEnum):
    """The colors of a terminal, as parameters of the SGR sequence.

    They are of the 256 colors that no theme changes, because many a theme's yellow and cyan can't
    be read on white. These have a contrast of 3.5 or more on white and on black.
    """

    BOLD = "1"
    DIM = "2"
    RED = "38;5;160"
    GREEN = "38;5;28"
    YELLOW = "38;5;130"
    CYAN = "38;5;30"


class Style(Struct, frozen=True, kw_only=True):
    """What the reader's terminal can show. The default suits a pipe, which has no width."""

    is_colored: bool = False
    is_ascii: bool = False
    """Whether our own marks must be ASCII. Text that others wrote stays as it is."""
    columns: int | None = None

    @property
    def width(self) -> int | None:
        """The columns that a line can have; None if lines are not folded."""
        if self.columns is None or self.columns < NARROWEST:
            return None
        return self.columns - _ASCII_GROWTH if self.is_ascii else self.columns

    def paint(self, text: str, color: Color | None) -> str:
        """The text in a color, if the terminal has colors."""
        is_plain = color is None or not self.is_colored or not text
        return text if is_plain else f"\x1b[{color}m{text}\x1b[0m"

    def fold(self, text: str, indent: str = "", *, start: str | None = None) -> Iterator[str]:
        """The text in lines that fit. The first begins with `start`, or else with `indent`."""
        text, start = self.finish(text), self.finish(indent if start is None else start)
        if self.width is None or len(start) + columns(text) <= self.width:
            return iter([start + text])
        return folded(text.split(" "), self.width, indent, start=start)

    def lines(
        self, start: str, text: str, indent: str, color: Color | None = None
    ) -> Iterator[str]:
        """The text after `start`, which gets the color, folded; later lines begin with `indent`.

        `text` can be anything, and is escaped. `start` must be printable.
        """
        start = self.finish(start)
        first, *rest = self.fold(printable(text), indent, start=start)
        # A word that is too long can push `start` to a line of its own, without its last space.
        head = start if first.startswith(start) else first
        yield self.paint(head, color) + first[len(head) :]
        yield from rest

    def cut(self, text: str, indent: str = "") -> str:
        """The text after an indent on one line, cut if it doesn't fit."""
        text = self.finish(text)
        return indent + (text if self.width is None else cut(text, self.width - len(indent)))

    def marked(self, mark: str, text: str, color: Color, indent: str = "") -> Iterator[str]:
        """The text after a mark in a color; further lines begin four columns after the mark."""
        mark = self.finish(mark)
        first, *rest = self.fold(text, f"{indent}    ", start=f"{indent}{mark} ")
        yield indent + self.paint(mark, color) + first[len(indent) + len(mark) :]
        yield from rest

    def finish(self, line: str) -> str:
        """The line as it is written, with the marks that the terminal can show."""
        return line.translate(_ASCII) if self.is_ascii else line


PLAIN: Final = Style()
"""Text for a pipe."""


def columns(text: str) -> int:
    """The number of columns that a terminal needs for a printable text."""
    return len(text) if text.isascii() else sum(map(_width, text))


def padded(text: str, width: int) -> str:
    """The text with spaces after it, up to so many columns."""
    return text + " " * (width - columns(text))


def cut(text: str, width: int) -> str:
    """The text if it fits; else its beginning, `…`, and the number of characters cut."""
    # Cheap bounds first, since a value can be long: a character takes at most two columns.
    if len(text) * 2 <= width or (len(text) <= 2 * width and columns(text) <= width):
        return text
    marker = f"… {len(text):,} more"  # the longest that the marker can be
    end = _fitting(text, max(1, width - len(marker)))
    return f"{text[:end]}… {len(text) - end:,} more"


def folded(words: Iterable[str], width: int, indent: str, *, start: str = "") -> Iterator[str]:
    """Lines of at most `width` columns with these words, separated by spaces.

    The first line begins with `start`, the others with `indent`. A word longer than a line is
    broken; no part of it can be a command of a CI system at the start of a line.
    """
    line, used = start, len(start)
    is_empty = True  # the line has only its indent
    for word in words:
        rest = word
        while True:
            needed = columns(rest) + (0 if is_empty else 1)
            if used + needed <= width:
                line, used = f"{line}{'' if is_empty else ' '}{rest}", used + needed
                is_empty = False
                break
            if is_empty or columns(rest) > width - len(indent):
                space = "" if is_empty else " "
                end = _fitting(rest, width - used - len(space)) or int(is_empty)
                yield f"{line}{space}{rest[:end]}" if end else line.rstrip()
                rest = continued(rest[end:]) if end else rest
            else:
                yield line.rstrip()
            line, used, is_empty = indent, len(indent), True
    if not is_empty:
        yield line


def _fitting(text: str, width: int) -> int:
    """The number of characters of the text that fit into `width` columns."""
    used = 0
    for index, char in enumerate(text):
        used += _width(char)
        if used > width:
            return index
    return len(text)


def _width(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    is_wide = unicodedata.east_asian_width(char) in {"W", "F"} or _WIDE_SINCE_16.match(char)
    return 2 if is_wide else 1


CONTEXT_CHARACTERS: Final = 8
"""How much of the common beginning of two values is shown before the difference."""


def narrowed(lines: Iterator[str], width: int) -> Iterator[str]:
    """The lines of a diff, cut to `width` columns. A cut shows `…` and how much was cut.

    If both sides of a change begin alike up to the cut, the common beginning is cut instead.
    """
    for is_changed, run in itertools.groupby(lines, lambda line: line[:1] in {"-", "+"}):
        if not is_changed:
            yield from (cut(line, width) for line in run)
            continue
        changed = list(run)
        wide = [line for line in changed if columns(line) > width]
        shortened = _without_shared_beginning(wide, changed, width)
        yield from (cut(shortened.get(line, line), width) for line in changed)


def _without_shared_beginning(wide: list[str], changed: list[str], width: int) -> dict[str, str]:
    """Each wide line whose visible part is also on the other side → the line without that part."""
    others = {(line[0], _key(line)): line for line in changed}
    shorter = {}
    for line in wide:
        key = _key(line)
        other = others.get(("+" if line[0] == "-" else "-", key))
        if other is None or not key:
            continue
        common = 1 + _shared_length(line[1:], other[1:]) - CONTEXT_CHARACTERS
        head = len(key) + len("-: ")
        if common > max(head + CONTEXT_CHARACTERS, width // 2):
            skipped = f"… {common - head:,} alike …"
            shorter[line] = f"{line[:head]}{skipped}{line[common:]}"
    return shorter


def _shared_length(one: str, another: str) -> int:
    """The number of characters with which both begin."""
    pairs = zip(one, another, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _key(line: str) -> str:
    """The data key of the line with its indentation; "" if it has none."""
    key, colon, _ = line[1:].partition(": ")
    return key if colon else ""
