"""A diff's lines made to fit a terminal: values are cut, and so that what differs is still seen."""

import itertools
from collections.abc import Iterator
from typing import Final

from podcm_sync.render.columns import columns, cut

BEFORE: Final = 8
"""Characters shown of what two values have in common, before they part."""


def narrowed(lines: Iterator[str], width: int) -> Iterator[str]:
    """The lines, none wider than `width` columns, each cut marked with `…` and how much it is."""
    for is_changed, run in itertools.groupby(lines, lambda line: line[:1] in {"-", "+"}):
        if not is_changed:
            yield from (cut(line, width) for line in run)
            continue
        changed = list(run)
        alike = _alike([line for line in changed if columns(line) > width], changed, width)
        yield from (cut(alike.get(line, line), width) for line in changed)


def _alike(wide: list[str], changed: list[str], width: int) -> dict[str, str]:
    """Wide lines whose beginning, all that would be seen, another side has too: shortened there."""
    others = {(line[0], _key(line)): line for line in changed}
    shorter = {}
    for line in wide:
        key = _key(line)
        other = others.get(("+" if line[0] == "-" else "-", key))
        if other is None or not key:
            continue
        common = 1 + _length_alike(line[1:], other[1:]) - BEFORE
        head = len(key) + len("-: ")
        if common > max(head + BEFORE, width // 2):
            skipped = f"… {common - head:,} alike …"
            shorter[line] = f"{line[:head]}{skipped}{line[common:]}"
    return shorter


def _length_alike(one: str, another: str) -> int:
    """How many characters they begin with alike."""
    pairs = zip(one, another, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _key(line: str) -> str:
    """The line's data key with its indentation; "" where it has none."""
    key, colon, _ = line[1:].partition(": ")
    return key if colon else ""
