"""Makes text that others wrote safe to print: nothing obeys it, and nothing in it is invisible.

Three kinds of characters become escapes (docs/design/behavior.md §7):

- those that aren't printable: control characters, ANSI sequences, bidirectional overrides, and line
  separators;
- those that are invisible although `str.isprintable` is true;
- those that begin a command that CI systems read in the output of a step.
"""

import html
import json
import re
from typing import Any, Final

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./(<\u00a1-\U0010ffff]([^\n]*\S)?")
"""Starts like a word and ends in no space: a plain YAML scalar, unless `_NOT_PLAIN` matches."""
_NOT_PLAIN: Final = re.compile(
    r": |:$| #|^(true|false|yes|no|y|n|on|off|null|~|<<|[-+]?\.(inf|nan)"
    r"|[-+.]?[0-9][-+.0-9_eExXoOa-fA-F:]*)$",
    re.IGNORECASE,
)
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00013441\U00013442\U00016fe4\U0001d159\U000e0100-\U000e01ef]"
)
"""Unicode's Default_Ignorable_Code_Point, and blank symbols, that Python considers printable."""
_ANYWHERE: Final = r"#(?=#[\w.-]{0,40}\[)"
"""`##vso[` (Azure Pipelines), `##[` (Azure and GitHub), `##teamcity[`: anywhere in a line."""
_AT_START: Final = r"(?<!\S):(?=:)"
"""`::error::` (GitHub): at the start of a line, where folding can put any word."""
_SUSPECT: Final = re.compile(f"[^ -~]|{_ANYWHERE}|{_AT_START}")
_SUSPECT_IN_JSON: Final = re.compile(f"[^ -~\n]|{_ANYWHERE}")
_COMMANDS: Final = re.compile(f"{_ANYWHERE}|{_AT_START}")


def printable(text: str) -> str:
    """The text on one line, with escapes for everything that isn't safe to print."""
    if text.isascii() and text.isprintable() and "##" not in text and "::" not in text:
        return text
    return _SUSPECT.sub(_shown, text)


def continued(text: str) -> str:
    """The rest of a printable text that was broken inside a word, safe at the start of a line."""
    return _escape(":") + text[1:] if text.startswith("::") else text


def scalar(text: str) -> str:
    """The text as a YAML scalar on one line, quoted unless the plain form is unambiguous."""
    if printable(text) == text and _PLAIN.fullmatch(text) and not _NOT_PLAIN.search(text):
        return text
    escaped = printable(text.replace("\\", "\\\\").replace('"', '\\"'))
    return f'"{escaped}"'


def json_text(content: Any, *, indent: int | None = None) -> str:
    """JSON that is safe to print and reads back as the content, since its escapes are JSON's own.

    Only line ends stay. In JSON, they are between values.
    """
    return json_escaped(json.dumps(content, indent=indent, ensure_ascii=False))


def json_escaped(text: str) -> str:
    """Like `json_text`, of text that is JSON already. There, no value begins a line."""
    return _SUSPECT_IN_JSON.sub(_json_shown, text)


def yaml_text(content: Any) -> str:
    """A YAML document that is safe to print and reads back as the content."""
    # Imported late, since a text report needs no YAML.
    from podcm_sync.runtime import yaml_text as emitter

    # ASCII, because YAML considers bidirectional overrides printable.
    text = emitter.dump([content], is_ascii=True, explicit_start=True, escaped=_COMMANDS)
    # Commands are now only in double-quoted scalars, which allow escapes.
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
        return f"\\u{code:04x}"  # JSON has the same escape
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


_RUNS: Final = re.compile("`+")
_LONGEST_RUN: Final = 80
"""In cmark-gfm, longer runs of backticks don't open a code span."""


def shortened(text: str, most: int) -> str:
    """The text on one printable line, cut to `most` characters and the number of the others."""
    shown = printable(text)
    return shown if len(shown) <= most else f"{shown[:most]}… {len(shown) - most:,} more"


def code(text: str) -> str:
    """A Markdown code span that shows exactly this text, in its printable form."""
    text = printable(text)
    if not text:
        return "(empty)"
    # The span ends at the first run of backticks with the same length as the one that opened it.
    used = set(map(len, _RUNS.findall(text)))
    length = next(number for number in range(1, len(used) + 2) if number not in used)
    if length > _LONGEST_RUN:
        return code(text.replace("`", r"\x60"))
    ticks = "`" * length
    # Markdown strips one space on both sides, so a text that has some needs one more.
    is_padded = text[0] == "`" or text[-1] == "`" or (text[0] == text[-1] == " " and text.strip())
    return f"{ticks} {text} {ticks}" if is_padded else f"{ticks}{text}{ticks}"


def html_code(text: str) -> str:
    """Like `code`, as HTML, for places without Markdown such as a `<summary>`."""
    return f"<code>{html.escape(printable(text))}</code>"


def fence(longest_run: int) -> str:
    """A Markdown fence for lines whose longest run of backticks has this length."""
    return "`" * max(3, longest_run + 1)


def longest_run(line: str) -> int:
    """The length of the longest run of backticks; 0 if there is none."""
    return max(map(len, _RUNS.findall(line)), default=0) if "`" in line else 0
