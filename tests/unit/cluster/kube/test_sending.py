"""A request goes out whole, in one write."""

from typing import Any

import pytest
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from podcm_sync.cluster.kube.sending import OneSend, OneSendTls, send_whole


class Wire:
    """A socket's end that notes each write."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.sent.append(bytes(data))

    def settimeout(self, seconds: Any) -> None:
        """None of a request's business here."""

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("kind", [OneSend, OneSendTls])
def test_head_and_body_are_one_write(kind: type[OneSend]) -> None:
    connection, wire = kind("server"), Wire()
    connection.__dict__["sock"] = wire
    connection.request("POST", "/pods", body=b'{"a": 1}', headers={"Accept": "text/plain"})
    (whole,) = wire.sent
    head, _, body = whole.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /pods HTTP/1.1\r\n")
    assert b"Content-Length: 8" in head
    assert body == b'{"a": 1}'


def test_what_belongs_to_no_request_goes_out_at_once() -> None:
    """A proxy's CONNECT is sent before the request that waits for it."""
    connection, wire = OneSend("server"), Wire()
    connection.__dict__["sock"] = wire
    connection.send(b"CONNECT server:443 HTTP/1.1\r\n\r\n")
    assert wire.sent == [b"CONNECT server:443 HTTP/1.1\r\n\r\n"]


def test_a_pool_makes_them_with_tls_and_without() -> None:
    plain, tls = HTTPConnectionPool("server"), HTTPSConnectionPool("server")
    send_whole(plain)
    send_whole(tls)
    assert (plain.ConnectionCls, tls.ConnectionCls) == (OneSend, OneSendTls)
