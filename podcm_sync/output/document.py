"""Makes the versioned document of a Report that `-o json` and `-o yaml` print for programs.

Its JSON Schema is `report.schema.json` in this directory. Within a version, a field can be added,
but none is renamed or removed. An optional field is absent rather than null, unless null has a
meaning.

A loop prints a document for each run, and most runs change nothing. So its documents are summaries:
what changed and what needs a person, in lists of a bounded length.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from podcm_sync import __version__
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.reasons import REASONS
from podcm_sync.output.diff import unified
from podcm_sync.output.escape import json_text, yaml_text
from podcm_sync.output.text import verdict
from podcm_sync.output.words import severity, word
from podcm_sync.reconcile.changes import WRITES, AnyOutcome, AnyStatusOutcome, Result
from podcm_sync.reconcile.report import Report, summary

VERSION: Final = "podcm-sync/report/v3"
MAX_ENTRIES: Final = 50
"""The entries of each list of a loop's document, so that its line stays under about 64 KiB."""
_WRITTEN: Final = frozenset({Result.CREATED, Result.UPDATED, Result.DELETED})
Json = dict[str, Any]


def document(report: Report, *, exit_code: int, run_id: str, time: str = "") -> Json:
    """The document as built-in types, with keys and objects in a stable order.

    If `time` is given, it is when the run of a loop ended, and the document is a summary.
    """
    digests = {"digest": report.reviewable_digest, "expectedDigest": report.expected_digest}
    lists: dict[str, Sequence[Any]] = {
        "changes": report.outcomes,
        "problems": report.problems,
        "statuses": report.statuses,
        "incomplete": sorted(report.incomplete.items()),
        "leftToGarbageCollector": report.left_to_gc,
    }
    omitted: dict[str, int] = {}
    if time:
        lists |= {"changes": _noteworthy(report), "statuses": _written(report)}
        omitted = {
            name: len(entries) - MAX_ENTRIES
            for name, entries in lists.items()
            if len(entries) > MAX_ENTRIES
        }
        lists = {name: entries[:MAX_ENTRIES] for name, entries in lists.items()}
    left_to_gc = [_named(name) for name in lists["leftToGarbageCollector"]]
    return {
        "version": VERSION,
        "tool": f"podcm-sync {__version__}",
        # What collectors of logs look for in a line.
        **(
            {"time": time, "severity": severity(report), "message": verdict(report)} if time else {}
        ),
        "runId": run_id,
        "dryRun": report.is_prediction,
        **({"redacted": True} if report.is_redacted else {}),
        # null means every namespace.
        "namespaces": report.scope.namespaces and list(report.scope.namespaces),
        "policy": str(report.sync_policy),
        **(
            {"namespacesWithoutPods": list(report.namespaces_without_pods)}
            if report.namespaces_without_pods
            else {}
        ),
        "exitCode": int(exit_code),
        **{key: value for key, value in digests.items() if value},
        "summary": _camel(msgspec.to_builtins(summary(report))),
        "changes": [
            _change(outcome, is_prediction=report.is_prediction) for outcome in lists["changes"]
        ],
        "problems": [
            {
                "kind": problem.kind,
                **_named(problem.namespaced_name),
                "reason": str(problem.reason),
                "message": problem.message,
                "action": REASONS[problem.reason].action,
            }
            for problem in lists["problems"]
        ],
        "statuses": [_status(status) for status in lists["statuses"]],
        "incomplete": [
            {"namespace": namespace, "message": message}
            for namespace, message in lists["incomplete"]
        ],
        # Only a real run looks again at the end for what the garbage collector left.
        **({} if report.is_prediction else {"leftToGarbageCollector": left_to_gc}),
        **({"omitted": omitted} if omitted else {}),
    }


def as_json(content: Json, *, is_one_line: bool = False) -> str:
    """The document as JSON, with escapes for unprintable characters; a loop prints single lines."""
    return json_text(content, indent=None if is_one_line else 2) + "\n"


def as_yaml(content: Json) -> str:
    """The document as YAML. Each run prints a separate YAML document."""
    return yaml_text(content)


def _noteworthy(report: Report) -> list[AnyOutcome]:
    """What needs a person, then what was written. What stays as it is, is only counted."""
    noted = [x for x in report.outcomes if word(x) not in {Result.UNCHANGED, Result.SKIPPED}]
    return sorted(noted, key=lambda outcome: word(outcome) in _WRITTEN)


def _written(report: Report) -> list[AnyStatusOutcome]:
    """The statuses that the run wrote, or failed to write."""
    return [x for x in report.statuses if x.result not in {Result.UNCHANGED, Result.SKIPPED}]


def _change(outcome: AnyOutcome, *, is_prediction: bool) -> Json:
    change = outcome.change
    content = {
        "verb": str(change.verb),
        # A dry run has no results.
        "result": None if is_prediction else str(outcome.result),
        **_named(change.namespaced_name),
        "pod": change.pod_name,
        "podConfigMapConfig": change.pcmc_name,
        "reason": str(outcome.reason),
        "kind": str(REASONS[outcome.reason].reason_class),
        "message": outcome.message,
    }
    if outcome.code is not None:
        content["code"] = outcome.code
    if change.planned_reason is not None:
        content["planned"] = {
            "reason": str(change.planned_reason),
            "message": change.planned_message,
        }
    if is_prediction and (change.verb in WRITES or change.planned_reason is not None):
        content["diff"] = "".join(f"{line}\n" for line in unified(change))
    return content


def _status(status: AnyStatusOutcome) -> Json:
    content: Json = {
        **_named(status.update.namespaced_name),
        "result": str(status.result),
        "status": msgspec.to_builtins(status.update.desired),
    }
    if status.reason is not None:
        content |= {"reason": str(status.reason), "message": status.message}
    return content


def _named(name: NamespacedName) -> Json:
    return {"namespace": name.namespace, "name": name.name}


def _camel(content: Json) -> Json:
    words = {key: key.split("_") for key in content}
    return {
        parts[0] + "".join(part.title() for part in parts[1:]): content[key]
        for key, parts in words.items()
    }
