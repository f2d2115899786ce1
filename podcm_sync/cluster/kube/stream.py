"""A streamed answer by libcurl: each chunk as it arrives, and an end that is always noticed.

libcurl moves the bytes, and this module waits for the socket. So it notices silence and a stop by
its own clock, and whatever takes the chunks can raise its own errors.
"""

import re
import select
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import pycurl
from msgspec import Struct

from podcm_sync.cluster.kube.endpoint import Route
from podcm_sync.cluster.kube.transport import (
    JSON,
    Response,
    TimedOutError,
    TransportError,
    failure,
    field,
    header_lines,
    url,
)

STEP_SECONDS: Final = 0.5
"""How often a silent stream checks whether to stop."""
REFUSAL_BYTES: Final = 65_536
REFUSAL_SECONDS: Final = 10.0
"""The most bytes and seconds that the body of a refusal can take. The rest is dropped."""
KEEPALIVE_SECONDS: Final = 15
KEEPALIVE_STEP_SECONDS: Final = 5
"""After so much silence, TCP asks whether the other end still exists, and then again and again.
Linux gives up after nine questions, one minute in all."""
BUFFER_BYTES: Final = 1 << 14
"""libcurl holds one such buffer for each stream. Events are small."""
PENDING_BYTES: Final = 1 << 24
"""The most bytes that libcurl can unpack before the receiver gets them. Some hundred bytes of gzip
within gzip are gigabytes."""
_STATUS_LINE: Final = re.compile(rb"HTTP/\S+ +([2-9]\d\d)")
"""Of a final answer. Those of 1xx come before it."""
_POLLED: Final = {
    pycurl.POLL_IN: select.POLLIN,
    pycurl.POLL_OUT: select.POLLOUT,
    pycurl.POLL_INOUT: select.POLLIN | select.POLLOUT,
}


class SilentError(TimedOutError):
    """No byte came for too long, so the other end may be gone."""


class StoppedError(Exception):
    """The caller doesn't need the stream any more."""


class StreamLimits(Struct, frozen=True, kw_only=True):
    """The seconds until the head, between two chunks, and for the whole stream."""

    head: float
    silence: float
    total: float


