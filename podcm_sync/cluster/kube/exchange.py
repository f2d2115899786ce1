"""A request and its answer over a connection of urllib3's: one write out, one parser in.

urllib3 makes the connections (TLS, names, proxies) and keeps them. What it and the standard library
do for each request beyond that is three quarters of a small write's CPU, and a first sync has
10,000 of them (tests/benchmarks/README.md).
"""

import contextlib
import re
import time
from collections.abc import Mapping
from typing import Any, Final

import urllib3
from urllib3.connectionpool import HTTPConnectionPool

from podcm_sync.cluster.kube.answers import Incoming, NoAnswerError, Response

CONNECT_SECONDS: Final = 10.0
"""How long a connection may take to be made: an address that swallows packets is said soon."""
RECEIVE_BYTES: Final = 1 << 16
MOMENT_SECONDS: Final = 0.05


class ExchangePool(HTTPConnectionPool):
    """Connections to one server, for whole requests and whole answers."""

    server = ""
    """Host and port, for the Host header."""
    forwarded = ""
    """Before the target of a request that a proxy forwards: scheme, host and port."""

    def exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        limit: float | None,
    ) -> Response:
        """Send a request and receive its answer, both within `limit` seconds.

        Raises NoAnswerError; or, where no connection can be made, what urllib3 and ssl raise.
        """
        request = self._written(method, target, headers, body)
        end = _End(limit)
        connection: Any = self._get_conn()
        incoming = Incoming()
        try:
            if connection.is_closed:
                self._connect(connection, limit)
            _exchange(connection.sock, request, incoming, end)
        finally:
            if incoming.is_last:
                connection.close()
            self._put_conn(connection)
        return incoming.response()

    def _connect(self, connection: Any, limit: float | None) -> None:
        connection.timeout = CONNECT_SECONDS if limit is None else min(CONNECT_SECONDS, limit)
        if self.proxy is not None and not self.forwarded:
            self._prepare_proxy(connection)
        self._validate_conn(connection)
        if connection.is_closed:
            connection.connect()

    def _written(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> bytes:
        """The request as bytes: in one piece it is one system call, and one TLS record."""
        lines = [f"{method} {self.forwarded}{target} HTTP/1.1", f"Host: {self.server}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if self.forwarded:
            lines += [f"{name}: {value}" for name, value in self.proxy_headers.items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join((*lines, "", ""))
        if " " in target or not head.isascii() or not all(map(str.isprintable, lines)):
            raise NoAnswerError("there are characters in it that HTTP does not have", is_sent=False)
        return head.encode("ascii") + (body or b"")


def exchange_pool(manager: urllib3.PoolManager, server: str) -> ExchangePool:
    """The manager's pool for a server's URL, with all that the manager knows of connections.

    Raises urllib3's errors for what is no URL.
    """
    manager.pool_classes_by_scheme = {
        scheme: type(f"Exchange{kind.__name__}", (ExchangePool, kind), {})
        for scheme, kind in manager.pool_classes_by_scheme.items()
    }
    pool = manager.connection_from_url(server)
    assert isinstance(pool, ExchangePool)
    url = urllib3.util.parse_url(server)
    host = re.sub(r"%.*\]", "]", url.host or "")  # a zone is this machine's own business
    pool.server = host if url.port is None else f"{host}:{url.port}"
    if manager.proxy is not None and url.scheme == "http":  # https goes through a tunnel
        pool.forwarded = f"http://{pool.server}"
    return pool


class _End:
    """When an exchange has to be over."""

    def __init__(self, limit: float | None) -> None:
        self._limit = limit
        self._at = time.monotonic() + (limit or 0.0)

    def give(self, sock: Any) -> None:
        """Let the socket wait until then. Raises TimeoutError where it came already.

        To set a timeout is a system call and a turn at the interpreter's lock, so one that is right
        but for a moment stays.
        """
        given = sock.gettimeout()
        if self._limit is None:
            if given is not None:
                sock.settimeout(None)
            return
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if given is None or abs(given - left) > MOMENT_SECONDS:
            sock.settimeout(left)

    def __str__(self) -> str:
        return f"timed out after {self._limit or 0.0:.3g} s"


def _exchange(sock: Any, request: bytes, incoming: Incoming, end: _End) -> None:
    """Send, and receive until the answer is whole. Raises NoAnswerError."""
    try:
        end.give(sock)
        # A server that turns a request away may close before it has it all.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(request)
        while not incoming.is_whole:
            end.give(sock)
            incoming.take(sock.recv(RECEIVE_BYTES))
    except TimeoutError as error:
        raise NoAnswerError(str(end), is_sent=True) from error
    except OSError as error:
        raise NoAnswerError(str(error), is_sent=True) from error
