"""Manifests as the API server's protobuf: an encoder of its own, with the field numbers once more.

From k8s.io/api and k8s.io/apimachinery, `generated.proto`; nothing here is the product's.
"""

import base64
from typing import Any

Json = dict[str, Any]
Nested = tuple[str, dict[str, Any]]

OWNER: Json = {
    "kind": (1, None),
    "name": (3, None),
    "uid": (4, None),
    "apiVersion": (5, None),
    "controller": (6, None),
    "blockOwnerDeletion": (7, None),
}
# Times are messages of seconds and nanoseconds; any will do here.
METADATA: Json = {
    "name": (1, None),
    "generateName": (2, None),
    "namespace": (3, None),
    "uid": (5, None),
    "resourceVersion": (6, None),
    "generation": (7, None),
    "creationTimestamp": (8, {"": (1, None)}),
    "deletionTimestamp": (9, {"": (1, None)}),
    "labels": (11, "map"),
    "annotations": (12, "map"),
    "ownerReferences": (13, OWNER),
    "finalizers": (14, None),
}
POD: Json = {
    "metadata": (1, METADATA),
    "spec": (
        2,
        {
            "containers": (2, {"name": (1, None), "image": (2, None)}),
            "serviceAccountName": (8, None),
            "nodeName": (10, None),
            "hostname": (16, None),
        },
    ),
    "status": (
        3,
        {"phase": (1, None), "message": (3, None), "hostIP": (5, None), "podIP": (6, None)},
    ),
}
CONFIG_MAP: Json = {
    "metadata": (1, METADATA),
    "data": (2, "map"),
    "binaryData": (3, "base64 map"),
    "immutable": (4, None),
}


def pod(manifest: Json) -> bytes:
    """A Pod."""
    return message(manifest, POD)


def config_map(manifest: Json) -> bytes:
    """A ConfigMap."""
    return message(manifest, CONFIG_MAP)


def page(
    kind: str,
    items: list[bytes],
    token: str = "",
    version: bytes = b"4711",
    remaining: int | None = None,
) -> bytes:
    """A list of such objects, in its envelope."""
    metadata = _bytes(2, version) + (_bytes(3, token.encode()) if token else b"")
    if remaining is not None:
        metadata += _varint(4 << 3) + _varint(remaining)
    listed = _bytes(1, metadata) + b"".join(_bytes(2, item) for item in items)
    return envelope(f"{kind}List", listed)


def envelope(kind: str, raw: bytes) -> bytes:
    """A message with what says its kind before it."""
    api_version = b"meta.k8s.io/v1" if kind.startswith("Partial") else b"v1"
    type_meta = _bytes(1, api_version) + _bytes(2, kind.encode())
    return b"k8s\x00" + _bytes(1, type_meta) + _bytes(2, raw) + _bytes(3, b"") + _bytes(4, b"")


def message(manifest: Json, fields: Json) -> bytes:
    """One message; what is null or not in the table is left out, as the API server does."""
    parts = []
    for name, value in manifest.items():
        if value is None or name not in fields:
            continue
        number, inner = fields[name]
        parts += [_field(number, inner, each) for each in _each(value, inner)]
    return b"".join(parts)


def _each(value: Any, inner: Any) -> list[Any]:
    if isinstance(inner, str):
        return list(value.items())
    return list(value) if isinstance(value, list | tuple) else [value]


def _field(number: int, inner: Any, value: Any) -> bytes:
    if isinstance(inner, str):
        key, text = value
        raw = base64.b64decode(text) if inner.startswith("base64") else _raw(text)
        return _bytes(number, _bytes(1, _raw(key)) + _bytes(2, raw))
    if isinstance(inner, dict):
        return _bytes(number, b"\x08\x01" if isinstance(value, str) else message(value, inner))
    if isinstance(value, bool | int):
        return _varint(number << 3) + _varint(int(value))
    return _bytes(number, _raw(value))


def _raw(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _bytes(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def watch_frame(event: str, kind: str, raw: bytes) -> bytes:
    """An event of a watch after its length; `raw` is the object's message."""
    body = _bytes(1, event.encode()) + _bytes(2, _bytes(1, envelope(kind, raw)))
    return len(body).to_bytes(4, "big") + body


def status(code: int, reason: str, message: str) -> bytes:
    """A `metav1.Status`, as in an ERROR event."""
    texts = _bytes(2, b"Failure") + _bytes(3, message.encode()) + _bytes(4, reason.encode())
    return _bytes(1, b"") + texts + _varint(6 << 3) + _varint(code)
