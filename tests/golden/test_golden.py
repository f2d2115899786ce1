"""Each case's dry run gives the plan, the statuses and the exit code that its files say."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from podcm_sync.__main__ import run as entry
from podcm_sync.output.document import as_json, as_yaml, document
from podcm_sync.reconcile.report import exit_code
from tests.documents import EXPLANATION, valid, valid_by
from tests.golden import case

ROOT = Path(__file__).parents[2]
WRONG: dict[str, str] = {}
"""Cases whose files are right by the spec while the tool is not; never written anew."""


@pytest.fixture(autouse=True)
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each case is run where its cluster.yaml has no path before its name."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xfail(reason=WRONG[name], strict=True))
        if name in WRONG
        else name
        for name in case.names()
    ],
)
def test_a_dry_run_says_what_the_case_says(name: str, is_updating: bool, workdir: Path) -> None:
    report = case.report_of(name, workdir)
    said = {
        "plan.txt": case.plan_of(report),
        "status.yaml": case.statuses_of(report),
        "explain.txt": case.explanations_of(name, workdir),
    }
    if is_updating and name not in WRONG:
        for file, text in said.items():
            (case.CASES / name / file).write_text(text, "utf-8", newline="\n")
    expected = {file: (case.CASES / name / file).read_text("utf-8") for file in said}
    assert said == expected


@pytest.mark.parametrize("name", case.names())
def test_its_document_is_valid_and_the_same_in_json_and_yaml(name: str, workdir: Path) -> None:
    report = case.report_of(name, workdir)
    code = exit_code(report)
    content = document(report, exit_code=code, run_id="0123456789abcdef")
    from_json = valid(json.loads(as_json(content)))
    assert yaml.safe_load(as_yaml(content)) == from_json
    assert from_json["exitCode"] == code


@pytest.mark.parametrize("name", case.names())
def test_the_command_prints_it_and_exits_as_the_case_says(
    name: str, workdir: Path, in_process: None, capsys: pytest.CaptureFixture[str]
) -> None:
    case.copy(name, workdir)
    code = entry(["--from", ".", "--dry-run", "-o", "json", *case.arguments(name)])
    content = valid(json.loads(capsys.readouterr().out))
    expected = yaml.safe_load((case.CASES / name / "status.yaml").read_text("utf-8"))
    assert (content["exitCode"], code) == (expected["exitCode"], expected["exitCode"])


@pytest.mark.parametrize("name", case.names())
def test_the_command_explains_each_object_as_the_case_says(
    name: str, workdir: Path, in_process: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """And in JSON by its schema; each block of explain.txt begins with its command."""
    case.copy(name, workdir)
    expected = (case.CASES / name / "explain.txt").read_text("utf-8")
    for block in filter(None, expected.split("$ ")):
        line, _, text = block.partition("\n")
        assert entry([*line.split(), "--from", "."]) == 0
        assert capsys.readouterr().out == text.rstrip("\n") + "\n"
        assert entry([*line.split(), "--from", ".", "-o", "json"]) == 0
        valid_by(EXPLANATION, json.loads(capsys.readouterr().out))


def test_every_case_says_in_one_sentence_what_it_shows() -> None:
    firsts = {
        name: (case.CASES / name / "cluster.yaml").read_text("utf-8").splitlines()[0]
        for name in case.names()
    }
    wordless = {name for name, line in firsts.items() if not re.fullmatch(r"# [A-Z].+\.", line)}
    assert wordless == set()


def test_cases_are_numbered_in_reading_order() -> None:
    """Without gaps and without doubles, so that a case can be spoken of by its number."""
    numbers = [int(name.partition("-")[0]) for name in case.names()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_case_has_its_files_and_no_others() -> None:
    """A misspelled options.yaml would be no option at all."""
    needed = {"cluster.yaml", "plan.txt", "status.yaml", "explain.txt"}
    odd = {
        name: files
        for name in case.names()
        if (files := {each.name for each in (case.CASES / name).iterdir()}) - {"options.yaml"}
        != needed
    }
    assert odd == {}


def test_cases_that_are_wrong_exist() -> None:
    assert set(WRONG) <= set(case.names())


@pytest.mark.parametrize(("environment", "code"), [({"CI": "true"}, 4), ({}, 0)])
def test_expected_files_are_written_for_people_and_refused_in_ci(
    environment: dict[str, str], code: int
) -> None:
    """4 is pytest's usage error; without CI the same command is well."""
    command = [sys.executable, "-m", "pytest", "tests/golden", "--update-golden"]
    others = {key: value for key, value in os.environ.items() if key != "CI"}
    done = subprocess.run(
        [*command, "--collect-only", "-q", "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={**others, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert ("in CI expected files only compare" in done.stderr) == (code == 4)
