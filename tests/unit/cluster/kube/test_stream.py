"""A streamed answer over real sockets: its chunks come at once, and its end is always noticed."""

import gzip
import resource
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from podcm_sync.cluster.kube.endpoint import Endpoint, Route
from podcm_sync.cluster.kube.stream import (
    KEEPALIVE_SECONDS,
    PENDING_BYTES,
    REFUSAL_BYTES,
    SilentError,
    StoppedError,
    StreamLimits,
    stream,
)
from podcm_sync.cluster.kube.transport import Response, TimedOutError, TransportError
from tests.listening import Listener, Serve, closing

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n"
HELLO = b"5\r\nhello\r\n"
END = b"0\r\n\r\n"
LIMITS = StreamLimits(head=5.0, silence=5.0, total=10.0)
SHORT = StreamLimits(head=0.3, silence=0.3, total=5.0)


class Notes:
    """A Receiver that notes what it gets, and when."""

    def __init__(self) -> None:
        self.content_types: list[str] = []
        self.chunks: list[bytes] = []
        self.times: list[float] = []

    def opened(self, content_type: str) -> None:
        self.content_types.append(content_type)
        self.times.append(time.monotonic())

    def take(self, chunk: bytes) -> None:
        self.chunks.append(chunk)
        self.times.append(time.monotonic())

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


def streamed(
    serve: Serve,
    receiver: Any = None,
    limits: StreamLimits = LIMITS,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Response:
    with Listener(serve) as server:
        route = Route(Endpoint(server=server.url, headers=("Impersonate-User: eve",)))
        return stream(
            route,
            "/pods?watch=1",
            {"Accept": "x/y"},
            receiver or Notes(),
            limits=limits,
            is_stopped=is_stopped,
        )


def failed(serve: Serve, receiver: Notes, limits: StreamLimits = LIMITS) -> TransportError:
    with pytest.raises(TransportError) as error:
        streamed(serve, receiver, limits)
    return error.value


def test_chunks_are_passed_on_as_they_come() -> None:
    requests: list[bytes] = []
    sent: list[float] = []

    def serve(connection: socket.socket) -> None:
        requests.append(connection.recv(10_000))
        for part in (HEAD, HELLO, HELLO):
            sent.append(time.monotonic())
            connection.sendall(part)
            time.sleep(0.1)
        connection.sendall(END)

    notes = Notes()
    response = streamed(serve, notes)
    assert (response.status, response.body, response.content_type) == (200, b"", "a/b")
    assert (notes.content_types, notes.chunks) == (["a/b"], [b"hello", b"hello"])
    assert all(took - at < 0.05 for took, at in zip(notes.times, sent, strict=True))
    lines = requests[0].decode().split("\r\n")
    assert lines[0] == "GET /pods?watch=1 HTTP/1.1"
    assert {"Accept: x/y", "Impersonate-User: eve"} <= set(lines)


def test_the_head_is_told_before_any_byte_of_the_body() -> None:
    """A watch without events is open all the same."""
    is_open = threading.Event()

    class Opened(Notes):
        def opened(self, content_type: str) -> None:
            is_open.set()

    def serve(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(HEAD)
        assert is_open.wait(5.0)
        connection.sendall(END)

    assert streamed(serve, Opened()).status == 200
    assert is_open.is_set()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 403 No\r\nContent-Type: a/b\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno",
        (
            b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 403 No\r\nContent-Type: a/b\r\nRetry-After: 7\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"
        ),
    ],
    ids=["length", "chunks after 103"],
)
def test_a_refusal_is_an_answer_with_its_body(answer: bytes) -> None:
    notes = Notes()
    response = streamed(closing(answer), notes)
    assert (response.status, response.body) == (403, b"no")
    assert (response.content_type, response.retry_after) == ("a/b", 7.0)
    assert (notes.content_types, notes.chunks) == ([], [])


@pytest.mark.parametrize("status", [204, 206, 302, 404, 410, 500])
def test_only_200_is_a_stream(status: int) -> None:
    notes = Notes()
    answer = b"HTTP/1.1 %d Some\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n" % status
    assert streamed(closing(answer), notes).status == status
    assert notes.content_types == []


