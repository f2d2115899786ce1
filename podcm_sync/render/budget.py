"""Sections of Markdown within a number of bytes: whole lines and diffs, cut from the end, and said.

First the lines of what matters most, then the others' in half of what is left, then diffs in order.
Nothing that is cut is kept in memory, and what is cut is counted exactly.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from podcm_sync.model.changes import Change
from podcm_sync.render.diff import unified
from podcm_sync.render.spans import fence, longest_run
from podcm_sync.render.words import count

NOTE_BYTES: Final = 400
"""Kept for saying what was cut."""
CUT_NOTE_BYTES: Final = 80
LEAST_LINES: Final = 8
"""Less of a cut diff says nothing: its head has three lines."""


class Entry(Struct, frozen=True, kw_only=True):
    """One object: a line of Markdown, or a summary in HTML above its diff where that fits."""

    line: str
    summary: str = ""
    change: Change | None = None


class Section(Struct, frozen=True, kw_only=True):
    """A heading and what stands below it; nothing where there are no entries."""

    title: str
    total: int
    entries: Iterable[Entry]
    """As many as `total`, made as they are asked for."""


class _Cut(Struct, kw_only=True):
    """How much is not shown."""

    entries: int = 0
    diffs: int = 0
    lines: int = 0

    def of(self, change: Change | None) -> None:
        """A whole diff is not shown."""
        if change is not None:
            self.diffs += 1
            self.lines += sum(1 for _ in unified(change))


def cut_to(max_bytes: int, head: str, first: Iterable[Section], others: Iterable[Section]) -> str:
    """The head and the sections; `first` are cut last. The head and a note must fit."""
    left = max_bytes - _size(head) - NOTE_BYTES
    cut = _Cut()
    chosen, left = _chosen(first, left, cut)
    is_whole = cut.entries == 0
    more, rest = _chosen(others, left // 2 if is_whole else 0, cut)
    left -= (left // 2 if is_whole else 0) - rest
    parts = [head, *_bodies([*chosen, *more], left, cut)]
    if cut.entries or cut.diffs:
        parts.append(_note(max_bytes, cut))
    return "".join(parts)


def _chosen(sections: Iterable[Section], left: int, cut: _Cut) -> tuple[list[Section], int]:
    """The sections with the entries whose lines fit, up to the first that does not."""
    chosen: list[Section] = []
    is_full = False
    for section in sections:
        kept: list[Entry] = []
        for entry in section.entries:
            size = _size(_bullet(entry)) + (0 if kept else _size(_heading(section)))
            is_full = is_full or size > left
            if is_full:
                cut.entries += 1
                cut.of(entry.change)
            else:
                kept.append(entry)
                left -= size
        if kept:
            chosen.append(Section(title=section.title, total=section.total, entries=kept))
    return chosen, left


def _bodies(sections: list[Section], left: int, cut: _Cut) -> Iterator[str]:
    """The sections' text; diffs in order, until one does not fit."""
    is_full = False
    for section in sections:
        yield _heading(section)
        is_after_line = False
        for entry in section.entries:
            if entry.change is None or is_full:
                cut.of(entry.change)
                yield _bullet(entry)
                is_after_line = True
                continue
            blank = "\n" if is_after_line else ""
            room = left + _size(_bullet(entry)) - _size(blank)
            text, is_full = _with_diff(entry, entry.change, room, cut)
            is_after_line = not text
            if text:
                left = room - _size(text)
            yield blank + text if text else _bullet(entry)


def _with_diff(entry: Entry, change: Change, room: int, cut: _Cut) -> tuple[str, bool]:
    """The entry with as much of its diff as there is room for; whether that was not all of it.

    No text where there is no room for any of it.
    """
    start, end = f"<details>\n<summary>{entry.summary}</summary>\n\n", "\n</details>\n\n"
    used = _size(start) + _size(end) + CUT_NOTE_BYTES + len("diff\n\n")
    lines: list[str] = []
    ticks = 0
    diff = unified(change)
    is_cut = False
    for line in diff:
        ticks = max(ticks, longest_run(line))
        used += _size(line) + 1
        if used + 2 * max(3, ticks + 1) > room:
            is_cut = True
            break
        lines.append(line)
    if not lines and not is_cut:  # nothing differs that is shown
        return "", False
    note = ""
    if is_cut:
        more = 1 + sum(1 for _ in diff)
        if len(lines) < LEAST_LINES:
            more, lines = more + len(lines), []
        cut.diffs += 1
        cut.lines += more
        note = f"\n{count(more, 'more line')} of this diff cut.\n"
    if not lines:
        return "", True
    around = fence(max(map(longest_run, lines)))
    body = "".join(f"{line}\n" for line in lines)
    return f"{start}{around}diff\n{body}{around}\n{note}{end}", is_cut


def _bullet(entry: Entry) -> str:
    return f"- {entry.line}\n"


def _heading(section: Section) -> str:
    return f"\n### {section.title} ({section.total:,})\n\n"


def _note(max_bytes: int, cut: _Cut) -> str:
    return (
        f"\n> **Cut to {max_bytes:,} bytes.** Not shown: {count(cut.diffs, 'diff')} in whole or in "
        f"part ({count(cut.lines, 'line')}), and {count(cut.entries, 'line')} of the lists above. "
        "`-o json` has all of it.\n"
    )


def _size(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
