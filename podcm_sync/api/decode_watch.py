"""Decodes the answer to a watch, however its bytes come in: whole events in order, or DecodeError.

After a DecodeError the rest of the answer can't be trusted, because an event may be missing. An
object that doesn't decode by itself becomes a `Problem`, as in a list.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, Protocol, TypeAlias

import msgspec
from msgspec import Struct

from podcm_sync.api import decode_json
from podcm_sync.api.content_type import JSON, PROTOBUF
from podcm_sync.api.finding import MalformedError
from podcm_sync.api.interner import Interner
from podcm_sync.api.objects import ConfigMap, Pod, PodConfigMapConfig, Problem
from podcm_sync.api.page import CONFIG, CONFIG_MAP, MAX_CLAIM, POD, TypeMeta
from podcm_sync.api.watched import Watched
from podcm_sync.api.wire_json import FailureWire, WatchedWire, WatchEventWire
from podcm_sync.errors import NOT_JSON, DecodeError

EITHER: Final = f"{PROTOBUF};stream=watch, {JSON}"
"""The `Accept` header of a watch on Kubernetes' own resources."""
MAX_EVENT_BYTES: Final = 1 << 24
"""A longer event is damage: etcd takes objects of at most some megabytes."""
CHANGES: Final = frozenset({"ADDED", "MODIFIED", "DELETED"})
STATUS: Final = TypeMeta("v1", "Status")
_LENGTH_BYTES: Final = 4
_VERSION: Final = re.compile(r"[1-9][0-9]{0,19}")
"""A resourceVersion is a revision of etcd, an unsigned number of 64 bits."""

WatchedObject: TypeAlias = Pod | PodConfigMapConfig | ConfigMap | Problem


class Change(Struct, frozen=True, kw_only=True):
    """An event about an object; `type` is one of CHANGES."""

    type: str
    obj: WatchedObject
    resource_version: int


class Bookmark(Struct, frozen=True):
    """The watch has told everything up to this version."""

    resource_version: int


class Failure(Struct, frozen=True):
    """An ERROR event: the server ends the watch with this Status."""

    code: int
    reason: str
    message: str


Event: TypeAlias = Change | Bookmark | Failure


class Format(Protocol):
    """One of the two formats of a watch, for objects of one type. Its methods raise DecodeError."""

    def frames(self, chunk: bytes) -> Iterator[bytes]:
        """The frames that are whole with this chunk."""
        ...

    @property
    def has_rest(self) -> bool:
        """Whether a part of a frame waits for its rest."""
        ...

    def event(self, frame: bytes) -> Watched:
        """The event in a frame."""
        ...

    def obj(self, raw: bytes) -> WatchedObject:
        """The object of an event, or a Problem."""
        ...

    def failure(self, raw: bytes) -> Failure:
        """The Status of an ERROR event."""
        ...


class WatchDecoder:
    """Decodes one watch: objects of `item_type` that changed after `resource_version`."""

    def __init__(
        self, item_type: TypeMeta, content_type: str, resource_version: int, interner: Interner
    ) -> None:
        """Raises DecodeError if an API server doesn't answer a watch with this content type."""
        self._item_type = item_type
        self._last = resource_version
        self._interner = interner
        self._format = _format(item_type, content_type, interner)

    def events(self, chunk: bytes) -> Iterator[Event]:
        """The events that are whole with this chunk. Raises DecodeError after those before it."""
        self._interner.begin_page()
        for frame in self._format.frames(chunk):
            yield self._event(self._format.event(frame))

    @property
    def has_rest(self) -> bool:
        """Whether a part of an event waits for its rest; if the answer ends so, it was cut."""
        return self._format.has_rest

    def _event(self, watched: Watched) -> Event:
        if watched.event == "ERROR":
            _check_type(watched, STATUS)
            return self._format.failure(watched.raw)
        is_change = watched.event in CHANGES
        if not is_change and watched.event != "BOOKMARK":
            raise DecodeError("the event has no known type")
        _check_type(watched, self._item_type)
        if not _VERSION.fullmatch(watched.resource_version):
            raise DecodeError("the object has no resourceVersion, or a damaged one")
        version = int(watched.resource_version)
        # The server sends changes in order. So a damaged version, or one of a server that was
        # restored from a backup, is noticed at the next event.
        if version < self._last + is_change:
            raise DecodeError(f"resourceVersion {version} came after {self._last}")
        self._last = version
        if not is_change:
            return Bookmark(version)
        return Change(
            type=watched.event, obj=self._format.obj(watched.raw), resource_version=version
        )


