"""The documents of a manifest file, split and decoded as kubectl does it.

The rules are those of `YAMLOrJSONDecoder` in k8s.io/apimachinery, pkg/util/yaml. The content, never
the suffix, decides whether a file is a stream of JSON values or of YAML documents.
"""

import codecs
import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

from podcm_sync.cluster.files import yaml_places, yaml_reader
from podcm_sync.cluster.files.yaml_places import Place
from podcm_sync.cluster.files.yaml_reader import (
    REPEATED_KEY,
    AliasBudget,
    UnreadableError,
    flaw_error,
)
from podcm_sync.cluster.files.yaml_scalars import as_json_number

ENCODINGS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_JSON_SPACE: Final = re.compile(r"[ \t\r\n]*")
_SEPARATOR: Final = re.compile(r"^\ufeff?---(.*)$", re.MULTILINE)
"""Joined files can have a byte order mark each. kubectl doesn't see a separator after one."""
_BARE_TEMPLATE: Final = re.compile(r"(?::|-)\s+\{\{")
_QUOTE_TEMPLATES: Final = "put templates in quotes, such as key: '{{ .name }}'"
"""YAML takes `key: {{ .name }}` for two mappings, one in the other."""
_SAFE_DIGITS: Final = 19
"""A number with fewer characters always fits in 64 bits."""
_MAX_DIGITS: Final = 400
"""A longer integer doesn't fit in a float either, and Python needs quadratic time to parse it."""
Json = dict[str, Any]


class Document:
    """One document of a file: its value as JSON data, and the places of the value's parts."""

    def __init__(self, text: str, line: int, value: Any) -> None:
        """`text` is the text of the document, which begins at `line` of its file, from 1."""
        self.value = value
        self.text = text
        self.line = line

    def place(self, path: tuple[str | int, ...]) -> Place:
        """The place in the file of the value at `path`, or of its nearest existing parent.

        The time is linear in the size of the document, or of the item for an item of a List.
        """
        if len(path) > 1 and path[0] == "items" and isinstance(path[1], int):
            items = self._items
            if path[1] < len(items):
                line, text = items[path[1]]
                return yaml_places.find(text, path[2:]).in_file(line)
        return yaml_places.find(self.text, path).in_file(self.line)

    @cached_property
    def _items(self) -> list[tuple[int, str]]:
        """The line in the file and the text of each item of a List, to search one item alone."""
        return [(self.line + line - 1, text) for line, text in yaml_places.split_items(self.text)]


def decode(content: bytes) -> str:
    """The text of a file, decoded by its byte order mark, or as UTF-8 without one.

    Raises UnreadableError for other bytes. kubectl replaces them, and then stores text that nobody
    wrote.
    """
    mark, encoding = next(
        (pair for pair in ENCODINGS if content.startswith(pair[0])), (b"", "utf-8")
    )
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UnreadableError(line, _ENCODING_ADVICE) from error
    if "\0" in text:
        raise UnreadableError(text[: text.index("\0")].count("\n") + 1, _ENCODING_ADVICE)
    return text


_ENCODING_ADVICE: Final = "isn't text: save it as UTF-8, or as UTF-16 with a byte order mark"


def documents(text: str, aliases: AliasBudget) -> Iterator[Document]:
    """Every document that isn't empty. Raises UnreadableError, with the line in the text."""
    if not text.lstrip().startswith("{"):
        yield from _yaml_documents(text, 1, aliases)
        return
    decoder = _JsonDecoder()
    start, line, count = 0, 1, 0
    while (value_start := _skip_space(text, start)) < len(text):
        line += text.count("\n", start, value_start)
        start = value_start
        try:
            document, end = decoder.decode(text, start, line)
        except json.JSONDecodeError as error:
            failure = UnreadableError(error.lineno, f"does not parse as JSON: {error.msg}")
            # As in kubectl: after two JSON values, whatever follows must be JSON too.
            if count > 1:
                raise failure from error
            yield from _rest_as_yaml(text[start:], line, aliases, failure)
            return
        yield document
        line += text.count("\n", start, end)
        start, count = end, count + 1


