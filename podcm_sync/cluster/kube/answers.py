"""A whole answer of an API server, or none: what breaks off or trickles is no answer."""

from typing import Final

import httptools
from msgspec import Struct

JSON: Final = "application/json"
MAX_HEAD_BYTES: Final = 1 << 20
"""More than any server sends before a body; what goes on for longer is no HTTP."""


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


class Incoming:
    """An answer while it comes in, parsed by llhttp, as Node.js does.

    The standard library parses a head as an e-mail's, in Python: 30 times the CPU.
    """

    def __init__(self) -> None:
        self.is_whole = False
        self.is_last = True
        """Whether the connection ends with this answer, as with one that broke off."""
        self._status = 0
        self._head: dict[bytes, bytes] = {}
        self._head_bytes = 0
        self._is_in_body = False
        self._body = bytearray()
        self._parser = httptools.HttpResponseParser(self)

    def take(self, received: bytes) -> None:
        """What was received; nothing is where the connection was closed.

        Raises NoAnswerError where this is no HTTP, or broke off.
        """
        if not received:
            self._end()
            return
        if not self._is_in_body:
            self._head_bytes += len(received)
            if self._head_bytes > MAX_HEAD_BYTES:
                raise NoAnswerError("the answer's head has no end", is_sent=True)
        try:
            self._parser.feed_data(received)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.is_whole:
                raise NoAnswerError(f"the answer is no HTTP: {error}", is_sent=True) from error
            self.is_last = True  # What came after it answers nothing that was asked.

    def response(self) -> Response:
        """The answer, once it is whole; nothing is taken after it."""
        # The parser holds us: a cycle, with a page of a list in it until the collector comes.
        del self._parser
        head = self._head
        if head.get(b"content-encoding", b"identity") != b"identity":
            raise NoAnswerError("the answer is compressed, as nobody asked for", is_sent=True)
        after = head.get(b"retry-after", b"")
        return Response(
            status=self._status,
            body=bytes(self._body),
            # The API server never sends the form with a date.
            retry_after=float(after) if after.isdigit() else None,
            content_type=head.get(b"content-type", JSON.encode()).decode("latin-1"),
            date=head.get(b"date", b"").decode("latin-1"),
        )

    def _end(self) -> None:
        """The connection was closed: the end of a refusal without a length, and of nothing else.

        Old load balancers send such; their text is for people. What succeeded must be known whole.
        """
        has_length = b"content-length" in self._head or b"transfer-encoding" in self._head
        self._status = self._parser.get_status_code()
        if not self._is_in_body or has_length or self._status < 300:
            raise NoAnswerError("the answer broke off", is_sent=True)
        self.is_whole = True

    # What the parser calls, by these names.

    def on_message_begin(self) -> None:
        """An answer begins; after a second one there is no telling which answers what."""
        self.is_last = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """A line of the head, or one after the body, which nothing here needs."""
        if not self.is_whole and not self._is_in_body:
            self._head[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The body comes next."""
        self._is_in_body = True

    def on_body(self, piece: bytes) -> None:
        """A piece of the body, or of a chunk of it."""
        if not self.is_whole:
            self._body += piece

    def on_message_complete(self) -> None:
        """An answer is there; one that goes before the answer (1xx) is passed over."""
        if self.is_whole:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._head, self._is_in_body = {}, False
            return
        self._status = status
        self.is_whole = True
        self.is_last = not self._parser.should_keep_alive()
