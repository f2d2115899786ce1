"""Free text with whatever it may quote left out: of a message, only what is known to be ours stays.

Template errors, decode errors and an API server's refusals repeat what others wrote. Nothing here
looks for values; what is kept must match a form that we made, so that a new message is withheld.
"""

import re
from typing import Final

WITHHELD: Final = "(details withheld by --redact)"

_KEY: Final = r'"(?:[^"\\]|\\.)*"'
_POSITION: Final = r"(?:line \d+(?:, column \d+)?: )?"
_LOST: Final = re.compile(r"(?:its Pod )?cannot be decoded: ")
_FILE: Final = re.compile(r"\S+\.\w+:\d+: ")
_TEMPLATE: Final = re.compile(rf"template {_KEY}: {_POSITION}")
_SPEC: Final = re.compile(rf"spec(?:\.\w+|\[(?:\d+|{_KEY}|\.\.\.)\])*: {_POSITION}")
_LIST: Final = re.compile(r"(?:no right to|cannot) (?:list|read|discover) [\w./, -]+")
_HTTP: Final = re.compile(r": HTTP \d{3}\b")
_TYPE: Final = re.compile(
    r"(?:[\w.\[\]]+: )?must be of type `(?:object|array|str|int|float|bool|null)`, "
    r"not `(?:object|array|str|int|float|bool|null)`"
)
_CALL: Final = re.compile(
    r"error calling ("
    r"abs|add|and|atoi|b64dec|call|ceil|dict|div|eq|fail|first|float64|floor|fromJson|fromYaml"
    r"|ge|get|gt|html|index|int|int64|join|js|last|le|len|list|lt|max|min|mod|mul|mustFromJson"
    r"|mustRegexMatch|mustToJson|ne|nindent|not|or|pluck|printf|regexFind|regexMatch"
    r"|regexReplaceAll|repeat|required|rest|round|semver|semverCompare|set|slice|splitList|sub"
    r"|substr|ternary|toJson|toYaml|trunc|tuple|until|untilStep|urlquery"
    r"): "
)
"""The functions that fail in practice; another's name might as well be a value."""


def scrubbed(message: str) -> str:
    """Where a failure was (file, template, path, line), and of what type; "" stays ""."""
    if not message:
        return ""
    said, rest = "", message
    for place in (_LOST, _FILE, _TEMPLATE, _SPEC):
        if found := place.match(rest):
            said, rest = said + found[0], rest[found.end() :]
    if not said.startswith("template ") and (found := _TYPE.fullmatch(rest)):
        said += f"{found[0]} "
    elif said.endswith(": ") and (call := _CALL.search(rest)):
        said += f"error calling {call[1]} "
    return said + WITHHELD


def refusal(message: str, code: int | None) -> str:
    """An API server's refusal without its words; "" stays ""."""
    if not message:
        return ""
    return WITHHELD if code is None else f"HTTP {code} {WITHHELD}"


def list_failure(message: str) -> str:
    """Why a list did not complete, without the server's words."""
    found = _LIST.match(message)
    if found is None:
        return WITHHELD
    code = _HTTP.match(message, found.end())
    return f"{found[0]}{code[0] if code else ''} {WITHHELD}"


def failure(error: BaseException) -> str:
    """An exception in a sentence: a run's failure without what it quotes, of others their type."""
    if (quoted := getattr(error, "quoted", None)) is None:
        return list_failure(str(error))
    return str(error).replace(quoted, WITHHELD) if quoted else str(error)
