"""Who is asking: credentials that are refused, missing, renewed, or made by a plugin (spec §7)."""

import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from kubernetes.config import incluster_config

from podcm_sync.cluster.kube import config as kube_config
from tests.controlplane import command
from tests.controlplane.accounts import LEAST, account
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.faults import Forward, Proxy, Reply, Request
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import make_config, names
from tests.controlplane.syncing import sync

As = Callable[..., Path]


@pytest.fixture
def as_user(kubeconfig: Path) -> As:
    """The kubeconfig with another user."""

    def write(**user: object) -> Path:
        config = yaml.safe_load(kubeconfig.read_text())
        config["users"][0]["user"] = user
        kubeconfig.write_text(yaml.safe_dump(config))
        return kubeconfig

    return write


def served_by(proxy: Proxy, kubeconfig: Path) -> Path:
    """The kubeconfig with the proxy for a server."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = proxy.url
    kubeconfig.write_text(yaml.safe_dump(config))
    return kubeconfig


def refused(kubeconfig: Path) -> str:
    """The one line of a run that exits 5 with nothing to report."""
    done = command.run(kubeconfig=kubeconfig)
    assert (done.code, done.stdout) == (5, "")
    return command.error_of(done)


def test_a_token_that_the_server_does_not_know(control_plane: ControlPlane, as_user: As) -> None:
    """Spec §7: 401 is exit 5; the line names the server and never the token."""
    error = refused(as_user(token="t0ken-of-nobody"))  # noqa: S106 - it is nobody's
    assert control_plane.server in error
    assert "credentials" in error
    assert "t0ken" not in error


@pytest.mark.parametrize(
    "user", [{}, {"token": ""}, {"username": "admin"}, {"tokenFile": "/dev/null"}]
)
def test_without_credentials_nothing_is_asked(
    control_plane: ControlPlane, namespace: str, as_user: As, user: dict[str, str]
) -> None:
    """Spec §7: no request goes out as system:anonymous."""
    with Proxy(control_plane) as proxy:
        assert "no credentials" in refused(served_by(proxy, as_user(**user)))
    assert proxy.requests == []


def test_a_token_file(api: Api, namespace: str, control_plane: ControlPlane, as_user: As) -> None:
    """Spec §7: kubectl's habits: tokenFile, and the newline at its end is none of the token's."""
    make_config(api, namespace)
    path = as_user(tokenFile="token")
    path.with_name("token").write_text(f"{control_plane.admin_token}\n")
    assert command.run(kubeconfig=path).code == 0


def plugin(folder: Path, *answers: str, code: int = 0) -> dict[str, object]:
    """A user with an exec plugin, which prints one answer after the other, and notes its runs."""
    script = folder / "plugin"
    (folder / "answers.json").write_text(json.dumps(answers))
    script.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, sys\n"
        "here = pathlib.Path(sys.argv[0]).parent\n"
        "runs = here / 'runs'\n"
        "count = len(runs.read_text()) if runs.exists() else 0\n"
        "runs.write_text('x' * (count + 1))\n"
        "answers = json.loads((here / 'answers.json').read_text())\n"
        "print(answers[min(count, len(answers) - 1)])\n"
        "print('plugin: no luck today', file=sys.stderr) if len(sys.argv) > 1 else None\n"
        "sys.exit(int(sys.argv[1]) if len(sys.argv) > 1 else 0)\n"
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(script),
            "args": [str(code)] if code else [],
            "interactiveMode": "Never",
        }
    }


def credential(**status: str) -> str:
    version = "client.authentication.k8s.io/v1"
    return json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})


def test_an_exec_plugin_that_works(
    api: Api, control_plane: ControlPlane, namespace: str, as_user: As
) -> None:
    """Spec §7: it is asked once for a whole run, however many requests there are."""
    for number in range(20):
        api.make_pod(namespace, f"p{number}")
    make_config(api, namespace)
    path = as_user()
    as_user(**plugin(path.parent, credential(token=control_plane.admin_token)))
    done = command.run(kubeconfig=path)
    assert (done.code, done.stderr.count("\n")) == (0, 1), done.stderr
    assert len(names(api, namespace)) == 20
    assert (path.parent / "runs").read_text() == "x"


def test_a_token_that_is_refused_is_asked_for_once_more(
    api: Api, control_plane: ControlPlane, namespace: str, as_user: As
) -> None:
    """Spec §7: a plugin's token may have been withdrawn; its next one counts."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    path = as_user()
    good = credential(token=control_plane.admin_token)
    as_user(**plugin(path.parent, credential(token="withdrawn"), good))  # noqa: S106 - no token
    assert command.run(kubeconfig=path).code == 0
    assert names(api, namespace) == ["pod-web-from-mine-cfg"]
    assert (path.parent / "runs").read_text() == "xx"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("", 1),
        ("", 0),
        ("not json", 0),
        ("[]", 0),
        ("7", 0),
        ("{}", 0),
        (credential(), 0),
        (credential(token=""), 0),
        (credential(username="x"), 0),
        ('{"kind": "ExecCredential", "status": null}', 0),
        ("\x1b[2J" + credential(token="x"), 0),  # noqa: S106 - no token
    ],
)
def test_an_exec_plugin_that_does_not(
    control_plane: ControlPlane, as_user: As, answer: str, code: int
) -> None:
    """Spec §7: authentication failed: exit 5, in printable words; nothing asked as anonymous."""
    with Proxy(control_plane) as proxy:
        path = as_user()
        as_user(**plugin(path.parent, answer, code=code))
        done = command.run(kubeconfig=served_by(proxy, path))
    assert proxy.requests == []
    assert (done.code, done.stdout) == (5, "")
    *_, last = done.stderr.splitlines()
    assert last.startswith("podcm-sync: error: authentication failed")
    assert last.isprintable()


