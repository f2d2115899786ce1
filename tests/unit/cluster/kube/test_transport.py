"""Exchanges over real sockets: what goes out, which answers count, and that all of it ends in time.

TLS certificates are made on the spot, so names, CAs and client certificates are really verified.
"""

import gzip
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from podcm_sync.cluster.kube import endpoint
from podcm_sync.cluster.kube.endpoint import Endpoint
from podcm_sync.cluster.kube.transport import (
    MAX_ANSWER_BYTES,
    TooLargeError,
    Transport,
    TransportError,
    UntrustedError,
)
from tests.listening import Listener, Serve, closing, tunneling

FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"


@contextmanager
def serving(serve: Serve | None, **endpoint: Any) -> Iterator[tuple[Transport, Listener]]:
    """A transport to a server that does this with each connection."""
    with Listener(serve) as server:
        made = Transport(Endpoint(server=server.url, **endpoint))
        yield made, server
        made.close()


def answering(answer: bytes, requests: list[bytes] | None = None) -> Serve:
    """Give each request this answer."""

    def serve(connection: socket.socket) -> None:
        while request := connection.recv(100_000):
            if requests is not None:
                requests.append(request)
            connection.sendall(answer)

    return serve


def refused(made: Transport, method: str = "GET", limit: float | None = 5.0) -> TransportError:
    with pytest.raises(TransportError) as error:
        made.exchange(method, "/", {}, None if method == "GET" else b"x", limit)
    return error.value


def test_a_request_goes_out_as_it_was_asked_for() -> None:
    requests: list[bytes] = []
    with serving(answering(FINE, requests)) as (made, server):
        headers = {"Accept": "text/plain", "User-Agent": "us"}
        assert made.exchange("POST", "/a/../pods", headers, b'{"a": 1}', 5.0).status == 200
    head, _, body = b"".join(requests).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert (first, body) == ("POST /a/../pods HTTP/1.1", b'{"a": 1}')
    assert {f"Host: 127.0.0.1:{server.port}", "Accept: text/plain", "User-Agent: us"} <= set(lines)
    assert "Content-Length: 8" in lines
    assert not any(line.startswith("Expect") for line in lines)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n" + bytes(500_000),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7a120\r\n" + bytes(500_000),
    ],
    ids=["length", "chunked"],
)
def test_an_answer_that_is_too_large_is_cut(answer: bytes) -> None:
    """It doesn't fill memory or count as a lost answer, and its connection isn't used again."""
    with serving(answering(answer)) as (made, server):
        with pytest.raises(TooLargeError):
            made.exchange("GET", "/", {}, None, 5.0, max_bytes=100_000)
        with pytest.raises(TooLargeError):
            made.exchange("GET", "/", {}, None, 5.0, max_bytes=100_000)
        assert server.connections == 2


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_no_answer_fills_the_memory(method: str) -> None:
    """Some kilobytes can unpack to gigabytes."""
    body = gzip.compress(gzip.compress(bytes(MAX_ANSWER_BYTES + 1)))
    assert len(body) < 1_000
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n"
    with (
        serving(answering(head % len(body) + body)) as (made, _),
        pytest.raises(TransportError, match="more than 64 MiB") as error,
    ):
        made.exchange(method, "/", {}, None, 20.0)
    assert error.value.is_sent


def test_an_answer_of_just_the_bytes_that_are_taken_is_whole() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + bytes(1_000)
    with serving(answering(answer)) as (made, _):
        assert len(made.exchange("GET", "/", {}, None, 5.0, max_bytes=1_000).body) == 1_000
        assert len(made.exchange("GET", "/", {}, None, 5.0).body) == 1_000


def test_a_handle_that_changes_method_sends_what_is_asked_each_time() -> None:
    """Options of one exchange must not leak into the next one."""
    requests: list[bytes] = []
    with serving(answering(FINE, requests)) as (made, server):
        for method, body in [
            ("POST", b"one"),
            ("GET", None),
            ("PATCH", b"two"),
            ("DELETE", b"three"),
            ("GET", None),
            ("POST", b""),
        ]:
            made.exchange(method, f"/{method}", {"X-Method": method}, body, 5.0)
    assert server.connections == 1
    whole = [request.decode().partition("\r\n\r\n") for request in requests]
    assert [head.split(" ")[:2] for head, _, _ in whole] == [
        [method, f"/{method}"] for method in ("POST", "GET", "PATCH", "DELETE", "GET", "POST")
    ]
    assert [body for _, _, body in whole] == ["one", "", "two", "three", "", ""]
    for head, _, _ in whole:
        assert f"X-Method: {head.split(' ')[0]}" in head
        assert head.count("X-Method") == 1


