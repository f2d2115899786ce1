"""A Change as a unified diff of what is ours: stable in order, free of times and managed fields."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from podcm_sync.core import managed
from podcm_sync.model.changes import Change
from podcm_sync.render.escape import printable, scalar

CONTEXT: Final = 3
MAX_LINES: Final = 4_000
"""Beyond this, sides are shown whole instead of matched: difflib's time grows with the square."""


def unified(change: Change) -> Iterator[str]:
    """The diff's lines without line ends, `---` and `+++` first; none where nothing differs."""
    existing = [] if change.existing is None else list(_lines(managed.view(change.existing)))
    desired: list[str] = []
    if change.desired is not None:
        desired = list(_lines(managed.desired_view(change.existing, change.desired)))
    name = printable(str(change.namespaced_name))
    before = name if change.existing is not None else "/dev/null"
    after = name if change.desired is not None else "/dev/null"
    if len(existing) + len(desired) > MAX_LINES:
        yield from _whole(existing, desired, before, after)
        return
    yield from difflib.unified_diff(existing, desired, before, after, n=CONTEXT, lineterm="")


def _whole(existing: list[str], desired: list[str], before: str, after: str) -> Iterator[str]:
    yield f"--- {before}"
    yield f"+++ {after}"
    yield f"@@ -1,{len(existing)} +1,{len(desired)} @@"
    yield from (f"-{line}" for line in existing)
    yield from (f"+{line}" for line in desired)


def _lines(value: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """A manifest's part as YAML lines: mappings, lists of mappings, strings and booleans."""
    for key, item in value.items():
        match item:
            case dict():
                yield f"{indent}{scalar(key)}:" if item else f"{indent}{scalar(key)}: {{}}"
                yield from _lines(item, indent + "  ")
            case list() | tuple():
                yield f"{indent}{scalar(key)}:" if item else f"{indent}{scalar(key)}: []"
                for each in item:
                    first, *rest = list(_lines(each)) or ["{}"]
                    yield f"{indent}- {first}"
                    yield from (f"{indent}  {line}" for line in rest)
            case bool():
                yield f"{indent}{scalar(key)}: {str(item).lower()}"
            case str() if _is_text(item):
                yield f"{indent}{scalar(key)}: {'|' if item.endswith(chr(10)) else '|-'}"
                yield from (f"{indent}  {line}" for line in item.removesuffix("\n").split("\n"))
            case _:
                yield f"{indent}{scalar(key)}: {scalar(str(item))}"


def _is_text(value: str) -> bool:
    """Whether a value can be shown line by line, as a YAML block, and read back from it."""
    lines = value.removesuffix("\n").split("\n")
    return (
        "\n" in value
        and not value.startswith((" ", "\n"))
        and not value.endswith("\n\n")
        and all(printable(line) == line for line in lines)
    )
