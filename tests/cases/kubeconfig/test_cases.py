"""Each case of this folder: what the server sees of podcm-sync, and that kubectl does the same.

A case is a folder with its files and a case.yaml; README.md has its keys.
"""

import logging
import os
import shutil
import subprocess
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.client_config import loader
from podcm_sync.errors import RunError
from tests.cases.kubeconfig.server import Observed, Server
from tests.controlplane import binaries

HERE = Path(__file__).parent
KEYS = {"source", "why", "env", "context", "as", "encoding", "expected", "kubectl"}
EXPECTED = {"seen", "exit", "error", "never", "stderr"}
NAMES = sorted(path.parent.name for path in HERE.glob("*/case.yaml"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("certificates")) as running:
        yield running


@pytest.fixture(scope="module")
def kubectl() -> str:
    """The control plane's kubectl; found before a test changes HOME, where the cache is."""
    return str(binaries.find_or_build() / "kubectl")


def case_of(name: str) -> dict[str, Any]:
    case: dict[str, Any] = yaml.safe_load((HERE / name / "case.yaml").read_text())
    assert set(case) <= KEYS, name
    assert set(case["expected"]) <= EXPECTED, name
    assert case["source"], name
    return case


def copied(name: str, case: dict[str, Any], server: Server, workdir: Path) -> Path:
    """A copy of the case with the server's addresses and certificates in it."""
    folder = workdir / "case"
    shutil.copytree(HERE / name, folder)
    for path in folder.rglob("*"):
        if path.is_file():
            encoding = case.get("encoding", {}).get(str(path.relative_to(folder)), "utf-8")
            path.write_bytes(filled(path.read_text(), server).encode(encoding))
    return folder


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Server) -> dict[str, str]:
    """An environment and a home with nothing of this machine's."""
    home = tmp_path / "home"
    home.mkdir()
    for variable in list(os.environ):
        monkeypatch.delenv(variable)
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home)}
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    server.seen.clear()
    return environment


def filled(text: str, server: Server) -> str:
    """The text with the server's addresses and certificates in it."""
    for name, value in server.placeholders().items():
        text = text.replace(f"@{name}@", value)
    return text


def variables(case: dict[str, Any], server: Server) -> dict[str, str]:
    return {name: filled(value, server) for name, value in case.get("env", {}).items()}


def wanted(expected: dict[str, Any], server: Server) -> list[Observed]:
    seen: list[Observed] = yaml.safe_load(filled(yaml.safe_dump(expected.get("seen", [])), server))
    return seen


@pytest.mark.parametrize("name", NAMES)
def test_the_server_sees_what_the_case_says(  # noqa: PLR0917 - fixtures
    name: str,
    server: Server,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = case_of(name)
    expected = case["expected"]
    caplog.set_level(logging.DEBUG)
    monkeypatch.chdir(copied(name, case, server, tmp_path))
    for variable, value in variables(case, server).items():
        monkeypatch.setenv(variable, value)
    kubeconfig = None if "KUBECONFIG" in case.get("env", {}) else "kubeconfig"
    code, message = 0, ""
    try:
        connection = Connection(
            loader(kubeconfig, case.get("context"), case.get("as")),
            connections=1,
            request_timeout=10.0,
        )
        code = 0 if connection.get("/version").status == 200 else 5
        connection.close()
    except RunError as error:
        code, message = error.exit_code, f"{error}\nhint: {error.hint}"
        message += "\n" + "".join(traceback.format_exception(error))
    shown = capfd.readouterr()
    assert code == expected.get("exit", 0), message
    assert server.seen == wanted(expected, server), message
    for part in expected.get("error", []):
        assert part in " ".join(message.splitlines()[:2])
    for part in expected.get("stderr", []):
        assert part in shown.err
    for secret in expected.get("never", []):
        assert secret not in message + shown.out + shown.err + caplog.text


def last(seen: list[Observed]) -> list[Observed]:
    """What was asked, without what kubectl asks again."""
    return [entry for number, entry in enumerate(seen) if entry not in seen[:number]]


@pytest.mark.parametrize("name", [name for name in NAMES if "kubectl" not in case_of(name)])
def test_kubectl_does_the_same(
    name: str, kubectl: str, server: Server, environment: dict[str, str], tmp_path: Path
) -> None:
    """A case whose key `kubectl` says how kubectl differs, and why, is not played."""
    case = case_of(name)
    expected = case["expected"]
    options = ["--kubeconfig", "kubeconfig"] if "KUBECONFIG" not in case.get("env", {}) else []
    for option in ("context", "as"):
        options += [f"--{option}={case[option]}"] if option in case else []
    done = subprocess.run(
        [kubectl, *options, "get", "--raw", "/version"],
        env=environment | variables(case, server),
        cwd=copied(name, case, server, tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode == 0) == (expected.get("exit", 0) == 0), done.stderr
    assert last(server.seen) == last(wanted(expected, server)), done.stderr