def _rest_as_yaml(
    text: str, line: int, aliases: AliasBudget, failure: UnreadableError
) -> Iterator[Document]:
    """The YAML documents of a text that began like JSON, and then failed as JSON.

    If it fails as YAML too, raises the error that is further down in the file: that reading came
    closer.
    """
    try:
        yield from _yaml_documents(text, line, aliases)
    except UnreadableError as error:
        furthest = max(failure, error, key=lambda unreadable: unreadable.line)
        # An error that is its own cause makes the log follow the chain without end.
        raise furthest from (None if furthest is error else error)


def _yaml_documents(text: str, line: int, aliases: AliasBudget) -> Iterator[Document]:
    start = 0
    for separator in _SEPARATOR.finditer(text):
        chunk = text[start : separator.start()]
        rest = separator[1].strip()
        if rest and not rest.startswith("#"):
            raise UnreadableError(
                line + chunk.count("\n"),
                "only a comment can follow --- on its line: begin the document on the next line",
            )
        # A separator before any text ends no document. It is parsed with the text that follows.
        if not chunk:
            continue
        yield from _yaml_document(chunk, line, aliases)
        line += chunk.count("\n") + 1
        start = separator.end() + 1
    if rest := text[start:]:
        # kubectl adds a missing line end. It matters for a block scalar, whose value includes it.
        yield from _yaml_document(rest if rest.endswith("\n") else f"{rest}\n", line, aliases)


def _yaml_document(text: str, line: int, aliases: AliasBudget) -> Iterator[Document]:
    text = text.replace("\r\n", "\n")
    try:
        value = yaml_reader.read(text, aliases)
    except UnreadableError as error:
        # libyaml may notice it in the next line only.
        near = text.split("\n")[max(0, error.line - 2) : error.line]
        error.hint = _QUOTE_TEMPLATES if any(map(_BARE_TEMPLATE.search, near)) else ""
        raise error.in_file(line) from error
    if value is not None:
        yield Document(text, line, value)


class _JsonDecoder:
    """Reads JSON as Go does, except that a key that appears twice in an object is an error."""

    def __init__(self) -> None:
        self._repeated_key: str | None = None
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_refuse_constant,
        )

    def decode(self, text: str, start: int, line: int) -> tuple[Document, int]:
        """The document at `start`, and the index of its end.

        Raises JSONDecodeError and UnreadableError.
        """
        self._repeated_key = None
        try:
            value, end = self._decoder.raw_decode(text, start)
        except RecursionError as error:
            raise UnreadableError(line, "is nested too deeply") from error
        except OverflowError as error:
            raise UnreadableError(line, str(error)) from error
        except _NoConstantError as error:
            raise json.JSONDecodeError(str(error), text, start) from error
        document = Document(text[start:end], line, value)
        if self._repeated_key is not None:
            raise _repeated(document, self._repeated_key)
        return document, end

    def _object(self, pairs: list[tuple[str, Any]]) -> Json:
        mapping = dict(pairs)
        if len(mapping) < len(pairs) and self._repeated_key is None:
            keys: set[str] = set()
            for key, _ in pairs:
                if key in keys:
                    self._repeated_key = key
                    break
                keys.add(key)
        return mapping


class _NoConstantError(ValueError):
    pass


def _refuse_constant(name: str) -> None:
    raise _NoConstantError(f"{name} isn't JSON")


def _integer(digits: str) -> int | float:
    if len(digits) < _SAFE_DIGITS:
        return int(digits)
    if len(digits) < _MAX_DIGITS and -(1 << 63) <= (value := int(digits)) < 1 << 64:
        return value
    return _number(digits)


def _number(digits: str) -> int | float:
    try:
        return as_json_number(float(digits))
    except ValueError as error:
        raise OverflowError(str(error)) from error


def _repeated(document: Document, key: str) -> UnreadableError:
    """The error for a key that appears twice. It has the key's line if the JSON is also YAML."""
    try:
        yaml_reader.read(document.text, AliasBudget())
    except UnreadableError as error:
        if str(error).startswith(REPEATED_KEY):
            return error.in_file(document.line)
    return flaw_error(document.line, REPEATED_KEY, key, document.value)


def _skip_space(text: str, start: int) -> int:
    space = _JSON_SPACE.match(text, start)
    assert space, "it matches nothing, too"
    return space.end()
