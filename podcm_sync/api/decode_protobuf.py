"""Decodes the API's protobuf into the same models as `decode_json` does JSON.

Protobuf takes less than half of the server's CPU (docs/design/decisions/protobuf.md). An object
that doesn't decode becomes a `Problem`. A body that isn't a page of the requested list raises
DecodeError.

Import this module inside functions only: google.protobuf takes some 50 ms, which `--help` must not
pay.
"""

import base64
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from google.protobuf.message import DecodeError as WireError
from google.protobuf.unknown_fields import UnknownFieldSet

from podcm_sync.api.interner import Interner
from podcm_sync.api.meta import NamespacedName, OwnerReference
from podcm_sync.api.objects import ConfigMap, PartialObjectMetadata, Pod, Problem
from podcm_sync.api.page import (
    CONFIG_MAP,
    MAX_CLAIM,
    METADATA,
    POD,
    Head,
    M,
    Page,
    TypeMeta,
    check_head,
)
from podcm_sync.api.reasons import Reason
from podcm_sync.api.template_fields import text as _text
from podcm_sync.api.watched import Watched
from podcm_sync.api.wire_protobuf import classes
from podcm_sync.errors import DecodeError

ERRORS: Final = (WireError, ValueError)
"""The errors of a message that doesn't decode; DecodeError is a ValueError."""
MAGIC: Final = b"k8s\x00"
"""The prefix of every message (k8s.io/apimachinery/pkg/runtime/serializer/protobuf)."""

_CLASSES: Final = classes()
_watch_event: Final = _CLASSES["WatchEvent"].FromString
_watched: Final = _CLASSES["Watched"].FromString
_status: Final = _CLASSES["Status"].FromString
_refusal: Final = _CLASSES["Refusal"].FromString
_unknown: Final = _CLASSES["Unknown"].FromString
_partial_object: Final = _CLASSES["PartialObjectMetadata"].FromString
_pod: Final = _CLASSES["Pod"].FromString
_config_map: Final = _CLASSES["ConfigMap"].FromString
_pair: Final = _CLASSES["Pair"].FromString
_bytes_pair: Final = _CLASSES["BytesPair"].FromString
MAX_FIELD_NUMBER: Final = 24
"""The highest field number that counts as undamaged; ObjectMeta had 17 after ten years.

If a tag's high bit is flipped, its number takes in the length that follows: it grows by 16 times
that length."""
KEY_TAG: Final = b"\n"
"""The tag that an entry of a map begins with: field 1, the key."""


def pods(body: bytes, interner: Interner) -> Page[Pod]:
    """A page of a PodList, as `interner` keeps it. Raises DecodeError if the body isn't one."""
    interner.begin_page()
    return _decode_page(body, pod_decoder(interner), POD)


def config_maps(body: bytes, interner: Interner) -> Page[ConfigMap]:
    """A page of a ConfigMapList. Raises DecodeError if the body isn't one."""
    interner.begin_page()
    return _decode_page(body, config_map_decoder(interner), CONFIG_MAP)


def pod_decoder(interner: Interner) -> Callable[[bytes], Pod]:
    """The decoder of one Pod, as `interner` keeps it. It raises ERRORS."""
    prefixes = tuple(map(_prefix, interner.annotations or ()))

    def annotations(entries: Sequence[bytes]) -> dict[str, str]:
        if interner.annotations is None:
            return dict(map(_parse, entries))
        # Go writes the key first, so its bytes show which entries to parse. An entry that begins
        # with anything else is parsed too.
        candidates = [
            entry for entry in entries if entry.startswith(prefixes) or entry[:1] != KEY_TAG
        ]
        return {key: value for key, value in map(_parse, candidates) if key in interner.annotations}

    def decode(raw: bytes) -> Pod:
        message = _pod(raw)
        metadata = message.metadata
        return Pod(
            namespaced_name=_name(metadata, interner),
            uid=interner.text(metadata.uid),
            labels=interner.pairs(metadata.labels, _parse),
            annotations=annotations(metadata.annotations),
            node_name=interner.text(_text(message.spec.nodeName)),
            phase=interner.text(_text(message.status.phase)),
            terminating=metadata.HasField("deletionTimestamp"),
            template_fields=interner.template_fields(message),
        )

    return decode


