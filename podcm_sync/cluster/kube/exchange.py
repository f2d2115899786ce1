"""A request and its answer over a connection of urllib3's: one write out, one parser in.

urllib3 makes the connections (TLS, names, proxies) and keeps them. What it and the standard library
do for each request beyond that is three quarters of a small write's CPU, and a first sync has
10,000 of them (tests/benchmarks/README.md).
"""

import math
import re
import time
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, Final

import urllib3
from urllib3.connectionpool import HTTPConnectionPool

from podcm_sync.cluster.kube.answers import Incoming, NoAnswerError, Response
from podcm_sync.cluster.kube.watchdog import Watchdog

CONNECT_SECONDS: Final = 10.0
"""How long a connection may take to be made: an address that swallows packets is said soon."""
RECEIVE_BYTES: Final = 1 << 16


class ExchangePool(HTTPConnectionPool):
    """Connections to one server, for whole requests and whole answers."""

    server = ""
    """Host and port, for the Host header."""
    forwarded = ""
    """Before the target of a request that a proxy forwards: scheme, host and port."""
    watchdog = Watchdog()

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
        end = math.inf if limit is None else time.monotonic() + limit
        connection: Any = self._get_conn()
        incoming = Incoming()
        try:
            with self.watchdog.watching(lambda: connection.sock, end):
                if connection.is_closed:
                    self._connect(connection, limit)
                    _check(end)  # looking a name up has no end of its own
                _exchange(connection.sock, request, incoming)
        except NoAnswerError as error:
            if time.monotonic() < end:
                raise
            raise NoAnswerError(f"timed out after {limit:.3g} s", is_sent=error.is_sent) from error
        finally:
            if incoming.is_last or time.monotonic() >= end:
                connection.close()
            self._put_conn(connection)
        return incoming.response()

    def _connect(self, connection: Any, limit: float | None) -> None:
        connection.timeout = CONNECT_SECONDS if limit is None else min(CONNECT_SECONDS, limit)
        if self.proxy is not None and not self.forwarded:
            try:
                self._prepare_proxy(connection)
            except (HTTPException, UnicodeError) as error:  # what urllib3's own urlopen turns
                raise OSError(f"its answer to CONNECT is no HTTP: {error!r}") from error
        self._validate_conn(connection)
        if connection.is_closed:
            connection.connect()
        connection.sock.settimeout(None)  # from here on the watchdog sees to it

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


def _check(end: float) -> None:
    """See that there is time left. Raises NoAnswerError."""
    if time.monotonic() >= end:
        raise NoAnswerError("it took too long to connect", is_sent=False)


def _exchange(sock: Any, request: bytes, incoming: Incoming) -> None:
    """Send, and receive until the answer is whole. Raises NoAnswerError."""
    try:
        is_sent = True
        try:
            sock.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            is_sent = False  # a server that turns a request away may close before it has it all
        while not incoming.is_whole:
            incoming.take(sock.recv(RECEIVE_BYTES))
        incoming.is_last = incoming.is_last or not is_sent
    except OSError as error:
        raise NoAnswerError(str(error), is_sent=True) from error
