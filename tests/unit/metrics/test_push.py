"""Pushes: a bounded time, and no secret in any message."""

import socket
import threading

import pytest

from podcm_sync.metrics import push
from podcm_sync.metrics.exposition import Exposition
from podcm_sync.metrics.push import MAX_UNDER_WAY, Gateway, PushError
from podcm_sync.metrics.scope import MetricScope
from tests.listening import Listener


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
    """No socket timeout ends such a push, so a loop would have another thread after each run."""
    monkeypatch.setattr(push, "LEAST_SECONDS", 0.2)

    def trickle(connection: socket.socket) -> None:
        connection.recv(100_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not server.is_over.wait(0.02):
            connection.sendall(b"y")

    with Listener(trickle) as server:
        gateway = Gateway(server.url, "podcm-sync", "all")
        for _ in range(MAX_UNDER_WAY):
            with pytest.raises(PushError, match="no answer within"):
                gateway.push(Exposition(MetricScope(label="all")), 0.0)
        with pytest.raises(PushError, match="3 pushes before have not ended"):
            gateway.push(Exposition(MetricScope(label="all")), 0.0)
    for _ in range(100):
        if not gateway._under_way:
            break
        threading.Event().wait(0.05)
    with pytest.raises(PushError, match="did not take the metrics"):
        gateway.push(Exposition(MetricScope(label="all")), 0.0)