def _check_type(watched: Watched, expected: TypeMeta) -> None:
    if watched.type != expected:
        raise DecodeError(f"expected a {expected}, not a {watched.type}")


def _format(item_type: TypeMeta, content_type: str, interner: Interner) -> Format:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == JSON:
        return _Json(item_type, interner)
    if media_type == PROTOBUF and item_type != CONFIG:
        return _Protobuf(item_type, interner)
    raise DecodeError(f"an API server doesn't answer a watch with {content_type[:MAX_CLAIM]!r}")


class _Json:
    """Lines of JSON."""

    def __init__(self, item_type: TypeMeta, interner: Interner) -> None:
        self._item_type = item_type
        self._buffer = bytearray()
        self._searched = 0
        decoders: dict[TypeMeta, Callable[[bytes], WatchedObject]] = {
            POD: lambda raw: interner.pod(decode_json.decode_pod(raw)),
            CONFIG: lambda raw: decode_json.decode_config(raw, is_stored=True),
            CONFIG_MAP: lambda raw: interner.config_map(decode_json.decode_config_map(raw)),
        }
        self._decode = decoders[item_type]

    @property
    def has_rest(self) -> bool:
        return bool(self._buffer)

    def frames(self, chunk: bytes) -> Iterator[bytes]:
        buffer = self._buffer
        buffer += chunk
        while (end := buffer.find(b"\n", self._searched)) >= 0:
            frame = bytes(buffer[:end])
            del buffer[: end + 1]
            self._searched = 0
            yield frame
        self._searched = len(buffer)
        _check_size(len(buffer))

    def event(self, frame: bytes) -> Watched:
        decode_json.check_text(frame)
        try:
            event = _json_event.decode(frame)
            obj = _json_object.decode(event.object)
        except NOT_JSON as error:
            raise DecodeError(str(error) or type(error).__name__) from error
        metadata = obj.metadata
        return Watched(
            event=event.type,
            type=TypeMeta(obj.api_version or "", obj.kind or ""),
            resource_version=metadata.resource_version or "" if metadata else "",
            raw=bytes(event.object),
        )

    def obj(self, raw: bytes) -> WatchedObject:
        try:
            return self._decode(raw)
        except MalformedError as error:
            return decode_json.problem(msgspec.Raw(raw), self._item_type.kind, error.finding)

    def failure(self, raw: bytes) -> Failure:
        try:
            status = _json_failure.decode(raw)
        except NOT_JSON as error:
            raise DecodeError(str(error) or type(error).__name__) from error
        return Failure(status.code or 0, status.reason or "", status.message or "")


_json_event: Final = msgspec.json.Decoder(WatchEventWire)
_json_object: Final = msgspec.json.Decoder(WatchedWire)
_json_failure: Final = msgspec.json.Decoder(FailureWire)


class _Protobuf:
    """Frames of protobuf, each after its length as a big-endian number of 4 bytes."""

    def __init__(self, item_type: TypeMeta, interner: Interner) -> None:
        # Imported late: google.protobuf takes longer to import than many runs take.
        from podcm_sync.api import decode_protobuf

        self._module = decode_protobuf
        self._kind = item_type.kind
        self._buffer = bytearray()
        decoders: dict[TypeMeta, Callable[[bytes], WatchedObject]] = {
            POD: decode_protobuf.pod_decoder(interner),
            CONFIG_MAP: decode_protobuf.config_map_decoder(interner),
        }
        self._decode = decoders[item_type]

    @property
    def has_rest(self) -> bool:
        return bool(self._buffer)

    def frames(self, chunk: bytes) -> Iterator[bytes]:
        buffer = self._buffer
        buffer += chunk
        while len(buffer) >= _LENGTH_BYTES:
            size = int.from_bytes(buffer[:_LENGTH_BYTES], "big")
            _check_size(size)
            end = _LENGTH_BYTES + size
            if len(buffer) < end:
                return
            frame = bytes(buffer[_LENGTH_BYTES:end])
            del buffer[:end]
            yield frame

    def event(self, frame: bytes) -> Watched:
        return self._module.watch_event(frame)

    def obj(self, raw: bytes) -> WatchedObject:
        try:
            return self._decode(raw)
        except self._module.ERRORS as error:
            return self._module.problem(raw, self._kind, str(error))

    def failure(self, raw: bytes) -> Failure:
        return Failure(*self._module.watch_failure(raw))


def _check_size(size: int) -> None:
    if size > MAX_EVENT_BYTES:
        raise DecodeError(f"an event of {size} bytes is too large to be one")