def test_an_exec_plugin_that_is_not_installed(as_user: As) -> None:
    """Spec §7: exit 5, and the line names it."""
    version = "client.authentication.k8s.io/v1"
    missing = {"apiVersion": version, "command": "no-such-plugin", "interactiveMode": "Never"}
    done = command.run(kubeconfig=as_user(exec=missing))
    assert (done.code, done.stdout) == (5, "")
    assert "no-such-plugin" in done.stderr.splitlines()[-1]


def test_an_exec_plugin_that_fails_takes_one_line(as_user: As) -> None:
    """Spec §7: one line that says what failed, with the plugin's own words in it."""
    path = as_user()
    as_user(**plugin(path.parent, "", code=1))
    assert "no luck today" in refused(path)


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
    """Spec §7: in-cluster; without -n the ServiceAccount's namespace."""
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
    """Spec §7: --kubeconfig, then KUBECONFIG, then in-cluster."""
    pod_of(new_namespace(api))
    make_config(api, namespace)
    api.make_pod(namespace, "web")
    assert sync(kubeconfig).counts == {"created": 1}
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    assert sync(None).counts == {"unchanged": 1}


def test_a_token_that_expires_in_the_middle_of_a_run(
    api: Api, control_plane: ControlPlane, namespace: str, as_user: As
) -> None:
    """Spec §7: 401 on a later request: the plugin is asked again, and the run goes on."""
    for number in range(5):
        api.make_pod(namespace, f"p{number}")
    make_config(api, namespace)
    path = as_user()
    token = control_plane.admin_token
    first, second = (credential(token=each) for each in ("first", token))

    def expiring(request: Request, forward: Forward) -> Reply:
        bearer = request.headers["authorization"]
        if bearer == "Bearer first" and request.method == "GET":
            request.headers["authorization"] = f"Bearer {token}"
        return forward()

    with Proxy(control_plane, expiring) as proxy:
        as_user(**plugin(path.parent, first, second))
        assert command.run(kubeconfig=served_by(proxy, path)).code == 0
    assert len(names(api, namespace)) == 5
    assert (path.parent / "runs").read_text() == "xx"
