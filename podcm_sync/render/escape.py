"""Text that others wrote, made safe to show: nobody obeys it, and nothing in it is hidden.

Three things become escapes: what `str.isprintable` is false for (control characters, ANSI
sequences, bidirectional overrides, line separators), characters without a shape of their own, and
the beginnings of commands that CI systems read in the output of a step.
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
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00013441\U00013442\U00016fe4\U0001d159\U000e0100-\U000e01ef]"
)
"""Default_Ignorable_Code_Point, and blank signs, as far as Python calls them printable."""
_ANYWHERE: Final = r"#(?=#[\w.-]{0,40}\[)"
"""`##vso[` (Azure Pipelines), `##[` (it and GitHub), `##teamcity[`: anywhere in a line."""
_AT_START: Final = r"(?<!\S):(?=:)"
"""`::error::` (GitHub): after spaces at the start of a line, where folding may put any word."""
_SUSPECT: Final = re.compile(f"[^ -~]|{_ANYWHERE}|{_AT_START}")
_SUSPECT_IN_JSON: Final = re.compile(f"[^ -~\n]|{_ANYWHERE}")
_COMMANDS: Final = re.compile(f"{_ANYWHERE}|{_AT_START}")


def printable(text: str) -> str:
    """The text on one line, with an escape for whatever isn't safe to show."""
    if text.isascii() and text.isprintable() and "##" not in text and "::" not in text:
        return text
    return _SUSPECT.sub(_shown, text)


def continued(text: str) -> str:
    """The rest of a printable text that is broken, as it may begin a line of its own."""
    return _escape(":") + text[1:] if text.startswith("::") else text


def scalar(text: str) -> str:
    """The text as a YAML scalar on one line: plain if that is unambiguous, else quoted."""
    if printable(text) == text and _PLAIN.fullmatch(text) and not _NOT_PLAIN.search(text):
        return text
    escaped = printable(text.replace("\\", "\\\\").replace('"', '\\"'))
    return f'"{escaped}"'


def json_text(content: Any, *, indent: int | None = None) -> str:
    """JSON that is safe to show and reads back as the content: its escapes are JSON's own.

    Only line ends are left as they are, and they stand between values.
    """
    return json_escaped(json.dumps(content, indent=indent, ensure_ascii=False))


def json_escaped(text: str) -> str:
    """The same of a text that is JSON already. In it no value begins a line."""
    return _SUSPECT_IN_JSON.sub(_json_shown, text)


def yaml_text(content: Any) -> str:
    """A YAML document that is safe to show and reads back as the content."""
    # Late: a text report needs no YAML.
    from podcm_sync import yaml_text as emitter

    # ASCII, since YAML's own idea of printable lets bidirectional overrides through.
    text = emitter.dump([content], is_ascii=True, explicit_start=True, escaped=_COMMANDS)
    # Commands are in double-quoted scalars alone now, perhaps at the start of a folded line.
    return _COMMANDS.sub(_shown, text)


def _shown(match: re.Match[str]) -> str:
    return match[0] if _is_visible(match[0]) else _escape(match[0])


def _json_shown(match: re.Match[str]) -> str:
    char = match[0]
    if _is_visible(char):
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else json.dumps(char)[1:-1]


def _is_visible(char: str) -> bool:
    return not char.isascii() and char.isprintable() and not _INVISIBLE.match(char)


def _escape(char: str) -> str:
    short = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}.get(char)
    if short is not None:
        return short
    code = ord(char)
    if char in "#:":
        return f"\\u{code:04x}"  # which is an escape in JSON too
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )
