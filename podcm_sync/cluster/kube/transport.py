"""HTTP exchanges with one server, by libcurl: a whole answer within one time limit, or an error.

libcurl's limit covers the exchange from the name's look-up to the last byte of the answer, however
slowly either side sends. docs/design/decisions/transport.md says why it is libcurl, with figures.
"""

import math
import os
import select
import time
from collections import deque
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, Final

import pycurl
from msgspec import Struct

from podcm_sync.cluster.kube.endpoint import CONNECT_SECONDS, Endpoint, Route

JSON: Final = "application/json"
MAX_ANSWER_BYTES: Final = 1 << 26
"""The most bytes of an answer for which the caller has no limit, unpacked. Objects have at most
some megabytes."""


class Response(Struct, frozen=True, kw_only=True):
    """A whole answer. `retry_after` is in seconds, or None if the server sent none."""

    status: int
    body: bytes
    retry_after: float | None
    content_type: str = JSON
    date: str = ""


class TransportError(Exception):
    """No whole answer came. If `is_sent` is False, the server cannot have seen the request."""

    def __init__(self, message: str, *, is_sent: bool) -> None:
        super().__init__(message)
        self.is_sent = is_sent


class TooLargeError(Exception):
    """The answer was cut, because it is larger than the caller's `max_bytes`."""


class TimedOutError(TransportError):
    """The whole answer did not come within the time limit of its exchange."""


class UntrustedError(TransportError):
    """The configuration doesn't trust the server's certificate. Nothing was sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, is_sent=False)


NOT_HTTP: Final = "the request has characters that HTTP does not allow"
_BROKEN_OFF: Final = frozenset(
    {pycurl.E_GOT_NOTHING, pycurl.E_PARTIAL_FILE, pycurl.E_RECV_ERROR, pycurl.E_SEND_ERROR}
)
_UNTRUSTED: Final = frozenset({pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_ISSUER_ERROR})


class Transport:
    """Exchanges with one endpoint over kept connections; callable from any thread."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.route = Route(endpoint)
        self._idle: deque[_Handle] = deque()
        self._last_timeout = 0.0
        """Connections that were last used before this monotonic time may be dead."""

    def exchange(  # noqa: PLR0913 - an HTTP exchange has these parts
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        limit: float | None,
        *,
        max_bytes: int | None = None,
    ) -> Response:
        """Send a request and receive its whole answer within `limit` seconds (None: no limit).

        Raises TransportError, also for an answer of more than MAX_ANSWER_BYTES; UntrustedError if
        the certificate cannot be trusted; TimedOutError; and TooLargeError for an answer of more
        than `max_bytes`.
        """
        whole_url = url(self.route, target)
        handle = self._handle()
        try:
            response = handle.perform(method, whole_url, headers, body, limit, max_bytes=max_bytes)
        except pycurl.error as error:
            # Never used again: the rest of this answer would be the next one's.
            handle.curl.close()
            if handle.is_too_large and max_bytes is not None:
                raise TooLargeError from error
            if handle.is_too_large:
                message = f"the answer has more than {MAX_ANSWER_BYTES >> 20} MiB"
                raise TransportError(message, is_sent=True) from error
            raise self._failure(error, handle, limit) from error
        except TransportError:
            handle.curl.close()
            raise
        handle.used = time.monotonic()
        self._idle.append(handle)
        return response

    def close(self) -> None:
        """Close every idle connection."""
        while self._idle:
            self._idle.pop().curl.close()

    def _handle(self) -> "_Handle":
        """The idle handle that was used last (the least likely to be dead), or a new one.

        Each handle has its own connection, so a thread never waits for another one.
        """
        while self._idle:
            try:
                handle = self._idle.pop()
            except IndexError:  # another thread took it
                break
            if handle.used > self._last_timeout and handle.is_quiet():
                return handle
            handle.curl.close()
        return _Handle(self.route.new_curl(), self.route.headers)

    def _failure(
        self, error: pycurl.error, handle: "_Handle", limit: float | None
    ) -> TransportError:
        """The TransportError for an exchange that libcurl gave up."""
        details: tuple[Any, ...] = error.args
        code, message = details[0], str(details[1])
        if code == pycurl.E_OPERATION_TIMEDOUT:
            # The cause, such as a gateway, can affect all connections of this age.
            self._last_timeout = time.monotonic()
        return failure(code, message, is_sent=handle.is_sent, errno=handle.os_error, limit=limit)


