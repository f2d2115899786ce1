"""Reads one YAML document as JSON data, as kubectl does, and bounds what aliases add.

Values are built from libyaml's events, without a tree of nodes. That takes a third of the time of
`yaml.CSafeLoader` and a tenth of its memory. Two rules differ from kubectl: a key that appears
twice in a mapping is an error, and so is text after the end of the document, which kubectl drops.
"""

from collections.abc import Callable
from typing import Any, Final

import yaml

from podcm_sync.cluster.files import yaml_scalars

MAX_ALIAS_NODES: Final = 400_000
"""Nodes that the aliases of one input can add. The bound of go-yaml is close to it."""
MAX_ALIAS_BYTES: Final = 16 << 20
"""Bytes of text that the aliases of one input can add."""
_QUESTION_MARK: Final = "kubectl cannot read a ? within [] or {} without quotes: quote it"
REPEATED_KEY: Final = "a key appears twice in one mapping"
_MERGE_TAG: Final = "tag:yaml.org,2002:merge"
Json = dict[str, Any]


class UnreadableError(ValueError):
    """A document that doesn't parse. `quoted` is the part of the message that it wrote itself."""

    hint = ""

    def __init__(self, line: int, message: str, quoted: str = "") -> None:
        """`line` counts from 1 in the text of the document."""
        super().__init__(message)
        self.line = line
        self.quoted = quoted

    def in_file(self, line: int) -> "UnreadableError":
        """The same error, with its line in a file in which the text begins at `line`."""
        self.line += line - 1
        return self


class _MergeKey(str):
    """The key `<<` of a merge, plain or tagged. In quotes, `<<` is an ordinary key."""

    __slots__ = ()


class AliasBudget:
    """The nodes and bytes that aliases can still add, over all documents of one input."""

    def __init__(self) -> None:
        self._nodes = MAX_ALIAS_NODES
        self._bytes = MAX_ALIAS_BYTES

    def spend(self, nodes: int, size: int, line: int) -> None:
        """Charge an alias to the budget. Raises UnreadableError if the budget is spent."""
        self._nodes -= nodes
        self._bytes -= size
        if self._nodes < 0 or self._bytes < 0:
            raise UnreadableError(
                line,
                f"aliases add more than {MAX_ALIAS_NODES:,} nodes or {MAX_ALIAS_BYTES >> 20} MiB: "
                "write the values out, or split the file",
            )


def read(text: str, aliases: AliasBudget) -> Any:
    """The value of a document, or None if it has none. Raises UnreadableError."""
    builder = _Builder(aliases)
    try:
        return builder.document(yaml.CSafeLoader(text))
    except yaml.MarkedYAMLError as error:
        message = f"does not parse as YAML: {error.problem}"
        raise UnreadableError(_line_of_error(error), message) from error
    except yaml.reader.ReaderError as error:
        # libyaml counts bytes, not characters.
        line = text.encode()[: error.position].count(b"\n") + 1
        raise UnreadableError(line, f"does not parse as YAML: {error.reason}") from error


class _Frame:
    """A list or mapping that is being built. `key` is the mapping's key whose value comes next.

    `merged` has the keys that came from a merge only: the mapping can still set them itself.
    """

    __slots__ = ("anchor", "is_flow", "items", "key", "mapping", "merged", "nodes", "size")

    def __init__(self, event: yaml.CollectionStartEvent, nodes: int, size: int) -> None:
        self.anchor: str | None = event.anchor
        self.is_flow = bool(event.flow_style)
        self.nodes = nodes
        self.size = size
        self.key: str | None = None
        self.merged: set[str] | None = None
        self.items: list[Any] | None = None
        self.mapping: Json | None = None
        if type(event) is yaml.SequenceStartEvent:
            self.items = []
        else:
            self.mapping = {}

    @property
    def waits_for_key(self) -> bool:
        return self.key is None and self.mapping is not None


