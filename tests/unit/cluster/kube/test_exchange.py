"""What goes out: one write, to the right host, and nothing that HTTP cannot say."""

import time
from typing import Any

import pytest
import urllib3

from podcm_sync.cluster.kube.answers import NoAnswerError
from podcm_sync.cluster.kube.exchange import ExchangePool, exchange_pool

FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


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


def test_a_connection_that_broke_while_it_was_written_to_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its answer counts; the next request would only be lost on it."""
    wire = Wire(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", BrokenPipeError())
    pool = wired(monkeypatch, wire, "http://server")
    assert pool.exchange("POST", "/", {}, b"much", 5.0).status == 413
    assert pool.pool is not None
    assert pool.pool.get(block=False).is_closed


def test_nothing_is_sent_on_a_connection_that_was_made_too_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Looking a name up has no end of its own; a leader's term, which the limit is then, has."""
    wire = Wire()
    pool = exchange_pool(urllib3.PoolManager(), "http://server")

    def slow(_connection: Any) -> Wire:
        time.sleep(0.2)
        return wire

    monkeypatch.setattr(pool.ConnectionCls, "_new_conn", slow)
    with pytest.raises(NoAnswerError, match=r"^timed out after 0\.1 s$") as error:
        pool.exchange("POST", "/", {}, b"x", 0.1)
    assert (error.value.is_sent, wire.sent) == (False, [])
