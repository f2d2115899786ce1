"""Bytes to models: the API's protobuf, with only the fields a run needs. Beside `decode`, its JSON.

Fewer bytes, and less than half of the server's work (notes in tests/benchmarks/README.md). One
object that does not decode becomes a `Problem`; a page that is no list raises.

Only late imports may load this: google.protobuf takes some 50 ms, which `--help` does not owe.
"""

import base64
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from google.protobuf.message import DecodeError as WireError
from google.protobuf.unknown_fields import UnknownFieldSet
from msgspec import structs

from podcm_sync.errors import DecodeError
from podcm_sync.model.kept import Kept
from podcm_sync.model.meta import NamespacedName, OwnerReference
from podcm_sync.model.objects import ConfigMap, Container, PartialObjectMetadata, Pod, Problem
from podcm_sync.model.page import CONFIG_MAP, METADATA, POD, Head, M, Page, TypeMeta, check_head
from podcm_sync.model.reasons import Reason
from podcm_sync.model.wire_protobuf import classes

MAGIC: Final = b"k8s\x00"
"""Before every message (k8s.io/apimachinery/pkg/runtime/serializer/protobuf)."""

_CLASSES: Final = classes()
_refusal: Final = _CLASSES["Refusal"].FromString
_unknown: Final = _CLASSES["Unknown"].FromString
_partial_object: Final = _CLASSES["PartialObjectMetadata"].FromString
_pod: Final = _CLASSES["Pod"].FromString
_config_map: Final = _CLASSES["ConfigMap"].FromString
_pair: Final = _CLASSES["Pair"].FromString
_bytes_pair: Final = _CLASSES["BytesPair"].FromString
MAX_FIELD_NUMBER: Final = 24
"""ObjectMeta had 17 after ten years. A tag whose high bit was flipped takes the length in as well:
its number is 16 times that more."""
KEY_FIRST: Final = b"\n"
"""The tag of a pair's key."""


def pods(body: bytes, kept: Kept) -> Page[Pod]:
    """A page of a PodList, of each what is kept. Raises DecodeError if the body is no such page."""
    kept.begin_page()
    slim = _slim(kept)

    def whole(raw: bytes) -> Pod:
        message = _pod(raw)
        return structs.replace(
            slim(message),
            pod_ip=message.status.podIP,
            host_ip=message.status.hostIP,
            service_account_name=_text(message.spec.serviceAccountName),
            containers=tuple(
                Container(name=_text(each.name), image=_text(each.image))
                for each in message.spec.containers
            ),
            owner_references=tuple(_owner(each, kept) for each in message.metadata.ownerReferences),
        )

    return _decode_page(body, whole if kept.is_whole else lambda raw: slim(_pod(raw)), POD)


def _slim(kept: Kept) -> Callable[[Any], Pod]:
    """What makes a Pod without all that only templates see."""
    starts = tuple(map(_start, kept.annotations or ()))

    def annotations(entries: Sequence[bytes]) -> dict[str, str]:
        if kept.annotations is None:
            return dict(map(_parse, entries))
        # Go writes keys first, so that nothing of the others is looked at.
        found = [each for each in entries if each.startswith(starts) or each[:1] != KEY_FIRST]
        return {key: value for key, value in map(_parse, found) if key in kept.annotations}

    def slim(message: Any) -> Pod:
        metadata = message.metadata
        return Pod(
            namespaced_name=_name(metadata, kept),
            uid=kept.text(metadata.uid),
            labels=kept.pairs(metadata.labels, _parse),
            annotations=annotations(metadata.annotations),
            node_name=kept.text(message.spec.nodeName),
            phase=kept.text(_text(message.status.phase)),
            terminating=metadata.HasField("deletionTimestamp"),
        )

    return slim


def config_maps(body: bytes, kept: Kept) -> Page[ConfigMap]:
    """A page of a ConfigMapList. Raises DecodeError if the body is no such page."""
    kept.begin_page()

    def decode(raw: bytes) -> ConfigMap:
        message = _config_map(raw)
        metadata = message.metadata
        return ConfigMap(
            namespaced_name=_name(metadata, kept),
            uid=metadata.uid,
            resource_version=metadata.resourceVersion,
            terminating=metadata.HasField("deletionTimestamp"),
            labels=kept.pairs(metadata.labels, _parse),
            annotations=dict(map(_parse, metadata.annotations)),
            owner_references=tuple([_owner(each, kept) for each in metadata.ownerReferences]),
            data=kept.pairs(message.data, _parse),
            binary_data=dict(map(_parse_bytes, message.binaryData)),
            immutable=message.immutable,
        )

    return _decode_page(body, decode, CONFIG_MAP)


def metadata(body: bytes) -> Page[PartialObjectMetadata]:
    """A page of a PartialObjectMetadataList. Raises DecodeError if the body is no such page."""
    kept = Kept()

    def decode(raw: bytes) -> PartialObjectMetadata:
        metadata = _partial_object(raw).metadata
        return PartialObjectMetadata(
            namespaced_name=_name(metadata, kept),
            labels=dict(map(_parse, metadata.labels)),
        )

    return _decode_page(body, decode, METADATA)


