"""Proxies between us and the API server, with kubectl's rules for when they are used (§7)."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import command
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane
from tests.controlplane.processes import free_ports
from tests.controlplane.sync_objects import make_config, names
from tests.controlplane.tunnel import Tunnel
from tests.listening import Listener, closing

NAME = "kubernetes.default.svc"
"""A name that the API server's certificate has, and that nobody here can look up."""
REMOTE = f"https://{NAME}:6443"
CREDENTIALS = "us%3Aer:pa%40ss"
WANTED = ["pod-web-from-mine-cfg"]


@pytest.fixture(autouse=True)
def work(api: Api, namespace: str) -> None:
    """Something to create."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)


class Kubeconfig:
    """The admin's, with other words on the cluster."""

    def __init__(self, plane: ControlPlane, namespace: str, path: Path) -> None:
        self._plane = plane
        self._namespace = namespace
        self._path = path

    def __call__(self, **changes: Any) -> Path:
        path = self._plane.kubeconfig(self._path, namespace=self._namespace)
        config = yaml.safe_load(path.read_text())
        cluster = config["clusters"][0]["cluster"]
        cluster.update({key.replace("_", "-"): value for key, value in changes.items()})
        path.write_text(yaml.safe_dump(config))
        return path


@pytest.fixture
def kubeconfig(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Kubeconfig:
    return Kubeconfig(control_plane, namespace, tmp_path / "proxied")


def test_the_kubeconfigs_proxy_is_used_whatever_the_environment_says(
    control_plane: ControlPlane, api: Api, namespace: str, kubeconfig: Kubeconfig
) -> None:
    """client-go: `proxy-url` is for this cluster; NO_PROXY is about the environment's."""
    with Tunnel(control_plane) as proxy:
        done = command.run(
            kubeconfig=kubeconfig(proxy_url=f"http://{proxy.address}"), env={"NO_PROXY": "*"}
        )
    assert done.code == 0, done.stderr
    assert names(api, namespace) == WANTED
    host = control_plane.server.removeprefix("https://")
    assert proxy.asked == {f"CONNECT {host}"}


def test_a_proxy_is_told_who_asks(
    control_plane: ControlPlane, api: Api, namespace: str, kubeconfig: Kubeconfig
) -> None:
    """As kubectl: the user and the password of its URL, with their escapes undone."""
    with Tunnel(control_plane, user="us:er:pa@ss") as proxy:
        url = f"http://{CREDENTIALS}@{proxy.address}"
        done = command.run(kubeconfig=kubeconfig(proxy_url=url, server=REMOTE))
    assert done.code == 0, done.stderr
    assert names(api, namespace) == WANTED


def test_a_proxy_that_refuses_is_named_without_its_password(
    control_plane: ControlPlane, kubeconfig: Kubeconfig
) -> None:
    with Tunnel(control_plane, user="somebody:else") as proxy:
        url = f"http://{CREDENTIALS}@{proxy.address}"
        done = command.run("-vv", kubeconfig=kubeconfig(proxy_url=url))
    assert done.code == 5
    assert f"through the proxy http://{proxy.address}: " in done.stderr
    assert "CONNECT tunnel failed, response 407" in done.stderr
    for secret in CREDENTIALS.split(":"):
        assert secret not in done.stderr


def test_a_proxy_that_is_not_there_is_named(kubeconfig: Kubeconfig) -> None:
    (port,) = free_ports(1)
    done = command.run(kubeconfig=kubeconfig(proxy_url=f"http://127.0.0.1:{port}"))
    assert done.code == 5
    said = command.error_of(done)
    assert f"through the proxy http://127.0.0.1:{port}: " in said
    assert "Connection refused" in said


@pytest.mark.parametrize(
    "answer", [b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + bytes(100_000), b""]
)
def test_a_proxy_that_speaks_something_else_is_named(kubeconfig: Kubeconfig, answer: bytes) -> None:
    with Listener(closing(answer)) as proxy:
        done = command.run(kubeconfig=kubeconfig(proxy_url=proxy.url))
    assert done.code == 5
    assert f"through the proxy {proxy.url}: " in command.error_of(done)


def test_a_proxy_that_trickles_costs_a_run_a_bounded_time(kubeconfig: Kubeconfig) -> None:
    """No timeout of a socket ends it, nor one for the answer, which is not yet waited for."""

    def trickle(connection: socket.socket) -> None:
        connection.recv(100_000)
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    with Listener(trickle) as proxy:
        done = command.run("--request-timeout=300ms", kubeconfig=kubeconfig(proxy_url=proxy.url))
    assert done.code == 5
    assert f"through the proxy {proxy.url}: " in command.error_of(done)


@pytest.mark.parametrize(
    ("server", "excepted", "is_proxied"),
    [(REMOTE, "", True), (REMOTE, "example.com,.svc", False), (None, "", False)],
    ids=["elsewhere", "excepted", "this machine"],
)
def test_the_environments_proxy_is_for_other_machines(
    control_plane: ControlPlane,
    kubeconfig: Kubeconfig,
    *,
    server: str | None,
    excepted: str,
    is_proxied: bool,
) -> None:
    """Go's `ProxyFromEnvironment`: never for localhost, where kind's clusters are."""
    with Tunnel(control_plane) as proxy:
        done = command.run(
            "--request-timeout=5s",
            kubeconfig=kubeconfig(server=server or control_plane.server),
            env={"HTTPS_PROXY": proxy.address, "NO_PROXY": excepted},
        )
    assert bool(proxy.asked) == is_proxied
    assert done.code == (5 if excepted else 0), done.stderr


def test_a_socks_proxy_looks_names_up(
    control_plane: ControlPlane, api: Api, namespace: str, kubeconfig: Kubeconfig
) -> None:
    """`ssh -D` to a bastion: only there are the cluster's names known (as in Go, also socks5://)."""
    with Tunnel(control_plane) as proxy:
        url = f"socks5://{proxy.address}"
        done = command.run(kubeconfig=kubeconfig(proxy_url=url, server=REMOTE))
    assert done.code == 0, done.stderr
    assert names(api, namespace) == WANTED
    assert proxy.asked == {f"{NAME}:6443"}


@pytest.mark.parametrize(
    "url",
    [
        *("proxy", "socks6://h:1", "ftp://u:secret@h", "http://h:99999", "http://[::1", "http://"),
        *("u:secret@h:3128", "http:u:secret@h", "socks5:u:secret@h"),
    ],
)
def test_what_is_no_proxy_is_said(kubeconfig: Kubeconfig, url: str) -> None:
    """A usage error that says where it stands, not a traceback."""
    done = command.run(kubeconfig=kubeconfig(proxy_url=url))
    said = command.error_of(done)
    assert done.code == 2, said
    assert "the proxy '" in said
    assert "secret" not in said
