"""Exec plugins, as managed clusters have them: asked once, renewed, or failing in a line (§7)."""

import json
import stat
import sys
from pathlib import Path

import pytest

from tests import command
from tests.chaos.proxy import Forward, Proxy
from tests.chaos.rules import Observed, Reply
from tests.controlplane.accounts import with_server, with_user
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import make_config, names

VERSION = "client.authentication.k8s.io/v1"
SCRIPT = f"""#!{sys.executable}
import json, pathlib, sys
runs = pathlib.Path(sys.argv[0] + ".runs")
count = len(runs.read_text()) if runs.exists() else 0
runs.write_text("x" * (count + 1))
answers, code = json.loads(pathlib.Path(sys.argv[0] + ".json").read_text())
print(answers[min(count, len(answers) - 1)])
sys.exit("plugin: no luck today" if code else 0)
"""


def with_plugin(kubeconfig: Path, *answers: str, code: int = 0) -> Path:
    """The kubeconfig with a plugin that prints one answer after the other, the last for ever."""
    script = kubeconfig.with_name("plugin")
    script.write_text(SCRIPT)
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    script.with_name("plugin.json").write_text(json.dumps([answers, code]))
    used = {"apiVersion": VERSION, "command": str(script), "interactiveMode": "Never"}
    return with_user(kubeconfig, exec=used)


def runs_of(kubeconfig: Path) -> int:
    return len(kubeconfig.with_name("plugin.runs").read_text())


def credential(**status: str) -> str:
    return json.dumps({"apiVersion": VERSION, "kind": "ExecCredential", "status": status})


@pytest.fixture
def work(api: Api, namespace: str) -> None:
    for number in range(12):
        api.make_pod(namespace, f"p{number}")
    make_config(api, namespace)


@pytest.mark.usefixtures("work")
def test_an_exec_plugin_that_works(
    api: Api, control_plane: ControlPlane, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §7: it is asked once for a whole run, however many requests there are."""
    with_plugin(kubeconfig, credential(token=control_plane.admin_token))
    done = command.run(kubeconfig=kubeconfig)
    assert (done.code, done.stderr.count("\n")) == (0, 1), done.stderr
    assert len(names(api, namespace)) == 12
    assert runs_of(kubeconfig) == 1


@pytest.mark.usefixtures("work")
def test_a_token_that_is_refused_is_asked_for_once_more(
    api: Api, control_plane: ControlPlane, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §7: a plugin's token may have been withdrawn; its next one counts."""
    first, second = (credential(token=each) for each in ("first", control_plane.admin_token))
    assert command.run(kubeconfig=with_plugin(kubeconfig, first, second)).code == 0
    assert len(names(api, namespace)) == 12
    assert runs_of(kubeconfig) == 2


@pytest.mark.usefixtures("work")
def test_a_token_that_expires_in_the_middle_of_a_run(
    api: Api, control_plane: ControlPlane, namespace: str, kubeconfig: Path
) -> None:
    """§7: 401 on a later request: the plugin is asked again, once, and the run goes on."""
    token = control_plane.admin_token
    first, second = (credential(token=each) for each in ("first", token))

    def expiring(request: Observed, forward: Forward) -> Reply:
        if request.headers["authorization"] == "Bearer first" and request.method == "GET":
            request.headers["authorization"] = f"Bearer {token}"
        return forward()

    with Proxy(control_plane, handler=expiring) as proxy:
        with_server(with_plugin(kubeconfig, first, second), proxy.url)
        assert command.run(kubeconfig=kubeconfig).code == 0
    assert len(names(api, namespace)) == 12
    assert runs_of(kubeconfig) == 2


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
    control_plane: ControlPlane, kubeconfig: Path, answer: str, code: int
) -> None:
    """§7: authentication failed: exit 5, one printable line; nothing asked as anonymous."""
    with Proxy(control_plane) as proxy:
        with_server(with_plugin(kubeconfig, answer, code=code), proxy.url)
        done = command.run(kubeconfig=kubeconfig)
    assert proxy.requests == []
    assert (done.code, done.stdout) == (5, "")
    shown, _, line = done.stderr.rpartition("podcm-sync: error: ")
    assert shown == ("plugin: no luck today\n" if code else "")  # passed on, as kubectl does
    error = line.rstrip("\n")
    assert error.startswith("authentication failed")
    assert error.isprintable()
    assert ("no luck today" in error) == bool(code)  # the plugin's own words


def test_an_exec_plugin_that_is_not_installed(kubeconfig: Path) -> None:
    """behavior.md §7: exit 5, and the line names it."""
    missing = {"apiVersion": VERSION, "command": "no-such-plugin", "interactiveMode": "Never"}
    done = command.run(kubeconfig=with_user(kubeconfig, exec=missing))
    assert (done.code, done.stdout) == (5, "")
    assert "no-such-plugin" in command.error_of(done)
