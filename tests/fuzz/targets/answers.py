"""Any bytes as what a server sends: an answer whole and usable, or the error that there is none.

They come to the real transport over a real socket, to libcurl's parser and ours.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pycurl

from podcm_sync.api.content_type import decoder_of
from podcm_sync.api.interner import Interner
from podcm_sync.cluster.kube.apierrors import MAX_MESSAGE, is_transient, refusal
from podcm_sync.cluster.kube.endpoint import Endpoint, Route
from podcm_sync.cluster.kube.retry import MAX_RETRY_AFTER_SECONDS
from podcm_sync.cluster.kube.transport import (
    JSON,
    Response,
    TooLargeError,
    Transport,
    TransportError,
)
from podcm_sync.doctor.evidence import content_of
from podcm_sync.doctor.probe import _skew
from podcm_sync.errors import DecodeError

MAX_BYTES = 4_096
LIMIT_SECONDS = 5.0


def test_one_input(data: bytes) -> None:
    """The first byte says what was asked."""
    if not data:
        return
    method = ("GET", "PATCH", "POST", "DELETE")[data[0] % 4]
    with _transport(data[1:]) as transport:
        try:
            response = transport.exchange(
                method, "/", {"Accept": JSON}, None, LIMIT_SECONDS, max_bytes=MAX_BYTES
            )
        except TransportError as error:
            assert str(error)
            return
        except TooLargeError:
            return
    _check(response, data[1:])


class _Wired(Route):
    """A route whose connections are all one socket that is connected already."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__(Endpoint(server="http://127.0.0.1:1"))
        self._connected = connected

    def new_curl(self) -> pycurl.Curl:
        curl = super().new_curl()
        curl.setopt(pycurl.OPENSOCKETFUNCTION, lambda *_: self._connected)
        curl.setopt(pycurl.SOCKOPTFUNCTION, lambda *_: pycurl.SOCKOPT_ALREADY_CONNECTED)
        return curl


@contextmanager
def _transport(sent: bytes) -> Iterator[Transport]:
    """One to a server that has sent this and then nothing more, whatever it is asked."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(sent)
        theirs.shutdown(socket.SHUT_WR)
        transport = Transport(Endpoint(server="http://127.0.0.1:1"))
        transport.route = _Wired(ours)
        try:
            yield transport
        finally:
            transport.close()


def _check(response: Response, sent: bytes) -> None:
    """All that is made of an answer: each part can be used, and nothing was made up."""
    assert len(response.body) <= MAX_BYTES
    assert 200 <= response.status <= 999
    assert b"\n" not in response.content_type.encode("latin-1")
    if response.retry_after is not None:
        assert 0 <= min(response.retry_after, MAX_RETRY_AFTER_SECONDS) <= MAX_RETRY_AFTER_SECONDS
    if response.status == 204:
        assert not response.body
    elif response.status < 300:
        lower = sent.lower()
        assert b"content-length" in lower or b"transfer-encoding" in lower
    _skew(response.date, 0.0)
    content_of(response)
    is_transient(response)
    assert 0 < len(refusal(response).message) <= MAX_MESSAGE
    decoder = decoder_of(response.content_type)
    for decode in (
        lambda body: decoder.pods(body, Interner()),
        lambda body: decoder.config_maps(body, Interner()),
        decoder.metadata,
    ):
        try:
            decode(response.body)
        except DecodeError as error:
            assert str(error)
