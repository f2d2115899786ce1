"""Prints a Diagnosis as one screen of text, or as the versioned document of `doctor -o json`.

Its JSON Schema is `diagnosis.schema.json` in this directory. Within a version, a field can be
added, but none is renamed or removed.
"""

from collections.abc import Iterator
from typing import Any, Final

from podcm_sync import __version__
from podcm_sync.doctor.checks import Check, Level, count
from podcm_sync.doctor.diagnosis import Diagnosis
from podcm_sync.output.escape import json_text, printable
from podcm_sync.output.terminal import PLAIN, Color, Style

VERSION: Final = "podcm-sync/diagnosis/v2"
_MARKS: Final = {
    Level.OK: ("✔", Color.GREEN),
    Level.WARN: ("!", Color.YELLOW),
    Level.FAIL: ("✘", Color.RED),
    Level.SKIP: ("\u2013", Color.CYAN),
}
Json = dict[str, Any]


def text(diagnosis: Diagnosis, style: Style = PLAIN) -> str:
    """A line for each check, with its fix below it, then the totals. It ends in a newline."""
    where = "" if diagnosis.scope.namespaces == () else f", {diagnosis.scope}"
    lines = [*style.lines("", diagnosis.server + where, "  "), ""]
    width = max(len(check.name) for check in diagnosis.checks)
    for check in diagnosis.checks:
        lines += _lines(check, width, style)
    lines += ["", _totals(diagnosis)]
    return "".join(f"{line}\n" for line in lines)


def _lines(check: Check, width: int, style: Style) -> Iterator[str]:
    mark, colour = _MARKS[check.level]
    start = f"{style.finish(mark)} {check.name:{width}}  "
    yield from style.lines(start, check.detail, " " * len(start), colour)
    if check.action:
        yield from style.lines("    hint: ", check.action, "      ")
    # Never folded: a command must be one line to be pasted.
    for number, command in enumerate(check.commands):
        yield f"    {'fix:' if number == 0 else '    '} {printable(command)}"


def _totals(diagnosis: Diagnosis) -> str:
    levels = [check.level for check in diagnosis.checks]
    words = (
        (Level.FAIL, "problem"),
        (Level.WARN, "warning"),
        (Level.OK, "passed"),
        (Level.SKIP, "not checked"),
    )
    numbers = ((levels.count(level), word) for level, word in words)
    return ", ".join(
        count(number, word) if word in {"problem", "warning"} else f"{number} {word}"
        for number, word in numbers
        if number
    )


def as_json(diagnosis: Diagnosis) -> str:
    """The document as JSON, with escapes for unprintable characters."""
    scope = diagnosis.scope
    content: Json = {
        "version": VERSION,
        "tool": f"podcm-sync {__version__}",
        "server": diagnosis.server,
        # null is every namespace, or those of a shard
        "namespaces": None if scope.namespaces is None else list(scope.namespaces),
        "exitCode": diagnosis.exit_code,
        "checks": [
            {
                "name": check.name,
                "level": str(check.level),
                "detail": check.detail,
                "action": check.action,
                "commands": list(check.commands),
            }
            for check in diagnosis.checks
        ],
    }
    return json_text(content, indent=2) + "\n"
