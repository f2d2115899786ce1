"""The one judge of report documents: `valid(document)` for every test that gets to see one."""

import json
from collections import Counter
from typing import Any

from jsonschema import Draft202012Validator

from podcm_sync.render.document import schema

Json = dict[str, Any]

_CAME_TO = {"create": "created", "update": "updated", "delete": "deleted", "keep": "unchanged"}


def valid(document: Json) -> Json:
    """The document as its readers get it, if it is valid and its counts add up to its changes."""
    document = json.loads(json.dumps(document))
    Draft202012Validator(schema()).validate(document)
    assert document["summary"] == _counted(document["changes"])
    return document


def _counted(changes: list[Json]) -> dict[str, int]:
    """The summary that these changes add up to."""
    zero = [
        "created",
        "updated",
        "deleted",
        "unchanged",
        "skipped",
        "blocked",
        "heldBack",
        "failed",
    ]
    return dict.fromkeys(zero, 0) | Counter(map(_count, changes))


def _count(change: Json) -> str:
    """The count of the summary that a change is in."""
    result: str = change["result"] or _CAME_TO.get(change["verb"], "skipped")
    if result != "skipped":
        return result
    return {"blocking": "blocked", "held back": "heldBack"}.get(change["kind"], result)
