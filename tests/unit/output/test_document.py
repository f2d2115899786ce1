"""The document of `-o json` and `-o yaml` is valid by its schema, whatever the result is."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.exceptions import ValidationError
from msgspec.structs import replace

from podcm_sync import __version__
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import PodConfigMapConfigStatus
from podcm_sync.api.reasons import REASONS, Reason, ReasonClass
from podcm_sync.errors import EXIT_CODES
from podcm_sync.output.document import as_json, as_yaml, document
from podcm_sync.reconcile.changes import Result, StatusOutcome, StatusUpdate, Verb
from podcm_sync.reconcile.report import Report, exit_code
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES, Scope
from tests.builders import change, condition, config_map, desired, outcome, problem
from tests.documents import schema, valid

ROOT = Path(__file__).parents[3]
RUN_ID = "0123456789abcdef"
Json = dict[str, Any]


def report(**facts: Any) -> Report:
    """The report of a run of one namespace with nothing to do, except for these facts."""
    nothing: Json = {
        "is_prediction": False,
        "scope": Scope(namespaces=("shop",)),
        "outcomes": (),
        "statuses": (),
        "problems": (),
        "incomplete": {},
    }
    return Report(**(nothing | facts))


def status(
    result: Result = Result.UPDATED, reason: Reason | None = None, message: str = ""
) -> StatusOutcome:
    update = StatusUpdate(
        namespaced_name=NamespacedName("shop", "web"),
        uid="uid-1",
        resource_version="1",
        existing=PodConfigMapConfigStatus(),
        desired=PodConfigMapConfigStatus(
            matched_pods=1,
            config_maps=0,
            failures=1,
            conditions=(condition(status="False", reason="SomeConfigMapsFailed", message="it"),),
        ),
    )
    return StatusOutcome(update=update, result=result, reason=reason, message=message)


refused = outcome(Result.FAILED, Reason.FORBIDDEN, code=403, message="no right to patch")
lost = outcome(Result.FAILED, Reason.UNREACHABLE, message="the connection broke")
cut_short = outcome(Result.SKIPPED, Reason.INTERRUPTED, of=change(), message="not begun")
held_back = outcome(Result.SKIPPED, Reason.PRUNE_BLOCKED, message="held back: 2 ConfigMaps")
foreign = outcome(Result.SKIPPED, Reason.FOREIGN, message="it exists")
suspended = outcome(Result.SKIPPED, Reason.SUSPENDED, message="it is suspended")
done = (
    outcome(Result.CREATED, code=201, name="pod-a-from-web-cfg"),
    outcome(Result.UPDATED, Reason.OUT_OF_SYNC, code=200, name="pod-b-from-web-cfg"),
    outcome(Result.DELETED, Reason.POD_GONE, code=200, name="pod-c-from-web-cfg"),
    outcome(Result.UNCHANGED, Reason.IN_SYNC, name="pod-d-from-web-cfg"),
)

REPORTS: dict[str, tuple[int, Report]] = {
    "nothing": (0, report()),
    "every namespace": (0, report(scope=Scope(namespaces=None))),
    "writes": (0, report(outcomes=done, statuses=(status(Result.UPDATED),))),
    "intended skips": (0, report(outcomes=(suspended,))),
    "a status changed meanwhile": (
        0,
        report(statuses=(status(Result.FAILED, Reason.CONFLICT, "it changed"),)),
    ),
    "statuses shown only": (0, report(statuses=(status(Result.SKIPPED),))),
    "a refused write": (3, report(outcomes=(*done, refused), statuses=(status(),))),
    "a blocking skip": (3, report(outcomes=(foreign,))),
    "a nameless problem": (3, report(problems=(problem(name="", namespace=""),))),
    "an unreadable config": (3, report(problems=(problem("PodConfigMapConfig"),))),
    "a refused status": (
        3,
        report(statuses=(status(Result.FAILED, Reason.FORBIDDEN, "no right"),)),
    ),
    "held back": (4, report(outcomes=(held_back, foreign))),
    "a lost answer": (5, report(outcomes=(lost, refused, held_back))),
    "a lost status": (5, report(statuses=(status(Result.FAILED, Reason.UNREACHABLE, "cut"),))),
    "an incomplete list": (5, report(incomplete={"shop": "list of pods: 500"})),
    "nothing but failed lists": (5, report(incomplete={ALL_NAMESPACES: "list of pods: 500"})),
    "the deadline": (5, report(outcomes=(cut_short, held_back))),
    "SIGINT": (130, report(outcomes=(*done, cut_short, lost), signal_number=2)),
    "SIGTERM": (143, report(outcomes=(cut_short,), incomplete={"shop": "x"}, signal_number=15)),
    "a dry run": (
        0,
        report(
            is_prediction=True,
            outcomes=(
                outcome(
                    Result.UPDATED,
                    Reason.OUT_OF_SYNC,
                    of=change(
                        Verb.UPDATE,
                        Reason.OUT_OF_SYNC,
                        existing=config_map(more_data={"added": "by \u202e hand\x1b[2J"}),
                        wanted=desired(),
                    ),
                ),
            ),
        ),
    ),
}


TIME = "2026-11-22T12:00:00Z"


def documented(run: Report, **codes: bool) -> Json:
    return document(run, exit_code=exit_code(run, **codes), run_id=RUN_ID)


def looped(run: Report) -> Json:
    """The document that a loop prints of this run, if it is valid."""
    return valid(document(run, exit_code=exit_code(run), run_id=RUN_ID, time=TIME))


def objects_in(node: Any) -> Iterator[Json]:
    """Every schema of an object inside a schema."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        for child in node.values():
            yield from objects_in(child)
    elif isinstance(node, list):
        for child in node:
            yield from objects_in(child)


