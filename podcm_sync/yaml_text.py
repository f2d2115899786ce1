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


class _Dumper(yaml.CSafeDumper):
    """Quotes each text that is not plainly a word."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as PyYAML calls it
        """Write every value out: an alias is one more thing that a reader can refuse."""
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    is_safe = _SAFE.fullmatch(text) and text.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_safe else "'")


_Dumper.add_representer(str, _text)


def dump(documents: Iterable[Any], *, is_ascii: bool = False, explicit_start: bool = False) -> str:
    """The documents as YAML, in ASCII if asked for; the order of keys stays."""
    text: str = yaml.dump_all(
        documents,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=not is_ascii,
        explicit_start=explicit_start,
    )
    return text
