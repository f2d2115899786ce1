"""Counts and lists of names in sentences: the one plural, and the one `and 3 more`."""

from collections.abc import Sequence
from typing import Final

NAMED: Final = 3
"""How many names a sentence lists before it counts the others."""


def count(number: int, noun: str) -> str:
    """A number of things: `1 Pod`, `2 Pods`, `1,000 Pods`, `2 statuses`."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def listed(names: Sequence[str], most: int | None = NAMED) -> str:
    """The first names, then a count: `a, b, c and 297 more`. All of them if `most` is None."""
    shown = names[:most]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")
