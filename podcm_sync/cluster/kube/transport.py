"""HTTP exchanges with one server, by libcurl: a whole answer within one time limit, or none.

libcurl's limit covers the exchange from looking the name up to the last byte of the answer, however
slowly either side sends. docs/design/decisions/transport.md has why it is libcurl, with figures.
"""

import math
import os
import select
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final
from urllib.parse import urlsplit

import pycurl
from msgspec import Struct

from podcm_sync.cluster.kube.answers import (
    JSON,
    NoAnswerError,
    Response,
    TimedOutError,
    TooLargeError,
    UntrustedError,
)

CONNECT_SECONDS: Final = 10.0
"""How long making a connection may take: an address that swallows packets is reported soon."""
MAX_IDLE_SECONDS: Final = 15
"""How long an idle connection is used again. NAT gateways and load balancers drop idle ones
without a word after some minutes, and each such connection would cost a whole timeout."""
NOT_HTTP: Final = "the request has characters that HTTP does not allow"
NO_LINGERING: Final = struct.pack("ii", 1, 0)
_BROKEN_OFF: Final = frozenset(
    {pycurl.E_GOT_NOTHING, pycurl.E_PARTIAL_FILE, pycurl.E_RECV_ERROR, pycurl.E_SEND_ERROR}
)
_UNTRUSTED: Final = frozenset({pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_ISSUER_ERROR})


class Endpoint(Struct, frozen=True, kw_only=True):
    """How to reach a server: all that a kubeconfig says of it but who asks.

    `server` is a URL of which only scheme, host and port count. `proxy` is a URL with its user, ""
    for none. `ca_data` has the only CAs trusted, or is empty for the system's; it, the client's
    certificate and its key are PEM texts. `headers` are lines that go with every request.
    """

    server: str
    is_verified: bool = True
    ca_data: str = ""
    client_certificate: bytes = b""
    client_key: bytes = b""
    tls_server_name: str = ""
    proxy: str = ""
    headers: tuple[str, ...] = ()
    drops_unsent: bool = False
    """Whether a connection that is cut forgets what it has not sent yet. The kernel would go on
    sending for a quarter of an hour, so a network that comes back would deliver the writes of a
    leader long deposed."""