def test_the_schema_names_the_fields_of_every_object_and_refuses_others() -> None:
    """Except conditions: those of other types can have future fields of metav1.Condition."""
    open_objects = [
        part for part in objects_in(schema()) if part.get("additionalProperties") is not False
    ]
    assert [sorted(part["properties"]) for part in open_objects] == [
        ["lastTransitionTime", "message", "observedGeneration", "reason", "status", "type"]
    ]


def test_whatever_is_required_is_described() -> None:
    undescribed = [
        field
        for part in objects_in(schema())
        for field in part["required"]
        if field not in part["properties"]
    ]
    assert undescribed == []


@pytest.mark.parametrize("what", REPORTS)
def test_a_document_is_valid_and_has_the_runs_exit_code(what: str) -> None:
    code, run = REPORTS[what]
    assert valid(documented(run))["exitCode"] == exit_code(run) == code


@pytest.mark.parametrize("what", REPORTS)
def test_yaml_and_json_read_back_to_the_same_document(what: str) -> None:
    content = documented(REPORTS[what][1])
    assert yaml.safe_load(as_yaml(content)) == json.loads(as_json(content)) == valid(content)


@pytest.mark.parametrize("what", REPORTS)
def test_of_a_loop_each_run_is_one_line_of_json_and_one_document_of_yaml(what: str) -> None:
    content = looped(REPORTS[what][1])
    assert as_json(content, is_one_line=True).count("\n") == 1
    assert as_json(content, is_one_line=True).endswith("\n")
    assert list(yaml.safe_load_all(as_yaml(content) * 2)) == [valid(content)] * 2


def test_a_loop_lists_what_changed_and_what_needs_a_person_and_counts_the_rest() -> None:
    everything = (*done, suspended, foreign, held_back, refused)
    statuses = (status(Result.UNCHANGED), status(Result.UPDATED))
    content = looped(report(outcomes=everything, statuses=statuses))
    assert [each["kind"] for each in content["changes"][:3]] == [
        "blocking",
        "held back",
        "blocking",
    ]
    assert [each["result"] for each in content["changes"][3:]] == ["created", "updated", "deleted"]
    assert [each["result"] for each in content["statuses"]] == ["updated"]
    assert content["summary"]["unchanged"] == content["summary"]["skipped"] == 1
    assert "omitted" not in content


def test_a_loops_line_stays_short_whatever_there_is() -> None:
    """Seen: 2.4 MB a minute over 10,000 ConfigMaps that were all in sync."""
    idle = (outcome(Result.UNCHANGED, Reason.IN_SYNC),) * 10_000
    statuses = (status(Result.UNCHANGED),) * 1_000
    line = as_json(looped(report(outcomes=idle, statuses=statuses)), is_one_line=True)
    assert len(line) < 1_000
    blocked = (foreign,) * 10_000
    broken = (problem(),) * 10_000
    incomplete = {f"n-{number}": "list of pods: 500" for number in range(10_000)}
    content = looped(
        report(
            outcomes=(*blocked, *done),
            statuses=(status(Result.UPDATED),) * 1_000,
            problems=broken,
            incomplete=incomplete,
            left_to_gc=(NamespacedName("shop", "pod-a-from-web-cfg"),) * 10_000,
        )
    )
    assert content["omitted"] == {
        "changes": 9_953,
        "problems": 9_950,
        "statuses": 950,
        "incomplete": 9_950,
        "leftToGarbageCollector": 9_950,
    }
    assert {each["result"] for each in content["changes"]} == {"skipped"}
    assert len(as_json(content, is_one_line=True)) < 64 * 1_024


