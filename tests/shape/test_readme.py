"""The documents agree with the code: their tables, screens, options, commands, files, and links."""

import re
import shlex
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from podcm_sync.__main__ import run
from podcm_sync.errors import RUN_FAILURES
from tests.shape.readme import (
    DOCUMENTS,
    GUIDES,
    README,
    ROOT,
    SECURITY,
    option_names,
    parts,
    rows_of,
    tables,
    with_parts,
)
from tests.shape.screens import PICTURE, commands, picture, shown

TEXT = README.read_text(encoding="utf-8")
TEMPLATES = ROOT / "docs" / "templates.md"
PAGES = [
    README,
    *(path for place in ("docs", ".github") for path in (ROOT / place).rglob("*.md")),
    *(ROOT / "tests").rglob("README.md"),
    ROOT / "deploy" / "chart" / "README.md",
]
ALL = "\n".join(path.read_text(encoding="utf-8") for path in (*DOCUMENTS, TEMPLATES))
MAX_README_BYTES = 8192


def _shell_lines(text: str) -> list[str]:
    """The commands in a page's blocks of shell, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    lines = (line.partition("#")[0].strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if line]


def test_the_readme_is_short() -> None:
    assert len(TEXT.encode()) <= MAX_README_BYTES


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_generated_part_is_the_codes_own(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert with_parts(text) == text, "run `make docs`"


def test_the_picture_is_the_commands_own_screen() -> None:
    assert shown(PICTURE.read_text(encoding="utf-8")) == shown(picture()), "run `make docs`"


def test_the_picture_is_whole_and_loads_nothing() -> None:
    """GitHub shows an SVG only if it needs no script, no font, and no other file."""
    svg = PICTURE.read_text(encoding="utf-8")
    root = ET.fromstring(svg)  # noqa: S314 - our own file
    assert root.tag.endswith("svg")
    assert not re.search(r"@font-face|<script|<image|url\((?!#)", svg)
    assert "docs/dry-run.svg" in TEXT


def test_every_part_has_its_one_place() -> None:
    """SECURITY.md can repeat one, so that it has every number."""
    places = ALL.replace(SECURITY.read_text(encoding="utf-8"), "")
    alone = {name for name in parts() if f"<!-- begin: {name} -->" not in places}
    assert alone == {"limits"}
    assert all(ALL.count(f"<!-- begin: {name} -->") == 1 for name in alone)
    assert all(places.count(f"<!-- begin: {name} -->") == 1 for name in parts().keys() - alone)


def test_no_part_is_empty() -> None:
    """A table of a head alone would agree with anything."""
    assert all(table.count("\n") > 5 for table in tables().values())
    assert all(part.count("\n") > 3 for part in parts().values())


def test_the_badges_are_true() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    badges = re.findall(r"\[!\[([^\]]+)\]\([^)]*/badge/([^)]+)\)\]\(([^)]+)\)", TEXT)
    labels = [label for label, _, _ in badges]
    python = project["requires-python"].removeprefix(">=")
    assert labels == [f"License: {project['license']}", f"Python {python}+", "Kubernetes 1.31+"]
    assert "needs Kubernetes 1.31 or newer" in ALL
    for label, image, _ in badges:
        value = re.sub(r"^License: ", "", label).split()[-1]
        assert value == image.split("-", 1)[1].rsplit("-", 1)[0].replace("--", "-").replace(
            "%2B", "+"
        )


def test_security_md_names_every_actor_and_what_has_to_be_trusted() -> None:
    """By their headings and first words, as a reader looks for them."""
    text = SECURITY.read_text(encoding="utf-8")
    for actor in ("tenant", "pull request", "hostile API server", "supplier", "token"):
        (section,) = [x for x in text.split("\n### ")[1:] if actor in x.partition("\n")[0]]
        section = section.partition("\n## ")[0]
        assert "**can**" in section, actor
        assert "**cannot**" in section, actor
    for thing in ("cache", "Plan files", "kubeconfig"):
        assert re.search(rf"^- \*\*[^*]*{thing}", text, re.MULTILINE)
    assert "@" not in text, "reports go through GitHub, not to an address"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    """To a file, and if it names a heading, to one that is there."""
    text = re.sub(r"`[^`\n]*`", "", path.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", text):
        name, _, heading = target.partition("#")
        file = path.parent / name if name else path
        assert file.exists(), target
        if heading:
            titles = re.findall(r"(?m)^#+ (.*)$", file.read_text(encoding="utf-8"))
            assert heading in {
                re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles
            }, target


@pytest.mark.parametrize("path", [*GUIDES, TEMPLATES], ids=lambda path: path.name)
def test_every_guide_is_linked_from_the_readme(path: Path) -> None:
    assert f"(docs/{path.name}" in TEXT


@pytest.mark.parametrize("failure", RUN_FAILURES)
def test_whatever_ends_a_run_has_one_row_in_troubleshooting(failure: str) -> None:
    rows = rows_of(ALL, "Troubleshooting")
    (row,) = [row for row in rows if f"`{failure}`" in row[0]]
    assert "exit " in row[0]
    assert all(row)


def test_every_option_that_the_documents_name_exists() -> None:
    # Other programs' options, to the end of their commands.
    others = r"`(?:kubectl|pip|helm) [^`]*`|(kubectl|gh|pip|helm) ([^\n]*\\\n)*[^\n]*"
    prose = re.sub(others, "", ALL)
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", prose))
    assert named - {"--for", "--help", "--force-conflicts", "--set"} <= option_names()


@pytest.mark.parametrize("line", [x for x in _shell_lines(ALL) if x.startswith("make ")])
def test_every_make_target_that_the_documents_name_exists(line: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in shlex.split(line)[1:]:
        assert "=" in word or re.search(rf"^{re.escape(word)}:", makefile, flags=re.MULTILINE)


def test_every_file_that_the_documents_name_exists() -> None:
    places = "crd|deploy|examples|podcm_sync|tests|requirements"
    named = re.findall(rf"(?<![\w/.])(?:{places})/[\w./-]*\w", ALL)
    assert len(named) > 10
    missing = [name for name in named if not (ROOT / name).exists()]
    assert missing == []


def _commands_shown() -> list[str]:
    lines = (re.split(r" [|>] ", line)[0] for line in _shell_lines(ALL))
    spans = re.findall(r"`(podcm-sync [^`\n]+)`", ALL)
    named = [*lines, *(line for line in spans if "COMMAND" not in line and " " in line)]
    return sorted({line for line in named if line.startswith("podcm-sync ")})


@pytest.mark.parametrize("line", _commands_shown())
def test_every_command_that_the_documents_show_is_understood(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `--help` at the end, which only shows it if all before it can be parsed."""
    words = shlex.split(line)[1:]
    assert words[0].startswith("-") or words[0] in commands()
    assert run([*words, "--help"]) == 0
    expected = "podcm-sync 0." if words == ["--version"] else "Usage:"
    assert expected in capsys.readouterr().out


def test_the_example_command_without_a_cluster_is_in_the_guide() -> None:
    """The picture shows its screen, and `make demo` begins with it."""
    assert "podcm-sync --from examples/shop --dry-run" in _shell_lines(ALL)
    assert (ROOT / "examples" / "demo.sh").read_text(encoding="utf-8").count("--dry-run") == 1
