"""The rules of style that a machine can check, and the texts that they hold for.

`python -m tests.shape.style [SURFACE]` lists the findings.

A surface is a set of texts that a user reads. Each text is checked as prose: without code, and
without the parts of a page that another test makes from the code.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import typer.main
import yaml

from podcm_sync.api.reasons import REASONS
from podcm_sync.cli import app
from podcm_sync.errors import EXIT_CODES
from podcm_sync.metrics.table import METRICS
from podcm_sync.rbac.rights import RIGHTS
from podcm_sync.reconcile.bounds import BOUNDS
from tests.shape.deploy import COPIES
from tests.shape.readme import DOCUMENTS, ROOT

MAX_WORDS: Final = 25
MAX_MEAN_WORDS: Final = 16
MAX_SEMICOLONS: Final = 1

Text = tuple[str, str]
"""A place and the prose there."""

FORBIDDEN: Final = {
    r"mend(s|ed|ing)?": "fix",
    r"anew|once more": "again",
    r"in step|out of step": "in sync",
    r"of (then|now)": "earlier, current",
    r"(has|have) to": "must",
    r"may": "can",
    r"sa(y|ys|id)": "show, report, or describe",
    r"asked for|ask(s|ed)? for": "request",
    r"brings back": "restore",
    r"rights|right to": "permission",
    r"(?:the )?others wait|not heard of": "standbys wait",
    r"whoever|whatever|wherever": "name the actor or the thing",
    r"planted": "deliberate",
    r"(?:has|have) not(?! (?:been|yet|\w+(?:ed|en))\b)": "doesn't have",
    r"(?<!there )(?:is|are|was|were) (?:no|none)(?! longer\b)": "isn't a, or there is no",
    r"none of ours": "isn't a podcm-sync ...",
    r"besides|thereby|therein|whence|hence|lest|in vain": "also, so, or plain words",
    r"(?:colour|behaviour|favour|honour|neighbour|licence|centre)\w*"
    r"|(?:recogni|organi|summari|initiali|normali|speciali|seriali|synthesi|authori|utili|customi)"
    r"s(?:e|es|ed|er|ing|ation)": "American spelling",
    r"invalid value|input should be|see --help": "no words of a library",
}
"""Pattern of a word → what to write instead."""

LEFT_ALONE: Final = re.compile(r"\b(?:leaves?|left|leaving|let)\b[^.;]*\balone\b", re.IGNORECASE)
OPENINGS: Final = re.compile(
    r"(?:What|Whatever|Whoever|Of|That|Has|Have|Is|Are|Where|Who|None|Whichever|Than)\b"
)


@dataclass(frozen=True)
class Finding:
    """One place that breaks a rule, with the rule and the sentence."""

    place: str
    rule: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.rule}: {self.sentence}"


def findings(texts: list[Text]) -> list[Finding]:
    """Every broken rule in these texts, in their order."""
    return [
        Finding(place, rule, sentence)
        for place, text in texts
        for sentence in sentences(text)
        for rule in _broken(sentence)
    ]


def mean_words(texts: list[Text]) -> float:
    """The mean number of words in a complete sentence of these texts, without titles and cells."""
    complete = (line for _, text in texts for line in sentences(text) if line[-1] in ".?:")
    counts = [len(words(line)) for line in complete]
    return sum(counts) / len(counts)


def sentences(text: str) -> Iterator[str]:
    """The sentences of a prose text. An empty line ends one, and another line break doesn't."""
    for paragraph in re.split(r"\n\s*\n", text):
        line = " ".join(paragraph.split())
        for sentence in re.split(r"(?<=[.?!]) |(?<=[.?!][)\"]) ", line):
            if words(sentence):
                yield sentence.strip()


def words(sentence: str) -> list[str]:
    """The words of a sentence; a piece of code is one, and a sign such as `/` or `=` is none."""
    return [word for word in sentence.split() if re.search(r"\w", word)]


def _broken(sentence: str) -> Iterator[str]:
    if (count := len(words(sentence))) > MAX_WORDS:
        yield f"{count} words, at most {MAX_WORDS}"
    if sentence.count(";") > MAX_SEMICOLONS:
        yield "a chain of semicolons: make it a list or sentences"
    is_question = sentence.endswith("?")
    if not is_question and (opening := OPENINGS.match(sentence)):
        yield f"opens with {opening[0]!r}: start with a noun, a verb, If, or When"
    if re.search(r"!(?:\s|$)", sentence):
        yield "an exclamation mark"
    prose = re.sub(r"`[^`]*`", "`code`", sentence)
    for pattern, instead in FORBIDDEN.items():
        if found := re.search(rf"(?<![\w-])(?:{pattern})(?![\w-])", prose, re.IGNORECASE):
            yield f"{found[0]!r}: write {instead}"
    if re.search(r"\balone\b", prose) and not LEFT_ALONE.search(prose):
        yield "'alone': write only, or by itself"


def prose_of(page: str) -> str:
    """The prose of a Markdown page: each heading, list item, and cell ends a paragraph."""
    page = re.sub(r"<!-- begin: (\S+) -->.*?<!-- end: \1 -->", "", page, flags=re.DOTALL)
    page = re.sub(r"(?ms)^ *```.*?^ *```", "\n", page)
    page = re.sub(r"<[^>]*>", "", page)
    page = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", page)
    page = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", page)
    page = re.sub(r"(?m)^[ \t]*\|[-| :]+\|$", "", page)
    page = re.sub(r"(?m)^#+ (.*)$", r"\n\1\n", page)
    page = re.sub(r"(?m)^( *)(?:[-*]|\d+\.) ", r"\n\1", page)
    page = re.sub(r"(?m)^[ \t]*\|.*\|$", _cells, page)
    page = re.sub(r"`[^`\n]*(?:\n[^`\n]*)?`", "`code`", page)
    return page.replace("**", "")


