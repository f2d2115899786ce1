"""A watch has the login of any other request: renewed after a 401, masked, proxied, and counted."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podcm_sync.cluster.interfaces import NO_ANSWER
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.client_config import loader
from podcm_sync.cluster.kube.stream import StoppedError, StreamLimits
from podcm_sync.cluster.kube.transport import Response, TransportError
from podcm_sync.errors import ClusterError
from podcm_sync.runtime.context import RunContext
from podcm_sync.runtime.masking import masker
from tests.cases.kubeconfig.server import Server
from tests.unit.cluster.kube.test_credentials import Kubeconfig

PATH = "/api/v1/pods?watch=1&resourceVersion=5"
LIMITS = StreamLimits(head=5.0, silence=5.0, total=10.0)


class Opened:
    """A Receiver that notes only that it was opened."""

    def __init__(self) -> None:
        self.count = 0

    def opened(self, content_type: str) -> None:
        self.count += 1

    def take(self, chunk: bytes) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "certificates"
    folder.mkdir()
    with Server(folder) as running:
        yield running


@pytest.fixture
def kubeconfig(server: Server, tmp_path: Path) -> Kubeconfig:
    return Kubeconfig(server, tmp_path / "config")


def watch(connection: Connection, receiver: Any = None) -> Response:
    return connection.stream(
        PATH,
        "application/json",
        receiver or Opened(),
        limits=LIMITS,
        is_stopped=lambda: False,
    )


def counts(connection: Connection) -> list[tuple[str, str, int]]:
    return [(one.verb, one.code, one.count) for one in connection.requests.drain().requests]


def test_a_watch_has_the_credentials_and_is_counted(server: Server, kubeconfig: Kubeconfig) -> None:
    user = {"token": "good-one", "as": "eve", "as-groups": ["a", "b"]}
    kubeconfig.write(user)
    receiver = Opened()
    with kubeconfig.connect() as connection:
        assert watch(connection, receiver).status == 200
        assert counts(connection) == [("watch", "200", 1)]
    assert receiver.count == 1
    (seen,) = server.seen
    assert seen["path"] == PATH
    assert seen["authorization"] == "Bearer good-one"
    assert seen["impersonate"] == {"user": ["eve"], "group": ["a", "b"]}
    assert masker.mask("good-one") == "***"


def test_a_refused_login_is_renewed_once(server: Server, kubeconfig: Kubeconfig) -> None:
    """And a login that stays refused is a refusal, not an open watch."""
    kubeconfig.write({"token": "stale"})
    receiver = Opened()
    with kubeconfig.connect() as connection:
        assert watch(connection, receiver).status == 401
        assert receiver.count == 0
        kubeconfig.write({"token": "good"})
        assert watch(connection, receiver).status == 200
        assert counts(connection) == [("watch", "200", 1), ("watch", "401", 2)]
    assert receiver.count == 1
    assert [one["authorization"] for one in server.seen] == [
        "Bearer stale",
        "Bearer stale",
        "Bearer good",
    ]


def test_a_ca_that_was_replaced_is_read_again(server: Server, kubeconfig: Kubeconfig) -> None:
    kubeconfig.write({"token": "good"}, ca="other-ca.crt")
    with kubeconfig.connect() as connection:
        kubeconfig.write({"token": "good"})
        assert watch(connection).status == 200
    with kubeconfig.connect() as connection:
        kubeconfig.write({"token": "good"}, ca="other-ca.crt")
    kubeconfig.write({"token": "good"}, ca="other-ca.crt")
    with kubeconfig.connect() as connection, pytest.raises(ClusterError, match="isn't trusted"):
        watch(connection)


def test_a_name_for_tls_and_a_proxy_are_used(server: Server, kubeconfig: Kubeconfig) -> None:
    """The proxy's answer to CONNECT is also a head with status 200, and isn't the watch's."""
    kubeconfig.write({"token": "good"})
    path = kubeconfig.path
    proxy = f"http://me:secret-word@{server.placeholders()['PROXY']}"
    name = f'"server": "https://127.0.0.1:{server.placeholders()["HTTPS_PORT"]}"'
    for more in (
        f'"proxy-url": "{proxy}"',
        '"tls-server-name": "api.example.com"',
        f'"proxy-url": "{proxy}", "tls-server-name": "api.example.com"',
    ):
        kubeconfig.write({"token": "good"})
        path.write_text(path.read_text().replace(name, f"{name}, {more}"))
        server.seen.clear()
        receiver = Opened()
        with kubeconfig.connect() as connection:
            assert watch(connection, receiver).status == 200
        assert receiver.count == 1
        assert len(server.seen) == 1 + ("proxy-url" in more)


def test_a_proxy_that_is_not_there_is_named(server: Server, kubeconfig: Kubeconfig) -> None:
    kubeconfig.write({"token": "good"})
    path = kubeconfig.path
    path.write_text(
        path.read_text().replace(
            '"server":', '"proxy-url": "http://me:secret@127.0.0.1:1", "server":'
        )
    )
    with kubeconfig.connect() as connection:
        with pytest.raises(TransportError) as error:
            watch(connection)
        assert str(error.value).startswith("through the proxy http://127.0.0.1:1: ")
        assert counts(connection) == [("watch", NO_ANSWER, 1)]


def test_a_run_that_is_out_of_time_does_not_end_it(server: Server, kubeconfig: Kubeconfig) -> None:
    """A watch serves the runs to come; only its own stop ends it."""
    kubeconfig.write({"token": "good"})
    context = RunContext()
    made = Connection(
        loader(str(kubeconfig.path), None),
        connections=1,
        request_timeout=0.001,
        context=context,
    )
    context.begin(0.001)
    time.sleep(0.01)
    context.end_leadership()
    assert watch(made).status == 200
    with pytest.raises(StoppedError):
        made.stream(PATH, "application/json", Opened(), limits=LIMITS, is_stopped=lambda: True)
    made.close()
