"""Writes JSON values as YAML in which every string stays a string, whichever program reads it.

PyYAML omits the quotes if PyYAML itself would read a string. Other readers (kubectl, other Go
programs, YAML 1.2) take `4711e10`, `09`, `0o17`, and `y` for numbers and booleans.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

import yaml

_SAFE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
"""Strings that need no quotes, unless they are in `_WORDS`: no number starts with a letter."""
_WORDS: Final = frozenset(
    ["y", "yes", "n", "no", "on", "off", "true", "false", "null", "nil", "none", "nan", "inf"]
)


def dump(
    documents: Iterable[Any],
    *,
    is_ascii: bool = False,
    explicit_start: bool = False,
    escaped: re.Pattern[str] | None = None,
) -> str:
    """The documents as one YAML stream. Keys keep their order.

    With `is_ascii`, all other characters become escapes. Strings that match `escaped` get double
    quotes, the only YAML style that allows escapes, so the caller can put some in.
    """

    class Dumper(yaml.CSafeDumper):
        """Quotes every string that some reader could take for something else."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as PyYAML calls it
            """Write every value out, because some readers refuse aliases."""
            return True

    def represented(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
        is_safe = _SAFE.fullmatch(text) and text.lower() not in _WORDS
        style = None if is_safe else "'"
        if escaped is not None and escaped.search(text):
            style = '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represented)
    text: str = yaml.dump_all(
        documents,
        Dumper=Dumper,
        sort_keys=False,
        allow_unicode=not is_ascii,
        explicit_start=explicit_start,
    )
    return text
