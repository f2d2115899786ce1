"""Five plans in every format, as files to read; `--update-golden` writes them anew."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from podcm_sync.output.document import as_json, as_yaml, document
from podcm_sync.output.markdown import markdown
from podcm_sync.output.redact import redacted
from podcm_sync.output.terminal import Style
from podcm_sync.output.text import text
from podcm_sync.reconcile.digest import digest
from podcm_sync.reconcile.report import Report, exit_code
from tests.documents import valid
from tests.golden.plans import PLANS

FORMATS = Path(__file__).parent / "formats"


def content_of(report: Report) -> dict[str, Any]:
    """The document, without what another version of the tool would write."""
    whole = document(report, exit_code=exit_code(report), run_id="0123456789abcdef")
    return {**whole, "tool": "podcm-sync 0.0.0"}


def files_of(report: Report) -> dict[str, str]:
    """The text of each file of a plan."""
    masked = redacted(report)
    return {
        "plan.txt": text(report),
        "plan.diff.txt": text(report, is_full_diff=True),
        "plan.color.txt": text(report, style=Style(is_colored=True, columns=80), is_verbose=True),
        "plan.ascii.txt": text(report, style=Style(is_ascii=True, columns=80)),
        "plan.json": as_json(content_of(report)),
        "plan.yaml": as_yaml(content_of(report)),
        "plan.md": markdown(report, exit_code=exit_code(report)),
        "plan.4000.md": markdown(report, exit_code=exit_code(report), max_bytes=4_000),
        "plan.redacted.txt": text(masked, is_verbose=True),
        "plan.redacted.diff.txt": text(masked, is_verbose=True, is_full_diff=True),
        "plan.redacted.md": markdown(masked, exit_code=exit_code(masked)),
    }


@pytest.mark.parametrize("name", PLANS)
def test_each_format_says_what_its_file_says(name: str, is_updating: bool) -> None:
    said = files_of(PLANS[name]())
    if is_updating:
        (FORMATS / name).mkdir(parents=True, exist_ok=True)
        for file, content in said.items():
            (FORMATS / name / file).write_text(content, "utf-8", newline="\n")
    expected = {each.name: each.read_bytes().decode() for each in (FORMATS / name).iterdir()}
    assert said == expected


@pytest.mark.parametrize("name", PLANS)
def test_the_documents_are_valid_and_the_same_in_json_and_yaml(name: str) -> None:
    from_json = valid(json.loads((FORMATS / name / "plan.json").read_text("utf-8")))
    assert yaml.safe_load((FORMATS / name / "plan.yaml").read_text("utf-8")) == from_json
    valid(content_of(redacted(PLANS[name]())))


def test_there_is_a_directory_for_each_plan_and_no_other() -> None:
    assert {each.name for each in FORMATS.iterdir()} == PLANS.keys()


@pytest.mark.parametrize("name", PLANS)
def test_a_dry_runs_digest_is_that_of_its_changes_and_a_run_has_none(name: str) -> None:
    report = PLANS[name]()
    real = digest(each.change for each in report.outcomes)
    assert report.digest == (real if report.is_prediction else "")


def test_the_plans_have_something_of_everything() -> None:
    """Else a format could do without showing it."""
    documents = [json.loads((FORMATS / name / "plan.json").read_text("utf-8")) for name in PLANS]
    changes = [each for document in documents for each in document["changes"]]
    assert {each["verb"] for each in changes} == {"create", "update", "delete", "keep", "skip"}
    assert {each["result"] for each in changes} >= {None, "created", "updated", "deleted", "failed"}
    assert {each["kind"] for each in changes} == {
        "routine",
        "intended",
        "blocking",
        "held back",
        "api",
    }
    assert all(any(document[part] for document in documents) for part in documents[0])