@pytest.mark.parametrize(
    ("target", "header"),
    [("/a b", ""), ("/a\r\nX: y", ""), ("/ä", ""), ("/a", "b\r\nX: y"), ("/a", "ä")],
)
def test_characters_that_http_does_not_allow_are_not_sent(target: str, header: str) -> None:
    """A line break in a name or token would begin a header or another request."""
    with serving(answering(FINE)) as (made, server):
        with pytest.raises(TransportError, match="characters") as error:
            made.exchange("GET", target, {"Authorization": header}, None, 5.0)
        assert (error.value.is_sent, server.connections) == (False, 0)


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
def test_a_connection_is_used_for_as_long_as_it_can_be(serve: Serve, connections: int) -> None:
    with serving(serve) as (made, server):
        for _ in range(3):
            assert made.exchange("GET", "/", {}, None, 5.0).body == b"{}"
            time.sleep(0.05)  # for a server that hangs up to have done so
    assert server.connections == connections


def test_bytes_that_wait_on_an_idle_connection_are_nobodys_answer() -> None:
    """Some load balancers send a 408 to an idle connection and close it."""

    def serve(connection: socket.socket) -> None:
        connection.recv(100_000)
        connection.sendall(FINE)
        time.sleep(0.02)
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        connection.recv(100_000)

    with serving(serve) as (made, server):
        for _ in range(3):
            assert made.exchange("POST", "/", {}, b"x", 5.0).status == 200
            time.sleep(0.04)
    assert server.connections == 3


def test_a_write_on_a_kept_connection_that_breaks_is_never_sent_twice() -> None:
    """The server may have carried it out, and only the caller can find out."""
    requests: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        requests.append(connection.recv(100_000))
        connection.sendall(FINE)
        requests.append(connection.recv(100_000))

    with serving(serve) as (made, _):
        made.exchange("POST", "/", {}, b"one", 5.0)
        error = refused(made, "POST")
    assert error.is_sent
    assert len(requests) == 2


