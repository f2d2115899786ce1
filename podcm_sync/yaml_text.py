"""JSON values as YAML in which every text stays text, whichever program reads it.

PyYAML leaves a text without quotes if PyYAML itself would read it as text. Others read `4711e10`,
`09`, `0o17` and `y` as numbers and booleans: kubectl, other Go programs, YAML 1.2 readers.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

import yaml

_SAFE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
"""Texts that can stand without quotes: no reader takes a word for a number, these aside."""
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
    """The documents as YAML, in ASCII if asked for; the order of keys stays.

    Texts in which `escaped` matches are double-quoted, as no other scalar can have an escape.
    """

    class Dumper(yaml.CSafeDumper):
        """Quotes each text that is not plainly a word."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as PyYAML calls it
            """Write every value out: an alias is one more thing that a reader can refuse."""
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
