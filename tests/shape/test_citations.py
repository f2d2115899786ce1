"""Every citation of a design document names a section, a rule, or a file that exists.

Code and tests cite `behavior.md §3`, `§3` for short, and `architecture.md, rule 8`.
"""

import re
from pathlib import Path

from tests.shape.readme import ROOT

DESIGN = ROOT / "docs" / "design"
DOCUMENTS = {path.name: path.read_text(encoding="utf-8") for path in DESIGN.rglob("*.md")}
PLACES = ("podcm_sync", "tests", "docs", "deploy", "crd", "examples", ".github", ".ci")
SUFFIXES = {".py", ".go", ".md", ".yaml", ".toml", ".json", ".sh", ""}
FILES = [
    *(ROOT / name for name in ("README.md", "Makefile", "Dockerfile", "pyproject.toml")),
    *(
        path
        for place in PLACES
        for path in sorted((ROOT / place).rglob("*"))
        if path.suffix in SUFFIXES and path.is_file() and path != Path(__file__)
    ),
]
# Other standards have sections too: RFC 7386 §2.
SECTION = re.compile(r"(?:(RFC \d+|[\w-]+\.md)`?,? )?§(\d+(?:\.\d+)?)")
RULE = re.compile(r"\b([\w-]+\.md),? rule (\d+)")
FILE = re.compile(r"docs/[\w/-]+\.md")


def _sections(text: str) -> set[str]:
    """The numbers of a document's headings: `## 3. Names` and `### 2.6 Bounds`."""
    return set(re.findall(r"(?m)^#+ (\d+(?:\.\d+)?)\.? ", text))


def _rules(text: str) -> set[str]:
    """The numbers of the list under the heading Rules."""
    rules = text.partition("\n## Rules\n")[2].partition("\n## ")[0]
    return set(re.findall(r"(?m)^(\d+)\. ", rules))


def _lines() -> list[tuple[str, str]]:
    """Each line that may cite, with its place. Some inputs of tests are not UTF-8."""
    return [
        (f"{path.relative_to(ROOT)}:{number}", line)
        for path in FILES
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
        )
        if "§" in line or ".md" in line
    ]


LINES = _lines()


def test_every_cited_section_exists() -> None:
    sections = {name: _sections(text) for name, text in DOCUMENTS.items()}
    cited = [
        (place, document or "behavior.md", number)
        for place, line in LINES
        for document, number in SECTION.findall(line)
        if not document.startswith("RFC ") and document != "spec.md"
    ]
    assert len(cited) > 250
    wrong = [each for each in cited if each[2] not in sections.get(each[1], ())]
    assert wrong == []


def test_every_cited_rule_exists() -> None:
    rules = _rules(DOCUMENTS["architecture.md"])
    assert rules == {str(number) for number in range(1, 16)}
    cited = [(place, *rule) for place, line in LINES for rule in RULE.findall(line)]
    assert cited
    wrong = [each for each in cited if each[1] == "architecture.md" and each[2] not in rules]
    assert wrong == []


def test_every_cited_document_exists() -> None:
    cited = [(place, name) for place, line in LINES for name in FILE.findall(line)]
    assert cited
    assert [each for each in cited if not (ROOT / each[1]).is_file()] == []


def test_every_decision_is_in_the_list_of_decisions_and_at_most_60_lines() -> None:
    pages = {path.name: DOCUMENTS[path.name] for path in (DESIGN / "decisions").iterdir()}
    listed = re.findall(r"(?m)^\| \[([\w-]+\.md)\]\(\1\) \|", pages.pop("README.md"))
    assert sorted(listed) == sorted(pages)
    assert [name for name, text in pages.items() if text.count("\n") > 60] == []


def test_every_place_that_the_architecture_names_exists() -> None:
    """Below `podcm_sync/`, `tests/`, or the top. Its rules name files of other projects."""
    text = DOCUMENTS["architecture.md"]
    text = text.partition("\n## Rules\n")[0] + text.partition("\n## Places for changes\n")[2]
    named = set(re.findall(r"`((?:[\w.-]+/)+(?:[\w-]+\.\w+)?|[\w-]+\.(?:py|toml))`", text))
    assert len(named) > 40
    tops = (ROOT / "podcm_sync", ROOT / "tests", ROOT)
    assert sorted(name for name in named if not any((top / name).exists() for top in tops)) == []


def test_nothing_cites_a_document_by_a_former_name() -> None:
    former = re.compile(r"\bspec\.md\b|(?<![\w/-])design\.md\b|\b[Ss]pec §|original-controller\.md")
    assert [place for place, line in LINES if former.search(line)] == []
