"""A line of a file with a caret below what is wrong, as compilers show it."""

from collections.abc import Iterator

from podcm_sync.output.escape import printable
from podcm_sync.output.terminal import Color, Style, columns

BAR = "   | "


def excerpt(text: str, column: int, length: int, style: Style) -> Iterator[str]:
    """The line, cut to the style, and `^^^` below the `length` characters from `column` on.

    `column` counts characters from 1. Escapes keep both lines aligned.
    """
    before, wrong, after = (
        printable(text[: column - 1]),
        printable(text[column - 1 : column - 1 + length]),
        printable(text[column - 1 + length :]),
    )
    if style.width is not None:
        room = max(8, style.width - len(BAR))
        wrong = wrong[:room]
        if columns(before) + columns(wrong) > room:
            # What is wrong must be seen, so the beginning gives way.
            space = max(0, room - columns(wrong) - 1)
            before = "…" + (before[-space:] if space else "")
            before = before if not style.is_ascii else before.replace("…", ".")
        after = after[: max(0, room - columns(before) - columns(wrong))]
    bar = style.paint(BAR.rstrip(), Color.DIM)
    yield f"{bar} {before}{wrong}{after}".rstrip()
    yield f"{bar} {' ' * columns(before)}{style.paint('^' * max(1, columns(wrong)), Color.RED)}"
