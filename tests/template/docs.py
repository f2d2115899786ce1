"""docs/templates.md's tables, made from the engine's; `python -m tests.template.docs` writes them.

Every use of a function is rendered, so that the result shown is the one that it has.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.template.pods import pod, render, sandbox

DOCS = Path(__file__).parents[2] / "docs" / "templates.md"


def with_tables(text: str) -> str:
    """The page with every generated part as the engine has it now."""
    table = json.loads(sandbox().table())
    parts = {"functions": _functions(table), "left-out": _left_out(table)}
    for name, part in parts.items():
        begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
        assert text.count(begin) == text.count(end) == 1, f"one place for {name} is needed"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}{part}\n{end}{rest.partition(end)[2]}"
    return text


def examples(text: str) -> Iterator[tuple[str, str, str]]:
    """Each worked example: its key, its template and the result that the page shows."""
    pattern = r"<!-- example: (\S+) -->\n```gotemplate\n(.*?)```\n\n```text\n(.*?)```"
    for found in re.finditer(pattern, text, flags=re.DOTALL):
        yield found[1], found[2], found[3]


def _functions(table: dict[str, Any]) -> str:
    groups: dict[str, list[str]] = {}
    for function in table["functions"]:
        source = "{{ " + function["example"] + " }}"
        (made,) = render({"k": source}, pod())
        # `fail` is the one whose example is there to give nothing.
        shown = f"`{json.dumps(made['k'], ensure_ascii=False)}`" if isinstance(made, dict) else made
        row = f"| `{function['name']}` | {_code(source)} | {_cell(shown)} |"
        groups.setdefault(function["group"], []).append(row)
    return "\n\n".join(
        f"### {group}\n\n| function | use | gives |\n|---|---|---|\n" + "\n".join(rows)
        for group, rows in groups.items()
    )


def _left_out(table: dict[str, Any]) -> str:
    rows = [
        f"| {', '.join(f'`{name}`' for name in each['names'])} | {each['reason']} |"
        for each in table["left_out"]
    ]
    return "| function | why |\n|---|---|\n" + "\n".join(rows)


def _code(text: str) -> str:
    return _cell(f"`{text}`")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    DOCS.write_text(with_tables(DOCS.read_text(encoding="utf-8")), encoding="utf-8")
