"""`--listen`: serves /metrics, /healthz, and /readyz over HTTP, without authentication.

Slow clients and many clients use a bounded number of threads for a bounded time, and never delay a
run.
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
"""The time to receive the complete head of a request, and again to send the answer."""
MAX_HEAD_BYTES: Final = 16_384
POLL_SECONDS: Final = 0.1
EVICTION_SECONDS: Final = 1.0
"""How long a new connection waits for the thread of the one that it replaces."""
NO_IPV6: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
PLAIN: Final = "text/plain; charset=utf-8"
Answer = tuple[int, str, bytes]
"""Status, content type, body."""


class Listener:
    """An HTTP server on daemon threads. It listens as soon as it is constructed."""

    def __init__(self, host: str, port: int, exposition: Exposition, health: Health) -> None:
        """Listen on `host` ("" is every address) and `port` (0 is any). Raises InputError."""

        def metrics(accept: str) -> Answer:
            encode, content_type = choose_encoder(accept)
            return HTTPStatus.OK, content_type, encode(exposition.registry)

        pages = {
            "/metrics": metrics,
            "/healthz": lambda _: _probe_answer(health.not_live()),
            "/readyz": lambda _: _probe_answer(health.not_ready()),
        }
        self._server = _Server(_bind(host, port), pages)
        threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), name="listen", daemon=True
        ).start()
        log.info("listening on %s", self.url)

    @property
    def url(self) -> str:
        """The URL of the server, with the port that it really has."""
        host, port = self._server.socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def close(self) -> None:
        """Stop listening. An answer under way ends by itself, or with the process."""
        self._server.shutdown()
        self._server.server_close()


def _bind(host: str, port: int) -> socket.socket:
    try:
        return _create_socket(host, port)
    except (OSError, TypeError, UnicodeError) as error:
        # A host name that cannot be encoded raises a TypeError or a UnicodeError.
        number = error.errno if isinstance(error, OSError) else None
        # The message of create_server would repeat the address.
        why = os.strerror(number).lower() if number and number > 0 else str(error)
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise InputError(f"cannot listen on {where}: {why}; choose another address") from error


def _create_socket(host: str, port: int) -> socket.socket:
    if not host and socket.has_dualstack_ipv6():
        try:
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        except OSError as error:
            # The kernel supports IPv6, but the machine has no such address: IPv4 is enough then.
            if error.errno not in NO_IPV6:
                raise
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def _probe_answer(problem: str) -> Answer:
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
        """Start a thread for the connection; if there are too many, close the oldest one first.

        If it refused new connections instead, a few idle ones would make a probe fail, and the
        kubelet would kill a healthy process.
        """
        if not self._free.acquire(blocking=False):
            self._close_oldest()
            if not self._free.acquire(timeout=EVICTION_SECONDS):
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
        """Handle the request, on its own thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._forget(request)

    def _forget(self, request: socket.socket) -> None:
        with self._lock:
            self._open.pop(request, None)
        self._free.release()

    def _close_oldest(self) -> None:
        """Shut down the oldest connection. Its thread notices that, and ends."""
        with self._lock:
            oldest = next(iter(self._open), None)
            if oldest is not None:
                del self._open[oldest]
        if oldest is not None:
            with contextlib.suppress(OSError):  # the client has just closed it
                oldest.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - its form
        """Log a broken connection only with -v: it is the client's problem."""
        log.debug("an answer to %s was not taken", client_address)


class _Exchange(BaseHTTPRequestHandler):
    """One request and its answer. Then the server closes the connection."""

    server: _Server
    timeout = EXCHANGE_SECONDS

    def setup(self) -> None:
        """Read the head within its time. A socket timeout would start again at each read."""
        super().setup()
        self.rfile = BytesIO(_read_head(self.connection))
        self.connection.settimeout(EXCHANGE_SECONDS)

    def handle(self) -> None:
        """Answer the request, whatever its method is."""
        self.close_connection = True
        self.raw_requestline = self.rfile.readline(MAX_HEAD_BYTES)
        if not self.raw_requestline or not self.parse_request():
            return
        self._send(*self._answer())

    def send_error(self, code: int, *_: object) -> None:
        """Answer an invalid request. The answer of the standard library would quote parts of it."""
        self._send(code, PLAIN, b"that is not a request\n")

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        # For HTTP/0.9 and unreadable versions, the base class would send no head.
        self.request_version = self.protocol_version
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
        """The Server header, without the version of Python."""
        return "podcm-sync"

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - its name there
        """Log a request only with -v: probes come every few seconds."""
        log.debug(format, *arguments)


def _read_head(connection: socket.socket) -> bytes:
    """The head of the request, or b"" if it doesn't arrive in time. The body is not read."""
    until = time.monotonic() + EXCHANGE_SECONDS
    head = b""
    while b"\r\n\r\n" not in head:
        remaining = until - time.monotonic()
        if remaining <= 0 or len(head) > MAX_HEAD_BYTES:
            return b""
        connection.settimeout(remaining)
        try:
            chunk = connection.recv(4_096)
        except TimeoutError:
            return b""
        if not chunk:
            return b""
        head += chunk
    return head
