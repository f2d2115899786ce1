"""Plays each case: what a file is read as, and what a command shows, exits with and writes.

To add one, make a folder with the input files and a `case.yaml`, whose keys are those of `Case`.
"""

import io
import shutil
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from podcm_sync.__main__ import run
from podcm_sync.cluster.files import documents
from podcm_sync.cluster.files.yaml_reader import AliasBudget
from tests.cases.kubectl import kubectl
from tests.cases.values import are_equal

HERE = Path(__file__).parent


class Command(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A command line, run in the case's folder."""

    run: list[str]
    exit: int
    shows: list[str] = []
    """Texts on stdout or stderr."""
    stdin: str = ""
    """The file that is piped in."""


class Case(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A `case.yaml`: what the report was about, where it is, and what is right."""

    about: str
    source: str
    reads: dict[str, list[Any]] = {}
    """Of a file, the values of its documents. kubectl must read the same."""
    differs: str = ""
    """Why kubectl does not read the same, if it doesn't."""
    commands: list[Command] = []
    writes: dict[str, dict[str, str]] = {}
    """Of a file that the commands wrote, data that kubectl must read in it."""
    hides: list[str] = []
    """Texts that no command may show."""


FOLDERS = sorted(path.parent for path in HERE.glob("*/case.yaml"))
CASES = {
    folder.name: msgspec.convert(
        yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8")), Case
    )
    for folder in FOLDERS
}


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.reads])
def test_a_file_is_read_as_kubectl_reads_it(name: str) -> None:
    case = CASES[name]
    for file, expected in case.reads.items():
        content = (HERE / name / file).read_bytes()
        read = [
            each.value for each in documents.documents(documents.decode(content), AliasBudget())
        ]
        assert are_equal(read, expected), read
        if not case.differs:
            assert are_equal(kubectl().read(content).objects, expected)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.commands])
def test_a_command_shows_and_writes_what_is_right(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    case = CASES[name]
    work = tmp_path / "work"
    shutil.copytree(HERE / name, work, ignore=shutil.ignore_patterns("case.yaml"))
    monkeypatch.chdir(work)
    for command in case.commands:
        content = (work / command.stdin).read_bytes() if command.stdin else b""
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        code = run(command.run)
        captured = capsys.readouterr()
        shown = captured.out + captured.err
        assert code == command.exit, shown
        assert [text for text in command.shows if text not in shown] == [], shown
        assert [text for text in case.hides if text in shown] == []
    for file, data in case.writes.items():
        (written,) = kubectl().read((work / file).read_bytes()).objects
        assert {key: written["data"].get(key) for key in data} == data
        assert "ownerReferences" not in written["metadata"]
        assert written["metadata"]["labels"]["podconfig.example.com/pod-uid"] == ""


def test_a_case_names_its_source_and_checks_something() -> None:
    assert len(CASES) >= 50
    for name, case in CASES.items():
        assert case.source.startswith("https://"), name
        assert case.about.endswith("."), name
        assert case.reads or case.commands, name
