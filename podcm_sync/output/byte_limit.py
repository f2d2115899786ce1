"""Fits sections of Markdown into a number of bytes, and notes exactly what it cut.

First come the lines of the most important sections, then those of the others in half of the
remaining bytes, then the diffs in order. It cuts whole lines, from the end, and keeps nothing that
it cuts in memory.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from podcm_sync.api.phrases import count
from podcm_sync.output.diff import unified
from podcm_sync.output.escape import fence, longest_run
from podcm_sync.reconcile.changes import Change

NOTE_BYTES: Final = 400
"""Reserved for the note at the end about what was cut."""
CUT_NOTE_BYTES: Final = 80
"""Reserved for the note below a diff that was cut."""
MIN_DIFF_LINES: Final = 8
"""A cut diff with fewer lines is useless, since its header alone has three."""


class Entry(Struct, frozen=True, kw_only=True):
    """One object: a line of Markdown, or, if its diff fits, an HTML summary above the diff."""

    line: str
    summary: str = ""
    change: Change | None = None


class Section(Struct, frozen=True, kw_only=True):
    """A heading and its entries. A section without entries prints nothing."""

    title: str
    total: int
    entries: Iterable[Entry]
    """`total` entries, lazily made."""


class _Cut(Struct, kw_only=True):
    """How much was cut."""

    entries: int = 0
    diffs: int = 0
    lines: int = 0

    def add_diff(self, change: Change | None) -> None:
        """Count a diff that was cut completely."""
        if change is not None:
            self.diffs += 1
            self.lines += sum(1 for _ in unified(change))


def cut_to(max_bytes: int, head: str, first: Iterable[Section], others: Iterable[Section]) -> str:
    """The head and the sections in at most `max_bytes` of UTF-8; sections in `first` are cut last.

    The head and the note must fit.
    """
    remaining = max_bytes - _size(head) - NOTE_BYTES
    cut = _Cut()
    fitting, remaining = _fitting(first, remaining, cut)
    # Half of the bytes, so that many lines of the others leave room for diffs.
    other_bytes = remaining // 2 if cut.entries == 0 else 0
    other_fitting, unused = _fitting(others, other_bytes, cut)
    remaining -= other_bytes - unused
    parts = [head, *_bodies([*fitting, *other_fitting], remaining, cut)]
    if cut.entries or cut.diffs:
        parts.append(_note(max_bytes, cut))
    return "".join(parts)


def _fitting(sections: Iterable[Section], remaining: int, cut: _Cut) -> tuple[list[Section], int]:
    """The sections with the entries whose lines fit, up to the first that doesn't; unused bytes."""
    fitting: list[Section] = []
    is_full = False
    for section in sections:
        entries: list[Entry] = []
        for entry in section.entries:
            size = _size(_bullet(entry)) + (0 if entries else _size(_heading(section)))
            is_full = is_full or size > remaining
            if is_full:
                cut.entries += 1
                cut.add_diff(entry.change)
            else:
                entries.append(entry)
                remaining -= size
        if entries:
            fitting.append(Section(title=section.title, total=section.total, entries=entries))
    return fitting, remaining


def _bodies(sections: list[Section], remaining: int, cut: _Cut) -> Iterator[str]:
    """The text of the sections, with diffs in order until one doesn't fit."""
    is_full = False
    for section in sections:
        yield _heading(section)
        is_after_line = False
        for entry in section.entries:
            if entry.change is None or is_full:
                cut.add_diff(entry.change)
                yield _bullet(entry)
                is_after_line = True
                continue
            blank = "\n" if is_after_line else ""
            room = remaining + _size(_bullet(entry)) - _size(blank)
            text, is_full = _with_diff(entry, entry.change, room, cut)
            is_after_line = not text
            if text:
                remaining = room - _size(text)
            yield blank + text if text else _bullet(entry)


def _with_diff(entry: Entry, change: Change, room: int, cut: _Cut) -> tuple[str, bool]:
    """The entry with as much of its diff as fits into `room` bytes, and whether it was cut.

    The text is "" if none of the diff fits, or if the diff is empty.
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
    if not lines and not is_cut:  # nothing that the diff shows differs
        return "", False
    note = ""
    if is_cut:
        more = 1 + sum(1 for _ in diff)
        if len(lines) < MIN_DIFF_LINES:
            more, lines = more + len(lines), []
        cut.diffs += 1
        cut.lines += more
        note = f"\n{count(more, 'more line')} of this diff cut.\n"
    if not lines:
        return "", True
    backticks = fence(max(map(longest_run, lines)))
    body = "".join(f"{line}\n" for line in lines)
    return f"{start}{backticks}diff\n{body}{backticks}\n{note}{end}", is_cut


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
    """The length in bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
