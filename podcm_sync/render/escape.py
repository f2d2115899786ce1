"""Text that others wrote, made safe to show: no annotation moves a terminal's cursor.

Everything that `str.isprintable` is false for is escaped: control characters, ANSI sequences,
bidirectional overrides, line and paragraph separators, unassigned code points.
"""

import json
import re
from typing import Any, Final

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./(<\u00a1-\U0010ffff]([^\n]*\S)?")
"""Starts like a word, ends in no space: what YAML reads as a plain scalar, with `_NOT_PLAIN`."""
_NOT_PLAIN: Final = re.compile(
    r": |:$| #|^(true|false|yes|no|on|off|null|~|<<|[-+]?\.(inf|nan)"
    r"|[-+.]?[0-9][-+.0-9_eExXoOa-fA-F:]*)$",
    re.IGNORECASE,
)


def printable(text: str) -> str:
    """The text on one line, with whatever is not printable as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def scalar(text: str) -> str:
    """The text as a YAML scalar on one line: plain where that is unambiguous, else quoted."""
    if text.isprintable() and _PLAIN.fullmatch(text) and not _NOT_PLAIN.search(text):
        return text
    escaped = printable(text.replace("\\", "\\\\").replace('"', '\\"'))
    return f'"{escaped}"'


def json_text(content: Any, *, indent: int | None = None) -> str:
    """JSON in which whatever is not printable is an escape, which JSON's own rules allow anywhere.

    Only line ends are left as they are, and they stand between values.
    """
    return json_escaped(json.dumps(content, indent=indent, ensure_ascii=False))


def json_escaped(text: str) -> str:
    """The same of a text that is JSON already."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text
    )


def _escape(char: str) -> str:
    short = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}.get(char)
    if short is not None:
        return short
    code = ord(char)
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )
