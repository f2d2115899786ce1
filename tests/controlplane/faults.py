"""What goes wrong around an API server, on purpose: a proxy's faults, and controllers at rest.

The proxy speaks TLS with the control plane's own certificate, so a kubeconfig needs nothing but
its address. It notes every request, before its answer.
"""

import os
import signal
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import urllib3

from tests.controlplane.harness import ControlPlane

# What belongs to one connection and not to the request or answer itself.
OF_THE_CONNECTION = {"connection", "content-length", "host", "transfer-encoding"}


@dataclass(frozen=True)
class Request:
    """One request as it reached the proxy; header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """An answer, in one piece or chunks; after `sent` bytes of its body the connection is cut."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: int | None = None
    is_chunked: bool = False


Forward = Callable[[], Reply]
Fault = Callable[[Request, Forward], Reply | None]
"""Answers a request, by the server's own answer or another; None cuts the connection instead."""


def no_fault(request: Request, forward: Forward) -> Reply:
    return forward()


class Proxy:
    """A TLS proxy on loopback before the control plane's API server; a context manager."""

    def __init__(self, plane: ControlPlane, fault: Fault = no_fault, prefix: str = "") -> None:
        """With a prefix it answers under `https://host:port/prefix` alone."""
        self.requests: list[Request] = []
        self._fault = fault
        self._prefix = prefix
        self._upstream = plane.server
        self._http = urllib3.PoolManager(ca_certs=str(plane.ca_file), retries=False, maxsize=8)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(plane.ca_file, plane.ca_file.with_suffix(".key"))
        self._server = _Server(self, context)
        self.url = f"https://127.0.0.1:{self._server.server_port}{prefix}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._http.clear()

    def seen(self, method: str) -> list[Request]:
        """The requests of that method."""
        return [request for request in self.requests if request.method == method]

    def answer(self, request: Request) -> Reply | None:
        """Notes the request, and answers it as the test wants."""
        self.requests.append(request)
        if not request.path.startswith(f"{self._prefix}/"):
            return Reply(404, b"not under the prefix")
        return self._fault(request, lambda: self._forwarded(request))

    def _forwarded(self, request: Request) -> Reply:
        answer = self._http.request(
            request.method,
            self._upstream + request.path.removeprefix(self._prefix),
            fields=None if request.body else request.query,
            body=request.body or None,
            headers=request.headers,
            redirect=False,
            timeout=30.0,
        )
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in OF_THE_CONNECTION}
        return Reply(answer.status, answer.data, kept)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, proxy: Proxy, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy
        self._context = context

    def get_request(self) -> tuple[Any, Any]:
        plain, address = super().get_request()
        # The handshake is the handler's: a client that breaks it off must not stop the others.
        wrapped = self._context.wrap_socket(
            plain, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=True
        )
        return wrapped, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust this server, or has gone: what tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms
    server: _Server

    def _answer(self) -> None:
        path = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        headers = {key.lower(): value for key, value in self.headers.items()}
        for name in OF_THE_CONNECTION:
            headers.pop(name, None)
        query = dict(parse_qsl(path.query, keep_blank_values=True))
        body = self.rfile.read(length)
        reply = self.server.proxy.answer(Request(self.command, path.path, query, headers, body))
        self.close_connection = reply is None or reply.sent is not None
        if reply is None:
            return
        self.send_response_only(reply.status)  # no Date and Server beside the API server's own
        for key, value in reply.headers.items():
            self.send_header(key, value)
        if reply.is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        body = reply.body[: reply.sent]
        if reply.is_chunked:
            end = b"0\r\n\r\n" if reply.sent is None else b""
            body = b"%x\r\n%s\r\n%s" % (len(body), body, end)
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Nothing: stderr is the tests'."""


@contextmanager
def controllers_paused(plane: ControlPlane) -> Iterator[None]:
    """Stops the garbage collector and all other controllers; they go on afterwards."""
    (controllers,) = [c for c in plane._running if c.name == "kube-controller-manager"]
    os.kill(controllers._process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(controllers._process.pid, signal.SIGCONT)
