"""The raw download: the same pages over the same kind of connection, thrown away unread.

What no client of the API server can beat, and so what everything else is held against. Of a page
only its first bytes are looked at, for the continue token.
"""

import time

from podcm_sync.api.content_type import PROTOBUF
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.paths import with_query

PODS = "/api/v1/pods"
CONFIG_MAPS = "/api/v1/configmaps"
GENERATED = "podconfig.example.com/generated-by-pcmc"


def download(connection: Connection, path: str, label: str = "") -> tuple[float, int]:
    """Seconds and bytes of a whole list, in pages of 500, one after the other, as protobuf."""
    query = {"limit": "500", **({"labelSelector": label} if label else {})}
    total, token = 0, ""
    started = time.perf_counter()
    while True:
        more = {"continue": token} if token else {}
        answer = connection.request("GET", with_query(path, query | more), accept=PROTOBUF)
        assert answer.status == 200, answer.body[:300]
        total += len(answer.body)
        token = _continue(answer.body)
        if not token:
            return time.perf_counter() - started, total


def _continue(body: bytes) -> str:
    """The third field of the list's metadata, which is the list's first field."""
    position = 4
    while body[position] >> 3 != 2:  # the envelope's fields, until the list
        length, position = _varint(body, position + 1)
        position += length
    _, position = _varint(body, position + 1)
    assert body[position] >> 3 == 1
    length, position = _varint(body, position + 1)
    end = position + length
    while position < end:
        tag = body[position]
        value, position = _varint(body, position + 1)
        if tag & 7 == 0:
            continue
        if tag >> 3 == 3:
            return body[position : position + value].decode()
        position += value
    return ""


def _varint(body: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