class Transport:
    """Exchanges with one endpoint, from any number of threads, over connections that are kept."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        url = urlsplit(endpoint.server)
        host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or ""
        port = url.port or (443 if url.scheme == "https" else 80)
        self._base = f"{url.scheme}://{url.netloc}"
        self._connect_to = ""
        self._host = ""
        if endpoint.tls_server_name:
            # libcurl verifies the name of the URL, so the URL has the name and this the address.
            self._base = f"{url.scheme}://{endpoint.tls_server_name}:{port}"
            self._connect_to = f"::{host}:{port}"
            self._host = url.netloc
        self._idle: deque[_Handle] = deque()
        self._distrusted = 0.0

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
        """Send a request and receive its answer, both within `limit` seconds (None: no limit).

        Raises NoAnswerError, UntrustedError for a certificate that cannot be trusted, and
        TooLargeError for an answer that has more than `max_bytes` (None: no limit).
        """
        if not _is_printable(target) or " " in target:
            raise NoAnswerError(NOT_HTTP, is_sent=False)
        handle = self._handle()
        try:
            response = handle.perform(
                method, self._base + target, headers, body, limit, max_bytes=max_bytes
            )
        except pycurl.error as error:
            handle.curl.close()
            if handle.is_too_large:
                raise TooLargeError from error
            raise self._failure(error, handle, limit) from error
        except NoAnswerError:
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
        """The handle used last, since its connection is the least likely to be stale; or a new one.

        Each handle has one connection, so a thread never waits for another's.
        """
        while self._idle:
            try:
                handle = self._idle.pop()
            except IndexError:  # another thread took it
                break
            if handle.used > self._distrusted and handle.is_quiet():
                return handle
            handle.curl.close()
        host = [f"Host: {self._host}"] if self._host else []
        return _Handle(self._new_curl(), [*host, *self._endpoint.headers])

    def _new_curl(self) -> pycurl.Curl:
        endpoint = self._endpoint
        curl = pycurl.Curl()
        options: dict[int, object] = {
            pycurl.NOSIGNAL: 1,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.PATH_AS_IS: 1,
            pycurl.FOLLOWLOCATION: 0,
            # Decoded if the server compresses all the same; some gateways do.
            pycurl.ENCODING: "identity",
            pycurl.CONNECTTIMEOUT_MS: int(CONNECT_SECONDS * 1000),
            pycurl.MAXCONNECTS: 1,
            pycurl.MAXAGE_CONN: MAX_IDLE_SECONDS,
            pycurl.BUFFERSIZE: 1 << 17,
            # Never libcurl's own reading of the environment, which differs from kubectl's.
            pycurl.PROXY: endpoint.proxy,
            pycurl.NOPROXY: "",
            pycurl.SSL_VERIFYPEER: int(endpoint.is_verified),
            pycurl.SSL_VERIFYHOST: 2 if endpoint.is_verified else 0,
        }
        if self._connect_to:
            options[pycurl.CONNECT_TO] = [self._connect_to]
        if endpoint.client_certificate:
            options[pycurl.SSLCERT_BLOB] = endpoint.client_certificate
            options[pycurl.SSLKEY_BLOB] = endpoint.client_key
        if endpoint.drops_unsent:
            options[pycurl.SOCKOPTFUNCTION] = _drop_unsent
        for option, value in (options | _trusted(endpoint)).items():
            curl.setopt(option, value)
        return curl

    def _failure(
        self, error: pycurl.error, handle: "_Handle", limit: float | None
    ) -> NoAnswerError:
        """What an exchange that libcurl gave up means."""
        details: tuple[Any, ...] = error.args
        code, message = details[0], str(details[1])
        if code in _UNTRUSTED:
            return UntrustedError(message)
        if code == pycurl.E_OPERATION_TIMEDOUT:
            # Whatever silenced this connection may have silenced all others of its age.
            self._distrusted = time.monotonic()
            if limit is not None and (handle.is_sent or limit <= CONNECT_SECONDS):
                message = f"timed out after {limit:.3g} s"
                return TimedOutError(message, is_sent=handle.is_sent)
            message = f"no connection within {CONNECT_SECONDS:.3g} s"
        elif code == pycurl.E_SEND_FAIL_REWIND:
            message = "the connection broke while it was idle"
        elif code in _BROKEN_OFF and handle.is_sent:
            cause = os.strerror(handle.os_error) if handle.os_error else "the connection ended"
            message = f"{cause} before the whole answer came"
        elif code == pycurl.E_COULDNT_CONNECT and handle.os_error:
            message = os.strerror(handle.os_error)
        return NoAnswerError(message, is_sent=handle.is_sent)


class _Handle:
    """One libcurl handle and its connection; used by one thread at a time.

    Options that seldom change are set only if they do: setting them all cost a tenth of a write.
    """

    def __init__(self, curl: pycurl.Curl, extra_headers: list[str]) -> None:
        self.curl = curl
        self.is_sent = False
        """Whether the server may have seen the request; known once an exchange has failed."""
        self.os_error = 0
        """The system's error number for a connection that could not be made; 0 if there is none."""
        self.used = time.monotonic()
        # `Expect: 100-continue` would cost each large write a round trip, or a second.
        self._extra_headers = [line.encode() for line in (*extra_headers, "Expect:")]
        self._headers: Mapping[str, str] | None = None
        self._limit: float | None = None
        self._method = ""
        self._head: list[bytes] = []
        self._body: list[bytes] = []
        self._room: float = 0
        """How many more bytes of the answer are taken."""
        curl.setopt(pycurl.HEADERFUNCTION, self._head.append)
        curl.setopt(pycurl.WRITEFUNCTION, self._receive)

    @property
    def is_too_large(self) -> bool:
        """Whether the answer was cut because it was too large."""
        return self._room < 0

    def _receive(self, chunk: bytes) -> int | None:
        self._room -= len(chunk)
        if self._room < 0:
            return -1
        self._body.append(chunk)
        return None

    def is_quiet(self) -> bool:
        """Whether nothing has come since the last answer.

        What comes unasked (some load balancers send a 408 to an idle connection) would be taken for
        the next answer. libcurl does not look at connections that were idle for less than a second.
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
        """One exchange. Raises pycurl.error and NoAnswerError."""
        curl = self.curl
        self._room = math.inf if max_bytes is None else max_bytes
        curl.setopt(pycurl.URL, url)
        if headers != self._headers:
            lines = [f"{name}: {value}" for name, value in headers.items()]
            if not all(map(_is_printable, lines)):
                raise NoAnswerError(NOT_HTTP, is_sent=False)
            self._headers = headers
            own = [line.encode("ascii") for line in lines]
            curl.setopt(pycurl.HTTPHEADER, own + self._extra_headers)
        if limit != self._limit:
            self._limit = limit
            # libcurl takes 0 as no limit at all.
            curl.setopt(pycurl.TIMEOUT_MS, 0 if limit is None else max(1, math.ceil(limit * 1000)))
        if method != self._method:
            self._method = method
            curl.setopt(pycurl.HTTPGET if method == "GET" else pycurl.POST, 1)
            curl.setopt(pycurl.CUSTOMREQUEST, method)
        if method != "GET":
            # A body that is read, and cannot be rewound: libcurl would send one that it holds
            # again if a kept connection breaks, although the server may have carried it out.
            body = body or b""
            curl.setopt(pycurl.POSTFIELDSIZE, len(body))
            curl.setopt(pycurl.READFUNCTION, BytesIO(body).read)
        try:
            curl.perform()
        except pycurl.error:
            # The bytes of the request that went out; what a proxy was asked does not count.
            self.is_sent = curl.getinfo(pycurl.REQUEST_SIZE) > 0
            self.os_error = curl.getinfo(pycurl.OS_ERRNO)
            raise
        status = curl.getinfo(pycurl.RESPONSE_CODE)
        response = _response(status, self._head, b"".join(self._body))
        self._head.clear()
        self._body.clear()
        return response


def _response(status: int, head: list[bytes], body: bytes) -> Response:
    """The answer of the last head: a proxy's to CONNECT, and informational ones (1xx), come first.

    Raises NoAnswerError for a head that breaks off, and for a success of unknown length: nobody can
    tell if it is whole. Load balancers send refusals so; their text is only for people.
    """
    if not head or head[-1] not in {b"\r\n", b"\n"}:
        raise NoAnswerError("the answer broke off", is_sent=True)
    fields: dict[bytes, bytes] = {}
    for line in head:
        if line.startswith(b"HTTP/"):
            fields.clear()
        else:
            name, _, value = line.partition(b":")
            fields[name.lower()] = value
    if status < 300 and not (b"content-length" in fields or b"transfer-encoding" in fields):
        raise NoAnswerError("the answer does not say how long it is", is_sent=True)
    after = _text(fields, b"retry-after")
    return Response(
        status=status,
        body=body,
        # The API server never sends the form with a date.
        retry_after=float(after) if after.isdecimal() else None,
        content_type=_text(fields, b"content-type", JSON),
        date=_text(fields, b"date"),
    )


def _text(fields: dict[bytes, bytes], name: bytes, default: str = "") -> str:
    value = fields.get(name)
    return default if value is None else value.strip().decode("latin-1")


def _trusted(endpoint: Endpoint) -> dict[int, object]:
    """Options for the CAs. Go, and so kubectl, trusts the same ones for an https:// proxy."""
    if endpoint.ca_data:
        return {pycurl.CAINFO_BLOB: endpoint.ca_data, pycurl.PROXY_CAINFO_BLOB: endpoint.ca_data}
    # The wheel's libcurl was built on another system and does not know where this one's are.
    system = ssl.get_default_verify_paths()
    options: dict[int, object] = {}
    if system.cafile:
        options |= {pycurl.CAINFO: system.cafile, pycurl.PROXY_CAINFO: system.cafile}
    if system.capath:
        options |= {pycurl.CAPATH: system.capath, pycurl.PROXY_CAPATH: system.capath}
    return options


def _drop_unsent(descriptor: int, _purpose: int) -> int:
    """Make a socket end at once and for good when it is closed."""
    with socket.socket(fileno=os.dup(descriptor)) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGERING)
    return int(pycurl.SOCKOPT_OK)


def _is_printable(text: str) -> bool:
    """Whether HTTP can carry it: a line's end in a name or a token would begin another header."""
    return text.isascii() and text.isprintable()
