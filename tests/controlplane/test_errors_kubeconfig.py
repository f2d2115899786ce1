"""A kubeconfig that cannot be used: one line that names it, exit 2, nothing asked (§7)."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests import command
from tests.controlplane.api import Api, Object
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import make_config, names, status_of

Change = Callable[[Object], object]


def rewritten(path: Path, change: Change) -> Path:
    config = yaml.safe_load(path.read_text())
    change(config)
    path.write_text(yaml.safe_dump(config))
    return path


TEXTS = {
    "empty": b"",
    "blank": b"\n\n",
    "a comment": b"# nothing yet\n",
    "no YAML": b"clusters: [}\n",
    "a tab": b"apiVersion: v1\n\tkind: Config\n",
    "binary": bytes(range(256)),
    "a text": b"hello\n",
    "a list": b"- a\n- b\n",
    "a number": b"7\n",
    "an empty mapping": b"{}\n",
    "null sections": b"clusters:\nusers:\ncontexts:\ncurrent-context:\n",
    "an alias bomb's fuse": b"a: &a [*a]\n",
}


@pytest.mark.parametrize("content", TEXTS)
def test_a_file_that_is_no_kubeconfig(tmp_path: Path, content: str) -> None:
    """behavior.md §7: unreadable input is exit 2; the line names the file."""
    path = tmp_path / "config"
    path.write_bytes(TEXTS[content])
    for env in ({}, {"KUBECONFIG": str(path)}):
        done = command.run("--dry-run", kubeconfig=None if env else path, env=env)
        assert (done.code, done.stdout) == (2, "")
        assert str(path) in command.error_of(done)


def context(config: Object) -> Object:
    found: Object = config["contexts"][0]["context"]
    return found


def cluster(config: Object) -> Object:
    found: Object = config["clusters"][0]["cluster"]
    return found


CA_FILE, CA_DATA = "certificate-authority", "certificate-authority-data"


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        (lambda config: config.pop("current-context"), "current-context"),
        (lambda config: config.update({"current-context": "lost"}), "lost"),
        (lambda config: config.update(contexts={"test": {}}), "contexts"),
        (lambda c: c["contexts"][0].update(context="x"), ""),
        (lambda config: context(config).update(cluster="lost"), "lost"),
        (lambda config: context(config).update(namespace="../x"), "../x"),
        (lambda config: cluster(config).pop("server"), "server"),
        (lambda c: c["clusters"][0].update(cluster=[]), ""),
        (lambda config: cluster(config).update({CA_FILE: "/lost.crt"}), "/lost.crt"),
        (lambda config: cluster(config).update({CA_DATA: "AAAA"}), ""),
        (lambda config: cluster(config).update({CA_DATA: "?"}), ""),
        (lambda config: config["users"][0].update(user=7), ""),
        (lambda config: config["users"][0].update(user={"tokenFile": "/lost"}), "/lost"),
    ],
    ids=[
        *("no current context", "an unknown current context", "contexts of another shape"),
        *("a context of another shape", "no such cluster", "a namespace that is none"),
        *("no server", "a cluster of another shape", "no CA file", "a CA that is none"),
        *("a CA that is no base64", "a user of another shape", "no token file"),
    ],
)
def test_a_kubeconfig_that_names_what_is_not_there(
    kubeconfig: Path, change: Change, missing: str
) -> None:
    """behavior.md §7: exit 2, and the line names the file and what is missing."""
    rewritten(kubeconfig, change)
    done = command.run(kubeconfig=kubeconfig)
    assert (done.code, done.stdout) == (2, "")
    error = command.error_of(done)
    assert str(kubeconfig) in error
    assert missing in error


@pytest.mark.parametrize(
    "server",
    [
        *("example.com", "ftp://h", "https://", "https://h:99999", "https://h:abc", "https://[::1"),
        *("https://h%zz", "https://h?x=y", "https://h#x", "https://user:s3cret@127.0.0.1:1"),
    ],
)
def test_a_server_that_is_no_address(kubeconfig: Path, server: str) -> None:
    """behavior.md §7: exit 2, and the line names the file; a password in it is not repeated."""
    rewritten(kubeconfig, lambda config: cluster(config).update(server=server))
    done = command.run(kubeconfig=kubeconfig)
    assert (done.code, done.stdout) == (2, "")
    error = command.error_of(done)
    assert str(kubeconfig) in error
    assert "certificates" not in error
    assert "s3cret" not in error


def test_an_unknown_context_is_answered_with_the_known_ones(
    control_plane: ControlPlane, kubeconfig: Path
) -> None:
    """behavior.md §7: what failed, on which object, and what to do."""
    staging = {"name": "staging", "context": {"cluster": "test", "user": "test"}}
    rewritten(kubeconfig, lambda config: config["contexts"].append(staging))
    done = command.run("--context", "prod", kubeconfig=kubeconfig)
    assert done.code == 2
    error = command.advice_of(done)
    assert "'prod'" in error
    assert "staging, test" in error


def test_no_kubeconfig_anywhere_says_what_to_give(tmp_path: Path) -> None:
    """§7: with neither option, KUBECONFIG, a Pod's ServiceAccount nor ~/.kube/config."""
    missing = tmp_path / "missing"
    for kubeconfig, env in ((missing, {}), (None, {"KUBECONFIG": str(missing)}), (None, {})):
        done = command.run("--dry-run", kubeconfig=kubeconfig, env=env)
        assert (done.code, done.stdout) == (2, "")
        assert "--kubeconfig" in command.advice_of(done)
        if kubeconfig or env:
            assert str(missing) in command.error_of(done)


