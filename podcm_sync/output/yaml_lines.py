"""Shows a part of a manifest as YAML lines, for a diff or between comments.

Programs read `runtime/yaml_text.py` instead, which a library writes.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from podcm_sync.output.escape import json_text, printable, scalar

_FLOW: Final = re.compile(r"[][{},]")
"""What has a meaning inside of a list on one line."""


def lines(value: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """The lines of a mapping of mappings, lists, strings, and booleans. A list is of one kind.

    A list of strings is on one line, and a list of mappings has a block for each.
    """
    for key, item in value.items():
        start = f"{indent}{scalar(key)}:"
        match item:
            case dict():
                yield start if item else f"{start} {{}}"
                yield from lines(item, indent + "  ")
            case list() | tuple() if all(isinstance(element, str) for element in item):
                yield f"{start} [{', '.join(map(_in_list, item))}]"
            case list() | tuple():
                yield start
                for element in item:
                    first, *rest = list(lines(element)) or ["{}"]
                    yield f"{indent}- {first}"
                    yield from (f"{indent}  {line}" for line in rest)
            case bool():
                yield f"{start} {str(item).lower()}"
            case str() if _is_text(item):
                yield f"{start} {'|' if item.endswith(chr(10)) else '|-'}"
                yield from (f"{indent}  {line}" for line in item.removesuffix("\n").split("\n"))
            case _:
                yield f"{start} {scalar(str(item))}"


def _in_list(text: str) -> str:
    return json_text(text) if _FLOW.search(text) else scalar(text)


def _is_text(value: str) -> bool:
    """Whether a YAML block scalar can show the value by lines and reads back as the same."""
    return (
        "\n" in value
        and not value.startswith((" ", "\n"))
        and not value.endswith("\n\n")
        and all(printable(line) == line for line in value.removesuffix("\n").split("\n"))
    )
