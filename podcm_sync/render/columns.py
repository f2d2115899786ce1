"""Text measured and cut in a terminal's columns: wide characters take two, combining ones none.

For lines that are printable already; nothing here knows of colours.
"""

import unicodedata
from collections.abc import Iterable, Iterator

from podcm_sync.render.escape import continued


def columns(text: str) -> int:
    """How many columns a terminal needs for a printable text."""
    return len(text) if text.isascii() else sum(map(_width, text))


def cut(text: str, width: int) -> str:
    """The text if it fits; else its beginning, and `…` with how many characters more there are."""
    if len(text) * 2 <= width or (len(text) <= 2 * width and columns(text) <= width):
        return text
    marker = f"… {len(text):,} more"  # as long as the marker can get
    end = _fitting(text, max(1, width - len(marker)))
    return f"{text[:end]}… {len(text) - end:,} more"


def folded(words: Iterable[str], width: int, indent: str, *, start: str = "") -> Iterator[str]:
    """Words, with a space before each but the first, on lines of at most `width` columns.

    The first line begins with `start`, those after it with the indent. A word longer than a line
    is broken, so that none of its parts is a command at the start of a line.
    """
    line, used = start, len(start)
    is_empty = True  # nothing on the line but its indent
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
    """How many characters of the text fit."""
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
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