class Receiver(Protocol):
    """Takes an answer of status 200. An error that it raises ends the stream."""

    def opened(self, content_type: str) -> None:
        """The server accepted the request. Chunks follow."""
        ...

    def take(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        ...


def stream(  # noqa: PLR0913 - an HTTP exchange has these parts
    route: Route,
    target: str,
    headers: Mapping[str, str],
    receiver: Receiver,
    *,
    limits: StreamLimits,
    is_stopped: Callable[[], bool],
) -> Response:
    """Send a GET, and pass an answer of status 200 on to the receiver until the server ends it.

    Returns that answer without a body, or a refusal with its body, cut to REFUSAL_BYTES. Raises
    what the receiver raises, and:

    - TransportError if the answer breaks off or lasts longer than its limit;
    - UntrustedError if the certificate cannot be trusted;
    - SilentError if no byte came for too long;
    - StoppedError once `is_stopped` returns true.
    """
    running = _Stream(receiver, limits)
    try:
        running.begin(route, url(route, target), header_lines(headers))
        while not running.is_over():
            if is_stopped():
                raise StoppedError
            running.step()
        return running.response()
    finally:
        running.close()


class _Stream:
    """One exchange. libcurl's callbacks only note what came; `step` passes it on."""

    def __init__(self, receiver: Receiver, limits: StreamLimits) -> None:
        self._receiver = receiver
        self._limits = limits
        self._curl: pycurl.Curl | None = None
        self._multi = pycurl.CurlMulti()
        self._poll = select.poll()
        self._is_connected = False
        """Whether the server may have seen the request; a CONNECT to a proxy doesn't count."""
        self._head: list[bytes] = []
        self._status = 0
        """0 until the head is whole."""
        self._is_open = False
        self._chunks: list[bytes] = []
        self._pending = 0
        """The bytes of these chunks."""
        self._refusal = b""
        self._is_ended = False
        self._began = self._heard = time.monotonic()
        self._refused = 0.0

    def begin(self, route: Route, whole_url: str, lines: list[bytes]) -> None:
        self._curl = curl = route.new_curl()
        options: dict[int, object] = {
            pycurl.URL: whole_url,
            pycurl.HTTPHEADER: [*lines, *(line.encode() for line in route.headers)],
            pycurl.BUFFERSIZE: BUFFER_BYTES,
            pycurl.TCP_KEEPALIVE: 1,
            pycurl.TCP_KEEPIDLE: KEEPALIVE_SECONDS,
            pycurl.TCP_KEEPINTVL: KEEPALIVE_STEP_SECONDS,
            pycurl.PREREQFUNCTION: self._note_connected,
            pycurl.HEADERFUNCTION: self._note_head,
            pycurl.WRITEFUNCTION: self._note_chunk,
        }
        for option, value in options.items():
            curl.setopt(option, value)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._note_socket)
        self._multi.add_handle(curl)

    def step(self) -> None:
        """Wait for bytes, at most STEP_SECONDS, and pass on what came."""
        timer = self._multi.timeout()  # of libcurl, in milliseconds; -1 for none
        step = STEP_SECONDS * 1000
        for descriptor, events in self._poll.poll(step if timer < 0 else min(timer, step)):
            self._multi.socket_action(descriptor, _ready(events))
        self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        if self._chunks or (self._status and not self._is_open):
            self._pass_on()
            # Only now: the receiver may have taken its time.
            self._heard = time.monotonic()
        _, ended, failed = self._multi.info_read()
        self._is_ended = bool(ended)
        if failed and not self._refused:
            assert self._curl is not None
            _, code, message = failed[0]
            if code == pycurl.E_WRITE_ERROR:  # of `_note_chunk`
                message = f"more than {PENDING_BYTES >> 20} MiB came at once"
            errno = self._curl.getinfo(pycurl.OS_ERRNO)
            raise failure(code, message, is_sent=self._is_connected, errno=errno)
        self._is_ended |= bool(failed)

    def is_over(self) -> bool:
        """Whether nothing more is needed. Raises TransportError if it takes too long."""
        now, limits = time.monotonic(), self._limits
        if self._is_ended:
            return True
        if self._refused:
            is_enough = len(self._refusal) >= REFUSAL_BYTES
            return is_enough or now - self._refused >= REFUSAL_SECONDS
        if not self._is_open and now - self._began >= limits.head:
            raise SilentError(f"no answer within {limits.head:.3g} s", is_sent=self._is_connected)
        if self._is_open and now - self._heard >= limits.silence:
            raise SilentError(f"no byte within {limits.silence:.3g} s", is_sent=True)
        if now - self._began >= limits.total:
            raise TimedOutError(f"not ended after {limits.total:.3g} s", is_sent=True)
        return False

    def response(self) -> Response:
        """The answer without what the receiver took."""
        if not self._status:
            raise TransportError("the answer has no whole head", is_sent=True)
        assert self._curl is not None
        return Response(
            status=self._status,
            body=self._refusal[:REFUSAL_BYTES],
            retry_after=float(self._curl.getinfo(pycurl.RETRY_AFTER)) or None,
            content_type=self._content_type,
            date=field(self._head, b"date") or "",
        )

    def close(self) -> None:
        if self._curl is not None:
            self._multi.remove_handle(self._curl)
            self._curl.close()
        self._multi.close()

    @property
    def _content_type(self) -> str:
        return field(self._head, b"content-type") or JSON

    def _pass_on(self) -> None:
        if self._status == 200 and not self._is_open:
            self._is_open = True
            self._receiver.opened(self._content_type)
        elif self._status != 200 and not self._refused:
            self._is_open = True
            self._refused = time.monotonic()
        self._pending = 0
        while self._chunks:
            chunk = self._chunks.pop(0)
            if not self._refused:
                self._receiver.take(chunk)
            elif len(self._refusal) < REFUSAL_BYTES:
                self._refusal += chunk

    def _note_chunk(self, chunk: bytes) -> int | None:
        """Note a part of the body. For libcurl, None means taken, and -1 ends the exchange."""
        self._pending += len(chunk)
        if self._pending > PENDING_BYTES:
            return -1
        self._chunks.append(chunk)
        return None

    def _note_connected(self, *_: object) -> int:
        """Note that the request is about to be sent: a CONNECT to a proxy is behind it."""
        self._is_connected = True
        return int(pycurl.PREREQFUNC_OK)

    def _note_head(self, line: bytes) -> None:
        if self._status or not self._is_connected:  # a trailer, or a proxy's answer to CONNECT
            return
        if line.startswith(b"HTTP/"):
            self._head.clear()
        self._head.append(line)
        if not line.strip():
            status = _STATUS_LINE.match(self._head[0])
            self._status = int(status[1]) if status else 0

    def _note_socket(self, what: int, descriptor: int, *_: object) -> None:
        if what in _POLLED:
            self._poll.register(descriptor, _POLLED[what])
        else:
            self._poll.unregister(descriptor)


def _ready(events: int) -> int:
    """The events of a socket as libcurl's bits. An error counts as both: libcurl finds it."""
    if events & ~(select.POLLIN | select.POLLOUT):
        return int(pycurl.CSELECT_IN | pycurl.CSELECT_OUT)
    bits = pycurl.CSELECT_IN if events & select.POLLIN else 0
    return int(bits | (pycurl.CSELECT_OUT if events & select.POLLOUT else 0))
