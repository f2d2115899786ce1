"""Answers of a real socket: which connections are used again, and that all of it has an end."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import urllib3

from podcm_sync.cluster.kube import answers
from podcm_sync.cluster.kube.answers import NoAnswerError
from podcm_sync.cluster.kube.exchange import ExchangePool, exchange_pool

FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"


@contextmanager
def serving(serve: Callable[[socket.socket], Any]) -> Iterator[tuple[ExchangePool, list[int]]]:
    """A pool of a server that does this with each connection; and one entry for each."""
    connections: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connections.append(1)
                threading.Thread(target=once, args=(connection,), daemon=True).start()

        def once(connection: socket.socket) -> None:
            with connection:
                try:
                    serve(connection)
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        pool = exchange_pool(urllib3.PoolManager(), f"http://127.0.0.1:{server.getsockname()[1]}")
        yield pool, connections
        pool.close()
        server.shutdown(socket.SHUT_RDWR)


def answering(answer: bytes) -> Callable[[socket.socket], None]:
    """Each request with this."""

    def serve(connection: socket.socket) -> None:
        while connection.recv(100_000):
            connection.sendall(answer)

    return serve


def closing(answer: bytes) -> Callable[[socket.socket], None]:
    """One request with this, and then it hangs up."""

    def serve(connection: socket.socket) -> None:
        connection.recv(100_000)
        connection.sendall(answer)

    return serve


@pytest.mark.parametrize(
    ("serve", "connections"),
    [
        pytest.param(answering(FINE), 1, id="kept open"),
        pytest.param(answering(LAST), 3, id="closed by the answer"),
        pytest.param(closing(FINE), 3, id="closed without a word"),
        pytest.param(answering(FINE + FINE), 3, id="more than was asked for"),
        pytest.param(answering(FINE + b"more"), 3, id="something after it"),
        pytest.param(closing(b"HTTP/1.0 503 Away\r\n\r\n{}"), 3, id="an old server's"),
    ],
)
def test_a_connection_is_used_for_as_long_as_it_can_be(
    serve: Callable[[socket.socket], None], connections: int
) -> None:
    with serving(serve) as (pool, made):
        for _ in range(3):
            assert pool.exchange("GET", "/", {}, None, 5.0).body == b"{}"
            time.sleep(0.05)  # for a server that hangs up to have done so
    assert len(made) == connections


def test_what_comes_unasked_is_nobodys_answer() -> None:
    """Bytes that wait on an idle connection: some load balancers send a 408 there and close."""

    def serve(connection: socket.socket) -> None:
        connection.recv(100_000)
        connection.sendall(FINE)
        time.sleep(0.02)
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        connection.recv(100_000)

    with serving(serve) as (pool, made):
        for _ in range(3):
            assert pool.exchange("POST", "/", {}, b"x", 5.0).status == 200
            time.sleep(0.04)
    assert len(made) == 3


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        pytest.param(b"", b"", id="silence"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: ", b"y", id="a head that trickles"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"y", id="a body"),
    ],
)
def test_however_slowly_it_comes_it_ends_in_time(begin: bytes, piece: bytes) -> None:
    """A socket's own timeout is for each read; this one is for all of them."""
    is_over = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(100_000)
        connection.sendall(begin)
        while not is_over.wait(0.02):
            connection.sendall(piece)

    with serving(serve) as (pool, _):
        with pytest.raises(NoAnswerError, match=r"^timed out after 0\.3 s$") as error:
            pool.exchange("GET", "/", {}, None, 0.3)
        is_over.set()
    assert error.value.is_sent


def test_a_head_without_end_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory has an end, even where time has none."""
    monkeypatch.setattr(answers, "MAX_HEAD_BYTES", 10_000)
    is_over = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(100_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not is_over.is_set():
            connection.sendall(b"X: y\r\n" * 100)

    with serving(serve) as (pool, _):
        with pytest.raises(NoAnswerError, match="head has no end"):
            pool.exchange("GET", "/", {}, None, None)
        is_over.set()
