"""The grouping key is stable for a scope and differs between scopes; secrets are never said."""

import contextlib
import socket
import threading

import pytest

from podcm_sync.metrics import push
from podcm_sync.metrics.exposition import Exposition
from podcm_sync.metrics.push import MAX_UNDER_WAY, Gateway, PushError, scope_label
from podcm_sync.model.objects import Shard


@pytest.mark.parametrize(
    ("namespaces", "shard", "is_all", "label"),
    [
        ((), None, True, "all"),
        ((), Shard(index=2, count=4), True, "shard-2-of-4"),
        (("shop",), None, False, "shop"),
        (("shop", "bank"), None, False, "bank,shop"),
        ((), None, False, "default"),
    ],
)
def test_a_scope_has_one_label(
    namespaces: tuple[str, ...], shard: Shard | None, is_all: bool, label: str
) -> None:
    assert scope_label(namespaces, shard, is_all=is_all) == label


def test_many_namespaces_are_cut_and_hashed() -> None:
    many = tuple(f"namespace-{number}" for number in range(100))
    label = scope_label(many, None, is_all=False)
    assert len(label) == 137
    assert label != scope_label((*many[:-1], "other"), None, is_all=False)
    assert label == scope_label(tuple(reversed(many)), None, is_all=False)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://gateway:9091", "http://gateway:9091"),
        ("http://gateway:9091/", "http://gateway:9091"),
        ("https://me:secret@gateway/push/", "https://gateway/push"),
        ("http://[::1]:9091", "http://[::1]:9091"),
    ],
)
def test_a_gateways_name_has_no_password(url: str, name: str) -> None:
    assert Gateway(url, "podcm-sync", "all").name == name


def test_a_gateway_that_trickles_holds_a_few_threads_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No timeout of a socket ends it: a loop would have one more thread after each run."""
    monkeypatch.setattr(push, "LEAST_SECONDS", 0.2)
    is_over = threading.Event()

    def trickle(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(100_000)
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not is_over.wait(0.02):
                connection.sendall(b"y")

    def accept(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=trickle, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        gateway = Gateway(f"http://127.0.0.1:{server.getsockname()[1]}", "podcm-sync", "all")
        for _ in range(MAX_UNDER_WAY):
            with pytest.raises(PushError, match="no answer within"):
                gateway.push(Exposition(), 0.0)
        with pytest.raises(PushError, match="3 pushes before have not ended"):
            gateway.push(Exposition(), 0.0)
        is_over.set()
        server.shutdown(socket.SHUT_RDWR)
    for _ in range(100):
        if not gateway._under_way:
            break
        threading.Event().wait(0.05)
    with pytest.raises(PushError, match="did not take the metrics"):
        gateway.push(Exposition(), 0.0)
