"""The lines on which the values of a document begin, for errors. JSON is read as YAML here.

The reader keeps no positions, so only an error costs a second pass over the text. A text that
doesn't parse is searched up to its error.
"""

from collections.abc import Iterator
from typing import Any, Final

import yaml
from msgspec import Struct, structs

from podcm_sync.cluster.files import yaml_scalars

Path = tuple[str | int, ...]
_NO_KEY: Final = -1
"""Stands in a path for the key of a mapping that is not read yet."""


class Place(Struct, frozen=True):
    """The line and column of a value, from 1, and its text if it is an unquoted scalar."""

    line: int = 1
    plain_text: str = ""
    column: int = 1

    def in_file(self, line: int) -> "Place":
        """The same place in a file in which the text begins at `line`."""
        return structs.replace(self, line=line + self.line - 1)


def find(text: str, path: Path) -> Place:
    """The place of the value at `path`, or of its nearest existing parent."""
    place, depth = Place(), -1
    for at, event in _nodes(text):
        if len(at) > depth and path[: len(at)] == tuple(at):
            text_of_scalar = ""
            if isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
                text_of_scalar = event.value
            mark = _mark(event)
            place = Place(mark.line + 1, text_of_scalar, mark.column + 1)
            depth = len(at)
            if depth == len(path):
                break
    return place


def split_items(text: str) -> list[tuple[int, str]]:
    """The line and the text of each item of the root's `items`. Each text is a document."""
    marks = [_mark(event) for at, event in _nodes(text) if len(at) == 2 and at[0] == "items"]
    ends = [mark.index for mark in marks[1:]] + [len(text)]
    # An item's first line follows a "- ": indent it like the item's other lines.
    return [
        (mark.line + 1, " " * mark.column + text[mark.index : end])
        for mark, end in zip(marks, ends, strict=True)
    ]


def _nodes(text: str) -> Iterator[tuple[list[str | int], yaml.NodeEvent]]:
    """The event of each value, with the value's path. Keys aren't values.

    The path is one list that changes: it is valid until the next event only.
    """
    path: list[str | int] = []
    open_collections: list[yaml.NodeEvent] = []
    parser = yaml.CSafeLoader(text)
    try:
        while not isinstance(
            event := parser.get_event(), yaml.DocumentEndEvent | yaml.StreamEndEvent
        ):
            if isinstance(event, yaml.CollectionEndEvent):
                open_collections.pop()
                path.pop()
                _close(path, open_collections)
            elif isinstance(event, yaml.NodeEvent):
                is_in_mapping = open_collections and isinstance(
                    open_collections[-1], yaml.MappingStartEvent
                )
                if is_in_mapping and path[-1] == _NO_KEY and isinstance(event, yaml.ScalarEvent):
                    path[-1] = _key(event)
                    continue
                yield path, event
                if isinstance(event, yaml.CollectionStartEvent):
                    open_collections.append(event)
                    path.append(_NO_KEY if isinstance(event, yaml.MappingStartEvent) else 0)
                else:
                    _close(path, open_collections)
    except yaml.YAMLError:
        return


def _mark(event: yaml.NodeEvent) -> Any:
    """The start of the event, as libyaml's mark. Its type has no public name."""
    return event.start_mark


def _key(event: yaml.ScalarEvent) -> str:
    """The key as `yaml_reader` reads it: a plain `y` is the key `true`."""
    if event.tag is not None or not event.implicit[0]:
        return str(event.value)
    try:
        return yaml_scalars.as_key(yaml_scalars.plain(event.value))
    except ValueError:
        return str(event.value)


def _close(path: list[str | int], open_collections: list[yaml.NodeEvent]) -> None:
    """Move the path on to the next value of the innermost collection."""
    if not open_collections:
        return
    if isinstance(open_collections[-1], yaml.MappingStartEvent):
        path[-1] = _NO_KEY
    else:
        assert isinstance(path[-1], int), "a list counts its items"
        path[-1] += 1