def config_map_decoder(interner: Interner) -> Callable[[bytes], ConfigMap]:
    """The decoder of one ConfigMap. It raises ERRORS."""

    def decode(raw: bytes) -> ConfigMap:
        message = _config_map(raw)
        metadata = message.metadata
        return ConfigMap(
            namespaced_name=_name(metadata, interner),
            uid=metadata.uid,
            resource_version=metadata.resourceVersion,
            terminating=metadata.HasField("deletionTimestamp"),
            labels=interner.pairs(metadata.labels, _parse),
            annotations=dict(map(_parse, metadata.annotations)),
            owner_references=tuple([_owner(owner, interner) for owner in metadata.ownerReferences]),
            data=interner.pairs(message.data, _parse),
            binary_data=dict(map(_parse_bytes, message.binaryData)),
            immutable=message.immutable,
        )

    return decode


def metadata(body: bytes) -> Page[PartialObjectMetadata]:
    """A page of a PartialObjectMetadataList. Raises DecodeError if the body isn't one."""
    interner = Interner()

    def decode(raw: bytes) -> PartialObjectMetadata:
        metadata = _partial_object(raw).metadata
        return PartialObjectMetadata(
            namespaced_name=_name(metadata, interner),
            labels=dict(map(_parse, metadata.labels)),
        )

    return _decode_page(body, decode, METADATA)


def status(body: bytes) -> tuple[str, str]:
    """The reason and message of a `metav1.Status`. Raises DecodeError if the body isn't one."""
    try:
        refusal = _refusal(memoryview(body)[len(MAGIC) :])
    except ERRORS as error:
        raise DecodeError(str(error)) from error
    if refusal.typeMeta.kind != "Status":
        raise DecodeError(f"not a Status but {refusal.typeMeta.kind[:MAX_CLAIM]!r}")
    return _text(refusal.raw.reason), _text(refusal.raw.message)


def watch_event(frame: bytes) -> Watched:
    """The event in one frame of a watch. Raises DecodeError if the frame isn't one."""
    try:
        event = _watch_event(frame)
        envelope = event.object.raw
        if not envelope.startswith(MAGIC):
            raise DecodeError("not protobuf of an API server")
        watched = _watched(memoryview(envelope)[len(MAGIC) :])
        metadata = _partial_object(watched.raw).metadata
    except ERRORS as error:
        raise DecodeError(str(error)) from error
    parts = event, event.object, watched, watched.typeMeta
    if any(len(UnknownFieldSet(part)) for part in parts):
        raise DecodeError("the event has a field that no event has")
    if watched.contentEncoding or watched.contentType:
        raise DecodeError("the object of the event has another encoding")
    return Watched(
        event=_text(event.type),
        type=TypeMeta(_text(watched.typeMeta.apiVersion), _text(watched.typeMeta.kind)),
        # After a damaged tag, everything that follows can belong to another field.
        resource_version="" if _has_damaged_tag(metadata) else _text(metadata.resourceVersion),
        raw=watched.raw,
    )


def watch_failure(raw: bytes) -> tuple[int, str, str]:
    """The code, reason, and message of the Status in an ERROR event. Raises DecodeError."""
    try:
        failure = _status(raw)
    except ERRORS as error:
        raise DecodeError(str(error)) from error
    return failure.code, _text(failure.reason), _text(failure.message)


