"""`--listen`: /metrics, /healthz and /readyz over HTTP, to anybody who can connect; nothing else.

A client that sends or reads slowly, or many at once, cost a bounded number of threads for a
bounded time, and the runs nothing.
"""

import contextlib
import errno
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Final

from prometheus_client.exposition import choose_encoder

from podcm_sync.errors import InputError
from podcm_sync.metrics.exposition import Exposition
from podcm_sync.metrics.health import Health

log = logging.getLogger(__name__)

MAX_CONNECTIONS: Final = 32
EXCHANGE_SECONDS: Final = 5.0
"""For a request's whole head to come, and again for the answer to be taken."""
MAX_HEAD_BYTES: Final = 16_384
POLL_SECONDS: Final = 0.1
ROOM_SECONDS: Final = 1.0
"""For a connection that was hung up to make room for another."""
NO_IPV6: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
PLAIN: Final = "text/plain; charset=utf-8"
Answer = tuple[int, str, bytes]
"""Status, content type, body."""


class Listener:
    """A server on daemon threads; it listens once this is made."""

    def __init__(self, host: str, port: int, exposition: Exposition, health: Health) -> None:
        """A host of "" is all of this one's addresses; a port of 0 is any. Raises InputError."""

        def metrics(accept: str) -> Answer:
            encode, content_type = choose_encoder(accept)
            return HTTPStatus.OK, content_type, encode(exposition.registry)

        pages = {
            "/metrics": metrics,
            "/healthz": lambda _: _verdict(health.not_live()),
            "/readyz": lambda _: _verdict(health.not_ready()),
        }
        self._server = _Server(_bound(host, port), pages)
        threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), name="listen", daemon=True
        ).start()
        log.info("listening on %s", self.url)

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._server.socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def close(self) -> None:
        """Listen no longer; answers under way are finished or cut off with the process."""
        self._server.shutdown()
        self._server.server_close()


def _bound(host: str, port: int) -> socket.socket:
    try:
        return _opened(host, port)
    except (OSError, TypeError, UnicodeError) as error:  # a name that cannot be encoded is either
        number = error.errno if isinstance(error, OSError) else None
        # create_server says the address a second time.
        why = os.strerror(number).lower() if number and number > 0 else str(error)
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise InputError(f"cannot listen on {where}: {why}; choose another address") from error


def _opened(host: str, port: int) -> socket.socket:
    if not host and socket.has_dualstack_ipv6():
        try:
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        except OSError as error:
            if error.errno not in NO_IPV6:
                raise
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def _verdict(problem: str) -> Answer:
    if problem:
        return HTTPStatus.SERVICE_UNAVAILABLE, PLAIN, f"{problem}\n".encode()
    return HTTPStatus.OK, PLAIN, b"ok\n"


class _Server(ThreadingMixIn, TCPServer):
    daemon_threads = True

    def __init__(self, bound: socket.socket, pages: Mapping[str, Callable[[str], Answer]]) -> None:
        super().__init__(bound.getsockname(), _Exchange, bind_and_activate=False)
        self.socket.close()
        self.socket = bound
        self.pages = pages
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._open: dict[socket.socket, None] = {}
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for it; where there are too many, in place of the one that took the longest.

        Were new ones turned away, idle connections would do for a probe to fail, and for the
        kubelet to kill what is well.
        """
        if not self._free.acquire(blocking=False):
            self._hang_up_oldest()
            if not self._free.acquire(timeout=ROOM_SECONDS):
                self.shutdown_request(request)
                return
        with self._lock:
            self._open[request] = None
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._forget(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The exchange, in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._forget(request)

    def _forget(self, request: socket.socket) -> None:
        with self._lock:
            self._open.pop(request, None)
        self._free.release()

    def _hang_up_oldest(self) -> None:
        """End its connection, which its thread will notice."""
        with self._lock:
            oldest = next(iter(self._open), None)
            if oldest is not None:
                del self._open[oldest]
        if oldest is not None:
            with contextlib.suppress(OSError):  # it has just ended by itself
                oldest.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - its form
        """Somebody else's connection that breaks is no news."""
        log.debug("an answer to %s was not taken", client_address)


class _Exchange(BaseHTTPRequestHandler):
    """One request and its answer; then the connection is closed."""

    server: _Server
    timeout = EXCHANGE_SECONDS

    def setup(self) -> None:
        """Read the head within its time: timeouts of sockets are one for each read."""
        super().setup()
        self.rfile = BytesIO(_head(self.connection))
        self.connection.settimeout(EXCHANGE_SECONDS)

    def handle(self) -> None:
        """The answer, whatever the method."""
        self.close_connection = True
        self.raw_requestline = self.rfile.readline(MAX_HEAD_BYTES)
        if not self.raw_requestline or not self.parse_request():
            return
        status, content_type, body = self._answer()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _answer(self) -> Answer:
        page = self.server.pages.get(self.path.partition("?")[0])
        if page is None:
            return HTTPStatus.NOT_FOUND, PLAIN, b"only /metrics, /healthz and /readyz are here\n"
        if self.command not in {"GET", "HEAD"}:
            return HTTPStatus.METHOD_NOT_ALLOWED, PLAIN, b"only GET and HEAD\n"
        return page(self.headers.get("Accept", ""))

    def version_string(self) -> str:
        """The Server header; which Python it is is nobody's business."""
        return "podcm-sync"

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - its name there
        """Probes come every few seconds: for -v alone."""
        log.debug(format, *arguments)


def _head(connection: socket.socket) -> bytes:
    """The request's head, or "" where it does not come whole in time. A body is not read."""
    until = time.monotonic() + EXCHANGE_SECONDS
    head = b""
    while b"\r\n\r\n" not in head:
        left = until - time.monotonic()
        if left <= 0 or len(head) > MAX_HEAD_BYTES:
            return b""
        connection.settimeout(left)
        try:
            piece = connection.recv(4_096)
        except TimeoutError:
            return b""
        if not piece:
            return b""
        head += piece
    return head
