"""An answer is the same however its bytes come in; a part of one is none; no bytes do harm.

The standard library's own parser says what an answer is.
"""

import contextlib
import http.client
import io
import socket
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from podcm_sync.cluster.kube.answers import Incoming, NoAnswerError, Response


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


@given(answers(), st.data())
def test_however_it_is_cut_it_is_what_the_standard_library_reads(
    sent: Sent, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(sent.data)), max_size=8).map(sorted))
    found = taken(sent.data, cuts, is_closed=sent.is_open_ended)
    read = http.client.HTTPResponse(cast("socket.socket", Wire(sent.data)))
    read.begin()
    assert found is not None
    # The last of a repeated line is ours, the first is theirs; which one is nobody's business.
    assert found.content_type in read.headers.get_all("Content-Type", ["application/json"])
    assert found.date in read.headers.get_all("Date", [""])
    assert str(found.retry_after) in {"None", "7.0"}
    assert (found.status, found.body) == (read.status, read.read())


@given(answers(), st.data())
def test_a_part_of_one_is_none(sent: Sent, data: st.DataObject) -> None:
    """Where no length was announced, that is true of the head alone."""
    end = sent.data.index(b"\r\n\r\n") + 4 if sent.is_open_ended else len(sent.data)
    cut = data.draw(st.integers(0, end - 1))
    with pytest.raises(NoAnswerError) as error:
        taken(sent.data[:cut], [], is_closed=True)
    assert error.value.is_sent


@given(answers(), st.binary(min_size=1, max_size=60) | answers().map(lambda other: other.data))
def test_what_comes_after_it_changes_nothing_and_ends_the_connection(
    sent: Sent, more: bytes
) -> None:
    """There would be no telling which request the next one answers."""
    if sent.is_open_ended:
        return
    together, alone = Incoming(), Incoming()
    alone.take(sent.data)
    together.take(sent.data + more)
    assert alone.is_whole
    assert together.is_whole
    # A line's end is no answer: some servers send one too many.
    assert together.is_last or not more.strip(b"\r\n")
    assert together.response() == alone.response()


@given(st.binary(max_size=80), st.data())
def test_no_bytes_do_harm(noise: bytes, data: st.DataObject) -> None:
    """Whatever they are, it ends with an answer or with the one error."""
    begin = data.draw(st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 101 X\r\n\r\n"]))
    cuts = data.draw(st.lists(st.integers(0, 100), max_size=4).map(sorted))
    with contextlib.suppress(NoAnswerError):
        assert isinstance(taken(begin + noise, cuts, is_closed=True), Response)


def taken(data: bytes, cuts: list[int], *, is_closed: bool) -> Response | None:
    """What came of these bytes, which come in as many pieces as they are cut into."""
    incoming = Incoming()
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        if data[start:end] and not incoming.is_whole:
            incoming.take(data[start:end])
    if is_closed and not incoming.is_whole:
        incoming.take(b"")
    return incoming.response() if incoming.is_whole else None


class Wire:
    """A socket of which the standard library's parser reads."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self.data)