def status(body: bytes) -> tuple[str, str]:
    """The reason and message of a `metav1.Status`. Raises DecodeError where the body is none."""
    try:
        refusal = _refusal(memoryview(body)[len(MAGIC) :])
    except (WireError, ValueError) as error:
        raise DecodeError(str(error)) from error
    if refusal.typeMeta.kind != "Status":
        raise DecodeError(f"not a Status but {refusal.typeMeta.kind!r}")
    return _text(refusal.raw.reason), _text(refusal.raw.message)


def _list(body: bytes, item_type: TypeMeta) -> tuple[Any, Head]:
    if not body.startswith(MAGIC):
        raise DecodeError("not protobuf of an API server")
    try:
        unknown = _unknown(memoryview(body)[len(MAGIC) :])
    except (WireError, ValueError) as error:
        raise DecodeError(str(error)) from error
    listed, meta = unknown.raw, unknown.raw.metadata
    head = Head(
        type=TypeMeta(unknown.typeMeta.apiVersion, unknown.typeMeta.kind),
        resource_version=meta.resourceVersion,
        continue_token=getattr(meta, "continue"),
        remaining_item_count=meta.remainingItemCount,
    )
    # Any message may parse as a list without items, and so may one that breaks off after its kind:
    # nothing must be deleted for that.
    check_head(head, item_type)
    # An item whose tag was damaged would be passed over. A list has no fields but the two.
    if len(UnknownFieldSet(listed)) or _has_damaged_tag(meta):
        raise DecodeError("the list has a field that no list has")
    return listed, head


def _has_damaged_tag(message: Any) -> bool:
    """Whether a field has a number that Kubernetes is far from giving to any, or a wrong type."""
    unknown = UnknownFieldSet(message)
    if not len(unknown):  # as ever, and asked of every object
        return False
    known = message.DESCRIPTOR.fields_by_number
    numbers = [field.field_number for field in unknown]
    return any(number > MAX_FIELD_NUMBER or number in known for number in numbers)


def _decode_page(body: bytes, decode: Callable[[bytes], M], item_type: TypeMeta) -> Page[M]:
    page, head = _list(body, item_type)
    items: list[M] = []
    sizes: list[int] = []
    problems: list[Problem] = []
    for raw in page.items:
        try:
            items.append(decode(raw))
            sizes.append(len(raw))
        except (WireError, ValueError) as error:
            problems.append(_problem(raw, item_type.kind, str(error)))
    return Page(
        items=tuple(items),
        sizes=tuple(sizes),
        problems=tuple(problems),
        resource_version=head.resource_version,
        continue_token=head.continue_token,
    )


def _name(metadata: Any, kept: Kept) -> NamespacedName:
    if _has_damaged_tag(metadata):
        raise DecodeError("metadata: has a field that no object has")
    name = metadata.name
    if not name:
        raise DecodeError("metadata.name: is missing")
    return kept.name(metadata.namespace, name)


def _owner(owner: Any, kept: Kept) -> OwnerReference:
    has, text = owner.HasField, kept.text
    return OwnerReference(
        api_version=text(_text(owner.apiVersion)),
        kind=text(_text(owner.kind)),
        name=text(_text(owner.name)),
        uid=text(_text(owner.uid)),
        controller=owner.controller if has("controller") else None,
        block_owner_deletion=owner.blockOwnerDeletion if has("blockOwnerDeletion") else None,
    )


def _problem(raw: bytes, kind: str, message: str) -> Problem:
    """What is still known of an object that does not decode; a name that is not known is ""."""
    name = NamespacedName("", "")
    with contextlib.suppress(WireError, ValueError):
        metadata = _partial_object(raw).metadata
        # After a damaged tag all that follows may have been read in the wrong place.
        if not _has_damaged_tag(metadata):
            name = NamespacedName(metadata.namespace, metadata.name)
    return Problem(kind=kind, namespaced_name=name, reason=Reason.UNDECODABLE, message=message)


def _parse(entry: bytes) -> tuple[str, str]:
    pair = _pair(entry)
    key, value = pair.key, pair.value
    if not (key and value) and not (pair.HasField("key") and pair.HasField("value")):
        raise DecodeError("a pair lacks its key or value, which are always written")
    if type(key) is str is type(value):  # as ever
        return key, value
    return _text(key), _text(value)


def _parse_bytes(entry: bytes) -> tuple[str, str]:
    pair = _bytes_pair(entry)
    return _text(pair.key), base64.b64encode(pair.value).decode()


def _start(key: str) -> bytes:
    """What the pair of a key begins with."""
    message = _CLASSES["Pair"]()
    message.key = key
    start: bytes = message.SerializeToString()
    return start


def _text(text: str | bytes) -> str:
    if isinstance(text, str):
        return text
    # As Go's encoding/json: U+FFFD for every byte that is no part of a character.
    return "".join(
        character if not "\udc80" <= character <= "\udcff" else "\ufffd"
        for character in text.decode(errors="surrogateescape")
    )