class _Anchored:
    """The value of an anchor. `nodes` and `size` (bytes) include what its own aliases add."""

    __slots__ = ("nodes", "size", "value")

    def __init__(self, value: Any, nodes: int, size: int) -> None:
        self.value = value
        self.nodes = nodes
        self.size = size


class _Builder:
    """Builds the values of a document, event by event, and charges its aliases."""

    def __init__(self, aliases: AliasBudget) -> None:
        self.aliases = aliases
        self.anchors: dict[str, _Anchored | None] = {}
        self.flaw: tuple[int, str, str] | None = None
        # A cache: most plain scalars recur.
        self.plain: dict[str, yaml_scalars.Scalar] = {}
        self.nodes = 0
        self.size = 0
        self.frames: list[_Frame] = []
        self.top: _Frame | None = None
        self.root: Any = None

    def document(self, parser: yaml.CSafeLoader) -> Any:
        steps: dict[type[yaml.Event], Callable[[Any], None]] = {
            yaml.ScalarEvent: self._on_scalar,
            yaml.AliasEvent: self._on_alias,
            yaml.MappingStartEvent: self._on_start,
            yaml.SequenceStartEvent: self._on_start,
            yaml.MappingEndEvent: self._on_end,
            yaml.SequenceEndEvent: self._on_end,
            yaml.StreamStartEvent: lambda _: None,
            yaml.DocumentStartEvent: lambda _: None,
        }
        event = _next(parser)
        while step := steps.get(type(event)):
            step(event)
            event = _next(parser)
        if type(event) is yaml.StreamEndEvent:
            return None
        _check_end(parser)
        if self.flaw is not None:
            raise flaw_error(*self.flaw, self.root)
        return self.root

    def _on_scalar(self, event: yaml.ScalarEvent) -> None:
        self.nodes += 1
        self.size += len(event.value)
        top = self.top
        if "?" in event.value and top is not None and top.is_flow and not event.style:
            self._note(event, _QUESTION_MARK)
        if top is not None and top.waits_for_key:
            self._set_key(top, event)
        else:
            self._add(self._scalar(event), event)

    def _on_alias(self, event: yaml.AliasEvent) -> None:
        self._add(self._alias(event), event)

    def _on_start(self, event: yaml.CollectionStartEvent) -> None:
        if self.top is not None and self.top.waits_for_key:
            raise UnreadableError(_line(event), "a list or a mapping cannot be a key")
        if event.anchor is not None:
            # Until its end, an alias to it would be a value that contains itself.
            self.anchors[event.anchor] = None
        self.top = _Frame(event, self.nodes, self.size)
        self.frames.append(self.top)
        self.nodes += 1

    def _on_end(self, event: yaml.CollectionEndEvent) -> None:
        closed = self.frames.pop()
        self.top = self.frames[-1] if self.frames else None
        value = closed.mapping if closed.items is None else closed.items
        if closed.anchor is not None:
            nodes, size = self.nodes - closed.nodes, self.size - closed.size
            self.anchors[closed.anchor] = _Anchored(value, nodes, size)
        self._add(value, event)

    def _add(self, value: Any, event: yaml.Event) -> None:
        if self.top is None:
            self.root = value
        elif self.top.items is not None:
            self.top.items.append(value)
        else:
            self._set_value(self.top, value, event)

    def _set_key(self, frame: _Frame, event: yaml.ScalarEvent) -> None:
        if event.value == "<<" and (event.implicit[0] or event.tag == _MERGE_TAG):
            frame.key = _MergeKey(event.value)
            return
        try:
            key = yaml_scalars.as_key(self._typed(event))
        except ValueError as error:
            raise UnreadableError(_line(event), str(error)) from error
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(key, 1, len(event.value))
        assert frame.mapping is not None, "only a mapping has keys"
        # A key that a merge brought is only a default, so it can appear again.
        if key in frame.mapping and not (frame.merged and key in frame.merged):
            self._note(event, REPEATED_KEY)
        if frame.merged:
            frame.merged.discard(key)
        frame.key = key

    def _set_value(self, frame: _Frame, value: Any, event: yaml.Event) -> None:
        assert frame.mapping is not None, "a list has no keys"
        if frame.key is None:
            # The value is an alias in the place of a key.
            try:
                frame.key = yaml_scalars.as_key(value)
            except ValueError as error:
                raise UnreadableError(_line(event), str(error)) from error
            return
        if isinstance(frame.key, _MergeKey):
            self._merge(frame, value, event)
        else:
            frame.mapping[frame.key] = value
        frame.key = None

    def _merge(self, frame: _Frame, value: Any, event: yaml.Event) -> None:
        """Merge as go-yaml v2 does: the source overrides earlier keys, later keys override it."""
        assert frame.mapping is not None, "only a mapping merges"
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise UnreadableError(_line(event), "only mappings can be merged with <<")
        frame.merged = frame.merged or set()
        for source in reversed(sources):
            frame.merged |= source.keys() - frame.mapping.keys()
            frame.mapping.update(source)

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        value = self._typed(event)
        if type(value) is float:
            try:
                value = yaml_scalars.as_json_number(value)
            except ValueError as error:
                self._note(event, f"{error}: quote it")
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value, 1, len(event.value))
        return value

    def _typed(self, event: yaml.ScalarEvent) -> yaml_scalars.Scalar:
        text: str = event.value
        if event.tag is None:
            if not event.implicit[0]:
                return text
            if text not in self.plain:
                self.plain[text] = yaml_scalars.plain(text)
            return self.plain[text]
        try:
            return yaml_scalars.tagged(event.tag, text)
        except ValueError as error:
            self._note(event, str(error))
            return text

    def _note(self, event: yaml.ScalarEvent, message: str) -> None:
        """Remember the first flaw, to raise it once the whole document has parsed.

        Only then is it known whether the text is a Kubernetes object, which an error can quote.
        """
        if self.flaw is None:
            self.flaw = (_line(event), message, event.value)

    def _alias(self, event: yaml.AliasEvent) -> Any:
        if event.anchor not in self.anchors:
            raise UnreadableError(_line(event), "an alias has no anchor before it")
        anchored = self.anchors[event.anchor]
        if anchored is None:
            raise UnreadableError(_line(event), "an alias stands within its own anchor")
        self.aliases.spend(anchored.nodes, anchored.size, _line(event))
        self.nodes += anchored.nodes
        self.size += anchored.size
        return anchored.value