def write(path: Path, **content: object) -> Path:
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **content}))
    return path


def paths(*files: Path) -> dict[str, str]:
    return {"KUBECONFIG": os.pathsep.join(map(str, files))}


def test_kubeconfig_can_be_a_list_of_paths(
    api: Api, control_plane: ControlPlane, namespace: str, kubeconfig: Path
) -> None:
    """§7: merged; a path in a file is relative to it; files that are not there are none."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    config = yaml.safe_load(kubeconfig.read_text())
    folder = kubeconfig.with_name("folder")
    folder.mkdir()
    (folder / "ca.crt").write_bytes(control_plane.ca_file.read_bytes())
    cluster(config)[CA_FILE] = "ca.crt"
    first = write(folder / "first", clusters=config["clusters"])
    config["contexts"][0]["name"] = "second"
    second = write(
        kubeconfig.with_name("second"), users=config["users"], contexts=config["contexts"]
    )
    env = paths(first, kubeconfig.with_name("missing"), second)
    done = command.run("--context", "second", kubeconfig=None, env=env)
    assert done.code == 0, done.stderr
    assert names(api, namespace) == ["pod-web-from-mine-cfg"]


@pytest.fixture
def two(kubeconfig: Path) -> dict[str, str]:
    """Two files; each has a context of its own, which it calls current, and a user's namesake."""
    config = yaml.safe_load(kubeconfig.read_text())
    files = []
    for name in ("one", "two"):
        config["contexts"][0]["name"] = config["current-context"] = name
        files.append(write(kubeconfig.with_name(name), **config))
        config["users"][0]["user"] = {"token": "not-the-admins"}
    return paths(*files)


def test_of_two_things_with_one_name_the_first_files_holds(two: dict[str, str]) -> None:
    """behavior.md §7, kubectl's habit: the first file to say something wins."""
    done = command.run("--context", "two", "--dry-run", kubeconfig=None, env=two)
    assert done.code == 0, done.stderr


def test_of_two_current_contexts_the_first_files_holds(
    control_plane: ControlPlane, two: dict[str, str]
) -> None:
    """behavior.md §7, kubectl's habit: and so says kubectl itself."""
    current = [str(control_plane.binaries / "kubectl"), "config", "current-context"]
    said = subprocess.run(current, env=two, capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout == "one\n"
    done = command.run("--dry-run", kubeconfig=None, env=two)
    assert "(context one)" in done.stderr


def test_without_n_it_is_the_contexts_namespace_but_not_without_any_argument(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §7: a CronJob that lost its arguments fails, and changes nothing."""
    make_config(api, namespace)
    env = {"KUBECONFIG": str(kubeconfig)}
    before = status_of(api, namespace)
    assert command.run(kubeconfig=None, env=env).code == 2
    assert status_of(api, namespace) == before
    assert command.run(kubeconfig=None, env={**env, "PODCM_SYNC_EVENTS": "1"}).code == 0
    assert status_of(api, namespace)["observedGeneration"] == 1


def test_the_option_comes_before_the_environment_and_that_before_home(
    api: Api, namespace: str, kubeconfig: Path, tmp_path: Path
) -> None:
    """behavior.md §7: --kubeconfig, PODCM_SYNC_KUBECONFIG, KUBECONFIG, ~/.kube/config."""
    make_config(api, namespace)
    bad = tmp_path / "bad"
    bad.write_text("[")
    home = tmp_path / "home"
    (home / ".kube").mkdir(parents=True)
    (home / ".kube" / "config").write_text(kubeconfig.read_text())
    ours, theirs = {"PODCM_SYNC_KUBECONFIG": str(kubeconfig)}, {"KUBECONFIG": str(bad)}
    assert command.run(kubeconfig=kubeconfig, env=theirs).code == 0
    assert command.run("-v", kubeconfig=None, env=ours | theirs).code == 0
    assert command.run("-v", kubeconfig=None, env={"HOME": str(home)}).code == 0
    assert command.run("-v", kubeconfig=None, env={"HOME": str(home)} | theirs).code == 2
    assert command.run(kubeconfig=bad, env=ours).code == 2
    assert status_of(api, namespace)["observedGeneration"] == 1
