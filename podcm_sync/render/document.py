"""Report → the versioned document that `-o json` and `-o yaml` print, for programs to read.

Its JSON Schema is `report.schema.json` beside this file; a field may be added within a version,
none is renamed or removed. Optional fields are absent, never null, but for what null says itself.
"""

import json
from importlib.resources import files
from typing import Any, Final

import msgspec

from podcm_sync import __version__
from podcm_sync.core.report import Report, summary
from podcm_sync.model.changes import WRITES, AnyOutcome, AnyStatusOutcome
from podcm_sync.model.meta import NamespacedName
from podcm_sync.model.reasons import REASONS
from podcm_sync.render.diff import unified
from podcm_sync.render.escape import json_text, yaml_text

VERSION: Final = "podcm-sync/report/v1"
Json = dict[str, Any]


def document(report: Report, *, exit_code: int, run_id: str) -> Json:
    """The document as built-in types, in a stable order."""
    digests = {"digest": report.digest, "expectedDigest": report.expected_digest}
    left_to_gc = [_named(name) for name in report.left_to_gc]
    return {
        "version": VERSION,
        "tool": f"podcm-sync {__version__}",
        "runId": run_id,
        "dryRun": report.is_prediction,
        **({"redacted": True} if report.is_redacted else {}),
        # null is every namespace
        "namespaces": report.scope.namespaces and list(report.scope.namespaces),
        "policy": str(report.sync_policy),
        **(
            {"namespacesWithoutPods": list(report.namespaces_without_pods)}
            if report.namespaces_without_pods
            else {}
        ),
        "exitCode": exit_code,
        **{key: value for key, value in digests.items() if value},
        "summary": _camel(msgspec.to_builtins(summary(report))),
        "changes": [
            _change(outcome, is_prediction=report.is_prediction) for outcome in report.outcomes
        ],
        "problems": [
            {
                "kind": problem.kind,
                **_named(problem.namespaced_name),
                "reason": str(problem.reason),
                "message": problem.message,
                "action": REASONS[problem.reason].action,
            }
            for problem in report.problems
        ],
        "statuses": [_status(status) for status in report.statuses],
        "incomplete": [
            {"namespace": namespace, "message": message}
            for namespace, message in sorted(report.incomplete.items())
        ],
        # Nobody looked again in a dry run.
        **({} if report.is_prediction else {"leftToGarbageCollector": left_to_gc}),
    }


def as_json(content: Json, *, is_one_line: bool = False) -> str:
    """The document as JSON, unprintable characters escaped; one line for each run of a loop."""
    return json_text(content, indent=None if is_one_line else 2) + "\n"


def as_yaml(content: Json) -> str:
    """The document as YAML, each run's a document of its own."""
    return yaml_text(content)


def schema() -> Json:
    """The document's JSON Schema, as it ships in the package."""
    text = files("podcm_sync.render").joinpath("report.schema.json").read_text(encoding="utf-8")
    content: Json = json.loads(text)
    return content


def _change(outcome: AnyOutcome, *, is_prediction: bool) -> Json:
    change = outcome.change
    content = {
        "verb": str(change.verb),
        # In a dry run nothing came of it yet.
        "result": None if is_prediction else str(outcome.result),
        **_named(change.namespaced_name),
        "pod": change.pod_name,
        "podConfigMapConfig": change.pcmc_name,
        "reason": str(outcome.reason),
        "kind": str(REASONS[outcome.reason].kind),
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
    head = {key: key.split("_") for key in content}
    return {
        parts[0] + "".join(part.title() for part in parts[1:]): content[key]
        for key, parts in head.items()
    }
