"""A request out in one write, an answer in, and which connections are used again."""

import gc
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import urllib3

from podcm_sync.cluster.kube import answers
from podcm_sync.cluster.kube.answers import Incoming, NoAnswerError
from podcm_sync.cluster.kube.exchange import ExchangePool, exchange_pool

FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"


class Wire:
    """A socket that notes what is written to it, and answers; or fails in between."""

    def __init__(self, answer: bytes = FINE, failure: OSError | None = None) -> None:
        self.sent: list[bytes] = []
        self.answer = answer
        self.failure = failure

    def sendall(self, data: bytes) -> None:
        self.sent.append(data)
        if self.failure is not None:
            raise self.failure

    def recv(self, _size: int) -> bytes:
        answer, self.answer = self.answer, b""
        return answer

    def settimeout(self, seconds: float | None) -> None:
        """Nothing takes any time here."""

    def close(self) -> None:
        """Nothing is held."""


def wired(
    monkeypatch: pytest.MonkeyPatch, wire: Wire, server: str, manager: Any = None
) -> ExchangePool:
    """A pool whose connections are this wire, TLS or not."""
    pool = exchange_pool(manager or urllib3.PoolManager(), server)
    monkeypatch.setattr(pool.ConnectionCls, "_new_conn", lambda _: wire)
    return pool


def sent(pool: ExchangePool, wire: Wire, **headers: str) -> tuple[list[str], bytes]:
    """The lines of the head of a request as it went out, and its body."""
    assert pool.exchange("POST", "/pods", headers, b'{"a": 1}', 5.0).status == 200
    (whole,) = wire.sent
    head, _, body = whole.partition(b"\r\n\r\n")
    return head.decode().split("\r\n"), body


def test_head_and_body_are_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """One system call, one TLS record."""
    wire = Wire()
    pool = wired(monkeypatch, wire, "http://server:8080")
    assert sent(pool, wire, Accept="text/plain") == (
        ["POST /pods HTTP/1.1", "Host: server:8080", "Accept: text/plain", "Content-Length: 8"],
        b'{"a": 1}',
    )


@pytest.mark.parametrize(
    ("server", "host"),
    [
        ("http://server", "server"),
        ("http://server:8080/prefix", "server:8080"),
        ("http://[fe80::1%25eth0]:8080", "[fe80::1]:8080"),
        ("http://[2001:db8::1]:8080", "[2001:db8::1]:8080"),
    ],
)
def test_the_host_is_the_servers_and_nothing_more(
    monkeypatch: pytest.MonkeyPatch, server: str, host: str
) -> None:
    wire = Wire()
    lines, _ = sent(wired(monkeypatch, wire, server), wire)
    assert lines[1] == f"Host: {host}"


def test_a_proxy_forwards_what_is_not_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 9112, 3.2.2: it is told the whole address, and who may use it."""
    wire = Wire()
    manager = urllib3.ProxyManager("http://proxy:3128", proxy_headers={"Proxy-Authorization": "x"})
    lines, _ = sent(wired(monkeypatch, wire, "http://server:8080", manager), wire)
    assert lines[:2] == ["POST http://server:8080/pods HTTP/1.1", "Host: server:8080"]
    assert "Proxy-Authorization: x" in lines


@pytest.mark.parametrize(
    ("target", "header"),
    [("/a b", ""), ("/a\r\nX: y", ""), ("/ä", ""), ("/a", "b\r\nX: y"), ("/a", "ä")],
)
def test_what_http_cannot_say_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, target: str, header: str
) -> None:
    """A line's end in a name or a token would begin a header, or another request."""
    wire = Wire()
    pool = wired(monkeypatch, wire, "http://server")
    with pytest.raises(NoAnswerError, match="characters") as error:
        pool.exchange("GET", target, {"Authorization": header}, None, 5.0)
    assert (error.value.is_sent, wire.sent) == (False, [])


@pytest.mark.parametrize("failure", [BrokenPipeError(), ConnectionResetError()])
def test_an_answer_before_the_server_had_it_all_counts(
    monkeypatch: pytest.MonkeyPatch, failure: OSError
) -> None:
    """Such as a 413 to a body that is too large for a proxy."""
    wire = Wire(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", failure)
    pool = wired(monkeypatch, wire, "http://server")
    assert pool.exchange("POST", "/", {}, b"much", 5.0).status == 413


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
        pytest.param(closing(b"HTTP/1.0 200 OK\r\n\r\n{}"), 3, id="an old server's"),
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


def test_what_goes_before_the_answer_is_passed_over() -> None:
    incoming = Incoming()
    incoming.take(b"HTTP/1.1 103 Early Hints\r\nDate: then\r\n\r\n" + FINE)
    found = incoming.response()
    assert (found.status, found.body, found.date) == (200, b"{}", "")


def test_what_was_not_asked_for_is_no_answer() -> None:
    """We ask for `identity`; compressed bytes would only be a riddle further on."""
    incoming = Incoming()
    incoming.take(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx")
    with pytest.raises(NoAnswerError, match="compressed"):
        incoming.response()


def test_a_page_is_gone_once_nobody_has_it() -> None:
    """Runs collect garbage seldom: a cycle would keep page after page of a list."""
    incoming = Incoming()
    incoming.take(FINE)
    incoming.response()
    left = weakref.ref(incoming)
    gc.disable()
    try:
        del incoming
        assert left() is None
    finally:
        gc.enable()