def _check_end(parser: yaml.CSafeLoader) -> None:
    message = "kubectl drops what follows the end of a document: begin the next one with ---"
    try:
        event = _next(parser)
    except yaml.MarkedYAMLError as error:
        raise UnreadableError(_line_of_error(error), message) from error
    if type(event) is not yaml.StreamEndEvent:
        raise UnreadableError(_line(event), message)


def flaw_error(line: int, message: str, quoted: str, root: Any) -> UnreadableError:
    """The error for a flaw in a document that parses.

    It quotes text only if `root`, the document's value, is a Kubernetes object.
    """
    if not is_object(root):
        return UnreadableError(line, message)
    quoted = repr(quoted)
    return UnreadableError(line, f"{message}: {quoted}", quoted)


def is_object(content: Any) -> bool:
    """Whether a document claims to be a Kubernetes object."""
    return (
        isinstance(content, dict)
        and isinstance(content.get("kind"), str)
        and isinstance(content.get("apiVersion"), str)
    )


def _next(parser: yaml.CSafeLoader) -> yaml.Event:
    event = parser.get_event()
    assert event is not None, "the stream's end is an event, too"
    return event


def _line_of_error(error: yaml.MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark else 1


def _line(event: yaml.Event) -> int:
    assert event.start_mark is not None, "the parser marks each event"
    return event.start_mark.line + 1
