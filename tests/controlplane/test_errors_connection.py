"""A server that cannot be reached, trusted or understood: exit 5, one line, and no secret given.

The proxy stands for a server of which the kubeconfig says other things than are true; what it has
noted is what the command was ready to say to it.
"""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests import command
from tests.chaos.proxy import Forward, Handler, Proxy
from tests.chaos.rules import Observed, Reply
from tests.controlplane.harness import ControlPlane
from tests.controlplane.processes import free_ports
from tests.listening import Listener, Serve

# A CA that has signed nothing; its key is not kept anywhere.
ANOTHER_CA = """\
-----BEGIN CERTIFICATE-----
MIIBkjCCATegAwIBAgIUMYjlJGtMl6k7lujMsIpDlRnQYnswCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKYW5vdGhlci1jYTAgFw0yNjExMjIxODE1MzdaGA8yMTI2MTAy
OTE4MTUzN1owFTETMBEGA1UEAwwKYW5vdGhlci1jYTBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABMlijbYL9khIrazn8AtDuQLz8b96wnhqH5Dpj2p37/Zr0vv7bA4M
LCeOXTOI97CrATbPgzgs2Mcoy4ZXpyF+nOejYzBhMB0GA1UdDgQWBBSox5AwCZKs
DSGXf8C69CqcuCWuMzAfBgNVHSMEGDAWgBSox5AwCZKsDSGXf8C69CqcuCWuMzAP
BgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwICBDAKBggqhkjOPQQDAgNJADBG
AiEA5y10s3Til+OUA6ENNj6uOKkG4rq0NzyWOzTPukrbcxcCIQCKcR+vpsQW2g1N
xyBiQqFLOFvARFst5lvQNta5nYyebA==
-----END CERTIFICATE-----
"""

Kubeconfig = Callable[..., Path]


