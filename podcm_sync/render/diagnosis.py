"""Diagnosis → one screen of text, or the versioned document of `doctor -o json`.

Its JSON Schema is `diagnosis.schema.json` beside this file; a field may be added within a version,
none is renamed or removed.
"""

import json
from importlib.resources import files
from typing import Any, Final

from podcm_sync import __version__
from podcm_sync.core.doctor.checks import Level
from podcm_sync.core.doctor.diagnosis import Diagnosis
from podcm_sync.render.escape import json_text, printable

VERSION: Final = "podcm-sync/diagnosis/v1"
_COLOURS: Final = {Level.OK: "32", Level.WARN: "33", Level.FAIL: "31", Level.SKIP: "36"}
Json = dict[str, Any]


def text(diagnosis: Diagnosis, *, is_coloured: bool = False) -> str:
    """A line a check, what to do below it, and a line to end with; ends in a newline."""
    width = max(len(check.name) for check in diagnosis.checks)
    where = "" if diagnosis.scope.namespaces == () else f", {diagnosis.scope}"
    lines = [printable(diagnosis.server + where), ""]
    for check in diagnosis.checks:
        level = f"{check.level:4}"
        if is_coloured:
            level = f"\x1b[{_COLOURS[check.level]}m{level}\x1b[0m"
        lines.append(f"{level}  {check.name:{width}}  {printable(check.detail)}")
        if check.action:
            lines.append(f"{'':{width + 6}}  -> {printable(check.action)}")
    lines += ["", _end(diagnosis)]
    return "".join(f"{line}\n" for line in lines)


def _end(diagnosis: Diagnosis) -> str:
    levels = [check.level for check in diagnosis.checks]
    words = {Level.FAIL: "wrong", Level.WARN: "to look at", Level.SKIP: "not checked"}
    parts = [f"{levels.count(level)} {word}" for level, word in words.items() if level in levels]
    if not parts:
        return "All is well."
    return f"{', '.join(parts)}, {levels.count(Level.OK)} ok."


def as_json(diagnosis: Diagnosis) -> str:
    """The document, unprintable characters escaped."""
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
            }
            for check in diagnosis.checks
        ],
    }
    return json_text(content, indent=2) + "\n"


def schema() -> Json:
    """The document's JSON Schema, as it ships in the package."""
    found = files("podcm_sync.render").joinpath("diagnosis.schema.json")
    content: Json = json.loads(found.read_text(encoding="utf-8"))
    return content
