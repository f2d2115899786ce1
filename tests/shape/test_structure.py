"""The house: files are small and open with their promise, and some words stay in their rooms."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests import command

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "podcm_sync").rglob("*.py"))
MAX_LINES = 400


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_opens_with_its_promise_and_is_at_most_400_lines(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= MAX_LINES


def test_dry_run_is_an_absent_writer_and_no_word_elsewhere() -> None:
    """architecture.md, rule 13: it is in the options, the settings and the entry to a run."""
    places = {
        str(path.relative_to(ROOT / "podcm_sync"))
        for path in SOURCES
        if re.search(r"dry_run", path.read_text(encoding="utf-8"))
    }
    options = {"cli/option_rules.py", "cli/profile_options.py", "cli/sync_options.py"}
    assert places == {*options, "cli/connect.py"}


def test_what_reads_others_json_knows_all_that_can_be_raised() -> None:
    """`errors.NOT_JSON`: where it was written out, RecursionError was missing every second time."""
    places = [path.name for path in SOURCES if "MsgspecError" in path.read_text(encoding="utf-8")]
    assert places == ["errors.py"]


def test_the_vague_words_name_nothing() -> None:
    """architecture.md, rule 10: no manager, handler, helper, utils, common."""
    vague = re.compile(r"manager|handler|helper|utils|common", re.IGNORECASE)
    names = [
        f"{path.name}: {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and vague.search(node.name)
    ]
    assert names == []
    assert [path.name for path in SOURCES if vague.search(path.name)] == []


def test_every_ignored_rule_has_its_reason() -> None:
    """A `noqa` or `type: ignore` names its rule and says why."""
    bare = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in [*SOURCES, *(ROOT / "tests").rglob("*.py")]
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"#\s*(noqa|type:\s*ignore)", line)
        and path != Path(__file__)
        and not re.search(r"#\s*(noqa: [A-Z0-9, ]+ -|type: ignore\[[\w, -]+\]  #) \S", line)
    ]
    assert bare == []


def test_nothing_of_a_run_is_imported_for_help() -> None:
    """The start of every command is paid by each: no kubernetes, yaml or rich for `--help`."""
    script = (
        "import sys\n"
        "from podcm_sync.__main__ import run\n"
        "run(['--help'])\n"
        "heavy = {'kubernetes', 'yaml', 'urllib3', 'rich', 'podcm_sync.sync'}\n"
        "sys.stderr.write(' '.join(sorted(heavy & set(sys.modules))))\n"
    )
    done = command.python("-c", script)
    assert done.code == 0, done.stderr
    assert done.stderr == ""


def test_the_console_scripts_have_one_entry_and_one_for_completion() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    entry = "podcm_sync.__main__:main"
    assert project["scripts"] == {
        "podcm-sync": entry,
        "kubectl-podcm_sync": entry,
        "kubectl_complete-podcm_sync": "podcm_sync.__main__:complete",
    }


def test_the_kubernetes_package_is_one_that_authenticates() -> None:
    """36.0.0 and 36.0.1 sent anonymous requests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "kubernetes>=36.0.2,<38" in project["dependencies"]