def test_connections_that_may_all_be_dead_cost_one_timeout_together() -> None:
    """A NAT gateway forgets them in silence. After one timeout, others of that age are closed."""
    gate = threading.Barrier(5)
    answers_at_once = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(100_000)
        if answers_at_once.is_set():
            connection.sendall(FINE)
            return
        gate.wait(5)
        connection.sendall(FINE)
        connection.recv(100_000)
        server.is_over.wait()  # the next request on it gets no answer

    with serving(serve) as (made, server):
        threads = [
            threading.Thread(target=made.exchange, args=("GET", "/", {}, None, 5.0))
            for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        answers_at_once.set()
        began = time.monotonic()
        refused(made, limit=0.3)
        for _ in range(4):
            assert made.exchange("GET", "/", {}, None, 0.3).status == 200
        assert time.monotonic() - began < 1.0
    assert server.connections == 9


def test_an_idle_connection_is_not_used_again_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoint, "MAX_IDLE_SECONDS", 1)
    with serving(answering(FINE)) as (made, server):
        made.exchange("GET", "/", {}, None, 5.0)
        time.sleep(2.1)  # libcurl counts whole seconds
        made.exchange("GET", "/", {}, None, 5.0)
    assert server.connections == 2


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        pytest.param(b"", b"", id="silence"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: ", b"y", id="a head that trickles"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"y", id="a body"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e7\r\n", b"y", id="a chunk"
        ),
    ],
)
def test_an_answer_ends_in_time_however_slowly_it_comes(begin: bytes, piece: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(100_000)
        connection.sendall(begin)
        while not server.is_over.wait(0.02):
            connection.sendall(piece)

    with serving(serve) as (made, server):
        error = refused(made, limit=0.3)
    assert (error.is_sent, str(error)) == (True, "timed out after 0.3 s")


def test_a_request_that_nobody_reads_ends_in_time() -> None:
    with (
        serving(None) as (made, _),
        pytest.raises(TransportError, match=r"^timed out after 0\.3 s$") as error,
    ):
        made.exchange("POST", "/", {}, bytes(30_000_000), 0.3)
    assert error.value.is_sent


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.9, 0.99])
@pytest.mark.parametrize(
    "answer",
    [FINE, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"],
    ids=["length", "chunks"],
)
def test_an_answer_that_breaks_off_is_none(answer: bytes, share: float) -> None:
    with serving(closing(answer[: int(len(answer) * share)])) as (made, _):
        assert refused(made, "POST").is_sent


@pytest.mark.parametrize(
    "answer", [b"220 mail.example.com ESMTP\r\n", b"\x15\x03\x01\x00\x02\x02\x16", b"{}"]
)
def test_bytes_of_another_protocol_are_no_answer(answer: bytes) -> None:
    with serving(closing(answer)) as (made, _):
        assert refused(made).is_sent


def test_a_success_without_a_length_is_no_answer() -> None:
    """Nobody can know if it is whole. Refusals count, since load balancers send them like this."""
    with serving(closing(b"HTTP/1.0 200 OK\r\n\r\n{}")) as (made, _):
        assert "has no length" in str(refused(made))
    with serving(closing(b"HTTP/1.0 502 Bad Gateway\r\n\r\nsorry")) as (made, _):
        assert made.exchange("GET", "/", {}, None, 5.0).body == b"sorry"


def test_a_writes_answer_that_ends_the_connection_needs_a_length_or_is_for_people() -> None:
    """Its head is not read, so its last chunk can't be told from the connection's end."""
    ended = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    with serving(closing(b"HTTP/1.1 201 Created\r\n" + ended)) as (made, _):
        error = refused(made, "POST")
        assert error.is_sent
        assert "has no length" in str(error)
        assert made.exchange("GET", "/", {}, None, 5.0).body == b"{}"
    with serving(closing(b"HTTP/1.1 503 Away\r\n" + ended)) as (made, _):
        assert made.exchange("POST", "/", {}, b"x", 5.0).status == 503


def test_the_answer_before_says_nothing_of_the_next_one() -> None:
    """Neither its length nor its type: libcurl keeps some of what it read."""
    first = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\n{}"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"

    def serve(connection: socket.socket) -> None:
        for answer in (first, chunked, first, b"HTTP/1.1 200 OK\r\n\r\n{}"):
            connection.recv(100_000)
            connection.sendall(answer)

    with serving(serve) as (made, server):
        types = [made.exchange("POST", "/", {}, b"x", 5.0).content_type for _ in range(3)]
        assert "has no length" in str(refused(made, "POST"))
    assert (types, server.connections) == (["a/b", "application/json", "a/b"], 1)


def test_a_head_without_end_is_no_answer() -> None:
    """Memory is bounded, even if time isn't."""

    def serve(connection: socket.socket) -> None:
        connection.recv(100_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not server.is_over.is_set():
            connection.sendall(b"X: y\r\n" * 100)

    with serving(serve) as (made, server):
        refused(made, limit=None)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_protocol_that_nobody_asked_for_is_no_answer(method: str) -> None:
    """After a 101 nothing is HTTP any more, so what comes has no length either."""
    switched = b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + FINE
    with (
        serving(closing(switched)) as (made, _),
        pytest.raises(TransportError, match="HTTP 101 isn't an answer") as error,
    ):
        made.exchange(method, "/", {}, None, 5.0)
    assert error.value.is_sent


def test_an_answer_before_the_server_has_read_the_whole_request_counts() -> None:
    """A proxy can answer 413 to a large body before it has read it."""

    def serve(connection: socket.socket) -> None:
        connection.recv(1_000)
        connection.sendall(
            b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        )
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass

    with serving(serve) as (made, _):
        assert made.exchange("POST", "/", {}, bytes(3_000_000), 5.0).status == 413


def test_informational_answers_are_passed_over() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nDate: then\r\n\r\n"
    with serving(answering(early + FINE)) as (made, _):
        answer = made.exchange("GET", "/", {}, None, 5.0)
    assert (answer.status, answer.body, answer.date) == (200, b"{}", "")


def test_the_head_says_the_type_the_date_and_how_long_to_wait() -> None:
    head = (
        b"HTTP/1.1 429 Slow\r\nretry-AFTER: 7\r\nContent-Type: a/b; c=d\r\nDate: now\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    with serving(answering(head)) as (made, _):
        answer = made.exchange("GET", "/", {}, None, 5.0)
    assert (answer.retry_after, answer.content_type, answer.date) == (7.0, "a/b; c=d", "now")


def test_bytes_that_are_not_ascii_in_a_head_do_no_harm() -> None:
    head = b"HTTP/1.1 502 B\xe4d\r\nContent-Type: a/\xe4\r\nRetry-After: \xb2\r\nDate: \xff\r\n"
    with serving(answering(head + b"Content-Length: 0\r\n\r\n")) as (made, _):
        answer = made.exchange("GET", "/", {}, None, 5.0)
    assert (answer.retry_after, answer.content_type, answer.date) == (None, "a/\xe4", "\xff")


def test_gzip_that_nobody_asked_for_is_read() -> None:
    body = gzip.compress(b'{"a": 1}')
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    with serving(answering(head + body)) as (made, _):
        assert made.exchange("GET", "/", {}, None, 5.0).body == b'{"a": 1}'


def test_a_redirect_is_an_answer_like_any_other() -> None:
    """The credentials are only for this server."""
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with serving(answering(moved)) as (made, _):
        assert made.exchange("GET", "/", {}, None, 5.0).status == 302


@pytest.mark.parametrize(
    "server", ["http://127.0.0.1:1", "https://127.0.0.1:1", "http://no-such-host.invalid"]
)
def test_a_server_that_is_not_there_has_seen_nothing(server: str) -> None:
    assert not refused(Transport(Endpoint(server=server)), "POST").is_sent


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_ipv6_address_is_a_server_too() -> None:
    requests: list[bytes] = []
    with Listener(answering(FINE, requests), "::1") as server:
        made = Transport(Endpoint(server=f"http://[::1]:{server.port}/prefix"))
        assert made.exchange("GET", "/", {}, None, 5.0).status == 200
        made.close()
    assert f"Host: [::1]:{server.port}\r\n".encode() in requests[0]


class Certificates:
    """A CA, a server certificate for a name and this machine, and a client certificate."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.server = self.ca.issue_cert("api.example.com", "127.0.0.1", "::1")
        self.client = self.ca.issue_cert("client@example.com", common_name="client")
        self.ca_file = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(str(self.ca_file))
        self.client_file = folder / "client.pem"
        self.client.private_key_and_cert_chain_pem.write_to_path(str(self.client_file))
        self.clients: list[Any] = []

    def serving(self, serve: Serve, *, asks: bool = False) -> Serve:
        """The same server with TLS. With `asks`, it requests a client certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.configure_cert(context)
        if asks:
            self.ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED

        def secured(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True) as tls:
                self.clients.append((tls.getpeercert() or {}).get("subject"))
                serve(tls)

        return secured


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


def test_a_server_is_trusted_by_the_ca_of_the_configuration(certificates: Certificates) -> None:
    pem = certificates.ca_file.read_text()
    with Listener(certificates.serving(answering(FINE))) as server:
        https = f"https://127.0.0.1:{server.port}"
        made = Transport(
            Endpoint(
                server=https,
                ca_data=pem,
            )
        )
        assert made.exchange("GET", "/", {}, None, 5.0).status == 200
        made.close()


def test_a_ca_that_did_not_sign_is_not_trusted(certificates: Certificates) -> None:
    other = trustme.CA().cert_pem.bytes().decode()
    with Listener(certificates.serving(answering(FINE))) as server:
        https = f"https://127.0.0.1:{server.port}"
        for endpoint in (Endpoint(server=https, ca_data=other), Endpoint(server=https)):
            with pytest.raises(UntrustedError):
                Transport(endpoint).exchange("GET", "/", {}, None, 5.0)


def test_a_name_that_the_certificate_does_not_have_is_not_trusted(
    certificates: Certificates,
) -> None:
    pem = certificates.ca_file.read_text()
    with Listener(certificates.serving(answering(FINE))) as server:
        made = Transport(Endpoint(server=f"https://localhost:{server.port}", ca_data=pem))
        with pytest.raises(UntrustedError):
            made.exchange("GET", "/", {}, None, 5.0)


def test_the_servers_name_for_tls_may_be_another_than_its_address(
    certificates: Certificates,
) -> None:
    """`tls-server-name` decides the certificate and SNI, but not the address and Host."""
    requests: list[bytes] = []
    pem = certificates.ca_file.read_text()
    with Listener(certificates.serving(answering(FINE, requests))) as server:
        address = f"localhost:{server.port}"
        made = Transport(
            Endpoint(
                server=f"https://{address}/prefix",
                ca_data=pem,
                tls_server_name="api.example.com",
            )
        )
        assert made.exchange("GET", "/", {}, None, 5.0).status == 200
        made.close()
        wrong = Endpoint(
            server=f"https://127.0.0.1:{server.port}",
            ca_data=pem,
            tls_server_name="x.example.com",
        )
        with pytest.raises(UntrustedError):
            Transport(wrong).exchange("GET", "/", {}, None, 5.0)
    assert re.findall(rb"(?m)^Host: (.*)\r$", requests[0]) == [address.encode()]


def test_verification_can_be_turned_off(certificates: Certificates) -> None:
    with Listener(certificates.serving(answering(FINE))) as server:
        made = Transport(Endpoint(server=f"https://localhost:{server.port}", is_verified=False))
        assert made.exchange("GET", "/", {}, None, 5.0).status == 200
        made.close()


def test_a_client_certificate_is_shown(certificates: Certificates) -> None:
    with Listener(certificates.serving(answering(FINE), asks=True)) as server:
        made = Transport(
            Endpoint(
                server=f"https://127.0.0.1:{server.port}",
                ca_data=certificates.ca_file.read_text(),
                client_certificate=certificates.client_file.read_bytes(),
                client_key=certificates.client_file.read_bytes(),
            )
        )
        assert made.exchange("GET", "/", {}, None, 5.0).status == 200
        made.close()
    assert "client" in str(certificates.clients)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0], ids=["none", "a part", "a whole record"])
def test_a_handshake_that_is_cut_has_sent_nothing(share: float) -> None:
    """A socket that stays open would be a ResourceWarning, which is an error here."""
    record = b"\x16\x03\x03\x00\x05\x02\x00\x00\x01\x00"

    def serve(connection: socket.socket) -> None:
        connection.recv(100_000)
        connection.sendall(record[: int(len(record) * share)])

    with Listener(serve) as server:
        made = Transport(Endpoint(server=f"https://127.0.0.1:{server.port}"))
        assert not refused(made, "POST").is_sent


def test_a_handshake_that_hangs_ends_in_time() -> None:
    with Listener(None) as server:
        made = Transport(Endpoint(server=f"https://127.0.0.1:{server.port}"))
        error = refused(made, "POST", limit=0.3)
    assert (error.is_sent, str(error)) == (False, "timed out after 0.3 s")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_tunnels_to_a_server_that_only_it_can_look_up(
    certificates: Certificates, scheme: str
) -> None:
    """It works with TLS to the proxy, and with the user in the proxy's URL."""
    asked: list[bytes] = []
    with Listener(certificates.serving(answering(FINE))) as server:
        tunnel = tunneling(server.port, asked.append)
        with Listener(certificates.serving(tunnel) if scheme == "https" else tunnel) as proxy:
            made = Transport(
                Endpoint(
                    server="https://api.example.com:6443",
                    ca_data=certificates.ca_file.read_text(),
                    proxy=f"{scheme}://us%3Aer:pa%40ss@127.0.0.1:{proxy.port}",
                )
            )
            assert made.exchange("GET", "/", {}, None, 5.0).status == 200
            made.close()
    assert asked[0].startswith(b"CONNECT api.example.com:6443 ")
    assert b"Proxy-Authorization: Basic dXM6ZXI6cGFAc3M=\r\n" in asked[0]


def test_a_proxy_forwards_requests_that_are_not_tls() -> None:
    """RFC 9112, 3.2.2: the request has the whole URL."""
    requests: list[bytes] = []
    with Listener(answering(FINE, requests)) as proxy:
        made = Transport(Endpoint(server="http://server:8080", proxy=proxy.url))
        assert made.exchange("POST", "/pods", {}, b"x", 5.0).status == 200
        made.close()
    assert requests[0].startswith(b"POST http://server:8080/pods HTTP/1.1\r\nHost: server:8080\r\n")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        b"garbage\r\n\r\n",
        b"",
    ],
)
def test_a_proxy_that_refuses_has_sent_nothing_on(answer: bytes) -> None:
    with Listener(closing(answer)) as proxy:
        made = Transport(Endpoint(server="https://server:6443", proxy=proxy.url))
        assert not refused(made, "POST").is_sent


def test_the_environments_proxy_is_not_used_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The `proxies` module decides, since libcurl's rules differ from kubectl's."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(answering(FINE)) as (made, _):
        assert made.exchange("GET", "/", {}, None, 5.0).status == 200


def test_a_leaders_connection_drops_what_it_has_not_sent() -> None:
    """It ends with a reset, which the peer sees as an error, and sends nothing more."""
    ends: list[str] = []
    is_seen = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(100)
        server.is_over.wait(0.5)
        try:
            while connection.recv(1 << 16):
                pass
            ends.append("sent to the end")
        except ConnectionResetError:
            ends.append("reset")
        is_seen.set()

    with serving(serve, drops_unsent=True) as (made, server):
        with pytest.raises(TransportError):
            made.exchange("POST", "/", {}, bytes(30_000_000), 0.2)
        assert is_seen.wait(5)
    assert ends == ["reset"]
