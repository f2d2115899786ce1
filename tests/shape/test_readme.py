"""The documents agree with the code: their tables, options, commands, diff, files and links."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from podcm_sync.core.ended import RUN_FAILURES
from tests.shape.readme import (
    DOCUMENTS,
    README,
    ROOT,
    SECURITY,
    option_names,
    rows_of,
    tables,
    with_tables,
)

TEXT = README.read_text(encoding="utf-8")
ALL = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)


def _shell_lines() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, flags=re.DOTALL)
    lines = (line.partition("#")[0].strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if line]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_tables_are_the_codes_own(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert with_tables(text) == text, "run `make docs`"


def test_every_table_has_its_one_place() -> None:
    """SECURITY.md may repeat one, so that it has every number."""
    places = ALL.removesuffix(SECURITY.read_text(encoding="utf-8"))
    alone = {name for name in tables() if f"<!-- begin: {name} -->" not in places}
    assert alone == {"limits"}
    assert all(ALL.count(f"<!-- begin: {name} -->") == 1 for name in alone)
    assert all(places.count(f"<!-- begin: {name} -->") == 1 for name in tables().keys() - alone)


def test_security_md_names_every_actor_and_what_has_to_be_trusted() -> None:
    """Issue 15, item 8: by their headings and first words, as a reader looks for them."""
    text = SECURITY.read_text(encoding="utf-8")
    for actor in ("tenant", "pull request", "hostile API server", "supplier", "token"):
        (section,) = [x for x in text.split("\n### ")[1:] if actor in x.partition("\n")[0]]
        section = section.partition("\n## ")[0]
        assert "**can**" in section, actor
        assert "**cannot**" in section, actor
    for thing in ("cache", "Plan files", "kubeconfig"):
        assert re.search(rf"^- \*\*[^*]*{thing}", text, re.MULTILINE)
    assert "@" not in text, "reports go through GitHub, not to an address"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    """To a file, and where it names a heading, to one that is there."""
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", path.read_text(encoding="utf-8")):
        name, _, heading = target.partition("#")
        file = path.parent / name if name else path
        assert file.exists(), target
        if heading:
            titles = re.findall(r"(?m)^#+ (.*)$", file.read_text(encoding="utf-8"))
            assert heading in {
                re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in titles
            }


def test_no_table_is_empty() -> None:
    """A table of a head alone would agree with anything."""
    assert all(table.count("\n") > 5 for table in tables().values())


@pytest.mark.parametrize("failure", RUN_FAILURES)
def test_whatever_ends_a_run_has_one_row_in_troubleshooting(failure: str) -> None:
    rows = rows_of(ALL, "Troubleshooting")
    (row,) = [row for row in rows if f"`{failure}`" in row[0]]
    assert "exit " in row[0]
    assert all(row)


def test_every_option_that_the_readme_names_exists() -> None:
    # Other programs' options, to the end of their commands.
    prose = re.sub(r"`(?:kubectl|pip) [^`]*`|(kubectl|gh|pip) ([^\n]*\\\n)*[^\n]*", "", ALL)
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", prose))
    others = {"--for", "--help"}
    assert named - others <= option_names()


@pytest.mark.parametrize("line", [x for x in _shell_lines() if x.startswith("make ")])
def test_every_make_target_that_the_readme_names_exists(line: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in shlex.split(line)[1:]:
        assert "=" in word or re.search(rf"^{re.escape(word)}:", makefile, flags=re.MULTILINE)


def test_every_file_that_the_readme_names_exists() -> None:
    named = re.findall(r"(?:crd|deploy|examples|podcm_sync|tests)/[\w./-]*\w", ALL)
    assert len(named) > 10
    missing = [name for name in named if not (ROOT / name).exists()]
    assert missing == []


def test_the_example_commands_without_a_cluster_do_what_they_say(tmp_path: Path) -> None:
    """`--from examples/shop --dry-run` shows the very diff that the README has, and exits 3."""
    (tmp_path / "examples").mkdir()
    shutil.copytree(ROOT / "examples" / "shop", tmp_path / "examples" / "shop")
    commands = [x for x in _shell_lines() if x.startswith("podcm-sync --from")]
    assert commands == ["podcm-sync --from examples/shop --dry-run"]
    words = shlex.split(commands[0])[1:]
    done = subprocess.run(
        [sys.executable, "-m", "podcm_sync", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    diff = re.search(r"```diff\n(.*?)```", TEXT, flags=re.DOTALL)
    assert diff is not None
    assert done.returncode == 3
    assert diff[1] in done.stdout