def failure(
    code: int, message: str, *, is_sent: bool, errno: int, limit: float | None = None
) -> TransportError:
    """The TransportError for a code and message of libcurl, and the errno of the socket or 0."""
    if code in _UNTRUSTED:
        return UntrustedError(message)
    if code == pycurl.E_OPERATION_TIMEDOUT:
        if limit is not None and (is_sent or limit <= CONNECT_SECONDS):
            return TimedOutError(f"timed out after {limit:.3g} s", is_sent=is_sent)
        message = f"no connection within {CONNECT_SECONDS:.3g} s"
    elif code == pycurl.E_SEND_FAIL_REWIND:
        message = "the connection broke while it was idle"
    elif code in _BROKEN_OFF and is_sent:
        cause = os.strerror(errno) if errno else "the connection ended"
        message = f"{cause} before the whole answer came"
    elif code == pycurl.E_COULDNT_CONNECT and errno:
        message = os.strerror(errno)
    # libcurl has no words for a line of a head that is too long.
    message = message or f"the answer isn't valid HTTP (libcurl error {code})"
    return TransportError(message, is_sent=is_sent)


def url(route: Route, target: str) -> str:
    """The URL of a target. Raises TransportError if HTTP doesn't allow its characters."""
    if not _is_printable(target) or " " in target:
        raise TransportError(NOT_HTTP, is_sent=False)
    return route.base + target


