"""The open port and hostile clients: slow, many, huge, or disconnected ones."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from podcm_sync.errors import InputError
from podcm_sync.metrics import listen
from podcm_sync.metrics.exposition import Exposition
from podcm_sync.metrics.health import Health
from podcm_sync.metrics.listen import MAX_CONNECTIONS, Listener
from podcm_sync.metrics.scope import MetricScope

EXPOSITION = Exposition(MetricScope(label="all"))
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """A listener with a time limit of 0.2 s for an exchange."""
    monkeypatch.setattr(listen, "EXCHANGE_SECONDS", 0.2)
    made = Listener("127.0.0.1", 0, EXPOSITION, Health(interval=60.0, deadline=None))
    yield made
    made.close()


def connect(listener: Listener) -> socket.socket:
    parts = urlsplit(listener.url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20)


def all_of(client: socket.socket) -> bytes:
    """Everything up to the end of the connection, even if that is an error."""
    received = b""
    try:
        while chunk := client.recv(65_536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def answer_to(listener: Listener, request: bytes = GET) -> bytes:
    with connect(listener) as client:
        client.sendall(request)
        return all_of(client)


def test_an_answer_is_whole_and_the_connection_ends(listener: Listener) -> None:
    answer = answer_to(listener)
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
    assert b"Connection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\nok\n")


@pytest.mark.parametrize("version", [b"", b" HTTP", b" HTTP/0.9", b" HTTP/x", b" HTTP\xb71.1"])
def test_an_answer_to_a_request_without_a_version_has_a_head_too(
    listener: Listener, version: bytes
) -> None:
    answer = answer_to(listener, b"GET /healthz" + version + b"\r\n\r\n")
    assert answer.startswith(
        b"HTTP/1.0 200 " if version in {b"", b" HTTP/0.9"} else b"HTTP/1.0 400 "
    )


@pytest.mark.parametrize("sent", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_client_that_never_ends_its_head_is_cut_off(listener: Listener, sent: bytes) -> None:
    with connect(listener) as client:
        client.sendall(sent)
        assert all_of(client) == b""


def test_a_client_that_trickles_is_cut_off_all_the_same(listener: Listener) -> None:
    """Each byte arrives in time, but all of them together don't."""
    with connect(listener) as client:
        client.settimeout(0.02)
        for _ in range(1_000):
            try:
                client.sendall(b"x")
                if not client.recv(1):
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
        pytest.fail("it may trickle for ever")


def test_a_huge_head_is_not_read_to_its_end(listener: Listener) -> None:
    with connect(listener) as client:
        try:
            client.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 10_000_000)
        except ConnectionError:
            return
        assert all_of(client) == b""


def test_of_too_many_at_once_the_oldest_goes_and_a_probe_is_served(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "EXCHANGE_SECONDS", 20.0)
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(listener)) for _ in range(MAX_CONNECTIONS)]
        assert answer_to(listener).endswith(b"ok\n")
        assert all_of(clients.pop(0)) == b""
        for client in clients:
            client.sendall(GET)
        assert {all_of(client)[-3:] for client in clients} == {b"ok\n"}
    until = time.monotonic() + 20
    while not answer_to(listener).endswith(b"ok\n"):  # a thread ends a moment after its answer
        assert time.monotonic() < until


@pytest.mark.parametrize("host", ["", "127.0.0.1", "::1"])
def test_it_listens_on_any_address_of_either_family(host: str) -> None:
    if ":" in host and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    made = Listener(host, 0, EXPOSITION, Health(interval=60.0, deadline=None))
    try:
        port = urlsplit(made.url).port
        with socket.create_connection((host or "127.0.0.1", port), timeout=20) as client:
            client.sendall(GET)
            assert all_of(client).endswith(b"ok\n")
    finally:
        made.close()


def test_an_address_of_somebody_elses_is_an_input_error() -> None:
    with pytest.raises(InputError, match=r"cannot listen on 192\.0\.2\.1:0: cannot assign"):
        Listener("192.0.2.1", 0, EXPOSITION, Health(interval=60.0, deadline=None))


@pytest.mark.parametrize("request_", [b"\r\n\r\n", b"GET\r\n\r\n", b"\xff\xfe\r\n\r\n"])
def test_what_is_no_request_costs_nothing(listener: Listener, request_: bytes) -> None:
    answer_to(listener, request_)
    assert answer_to(listener).endswith(b"ok\n")


def test_a_loop_that_hangs_is_said_to_be_not_alive() -> None:
    """The body has the reason, which `kubectl describe` shows."""
    now = [0.0]
    health = Health(interval=60.0, deadline=60.0, now=lambda: now[0])
    made = Listener("127.0.0.1", 0, EXPOSITION, health)
    try:
        assert answer_to(made).endswith(b"\r\n\r\nok\n")
        now[0] = 100.0
        answer = answer_to(made)
    finally:
        made.close()
    assert answer.startswith(b"HTTP/1.0 503 Service Unavailable\r\n")
    assert answer.endswith(b"\r\n\r\nno sign of life for 10 s longer than there should be\n")