def test_a_long_refusal_is_cut() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 502 Bad\r\n\r\n")
        while True:
            connection.sendall(bytes(10_000))

    response = streamed(serve)
    assert (response.status, len(response.body)) == (502, REFUSAL_BYTES)


def test_a_refusal_that_breaks_off_is_a_refusal() -> None:
    answer = b"HTTP/1.1 403 No\r\nContent-Length: 100\r\n\r\nno"
    assert streamed(closing(answer)).body == b"no"


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Ty", b"", id="in the head"),
        pytest.param(HEAD, b"", id="after the head"),
        pytest.param(HEAD + b"5\r\nhe", b"he", id="in a chunk"),
        pytest.param(HEAD + HELLO, b"hello", id="before the last chunk"),
        pytest.param(HEAD + HELLO + b"zz\r\n", b"hello", id="a damaged chunk"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", b"hello", id="in a length"
        ),
        pytest.param(b"220 mail.example.com ESMTP\r\n", b"", id="another protocol"),
    ],
)
def test_an_answer_that_breaks_off_is_noticed(answer: bytes, body: bytes) -> None:
    notes = Notes()
    assert failed(closing(answer), notes).is_sent
    assert notes.body == body


def test_silence_ends_it() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(HEAD + HELLO)
        time.sleep(0.2)
        connection.sendall(HELLO)
        time.sleep(2.0)

    notes = Notes()
    began = time.monotonic()
    error = failed(serve, notes, SHORT)
    assert isinstance(error, SilentError)
    assert str(error) == "no byte within 0.3 s"
    assert 0.5 <= time.monotonic() - began < 1.0
    assert notes.body == b"hellohello"