@pytest.mark.parametrize(
    ("what", "severity"),
    [
        ("writes", "INFO"),
        ("a blocking skip", "WARNING"),
        ("held back", "WARNING"),
        ("SIGTERM", "WARNING"),
        ("an incomplete list", "ERROR"),
    ],
)
def test_a_loops_line_has_what_log_collectors_look_for(what: str, severity: str) -> None:
    content = looped(REPORTS[what][1])
    assert (content["time"], content["severity"]) == (TIME, severity)
    assert content["message"].startswith(("Done: ", "Incomplete: ", "Interrupted by signal 15: "))
    assert {"time", "severity", "message"}.isdisjoint(documented(REPORTS[what][1]))


def test_the_counts_are_of_what_came_of_the_changes() -> None:
    run = report(outcomes=(*done, suspended, foreign, held_back, refused, lost))
    assert documented(run)["summary"] == {
        "created": 1,
        "updated": 1,
        "deleted": 1,
        "unchanged": 1,
        "skipped": 1,
        "blocked": 1,
        "heldBack": 1,
        "failed": 2,
    }


def test_changes_found_exit_1_where_that_is_asked_for() -> None:
    content = valid(documented(report(outcomes=done), changes_are_1=True))
    assert content["exitCode"] == 1


def test_tolerated_failures_exit_0_and_are_still_reported() -> None:
    content = valid(documented(report(outcomes=(refused,)), tolerate_object_failures=True))
    assert (content["exitCode"], content["summary"]["failed"]) == (0, 1)


def test_the_schema_knows_every_exit_code_that_has_a_report() -> None:
    """2 and 70 end a run before there is a report, and 141 when nobody reads it."""
    assert schema()["properties"]["exitCode"]["enum"] == sorted(EXIT_CODES.keys() - {2, 70, 141})


def test_the_schema_knows_every_word_of_the_models() -> None:
    fields = schema()["properties"]["changes"]["items"]["properties"]
    assert fields["verb"]["enum"] == [str(verb) for verb in Verb]
    assert fields["result"]["enum"] == [*(str(result) for result in Result), None]
    assert fields["kind"]["enum"] == [str(kind) for kind in ReasonClass]


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_can_be_reported(reason: Reason) -> None:
    run = report(outcomes=(outcome(Result.SKIPPED, reason),), problems=())
    assert valid(documented(run))["changes"][0]["reason"] == reason


def test_a_dry_run_has_diffs_and_no_results() -> None:
    content = documented(REPORTS["a dry run"][1])
    assert content["dryRun"]
    (only,) = content["changes"]
    assert only["result"] is None
    assert only["diff"].splitlines()[:2] == [
        "--- shop/pod-web-0-from-web-cfg",
        "+++ shop/pod-web-0-from-web-cfg",
    ]
    assert '-  added: "by \\u202e hand\\x1b[2J"' in only["diff"].splitlines()


def test_a_deletion_held_back_says_why_it_was_planned_and_what_would_go() -> None:
    held_back = replace(
        change(Verb.SKIP, Reason.PRUNE_BLOCKED, existing=config_map()),
        planned_reason=Reason.POD_GONE,
        planned_message="its Pod is gone",
    )
    spared = outcome(Result.SKIPPED, Reason.PRUNE_BLOCKED, of=held_back)
    for is_prediction in (True, False):
        content = valid(documented(report(outcomes=(spared,), is_prediction=is_prediction)))
        (only,) = content["changes"]
        assert only["planned"] == {"reason": "PodGone", "message": "its Pod is gone"}
        assert ("-  podName: web-0" in only.get("diff", "")) == is_prediction


def test_a_redacted_document_says_so() -> None:
    assert "redacted" not in documented(report())
    assert valid(documented(report(is_redacted=True)))["redacted"] is True


