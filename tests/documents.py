"""The one judge of documents: each is valid by the schema that ships in the package."""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

import podcm_sync

Json = dict[str, Any]
REPORT, EXPLANATION, DIAGNOSIS = (
    "output/report",
    "explain/explanation",
    "doctor/diagnosis",
)

_CAME_TO = {"create": "created", "update": "updated", "delete": "deleted", "keep": "unchanged"}


@cache
def schema(of: str = REPORT) -> Json:
    """The JSON Schema of a document."""
    path = Path(podcm_sync.__file__).parent / f"{of}.schema.json"
    content: Json = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(content)
    return content


def valid_by(of: str, document: Json) -> Json:
    """The document as its readers get it, if it is valid by that schema."""
    document = json.loads(json.dumps(document))
    Draft202012Validator(schema(of)).validate(document)
    return document


def valid(report: Json) -> Json:
    """The report as its readers get it, if it is valid and its counts add up to its changes."""
    report = valid_by(REPORT, report)
    summary, counted = report["summary"], _counted(report["changes"])
    if "time" not in report:
        assert summary == counted
        assert "omitted" not in report
        return report
    # A loop lists neither what is unchanged nor what is skipped.
    assert counted["unchanged"] == counted["skipped"] == 0
    counted |= {each: summary[each] for each in ("unchanged", "skipped")}
    assert all(summary[each] >= counted[each] for each in counted)
    missing = sum(summary.values()) - sum(counted.values())
    assert missing == report.get("omitted", {}).get("changes", 0)
    return report


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
