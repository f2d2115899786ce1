"""A manifest file's bytes as documents, cut and decoded as kubectl does it.

kubectl's rules are those of `YAMLOrJSONDecoder` in k8s.io/apimachinery: the content decides whether
a file is a stream of JSON values or YAML documents, never its suffix.
"""

import codecs
import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

from podcm_sync.cluster import yaml_places, yaml_reader
from podcm_sync.cluster.scalars import as_json_number
from podcm_sync.cluster.yaml_places import Place
from podcm_sync.cluster.yaml_reader import REPEATED_KEY, AliasBudget, UnreadableError, flawed

ENCODINGS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_JSON_SPACE: Final = re.compile(r"[ \t\r\n]*")
_SEPARATOR: Final = re.compile(r"^\ufeff?---(.*)$", re.MULTILINE)
"""Files that were joined may have a byte order mark each; kubectl misses a separator after one."""
_SAFE_DIGITS: Final = 19
_MAX_DIGITS: Final = 400
"""A longer integer is no float either, and costs quadratic time."""
Json = dict[str, Any]


class Document:
    """One document of a file: its value, and where the parts of that come from."""

    def __init__(self, text: str, line: int, value: Any) -> None:
        """`text` is the document's own, which begins in `line` of its file."""
        self.value = value
        self.text = text
        self.line = line

    def place(self, path: tuple[str | int, ...]) -> Place:
        """Where the value at `path` begins in the file, or its nearest parent that is there.

        It takes a time linear in the document's size, or in the item's for an item of a List.
        """
        if len(path) > 1 and path[0] == "items" and isinstance(path[1], int):
            items = self._items
            if path[1] < len(items):
                line, text = items[path[1]]
                return yaml_places.find(text, path[2:]).below(line)
        return yaml_places.find(self.text, path).below(self.line)

    @cached_property
    def _items(self) -> list[tuple[int, str]]:
        """The first line and the text of each item of a List, so that an item is searched alone."""
        return [(self.line + line - 1, text) for line, text in yaml_places.split_items(self.text)]


def decode(content: bytes) -> str:
    """A file's text by its byte order mark, or as UTF-8. Raises UnreadableError for anything else.

    kubectl replaces what is not UTF-8, and then stores what nobody wrote.
    """
    mark, encoding = next(
        (each for each in ENCODINGS if content.startswith(each[0])), (b"", "utf-8")
    )
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UnreadableError(line, _ENCODING_ADVICE) from error
    if "\0" in text:
        raise UnreadableError(text[: text.index("\0")].count("\n") + 1, _ENCODING_ADVICE)
    return text


_ENCODING_ADVICE: Final = (
    "is not text: save it as UTF-8, or as UTF-16 with a byte order mark (no other encoding is read)"
)


def documents(text: str, aliases: AliasBudget) -> Iterator[Document]:
    """Every document that isn't empty. Raises UnreadableError, with a line of the text."""
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
            # After two values, kubectl takes the rest for JSON, whatever it is.
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
    """A file that only began like JSON. Of two errors, the one that comes later tells more."""
    try:
        yield from _yaml_documents(text, line, aliases)
    except UnreadableError as error:
        furthest = max(failure, error, key=lambda unreadable: unreadable.line)
        # An error that is its own cause would be a chain without end.
        raise furthest from (None if furthest is error else error)


def _yaml_documents(text: str, line: int, aliases: AliasBudget) -> Iterator[Document]:
    start = 0
    for separator in _SEPARATOR.finditer(text):
        chunk = text[start : separator.start()]
        rest = separator[1].strip()
        if rest and not rest.startswith("#"):
            raise UnreadableError(
                line + chunk.count("\n"),
                "only a comment can follow --- in its line: begin the document in the next line",
            )
        # A separator before any text is no end of a document, and is parsed with what follows.
        if not chunk:
            continue
        yield from _yaml_document(chunk, line, aliases)
        line += chunk.count("\n") + 1
        start = separator.end() + 1
    if rest := text[start:]:
        # The line end counts in a block scalar, and kubectl adds one that is missing.
        yield from _yaml_document(rest if rest.endswith("\n") else f"{rest}\n", line, aliases)


def _yaml_document(text: str, line: int, aliases: AliasBudget) -> Iterator[Document]:
    text = text.replace("\r\n", "\n")
    try:
        value = yaml_reader.read(text, aliases)
    except UnreadableError as error:
        raise error.below(line) from error
    if value is not None:
        yield Document(text, line, value)


class _JsonDecoder:
    """Go's reading of JSON, but a key that appears twice in an object is an error."""

    def __init__(self) -> None:
        self._repeated_key: str | None = None
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_refuse_constant,
        )

    def decode(self, text: str, start: int, line: int) -> tuple[Document, int]:
        """The value at `start`, and where it ends. Raises JSONDecodeError, UnreadableError."""
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
    raise _NoConstantError(f"{name} is no JSON")


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
    """The error of a key that appears twice, with its line if the JSON is YAML too."""
    try:
        yaml_reader.read(document.text, AliasBudget())
    except UnreadableError as error:
        if str(error).startswith(REPEATED_KEY):
            return error.below(document.line)
    return flawed(document.line, REPEATED_KEY, key, document.value)


def _skip_space(text: str, start: int) -> int:
    space = _JSON_SPACE.match(text, start)
    assert space, "it matches nothing, too"
    return space.end()