def _decode_list(body: bytes, item_type: TypeMeta) -> tuple[Any, Head]:
    """The list message, with its items as bytes, and its head."""
    if not body.startswith(MAGIC):
        raise DecodeError("not protobuf of an API server")
    try:
        envelope = _unknown(memoryview(body)[len(MAGIC) :])
    except ERRORS as error:
        raise DecodeError(str(error)) from error
    message, meta = envelope.raw, envelope.raw.metadata
    head = Head(
        type=TypeMeta(envelope.typeMeta.apiVersion, envelope.typeMeta.kind),
        resource_version=meta.resourceVersion,
        continue_token=getattr(meta, "continue"),
        remaining_item_count=meta.remainingItemCount,
    )
    # Another message, or one that was cut after its kind, can parse as a list without items. It
    # must not make podcm-sync delete anything.
    check_head(head, item_type)
    # An item with a damaged tag is an unknown field here and would be skipped. A list has only two
    # fields, and both are known.
    if len(UnknownFieldSet(message)) or _has_damaged_tag(meta):
        raise DecodeError("the list has a field that no list has")
    return message, head


def _has_damaged_tag(message: Any) -> bool:
    """Whether a field's number is past MAX_FIELD_NUMBER, or its wire type is wrong."""
    unknown = UnknownFieldSet(message)
    if not len(unknown):  # nearly always, and this runs for every object
        return False
    known = message.DESCRIPTOR.fields_by_number
    numbers = [field.field_number for field in unknown]
    return any(number > MAX_FIELD_NUMBER or number in known for number in numbers)


def _decode_page(body: bytes, decode: Callable[[bytes], M], item_type: TypeMeta) -> Page[M]:
    page, head = _decode_list(body, item_type)
    items: list[M] = []
    sizes: list[int] = []
    problems: list[Problem] = []
    for raw in page.items:
        try:
            items.append(decode(raw))
            sizes.append(len(raw))
        except ERRORS as error:
            problems.append(problem(raw, item_type.kind, str(error)))
    return Page(
        items=tuple(items),
        sizes=tuple(sizes),
        problems=tuple(problems),
        resource_version=head.resource_version,
        continue_token=head.continue_token,
    )


def _name(metadata: Any, interner: Interner) -> NamespacedName:
    if _has_damaged_tag(metadata):
        raise DecodeError("metadata: has a field that no object has")
    name = metadata.name
    if not name:
        raise DecodeError("metadata.name: is missing")
    return interner.name(metadata.namespace, name)


def _owner(owner: Any, interner: Interner) -> OwnerReference:
    has, text = owner.HasField, interner.text
    return OwnerReference(
        api_version=text(_text(owner.apiVersion)),
        kind=text(_text(owner.kind)),
        name=text(_text(owner.name)),
        uid=text(_text(owner.uid)),
        controller=owner.controller if has("controller") else None,
        block_owner_deletion=owner.blockOwnerDeletion if has("blockOwnerDeletion") else None,
    )


def problem(raw: bytes, kind: str, message: str) -> Problem:
    """A Problem for an object that doesn't decode; its name is "" if that doesn't decode either."""
    name = NamespacedName("", "")
    with contextlib.suppress(*ERRORS):
        metadata = _partial_object(raw).metadata
        # After a damaged tag, everything that follows can belong to another field.
        if not _has_damaged_tag(metadata):
            name = NamespacedName(metadata.namespace, metadata.name)
    return Problem(kind=kind, namespaced_name=name, reason=Reason.UNDECODABLE, message=message)


def _parse(entry: bytes) -> tuple[str, str]:
    pair = _pair(entry)
    key, value = pair.key, pair.value
    # Go writes both even if they are empty, so a missing one is damage.
    if not (key and value) and not (pair.HasField("key") and pair.HasField("value")):
        raise DecodeError("a pair lacks its key or value, which are always written")
    if type(key) is str is type(value):  # nearly always; bytes if the text is not UTF-8
        return key, value
    return _text(key), _text(value)


def _parse_bytes(entry: bytes) -> tuple[str, str]:
    pair = _bytes_pair(entry)
    return _text(pair.key), base64.b64encode(pair.value).decode()


def _prefix(key: str) -> bytes:
    """The bytes that an entry with this key begins with."""
    message = _CLASSES["Pair"]()
    message.key = key
    prefix: bytes = message.SerializeToString()
    return prefix
