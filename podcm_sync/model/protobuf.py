"""Bytes to models: the API's protobuf, with only the fields a run needs. Beside `decode`, its JSON.

Fewer bytes, and less than half of the server's work (notes in tests/benchmarks/README.md). One
object that does not decode becomes a `Problem`; a page that is no list raises.

Only late imports may load this: google.protobuf takes some 50 ms, which `--help` does not owe.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.message import DecodeError as WireError
from msgspec import structs

from podcm_sync.errors import DecodeError
from podcm_sync.model.decode import M, Page
from podcm_sync.model.meta import NamespacedName, OwnerReference
from podcm_sync.model.objects import ConfigMap, Container, Pod, Problem
from podcm_sync.model.reasons import Reason
from podcm_sync.model.wire_protobuf import classes

MAGIC: Final = b"k8s\x00"
"""Before every message (k8s.io/apimachinery/pkg/runtime/serializer/protobuf)."""

_CLASSES: Final = classes()
_unknown: Final = _CLASSES["Unknown"].FromString
_named: Final = _CLASSES["Named"].FromString
_pod: Final = _CLASSES["Pod"].FromString
_config_map: Final = _CLASSES["ConfigMap"].FromString


def pods(body: bytes) -> Page[Pod]:
    """A page of a PodList. Raises DecodeError where the body is no list."""

    def decode(raw: bytes) -> Pod:
        message = _pod(raw)
        return structs.replace(
            _slim(message),
            pod_ip=message.status.podIP,
            host_ip=message.status.hostIP,
            service_account_name=_text(message.spec.serviceAccountName),
            containers=tuple(
                Container(name=_text(each.name), image=_text(each.image))
                for each in message.spec.containers
            ),
            owner_references=tuple(_owner(each) for each in message.metadata.ownerReferences),
        )

    return _decode_page(body, decode, "Pod")


def slim_pods(body: bytes) -> Page[Pod]:
    """The same without what only templates see."""
    return _decode_page(body, lambda raw: _slim(_pod(raw)), "Pod")


def _slim(message: Any) -> Pod:
    metadata = message.metadata
    return Pod(
        namespaced_name=_name(metadata),
        uid=metadata.uid,
        labels=_texts(metadata.labels),
        annotations=_texts(metadata.annotations),
        node_name=message.spec.nodeName,
        phase=_text(message.status.phase),
        terminating=metadata.HasField("deletionTimestamp"),
    )


def config_maps(body: bytes) -> Page[ConfigMap]:
    """A page of a ConfigMapList. Raises DecodeError where the body is no list."""

    def decode(raw: bytes) -> ConfigMap:
        message = _config_map(raw)
        metadata = message.metadata
        return ConfigMap(
            namespaced_name=_name(metadata),
            uid=metadata.uid,
            resource_version=metadata.resourceVersion,
            terminating=metadata.HasField("deletionTimestamp"),
            labels=_texts(metadata.labels),
            annotations=_texts(metadata.annotations),
            owner_references=tuple(_owner(each) for each in metadata.ownerReferences),
            data=_texts(message.data),
            binary_data={
                key: base64.b64encode(value).decode() for key, value in message.binaryData.items()
            },
            immutable=message.immutable,
        )

    return _decode_page(body, decode, "ConfigMap")


def names(body: bytes) -> tuple[tuple[NamespacedName, ...], str]:
    """The names on a page of metadata alone, and its continue token. Raises DecodeError."""
    page = _list(body, "PartialObjectMetadata")
    found = tuple(_identity(raw) for raw in page.items)
    return found, getattr(page.metadata, "continue")


def _list(body: bytes, kind: str) -> Any:
    if not body.startswith(MAGIC):
        raise DecodeError("not protobuf of an API server")
    try:
        unknown = _unknown(memoryview(body)[len(MAGIC) :])
    except (WireError, ValueError) as error:
        raise DecodeError(str(error)) from error
    # Any message may parse as a list without items, and so may one that breaks off after its kind:
    # nothing must be deleted for that.
    if unknown.typeMeta.kind != f"{kind}List" or not unknown.HasField("raw"):
        raise DecodeError(f"not a whole {kind}List but {unknown.typeMeta.kind!r}")
    return unknown.raw


def _decode_page(body: bytes, decode: Callable[[bytes], M], kind: str) -> Page[M]:
    page = _list(body, kind)
    items: list[M] = []
    problems: list[Problem] = []
    for raw in page.items:
        try:
            items.append(decode(raw))
        except (WireError, ValueError) as error:
            problems.append(_problem(raw, kind, str(error)))
    return Page(
        items=tuple(items),
        problems=tuple(problems),
        continue_token=getattr(page.metadata, "continue"),
    )


def _name(metadata: Any) -> NamespacedName:
    name = metadata.name
    if not name:
        raise DecodeError("it has no name")
    return NamespacedName(metadata.namespace, name)


def _owner(owner: Any) -> OwnerReference:
    has = owner.HasField
    return OwnerReference(
        api_version=owner.apiVersion,
        kind=owner.kind,
        name=owner.name,
        uid=owner.uid,
        controller=owner.controller if has("controller") else None,
        block_owner_deletion=owner.blockOwnerDeletion if has("blockOwnerDeletion") else None,
    )


def _identity(raw: bytes) -> NamespacedName:
    try:
        metadata = _named(raw).metadata
    except (WireError, ValueError) as error:
        raise DecodeError(str(error)) from error
    if not metadata.name:
        raise DecodeError("it has no name")
    return NamespacedName(metadata.namespace, metadata.name)


def _problem(raw: bytes, kind: str, message: str) -> Problem:
    """What is still known of an object that does not decode; not even a name is ""."""
    try:
        namespaced_name = _identity(raw)
    except DecodeError:
        namespaced_name = NamespacedName("", "")
    return Problem(
        kind=kind, namespaced_name=namespaced_name, reason=Reason.UNDECODABLE, message=message
    )


def _texts(texts: Mapping[str, str | bytes]) -> dict[str, str]:
    """What is no UTF-8 comes as bytes; it becomes what the API server's JSON has instead."""
    return {key: value if isinstance(value, str) else _text(value) for key, value in texts.items()}


def _text(text: str | bytes) -> str:
    if isinstance(text, str):
        return text
    # As Go's encoding/json: U+FFFD for every byte that is no part of a character.
    return "".join(
        character if not "\udc80" <= character <= "\udcff" else "\ufffd"
        for character in text.decode(errors="surrogateescape")
    )
