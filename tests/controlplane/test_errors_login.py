"""Who is asking: tokens that are refused, missing or in a file, and a Pod's own (§7)."""

from collections.abc import Callable
from pathlib import Path

import pytest
from kubernetes.config import incluster_config

from podcm_sync.cluster.kube import client_config as kube_config
from tests import command
from tests.chaos.proxy import Proxy
from tests.controlplane.accounts import LEAST, account, with_server, with_user
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import make_config, names
from tests.controlplane.syncing import sync


def refused(kubeconfig: Path) -> str:
    """The one line of a run that exits 5 with nothing to report."""
    done = command.run(kubeconfig=kubeconfig)
    assert (done.code, done.stdout) == (5, "")
    return command.error_of(done)


def test_a_token_that_the_server_does_not_know(
    control_plane: ControlPlane, kubeconfig: Path
) -> None:
    """behavior.md §7: 401 is exit 5; the line names the server and never the token."""
    error = refused(with_user(kubeconfig, token="t0ken-of-nobody"))  # noqa: S106 - nobody's
    assert control_plane.server in error
    assert "credentials" in error
    assert "t0ken" not in error


@pytest.mark.parametrize(
    "user", [{}, {"token": ""}, {"password": "admin"}, {"tokenFile": "/dev/null"}]
)
def test_without_credentials_nothing_is_asked(
    control_plane: ControlPlane, kubeconfig: Path, user: dict[str, str]
) -> None:
    """behavior.md §7: no request goes out as system:anonymous."""
    with Proxy(control_plane) as proxy:
        with_server(with_user(kubeconfig, **user), proxy.url)
        assert "no credentials" in refused(kubeconfig)
    assert proxy.requests == []


def test_a_token_file(
    api: Api, control_plane: ControlPlane, namespace: str, kubeconfig: Path
) -> None:
    """§7: kubectl's habits: tokenFile, and the newline at its end is none of the token's."""
    make_config(api, namespace)
    with_user(kubeconfig, tokenFile="token")
    kubeconfig.with_name("token").write_text(f"{control_plane.admin_token}\n")
    assert command.run(kubeconfig=kubeconfig).code == 0


@pytest.fixture
def pod_of(
    api: Api, control_plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], str]:
    """Puts this process into a Pod of a namespace; the ServiceAccount's user name."""

    def enter(namespace: str) -> str:
        folder = tmp_path / "serviceaccount"
        folder.mkdir()
        (folder / "token").write_text(account(api, namespace, LEAST) + "\n")
        (folder / "ca.crt").write_bytes(control_plane.ca_file.read_bytes())
        (folder / "namespace").write_text(f"{namespace}\n")
        monkeypatch.setattr(kube_config, "SERVICE_ACCOUNT", folder)
        token, certificate = str(folder / "token"), str(folder / "ca.crt")
        monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", token)
        monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", certificate)
        host, _, port = control_plane.server.removeprefix("https://").partition(":")
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
        monkeypatch.delenv("KUBECONFIG", raising=False)
        return f"system:serviceaccount:{namespace}:tested"

    return enter


def test_in_a_pod_it_is_the_service_account_in_its_namespace(
    api: Api, audit: Audit, namespace: str, pod_of: Callable[[str], str]
) -> None:
    """behavior.md §7: in-cluster; without -n the ServiceAccount's namespace."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    user = pod_of(namespace)
    mark = audit.mark()
    assert sync(None).code == 0
    assert names(api, namespace) == ["pod-web-from-mine-cfg"]
    assert {e.user for e in audit.since(mark, user_agent="podcm-sync/")} == {user}


def test_in_a_pod_a_kubeconfig_that_is_named_comes_first(
    api: Api,
    namespace: str,
    kubeconfig: Path,
    pod_of: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """behavior.md §7: --kubeconfig, then KUBECONFIG, then in-cluster."""
    pod_of(new_namespace(api))
    make_config(api, namespace)
    api.make_pod(namespace, "web")
    assert sync(kubeconfig).counts == {"created": 1}
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    assert sync(None).counts == {"unchanged": 1}