@pytest.fixture
def to(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Kubeconfig:
    """A kubeconfig of the admin's to another address, with other words on the cluster."""

    def write(server: str, **changes: object) -> Path:
        path = control_plane.kubeconfig(tmp_path / "to", namespace=namespace, server=server)
        config = yaml.safe_load(path.read_text())
        cluster = config["clusters"][0]["cluster"]
        cluster.update({key.replace("_", "-"): value for key, value in changes.items()})
        config["clusters"][0]["cluster"] = {k: v for k, v in cluster.items() if v is not None}
        path.write_text(yaml.safe_dump(config))
        return path

    return write


def refused(kubeconfig: Path, *options: str) -> str:
    """The one line of a run that exits 5 with nothing to report."""
    done = command.run(*options, kubeconfig=kubeconfig)
    assert (done.code, done.stdout) == (5, "")
    return command.advice_of(done)


def test_a_port_on_which_nothing_listens(to: Kubeconfig) -> None:
    """behavior.md §7: the line names the server."""
    (port,) = free_ports(1)
    assert f"https://127.0.0.1:{port}" in refused(to(f"https://127.0.0.1:{port}"))


def test_a_host_name_that_does_not_resolve(to: Kubeconfig) -> None:
    """behavior.md §7: .invalid never does."""
    assert "https://api.invalid:6443" in refused(to("https://api.invalid:6443"))


SPEECHLESS: dict[str, Serve] = {
    "hangs up": lambda connection: connection.shutdown(socket.SHUT_RDWR),
    "speaks plain HTTP": lambda c: c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "never answers": lambda connection: connection.recv(100_000) and connection.recv(1),
}


@pytest.mark.parametrize("habit", SPEECHLESS)
def test_a_server_that_does_not_speak_tls(to: Kubeconfig, habit: str) -> None:
    """§7: an end within the request timeout and few attempts, and it names the server."""
    with Listener(SPEECHLESS[habit]) as listener:
        server = f"https://{listener.address}"
        assert server in refused(to(server), "--request-timeout=200ms")


@pytest.mark.parametrize(
    "changes", [{"certificate_authority": "@CA"}, {"certificate_authority": None}]
)
def test_a_certificate_that_is_not_trusted(
    control_plane: ControlPlane, to: Kubeconfig, tmp_path: Path, changes: dict[str, str | None]
) -> None:
    """§7: neither with another CA nor with the system's; no request, no token goes out."""
    if changes["certificate_authority"]:
        changes = {"certificate_authority": str(tmp_path / "another.crt")}
        (tmp_path / "another.crt").write_text(ANOTHER_CA)
    with Proxy(control_plane) as proxy:
        error = refused(to(proxy.url, **changes))
    assert proxy.url in error
    assert "certificate isn't trusted" in error
    assert "certificate-authority-data" in error  # what to check
    assert proxy.requests == []


def test_a_certificate_for_another_host_name(control_plane: ControlPlane, to: Kubeconfig) -> None:
    """behavior.md §7: a certificate of the right CA for another name is not enough."""
    with Proxy(control_plane) as proxy:
        error = refused(to(proxy.url.replace("127.0.0.1", "localhost")))
    assert "localhost" in error
    assert "certificate isn't trusted" in error
    assert proxy.requests == []


def test_the_certificates_name_can_be_said(control_plane: ControlPlane, to: Kubeconfig) -> None:
    """§7: kubectl's habits: tls-server-name in the kubeconfig, and it is checked too."""
    with Proxy(control_plane) as proxy:
        url = proxy.url.replace("127.0.0.1", "localhost")
        assert command.run(kubeconfig=to(url, tls_server_name="kubernetes.default.svc")).code == 0
        asked = len(proxy.requests)
        assert "isn't trusted" in refused(to(url, tls_server_name="kubernetes.example.com"))
        assert len(proxy.requests) == asked > 0


def test_trust_can_be_waived(control_plane: ControlPlane, to: Kubeconfig) -> None:
    """§7: kubectl's habits: insecure-skip-tls-verify, and no warning of Python's about it."""
    waived = {"certificate_authority": None, "insecure_skip_tls_verify": True}
    with Proxy(control_plane) as proxy:
        done = command.run(kubeconfig=to(proxy.url.replace("127.0.0.1", "localhost"), **waived))
    assert done.code == 0
    assert all(line.startswith("podcm-sync: ") for line in done.stderr.splitlines()), done.stderr


def always(status: int, body: bytes, **headers: str) -> Handler:
    def fault(request: Observed, forward: Forward) -> Reply:
        return Reply(status, body, headers)

    return fault


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>Sign in to this network</html>"),
        (200, b""),
        (200, b"[]"),
        (400, b"The plain HTTP request was sent to HTTPS port"),
        (404, b"404 page not found"),
        (410, b'{"kind":"Status","reason":"Expired","metadata":{"continue":"x"}}'),
        (503, b"no healthy upstream"),
        (302, b""),
        (418, b"\x1b[2J\r\nteapot\xff"),
    ],
)
def test_a_server_that_is_no_api_server(
    control_plane: ControlPlane, to: Kubeconfig, status: int, body: bytes
) -> None:
    """§7: whatever it says, one line, printable, exit 5; and it is asked for lists alone."""
    with Proxy(control_plane, handler=always(status, body)) as proxy:
        done = command.run(kubeconfig=to(proxy.url))
    assert done.code == 5
    assert command.error_of(done).isprintable()
    assert {request.method for request in proxy.requests} == {"GET"}


def test_a_redirect_is_not_followed(control_plane: ControlPlane, to: Kubeconfig) -> None:
    """behavior.md §7: the token is for the kubeconfig's server alone."""
    with Proxy(control_plane) as elsewhere:
        location = always(302, b"", Location=f"{elsewhere.url}/api/v1/pods")
        with Proxy(control_plane, handler=location) as proxy:
            done = command.run(kubeconfig=to(proxy.url))
    assert done.code == 5
    assert "302" in command.error_of(done)
    assert proxy.requests
    assert elsewhere.requests == []
