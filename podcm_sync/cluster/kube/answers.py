"""A whole answer of an API server, or none: what breaks off or trickles is no answer."""

import time
from typing import Final

import urllib3
from msgspec import Struct

JSON: Final = "application/json"
CHUNK_BYTES: Final = 1 << 18


class Response(Struct, frozen=True, kw_only=True):
    """A whole answer. `retry_after` is in seconds, None where the server did not say."""

    status: int
    body: bytes
    retry_after: float | None
    content_type: str = JSON
    date: str = ""


class NoAnswerError(Exception):
    """No whole answer came. `is_sent` is False where the server cannot have seen the request."""

    def __init__(self, message: str, *, is_sent: bool) -> None:
        super().__init__(message)
        self.is_sent = is_sent


def whole_body(answer: urllib3.BaseHTTPResponse, until: float | None) -> bytes:
    """The body, read in pieces: a timeout alone would let a server trickle for ever.

    Lists come in chunks, which `stream` takes whole: `read1` of them costs half as much CPU again.
    """
    is_chunked = isinstance(answer, urllib3.HTTPResponse) and answer.chunked
    pieces = answer.stream(CHUNK_BYTES) if is_chunked else iter(answer.read1, b"")
    kept: list[bytes] = []
    for piece in pieces:
        kept.append(piece)
        if until is not None and time.monotonic() > until:
            answer.close()
            raise NoAnswerError("the answer took too long", is_sent=True)
    body = b"".join(kept)
    if not _is_whole(answer, len(body), is_chunked=is_chunked):
        answer.close()
        raise NoAnswerError("the answer broke off", is_sent=True)
    return body


def _is_whole(answer: urllib3.BaseHTTPResponse, size: int, *, is_chunked: bool) -> bool:
    """Whether the body is all that was announced; a head that broke off announces nothing."""
    announced = answer.headers.get("Content-Length")
    if announced is not None:
        return announced == str(size)
    return is_chunked or answer.version < 11 or answer.headers.get("Connection") == "close"
