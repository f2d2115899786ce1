"""Any bytes as a page of a list: the decoders raise only DecodeError, and agree.

What one decoder reads, written down in the other's encoding, the other reads alike: every object
that no later check refuses, to the last field.
"""

import base64
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from podcm_sync.api import decode_json, decode_protobuf
from podcm_sync.api.interner import Interner
from podcm_sync.api.objects import ConfigMap, PartialObjectMetadata, Pod
from podcm_sync.api.page import Page
from podcm_sync.api.template_fields import TEMPLATE_FIELDS
from podcm_sync.errors import DecodeError
from podcm_sync.reconcile.identity import damaged_field
from tests.builders import Json, manifest
from tests.pages import json_page
from tests.speed import encode


class Both(NamedTuple):
    """One kind of object: how either decoder reads a page of it, and how to write it down."""

    kind: str
    from_json: Callable[[bytes], Page[Any]]
    from_protobuf: Callable[[bytes], Page[Any]]
    written: Callable[[Any], Json]
    encoded: Callable[[Json], bytes]


def test_one_input(data: bytes) -> None:
    """The first byte says whether the rest is protobuf, and whether only some annotations count."""
    if not data:
        return
    interner = Interner()
    interner.annotations = frozenset({"note"}) if data[0] & 2 else None
    for both in _kinds(interner):
        if data[0] & 1:
            page = _read(both.from_protobuf, decode_protobuf.MAGIC + data[1:])
        else:
            page = _read(both.from_json, data[1:])
        items = [item for item in page.items if not damaged_field(item)] if page else []
        _agree(both, [item for item in items if can_be_sent(item)])
    _read(decode_json.configs, data[1:])
    _status(data[1:])


def _read(decoder: Callable[[bytes], Page[Any]], body: bytes) -> Page[Any] | None:
    try:
        page = decoder(body)
    except DecodeError as error:
        assert str(error)
        return None
    assert len(page.items) == len(page.sizes)
    assert page.resource_version
    # It becomes a part of the next request's URL.
    page.continue_token.encode()
    return page


def _agree(both: Both, items: list[Any]) -> None:
    """Both decoders read these objects as they are, wherever they came from."""
    # As plain JSON: tuples become lists.
    manifests = msgspec.json.decode(msgspec.json.encode(list(map(both.written, items))))
    as_json = both.from_json(json_page(both.kind, manifests))
    as_protobuf = both.from_protobuf(encode.page(both.kind, list(map(both.encoded, manifests))))
    assert list(as_json.items) == items
    assert list(as_protobuf.items) == items


def _kinds(interner: Interner) -> tuple[Both, ...]:
    return (
        Both(
            "Pod",
            lambda body: decode_json.pods(body, interner),
            lambda body: decode_protobuf.pods(body, interner),
            pod_manifest,
            encode.pod,
        ),
        Both(
            "ConfigMap",
            lambda body: decode_json.config_maps(body, interner),
            lambda body: decode_protobuf.config_maps(body, interner),
            manifest,
            encode.config_map,
        ),
        Both(
            "PartialObjectMetadata",
            decode_json.metadata,
            decode_protobuf.metadata,
            _metadata,
            lambda content: encode.message(content, {"metadata": encode.POD["metadata"]}),
        ),
    )


def pod_manifest(pod: Pod) -> Json:
    """All of a Pod; `manifest` leaves out what only templates see."""
    content = manifest(pod)
    for name, value in msgspec.msgpack.decode(pod.template_fields).items():
        content[TEMPLATE_FIELDS[name].section][name] = value
    return content


def _metadata(obj: PartialObjectMetadata) -> Json:
    namespace, name = obj.namespaced_name
    return {"metadata": {"namespace": namespace, "name": name, "labels": obj.labels}}


def can_be_sent(item: Pod | ConfigMap | PartialObjectMetadata) -> bool:
    """Whether an API server can send it: binaryData is Base64 in JSON, and bytes in protobuf."""
    return not isinstance(item, ConfigMap) or all(
        _is_base64(text) for text in item.binary_data.values()
    )


def _is_base64(text: str) -> bool:
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
    except ValueError:
        return False


def _status(body: bytes) -> None:
    try:
        reason, message = decode_protobuf.status(decode_protobuf.MAGIC + body)
    except DecodeError:
        return
    (reason + message).encode()