def test_a_receiver_that_takes_its_time_is_not_the_servers_silence() -> None:
    class Slow(Notes):
        def take(self, chunk: bytes) -> None:
            super().take(chunk)
            time.sleep(0.4)

    notes = Slow()
    assert streamed(closing(HEAD + HELLO + HELLO + END), notes, SHORT).status == 200
    assert notes.body == b"hellohello"


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 103 Early\r\n\r\n"])
def test_a_head_that_does_not_come_ends_it(begin: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(begin)
        time.sleep(2.0)

    error = failed(serve, Notes(), SHORT)
    assert (str(error), error.is_sent) == ("no answer within 0.3 s", True)


def test_a_server_that_never_ends_it_is_cut() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(HEAD)
        while True:
            connection.sendall(HELLO)
            time.sleep(0.05)

    error = failed(serve, Notes(), StreamLimits(head=1.0, silence=1.0, total=0.4))
    assert isinstance(error, TimedOutError)
    assert not isinstance(error, SilentError)
    assert str(error) == "not ended after 0.4 s"


@pytest.mark.parametrize("begin", [None, b"", HEAD, HEAD + HELLO])
def test_a_stop_ends_it_within_a_second(begin: bytes | None) -> None:
    """Whatever it waits for: None leaves the connection open without reading."""

    def serve(connection: socket.socket) -> None:
        if begin is not None:
            connection.recv(10_000)
            connection.sendall(begin)
        time.sleep(2.0)

    began = time.monotonic()
    with pytest.raises(StoppedError):
        streamed(serve, is_stopped=lambda: time.monotonic() - began > 0.1)
    assert time.monotonic() - began < 0.9


def test_what_the_receiver_raises_ends_it() -> None:
    class Bad(Notes):
        def take(self, chunk: bytes) -> None:
            super().take(chunk)
            raise LookupError("not an event")

    notes = Bad()
    with pytest.raises(LookupError):
        streamed(closing(HEAD + HELLO + HELLO + END), notes)
    assert notes.chunks == [b"hello"]


def test_gzip_that_nobody_asked_for_is_read() -> None:
    body = gzip.compress(b"hello" * 100)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    notes = Notes()
    streamed(closing(head + body), notes)
    assert notes.body == b"hello" * 100
    assert failed(closing(head + body[:-1]), Notes()).is_sent


@pytest.mark.parametrize(
    ("begin", "rest"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1_000, id="fields"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 9_000, id="a field"),
        pytest.param(b"HTTP/1.1 200 ", b"y" * 9_000, id="a status line"),
        pytest.param(b"", b"HTTP/1.1 103 Early\r\n\r\n" * 400, id="heads"),
        pytest.param(HEAD + b"5;", b"y" * 9_000, id="a chunk's extension"),
        pytest.param(HEAD + b"0\r\n", b"X: y\r\n" * 1_000, id="trailers"),
    ],
)
def test_a_head_or_trailer_without_end_ends_it(begin: bytes, rest: bytes) -> None:
    """It fills no memory, and the error says something."""

    def serve(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(begin)
        while True:
            connection.sendall(rest)

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error = failed(serve, Notes(), StreamLimits(head=5.0, silence=0.5, total=10.0))
    assert error.is_sent
    assert str(error)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 32 << 10


@pytest.mark.parametrize("status", [200, 403])
def test_bytes_that_unpack_to_more_than_fits_into_memory_end_it(status: int) -> None:
    """Libcurl unpacks several layers at once, before the receiver gets any of it."""
    body = gzip.compress(gzip.compress(bytes(8 * PENDING_BYTES)))
    assert len(body) < 1_000
    fields = b"Content-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    serve = closing(b"HTTP/1.1 %d Some\r\n" % status + fields + body)
    notes = Notes()
    if status == 200:
        assert str(failed(serve, notes)) == "more than 16 MiB came at once"
    else:
        assert len(streamed(serve, notes).body) == REFUSAL_BYTES
    assert len(notes.body) <= PENDING_BYTES


@pytest.mark.parametrize(
    "server", ["http://127.0.0.1:1", "https://127.0.0.1:1", "http://no-such-host.invalid"]
)
def test_a_server_that_is_not_there_has_seen_nothing(server: str) -> None:
    with pytest.raises(TransportError) as error:
        stream(
            Route(Endpoint(server=server)),
            "/",
            {},
            Notes(),
            limits=LIMITS,
            is_stopped=lambda: False,
        )
    assert not error.value.is_sent


@pytest.mark.parametrize(("target", "header"), [("/a b", ""), ("/a", "b\r\nX: y")])
def test_characters_that_http_does_not_allow_are_not_sent(target: str, header: str) -> None:
    route = Route(Endpoint(server="http://127.0.0.1:1"))
    with pytest.raises(TransportError, match="characters"):
        stream(route, target, {"X": header}, Notes(), limits=LIMITS, is_stopped=lambda: False)


def test_tcp_asks_whether_the_other_end_still_exists() -> None:
    """So a connection that a gateway forgot ends before the silence does."""
    timers: list[str] = []

    def serve(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(HEAD)
        time.sleep(0.1)
        client = f":{connection.getpeername()[1]:04X}"
        for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
            columns = row.split()
            if columns[1].endswith(client):
                timers.append(columns[5])
        connection.sendall(END)

    streamed(serve)
    kind, _, jiffies = timers[0].partition(":")
    assert kind == "02"  # a keepalive timer (proc(5))
    assert int(jiffies, 16) <= KEEPALIVE_SECONDS * 100


def test_a_process_with_many_descriptors_can_stream(tmp_path: Path) -> None:
    """`select` takes no descriptor past 1023, and a loop over many namespaces has more."""
    with ExitStack() as stack:
        files = [stack.enter_context((tmp_path / "x").open("w"))]
        while files[-1].fileno() < 1100:
            files.append(stack.enter_context((tmp_path / "x").open("w")))
        notes = Notes()
        assert streamed(closing(HEAD + HELLO + END), notes).status == 200
        assert notes.body == b"hello"


def test_no_descriptor_is_left_open() -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    serves = [closing(HEAD + END), closing(HEAD), closing(b""), closing(b"HTTP/1.1 500 X\r\n\r\n")]
    for serve in serves:
        with suppress(TransportError):
            streamed(serve)
    time.sleep(0.2)
    before = descriptors()
    for _ in range(20):
        for serve in serves:
            with suppress(TransportError):
                streamed(serve)
    time.sleep(0.2)
    assert descriptors() <= before + 2
