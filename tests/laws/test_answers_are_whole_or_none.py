"""An answer is the same however its bytes come in; a part of one is none; no bytes do harm.

Over a real socket. The standard library's own parser says what an answer is.
"""

import contextlib
import http.client
import io
import socket
from collections.abc import Iterator
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from podcm_sync.cluster.kube.endpoint import Endpoint
from podcm_sync.cluster.kube.transport import Response, Transport, TransportError
from tests.listening import Listener


class Sent(Struct, frozen=True):
    """An answer's bytes, and whether only the connection's end says where they end."""

    data: bytes
    is_open_ended: bool


TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-", min_size=1, max_size=12)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30).map(str.strip)
KNOWN = st.sampled_from(
    [
        ("Content-Type", "application/vnd.kubernetes.protobuf"),
        ("content-type", "application/json"),
        ("Retry-After", "7"),
        ("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT"),
        ("Date", "Sun, 22 Nov 2026 23:03:28 GMT"),
        ("Connection", "close"),
    ]
)
OTHERS = st.tuples(TOKENS.map("X-{}".format), VALUES)


@st.composite
def answers(draw: st.DrawFn) -> Sent:
    """An answer as a server or a proxy may send it, in one of the three framings."""
    status = draw(st.sampled_from([200, 201, 202, 400, 401, 404, 409, 429, 500, 503]))
    version = draw(st.sampled_from(["1.1", "1.1", "1.0"]))
    body = draw(st.binary(max_size=200))
    # A success without a length is none: nobody knows whether it is whole.
    framing = draw(st.sampled_from(["length", "chunks", "end"][: 2 + (status >= 300)]))
    lines = [f"HTTP/{version} {status} {draw(st.sampled_from(['OK', 'Not Found', '']))}"]
    lines += [f"{name}: {value}" for name, value in draw(st.lists(KNOWN | OTHERS, max_size=5))]
    payload = body
    if framing == "length":
        lines.append(f"Content-Length: {len(body)}")
    elif framing == "chunks":
        lines[0] = lines[0].replace("1.0", "1.1")
        lines.append("Transfer-Encoding: chunked")
        size = draw(st.integers(1, 50))
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
        payload = b"".join((*chunks, b"0\r\n\r\n"))
    head = "\r\n".join((*lines, "", ""))
    return Sent(head.encode() + payload, framing == "end")


class Script(Listener):
    """A server that sends the same pieces to each connection once it has a request, then closes."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        super().__init__(self._play)

    def taken(self, data: bytes, cuts: list[int], method: str = "GET") -> Response:
        """What came of these bytes, in pieces cut at these places. Raises TransportError."""
        self.pieces = [
            data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)
        ]
        made = Transport(Endpoint(server=self.url))
        try:
            return made.exchange(method, "/", {}, None, 5.0)
        finally:
            made.close()

    def _play(self, connection: socket.socket) -> None:
        connection.recv(10_000)
        for piece in filter(None, self.pieces):
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def script() -> Iterator[Script]:
    with Script() as made:
        yield made


def cuts(size: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, size), max_size=8).map(sorted)


@given(sent=answers(), data=st.data())
def test_however_it_is_cut_it_is_what_the_standard_library_reads(
    script: Script, sent: Sent, data: st.DataObject
) -> None:
    answer = script.taken(sent.data, data.draw(cuts(len(sent.data))))
    read = http.client.HTTPResponse(cast("socket.socket", Wire(sent.data)))
    read.begin()
    # The last of a repeated line is ours, the first is theirs; which one is nobody's business.
    assert answer.content_type in read.headers.get_all("Content-Type", ["application/json"])
    assert answer.date in read.headers.get_all("Date", [""])
    assert str(answer.retry_after) in {"None", "7.0"}
    assert (answer.status, answer.body) == (read.status, read.read())


@given(sent=answers(), data=st.data())
def test_a_writes_answer_is_a_reads_or_none(
    script: Script, sent: Sent, data: st.DataObject
) -> None:
    """None only if it names no length and its connection ends with it: a look settles the write."""
    places = data.draw(cuts(len(sent.data)))
    read = script.taken(sent.data, places)
    is_counted = b"Content-Length" in sent.data
    is_ended = b"Connection: close" in sent.data
    written = None
    with contextlib.suppress(TransportError):
        written = script.taken(sent.data, places, "POST")
    if written is None:
        assert not is_counted
        assert is_ended or not read.body
    else:
        assert written == replace(read, date="")


@pytest.mark.parametrize("method", ["GET", "POST"])
@given(sent=answers(), data=st.data())
def test_a_part_of_one_is_none(
    script: Script, method: str, sent: Sent, data: st.DataObject
) -> None:
    """If no length was announced, that is true of the head alone."""
    end = sent.data.index(b"\r\n\r\n") + 4 if sent.is_open_ended else len(sent.data)
    cut = data.draw(st.integers(0, end - 1))
    with pytest.raises(TransportError) as error:
        script.taken(sent.data[:cut], [], method)
    assert error.value.is_sent


@given(
    sent=answers(), more=st.binary(min_size=1, max_size=60) | answers().map(lambda one: one.data)
)
def test_what_comes_after_it_changes_nothing_and_is_nobodys_answer(
    script: Script, sent: Sent, more: bytes
) -> None:
    """There would be no telling which request the next one answers."""
    if sent.is_open_ended:
        return
    script.pieces = [sent.data + more]
    made = Transport(Endpoint(server=script.url))
    began = script.connections
    alone = script.taken(sent.data, [])
    script.pieces = [sent.data + more]
    assert made.exchange("GET", "/", {}, None, 5.0) == alone
    assert made.exchange("GET", "/", {}, None, 5.0) == alone
    made.close()
    assert script.connections == began + 3


@given(noise=st.binary(max_size=80), data=st.data())
def test_no_bytes_do_harm(script: Script, noise: bytes, data: st.DataObject) -> None:
    """Whatever they are, it ends with an answer or with the one error."""
    begin = data.draw(st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 101 X\r\n\r\n"]))
    with contextlib.suppress(TransportError):
        assert isinstance(script.taken(begin + noise, data.draw(cuts(100))), Response)


class Wire:
    """A socket of which the standard library's parser reads."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self.data)