def _cells(row: re.Match[str]) -> str:
    return "\n\n" + row[0].strip(" |").replace("\\|", "").replace(" | ", "\n\n") + "\n\n"


def pages() -> list[Text]:
    """README, docs/ with the design, and the texts in .github."""
    paths = dict.fromkeys(
        [
            *DOCUMENTS,
            *sorted((ROOT / "docs").rglob("*.md")),
            *sorted((ROOT / ".github").rglob("*.md")),
            ROOT / "deploy" / "chart" / "README.md",
        ]
    )
    return [
        (str(path.relative_to(ROOT)), prose_of(path.read_text(encoding="utf-8"))) for path in paths
    ]


def manifests() -> list[Text]:
    """The comments in the manifests of deploy/ and examples/, without the commands in them."""
    paths = (path for place in ("deploy", "examples") for path in sorted((ROOT / place).rglob("*")))
    return [
        (str(path.relative_to(ROOT)), _comments(path.read_text(encoding="utf-8")))
        for path in paths
        if path.suffix in {".yaml", ".sh"}
        and not path.name.endswith("_test.yaml")
        and path not in COPIES  # whose originals count
    ]


def _comments(manifest: str) -> str:
    lines = (re.search(r"(?:^|  )\s*# ?(?!!)(.*)$", line) for line in manifest.splitlines())
    text = "\n".join(line[1] if line and not line[1].startswith(" ") else "" for line in lines)
    return re.sub(r"`[^`]*`", "`code`", text)


def alerts() -> list[Text]:
    """The summaries and descriptions of alerts, and the titles and descriptions of panels."""
    folder = ROOT / "deploy" / "observability"
    keys = {"summary", "description", "title"}
    return [
        *_valued(yaml.safe_load((folder / "rules.yaml").read_text("utf-8")), "rules", keys),
        *_valued(yaml.safe_load((folder / "dashboard.json").read_text("utf-8")), "dashboard", keys),
    ]


def crd() -> list[Text]:
    """Each description and each validation message of the CRD, by its path."""
    manifest = yaml.safe_load((ROOT / "crd" / "podconfigmapconfig_crd.yaml").read_text("utf-8"))
    return list(_valued(manifest, "crd", {"description", "message"}))


def _valued(node: Any, place: str, keys: set[str]) -> Iterator[Text]:
    """Each text in a manifest that has one of these keys, by its path."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _valued(item, f"{place}[{index}]", keys)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in keys and isinstance(value, str):
                yield f"{place}.{key}", value
            else:
                yield from _valued(value, f"{place}.{key}", keys)


def helps() -> list[Text]:
    """The help of the command, its subcommands, and all their options."""
    root: Any = typer.main.get_command(app)
    return [
        (f"podcm-sync {'' if command is root else command.name} {name}".replace("  ", " "), text)
        for command in (root, *root.commands.values())
        for name, text in (
            ("", command.help or ""),
            ("epilog", command.epilog or ""),
            *((option.opts[0], getattr(option, "help", "") or "") for option in command.params),
        )
    ]


def code_tables() -> list[Text]:
    """The texts of the tables that documents and screens are made from."""
    return [
        *(("exit codes", text) for text in EXIT_CODES.values()),
        *((f"reason {name}", row.meaning) for name, row in REASONS.items()),
        *((f"reason {name}, action", row.action) for name, row in REASONS.items()),
        *((f"metric {row.name}", row.meaning) for row in METRICS),
        *((f"permission {row.verb} {row.resource}", row.purpose) for row in RIGHTS),
        *((f"bound {name}", row.meaning) for name, row in BOUNDS.items()),
        *((f"bound {name}, effect", row.effect) for name, row in BOUNDS.items()),
    ]


def messages() -> list[Text]:
    """Each string of the package that reads as a sentence, by file and line; no docstrings.

    A value in an f-string counts as one word.
    """
    return [
        (f"{path.relative_to(ROOT)}:{line}", text)
        for path in sorted((ROOT / "podcm_sync").rglob("*.py"))
        for line, text in _strings(ast.parse(path.read_text(encoding="utf-8")))
        if len(words(text)) >= 4 and not re.search(r"\\[wsdb(.]|\(\?|[{}<>]{2}", text)
    ]


def _strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(parents.get(node), ast.Expr | ast.JoinedStr | ast.FormattedValue):
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (x.value if isinstance(x, ast.Constant) else "`code`" for x in node.values)
            yield node.lineno, "".join(map(str, parts))


SURFACES: Final[dict[str, Callable[[], list[Text]]]] = {
    "pages": pages,
    "manifests": manifests,
    "alerts": alerts,
    "crd": crd,
    "help": helps,
    "tables": code_tables,
    "messages": messages,
}


if __name__ == "__main__":
    for surface in sys.argv[1:] or SURFACES:
        texts = SURFACES[surface]()
        found = findings(texts)
        print(*found, sep="\n")
        print(f"{surface}: {len(found)} findings, {mean_words(texts):.1f} words a sentence")