def header_lines(headers: Mapping[str, str]) -> list[bytes]:
    """The lines of a request's head. Raises TransportError if HTTP doesn't allow a character."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if not all(map(_is_printable, lines)):
        raise TransportError(NOT_HTTP, is_sent=False)
    return [line.encode("ascii") for line in lines]


class _Handle:
    """One libcurl handle with its connection, for one thread at a time.

    Options are set only if they change: setting all of them took a tenth of the time of a write.
    """

    def __init__(self, curl: pycurl.Curl, extra_headers: Sequence[str]) -> None:
        self.curl = curl
        self.is_sent = False
        """Whether the server may have seen the request. Set when an exchange fails."""
        self.os_error = 0
        """The errno of a failed exchange, or 0."""
        self.used = time.monotonic()
        # Turns off `Expect: 100-continue`, which costs each large write a round trip or a second.
        self._extra_headers = [line.encode() for line in (*extra_headers, "Expect:")]
        self._headers: Mapping[str, str] | None = None
        self._limit: float | None = None
        self._method = ""
        self._url = ""
        self._head: list[bytes] = []
        self._body: list[bytes] = []
        self._bytes_allowed = 0
        """How many more bytes the answer can have; negative once it was cut."""
        curl.setopt(pycurl.WRITEFUNCTION, self._receive)

    @property
    def is_too_large(self) -> bool:
        """Whether the answer was cut because it was too large."""
        return self._bytes_allowed < 0

    def _receive(self, chunk: bytes) -> int | None:
        """Take a part of the body. For libcurl, None means taken, and -1 ends the exchange."""
        self._bytes_allowed -= len(chunk)
        if self._bytes_allowed < 0:
            return -1
        self._body.append(chunk)
        return None

    def is_quiet(self) -> bool:
        """Whether nothing has come since the last answer.

        Bytes on an idle connection would count as the next answer: some load balancers send a 408.
        libcurl doesn't check connections that were idle for less than a second.
        """
        descriptor = self.curl.getinfo(pycurl.ACTIVESOCKET)
        if descriptor < 0:  # the last answer closed it
            return True
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return not poll.poll(0)

    def perform(  # noqa: PLR0913 - an HTTP exchange has these parts
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        limit: float | None,
        *,
        max_bytes: int | None,
    ) -> Response:
        """One exchange. Raises pycurl.error and TransportError."""
        curl = self.curl
        self._bytes_allowed = MAX_ANSWER_BYTES if max_bytes is None else max_bytes
        if url != self._url:
            self._url = url
            curl.setopt(pycurl.URL, url)
        if headers != self._headers:
            curl.setopt(pycurl.HTTPHEADER, header_lines(headers) + self._extra_headers)
            self._headers = headers
        if limit != self._limit:
            self._limit = limit
            # For libcurl, 0 means no limit.
            curl.setopt(pycurl.TIMEOUT_MS, 0 if limit is None else max(1, math.ceil(limit * 1000)))
        if method != self._method:
            self._method = method
            curl.setopt(pycurl.HTTPGET if method == "GET" else pycurl.POST, 1)
            curl.setopt(pycurl.CUSTOMREQUEST, method)
            # For a write, each line would take the interpreter's lock: 5 % of a write's cost.
            curl.setopt(pycurl.HEADERFUNCTION, self._head.append if method == "GET" else None)
        if method != "GET":
            # The body is read, so libcurl cannot rewind it. If it held the body, it would send it
            # again when a kept connection breaks, although the server may have carried it out.
            body = body or b""
            curl.setopt(pycurl.POSTFIELDSIZE, len(body))
            curl.setopt(pycurl.READFUNCTION, BytesIO(body).read)
        try:
            curl.perform()
        except pycurl.error:
            # The bytes of the request that were sent; a CONNECT to a proxy doesn't count.
            self.is_sent = curl.getinfo(pycurl.REQUEST_SIZE) > 0
            self.os_error = curl.getinfo(pycurl.OS_ERRNO)
            self._body.clear()  # the traceback keeps this handle, and a body can be 16 MiB
            raise
        response = _response(curl, self._head, b"".join(self._body))
        self._head.clear()
        self._body.clear()
        return response


def _response(curl: pycurl.Curl, head: list[bytes], body: bytes) -> Response:
    """The answer of an exchange. Raises TransportError if nobody can tell that it is whole."""
    status = curl.getinfo(pycurl.RESPONSE_CODE)
    if status < 200:  # a 101 ends HTTP, and nobody asked for that
        raise TransportError(f"HTTP {status} isn't an answer to the request", is_sent=True)
    if not _is_whole(curl, status, head, body):
        message = "the answer broke off, or has no length"
        raise TransportError(message, is_sent=True)
    content_type = curl.getinfo_raw(pycurl.CONTENT_TYPE)  # raw, because it may not be UTF-8
    return Response(
        status=status,
        body=body,
        retry_after=float(curl.getinfo(pycurl.RETRY_AFTER)) or None,
        content_type=JSON if content_type is None else content_type.decode("latin-1"),
        date=field(head, b"date") or "",
    )


def _is_whole(curl: pycurl.Curl, status: int, head: list[bytes], body: bytes) -> bool:
    """Whether no part of the answer is missing.

    libcurl knows a length once the head is whole, and then fails if the body is shorter. Without a
    length, the last chunk ends the body, or the connection's end does, perhaps too early. Refusals
    without a length count: load balancers send them, and their text is only for people.
    """
    if curl.getinfo(pycurl.CONTENT_LENGTH_DOWNLOAD_T) >= 0:
        return True
    is_head_whole = bool(body) or (bool(head) and head[-1] in {b"\r\n", b"\n"})
    if status >= 300 or not is_head_whole:
        return is_head_whole
    is_kept = bool(body) and curl.getinfo(pycurl.ACTIVESOCKET) >= 0
    return is_kept or field(head, b"transfer-encoding") is not None


def field(head: list[bytes], name: bytes) -> str | None:
    """A field of the last head, or None. Other heads come first: a proxy's to CONNECT, and 1xx."""
    for line in reversed(head):
        if line.startswith(b"HTTP/"):
            break
        field, _, value = line.partition(b":")
        if field.lower() == name:
            return value.strip().decode("latin-1")
    return None


def _is_printable(text: str) -> bool:
    """Whether HTTP can carry the text. A line break in a name or token would begin a header."""
    return text.isascii() and text.isprintable()