def test_a_run_has_results_and_no_diffs() -> None:
    """A diff would put every value into whatever stores the output of a job."""
    changes = documented(REPORTS["writes"][1])["changes"]
    assert [change["result"] for change in changes] == [
        "created",
        "updated",
        "deleted",
        "unchanged",
    ]
    assert [change.get("code") for change in changes] == [201, 200, 200, None]
    assert not any("diff" in change for change in changes)


def test_namespaces_null_is_every_namespace() -> None:
    assert documented(REPORTS["every namespace"][1])["namespaces"] is None
    assert documented(REPORTS["nothing"][1])["namespaces"] == ["shop"]


def test_what_failed_says_why_and_what_to_do() -> None:
    content = documented(
        report(
            outcomes=(refused,),
            statuses=(status(Result.FAILED, Reason.FORBIDDEN, "no right"),),
            problems=(problem(message="labels: a number"),),
            incomplete={"shop": "list of pods: 500"},
        )
    )
    assert (
        content["changes"][0] | {"code": 403, "message": "no right to patch"}
        == (content["changes"][0])
    )
    assert (
        content["statuses"][0] | {"reason": "Forbidden", "message": "no right"}
        == (content["statuses"][0])
    )
    assert content["problems"] == [
        {
            "kind": "Pod",
            "namespace": "shop",
            "name": "web-0",
            "reason": "Undecodable",
            "message": "labels: a number",
            "action": "fix the object",
        }
    ]
    assert content["incomplete"] == [{"namespace": "shop", "message": "list of pods: 500"}]


def test_an_incomplete_plan_has_no_digest_to_expect() -> None:
    """behavior.md §7: nobody can have reviewed it; the other formats have none either."""
    digest = f"sha256:{0:064x}"
    dry = report(is_prediction=True, digest=digest)
    assert documented(dry)["digest"] == digest
    assert "digest" not in documented(replace(dry, incomplete={"shop": "list of pods: 500"}))


def test_a_run_of_the_expected_plan_has_its_digest_whatever_it_could_not_list() -> None:
    """Without it, nobody could tell from the document that the expected plan was applied."""
    digest = f"sha256:{0:064x}"
    incomplete = {"shop": "discover: 500"}
    done = report(digest=digest, expected_digest=digest, incomplete=incomplete)
    assert documented(done)["digest"] == documented(done)["expectedDigest"] == digest


def test_what_others_wrote_is_escaped_in_json_too() -> None:
    """People read reports in terminals, and the message for an invalid spec quotes that spec."""
    content = documented(report(problems=(problem(message="\u009b2J \u202e \x7f"),)))
    assert json.loads(as_json(content)) == valid(content)
    assert as_json(content, is_one_line=True).rstrip("\n").isprintable()


def test_the_tool_and_its_version_are_named() -> None:
    content = documented(report())
    assert content["tool"] == f"podcm-sync {__version__}"
    assert (content["version"], content["runId"]) == ("podcm-sync/report/v3", RUN_ID)


@pytest.mark.parametrize(
    "broken",
    [
        {"extra": 1},
        {"exitCode": 2},
        {"runId": ""},
        {"version": "podcm-sync/report/v9"},
        {"namespaces": []},
        {"summary": {}},
        {"changes": [{"verb": "patch"}]},
    ],
    ids=lambda broken: next(iter(broken)),
)
def test_the_judge_refuses_what_is_no_report(broken: Json) -> None:
    with pytest.raises(ValidationError):
        valid(documented(report()) | broken)


def test_the_judge_refuses_counts_that_do_not_add_up() -> None:
    content = documented(report(outcomes=done))
    content["summary"]["created"] += 1
    with pytest.raises(AssertionError):
        valid(content)


def test_the_schema_is_in_the_wheel(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(tmp_path), "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    offline = "Could not find a version that satisfies the requirement hatchling" in built.stderr
    if offline and not os.environ.get("CI"):
        pytest.skip("the package that builds wheels cannot be fetched")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    script = (
        f"import sys; sys.path.insert(0, {str(wheel)!r})\n"
        "from importlib.resources import files\n"
        "import json, podcm_sync; print(podcm_sync.__file__)\n"
        "schema = files('podcm_sync.output').joinpath('report.schema.json').read_text()\n"
        "print(json.dumps(json.loads(schema)))\n"
    )
    read = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    place, shipped = read.stdout.splitlines()
    assert place.startswith(str(wheel))
    assert json.loads(shipped) == schema()
