"""Logins that expire, are refused or replaced while a program runs, against a server with TLS."""

import json
import os
import stat
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from podcm_sync.cluster.kube import credentials
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.client_config import home_namespace, load, loader
from podcm_sync.errors import ClusterError
from tests.cases.kubeconfig.server import Server

VERSION = "client.authentication.k8s.io/v1"


class Time:
    """A fake of the `time` module."""

    def __init__(self) -> None:
        self.passed = 0.0

    def time(self) -> float:
        return time.time() + self.passed

    def monotonic(self) -> float:
        return time.monotonic() + self.passed


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "certificates"
    folder.mkdir()
    with Server(folder) as running:
        yield running


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> Time:
    fake = Time()
    monkeypatch.setattr(credentials, "time", fake)
    return fake


class Kubeconfig:
    """A kubeconfig, the certificates of a server, and an exec plugin, in one folder."""

    def __init__(self, server: Server, path: Path) -> None:
        self.path = path
        self.folder = server.folder
        self._url = f"https://127.0.0.1:{server.placeholders()['HTTPS_PORT']}"

    def write(self, user: dict[str, Any], *, ca: str = "ca.crt", **config: Any) -> None:
        cluster = {"server": self._url, "certificate-authority": str(self.folder / ca)}
        content = {
            "clusters": [{"name": "x", "cluster": cluster}],
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
            "users": [{"name": "x", "user": user}],
            "current-context": "x",
        }
        self.path.write_text(json.dumps(content | config))

    def plugin(self, status: dict[str, str]) -> dict[str, Any]:
        """A user whose plugin prints this, and records each run."""
        path = self.folder / "plugin"
        self.answer(status)
        path.write_text(f'#!/bin/sh\necho >> "{path}.runs"\nexec cat "{path}.json"\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return {"exec": {"apiVersion": VERSION, "command": str(path), "interactiveMode": "Never"}}

    def answer(self, status: dict[str, str]) -> None:
        credential = {"apiVersion": VERSION, "kind": "ExecCredential", "status": status}
        (self.folder / "plugin.json").write_text(json.dumps(credential))

    @property
    def runs(self) -> int:
        return len((self.folder / "plugin.runs").read_text().splitlines())

    def pair(self, name: str) -> dict[str, str]:
        return {
            "clientCertificateData": (self.folder / f"{name}.crt").read_text(),
            "clientKeyData": (self.folder / f"{name}.key").read_text(),
        }

    def connect(self, connections: int = 1) -> Any:
        made = Connection(
            loader(str(self.path), None), connections=connections, request_timeout=10.0
        )
        return closing(made)


@pytest.fixture
def kubeconfig(server: Server, tmp_path: Path) -> Kubeconfig:
    return Kubeconfig(server, tmp_path / "config")


def in_seconds(seconds: float) -> str:
    return datetime.fromtimestamp(time.time() + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_plugins_certificate_that_expires_is_replaced_on_a_new_connection(
    server: Server, kubeconfig: Kubeconfig, context: Time
) -> None:
    """Case 20: certificates of Teleport and Gardener are valid for some hours."""
    kubeconfig.write(
        kubeconfig.plugin(kubeconfig.pair("other") | {"expirationTimestamp": in_seconds(60)})
    )
    with kubeconfig.connect() as connection:
        connection.get("/a")
        kubeconfig.answer(kubeconfig.pair("good"))
        connection.get("/b")
        context.passed = 61
        connection.get("/c")
        connection.get("/d")
    assert [entry["certificate"] for entry in server.seen] == ["other", "other", "good", "good"]
    assert kubeconfig.runs == 2


def test_a_plugins_certificate_that_is_refused_is_replaced_on_a_new_connection(
    server: Server, kubeconfig: Kubeconfig
) -> None:
    """Case 20: the API server answers 401 to an expired certificate."""
    kubeconfig.write(kubeconfig.plugin(kubeconfig.pair("other") | {"token": "stale"}))
    with kubeconfig.connect() as connection:
        kubeconfig.answer(kubeconfig.pair("good") | {"token": "good"})
        assert connection.get("/a").status == 200
    assert [entry["certificate"] for entry in server.seen] == ["other", "good"]
    assert kubeconfig.runs == 2


def test_if_the_plugin_has_nothing_newer_the_refusal_stays_what_it_is(
    server: Server, kubeconfig: Kubeconfig
) -> None:
    kubeconfig.write(kubeconfig.plugin({"token": "stale"}))
    with kubeconfig.connect() as connection:
        assert connection.get("/a").status == 401
        kubeconfig.answer({"token": "good"})
        assert connection.get("/b").status == 200
    assert [entry["path"] for entry in server.seen] == ["/a", "/b", "/b"]


def test_one_run_of_the_plugin_serves_all_threads(server: Server, kubeconfig: Kubeconfig) -> None:
    """Whether the plugin has a newer credential or not."""
    for newer, statuses in (("good", {200}), ("stale", {401})):
        kubeconfig.write(kubeconfig.plugin({"token": "stale"}))
        (kubeconfig.folder / "plugin.runs").unlink(missing_ok=True)
        together = threading.Barrier(4)

        def get(connection: Connection, together: threading.Barrier = together) -> int:
            login = connection._credentials.login()
            together.wait(10)
            connection._credentials.renew(login)
            return connection.get("/a").status

        with kubeconfig.connect(4) as connection, ThreadPoolExecutor(4) as threads:
            kubeconfig.answer({"token": newer})
            assert set(threads.map(get, [connection] * 4)) == statuses
        # The start, then one renewal for all threads. Stale tokens are refused once more.
        assert kubeconfig.runs <= (2 if newer == "good" else 6)


@pytest.mark.parametrize("is_refused", [False, True])
def test_a_client_certificates_file_that_was_replaced_is_used(
    server: Server, kubeconfig: Kubeconfig, context: Time, *, is_refused: bool
) -> None:
    """Kubeadm and the kubelet replace it. It counts a minute later, or at once after a 401."""
    files = {suffix: kubeconfig.folder / f"own.{suffix}" for suffix in ("crt", "key")}

    def replace(name: str) -> None:
        for suffix, path in files.items():
            path.write_bytes((kubeconfig.folder / f"{name}.{suffix}").read_bytes())

    replace("other")
    user = {"client-certificate": str(files["crt"]), "client-key": str(files["key"])}
    token = {"token": "stale"} if is_refused else {}
    kubeconfig.write(user | token)
    with kubeconfig.connect() as connection:
        connection.get("/a")
        replace("good")
        kubeconfig.write(user | ({"token": "good"} if is_refused else {}))
        context.passed = 0 if is_refused else 61
        assert connection.get("/b").status == 200
    assert server.seen[0]["certificate"] == "other"
    assert server.seen[-1]["certificate"] == "good"


def test_files_that_are_just_being_replaced_leave_the_login_as_it_is(
    server: Server, kubeconfig: Kubeconfig, context: Time
) -> None:
    certificate, key = (kubeconfig.folder / f"own.{suffix}" for suffix in ("crt", "key"))
    certificate.write_bytes((kubeconfig.folder / "other.crt").read_bytes())
    key.write_bytes((kubeconfig.folder / "other.key").read_bytes())
    kubeconfig.write({"client-certificate": str(certificate), "client-key": str(key)})
    with kubeconfig.connect() as connection:
        certificate.write_bytes((kubeconfig.folder / "good.crt").read_bytes())
        context.passed = 61
        connection.get("/a")
        key.write_bytes((kubeconfig.folder / "good.key").read_bytes())
        context.passed = 122
        connection.get("/b")
    assert [entry["certificate"] for entry in server.seen] == ["other", "good"]


def test_a_token_file_is_read_each_minute_and_its_last_token_stays(
    server: Server, kubeconfig: Kubeconfig, context: Time
) -> None:
    token = kubeconfig.folder / "token"
    token.write_text("good-1")
    kubeconfig.write({"tokenFile": str(token)})
    with kubeconfig.connect() as connection:
        connection.get("/a")
        token.write_text("good-2\n")
        connection.get("/b")
        context.passed = 61
        connection.get("/c")
        token.unlink()
        context.passed = 122
        connection.get("/d")
    tokens = [entry["authorization"].removeprefix("Bearer ") for entry in server.seen]
    assert tokens == ["good-1", "good-1", "good-2", "good-2"]


def test_an_id_token_that_kubectl_has_renewed_is_used(
    server: Server, kubeconfig: Kubeconfig, context: Time
) -> None:
    """podcm-sync renews no token, but reads the kubeconfig again once a token has expired."""

    def user(seconds: float) -> dict[str, Any]:
        claims = json.dumps({"exp": time.time() + seconds}).encode()
        token = f"good.{urlsafe_b64encode(claims).decode().rstrip('=')}.{seconds:g}"
        config = {"idp-issuer-url": "https://issuer.invalid", "client-id": "k", "id-token": token}
        return {"auth-provider": {"name": "oidc", "config": config}}

    kubeconfig.write(user(60))
    with kubeconfig.connect() as connection:
        connection.get("/a")
        kubeconfig.write(user(600))
        connection.get("/b")
        context.passed = 51  # it counts as expired 10 s early
        connection.get("/c")
        context.passed = 700
        with pytest.raises(ClusterError, match=r"has expired.*run kubectl with this kubeconfig"):
            connection.get("/d")
    ends = [entry["authorization"].rpartition(".")[2] for entry in server.seen]
    assert ends == ["60", "60", "600"]


def test_a_ca_that_was_replaced_is_read_again_and_the_request_goes_out(
    server: Server, kubeconfig: Kubeconfig, context: Time
) -> None:
    """A cluster's CA can change while a loop runs. Its file is read at most every 10 s."""
    ca = kubeconfig.folder / "own-ca.crt"
    ca.write_bytes((kubeconfig.folder / "other-ca.crt").read_bytes())
    kubeconfig.write({"token": "good"}, ca="own-ca.crt")
    with kubeconfig.connect() as connection:
        with pytest.raises(ClusterError, match="certificate isn't trusted"):
            connection.get("/a")
        ca.write_bytes((kubeconfig.folder / "ca.crt").read_bytes())
        with pytest.raises(ClusterError, match="certificate isn't trusted"):
            connection.get("/b")
        context.passed = credentials.TRUST_SECONDS
        assert connection.request("POST", "/c", body=b"x").status == 501
        assert connection.get("/d").status == 200
    assert [entry["path"] for entry in server.seen] == ["/d"]


def test_a_context_that_is_no_longer_the_current_one_stays_that_of_a_running_program(
    server: Server, kubeconfig: Kubeconfig
) -> None:
    """`kubectl config use-context prod` must not take a loop to another cluster."""
    kubeconfig.write({"token": "stale"})
    with kubeconfig.connect() as connection:
        prod = {"name": "prod", "context": {"cluster": "prod", "user": "prod"}}
        context = {"name": "x", "context": {"cluster": "x", "user": "x"}}
        kubeconfig.write({"token": "good"}, contexts=[prod, context], **{"current-context": "prod"})
        assert connection.get("/a").status == 200


def test_a_context_that_now_names_another_server_gets_no_credentials(
    server: Server, kubeconfig: Kubeconfig
) -> None:
    kubeconfig.write({"token": "stale"})
    with kubeconfig.connect() as connection:
        other = {"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}
        kubeconfig.write({"token": "good"}, clusters=[other])
        with pytest.raises(ClusterError, match=r"now has the server https://127\.0\.0\.1:1 "):
            connection.get("/a")
    assert [entry["authorization"] for entry in server.seen] == ["Bearer stale"]


def test_a_refusal_that_repeats_the_credential_is_read_without_it(
    kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some gateways quote the request in their error page."""
    from podcm_sync.cluster.kube.transport import Response, Transport

    kubeconfig.write({"token": "s3cret"})

    def exchange(*_: object, **_options: object) -> Response:
        return Response(status=403, body=b"no: Bearer s3cret", retry_after=None)

    monkeypatch.setattr(Transport, "exchange", exchange)
    with kubeconfig.connect() as connection:
        assert connection.get("/a").body == b"no: Bearer ***"


def test_a_pipe_is_read_once_and_counts_when_the_configuration_is_read_again(
    kubeconfig: Kubeconfig, tmp_path: Path
) -> None:
    """As in kubectl: `--kubeconfig <(command)`."""
    kubeconfig.write({"token": "good"})
    reading, writing = os.pipe()
    os.write(writing, kubeconfig.path.read_bytes())
    os.close(writing)
    read = loader(f"/dev/fd/{reading}", None)
    assert read().server == read().server
    os.close(reading)


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of a ServiceAccount, as if this process ran in a Pod."""
    from kubernetes.config import incluster_config

    from podcm_sync.cluster.kube import client_config

    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text("good\n")
    trustme.CA().cert_pem.write_to_path(str(folder / "ca.crt"))
    (folder / "namespace").write_text("shop\n")
    monkeypatch.setattr(client_config, "SERVICE_ACCOUNT", folder)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(folder / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(folder / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return folder


def test_in_a_pod_an_ipv6_address_gets_brackets(pod: Path) -> None:
    target = load(None, None, "jane")
    assert target.server == "https://[fd00::1]:443"
    assert (target.namespace, target.headers) == ("shop", ("Impersonate-User: jane",))
    assert target.user.token_file == str(pod / "token")


def test_a_run_that_names_no_namespace_is_at_home_in_its_pod(
    pod: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Metrics call the scope so. It is the same whether a kubeconfig can be read or not."""
    assert home_namespace(None, None) == "shop"
    assert home_namespace("/nowhere", None) == "default"
    assert home_namespace(None, "prod") == "default"
    (pod / "namespace").unlink()
    assert home_namespace(None, None) == "default"
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    assert home_namespace(None, None) == "default"


def test_in_a_pod_files_of_kubeconfig_that_do_not_exist_leave_the_service_account(
    pod: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in kubectl, a file that `--kubeconfig` names must exist."""
    monkeypatch.setenv("KUBECONFIG", str(pod / "lost"))
    assert load(None, None).source == "this Pod's ServiceAccount"


def test_in_a_pod_an_untrusted_server_is_not_blamed_on_a_kubeconfig(pod: Path) -> None:
    assert load(None, None).authorities_place == "ca.crt of this Pod's ServiceAccount"


def test_in_a_pod_without_a_namespace_file_the_login_fails(pod: Path) -> None:
    (pod / "namespace").unlink()
    with pytest.raises(ClusterError, match="ServiceAccount cannot be used"):
        load(None, None)
