"""`podcm-sync explain` over manifests: exit codes, where it looks, and what it refuses."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from podcm_sync.__main__ import run
from tests.builders import Object, config_map, manifest, pcmc, pod


@pytest.fixture(autouse=True)
def _in_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The whole command within pytest: no signal's receiver, and its log is put back."""
    monkeypatch.setattr("podcm_sync.cli.signals.Signals.install", lambda _: None)
    monkeypatch.delenv("PODCM_SYNC_NAMESPACE", raising=False)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Two namespaces, one Pod's name in both."""
    objects: list[Object] = [
        pod(labels={"app": "web"}),
        pod(namespace="depot"),
        pod("db", namespace="depot"),
        pcmc(match_labels={"app": "web"}),
        config_map(made_for=pod("gone")),
    ]
    listed = {"apiVersion": "v1", "kind": "List", "items": [manifest(each) for each in objects]}
    (tmp_path / "all.json").write_bytes(msgspec.json.encode(listed))
    return tmp_path


def explain(directory: Path, *arguments: str) -> int:
    return run(["explain", *arguments, "--from", str(directory)])


def test_an_answer_is_0_and_stands_on_stdout_alone(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(directory, "pod/web-0", "-n", "shop", "-o", "json") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["version"] == "podcm-sync/explanation/v1"
    assert [each["verb"] for each in content["verdicts"]] == ["create"]


def test_without_a_namespace_the_only_one_that_has_it_is_found(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(directory, "pod", "db") == 0
    assert capsys.readouterr().out.startswith("Pod depot/db: ")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["pod/web-0"], 2, 'pods "web-0": found in namespaces depot, shop; say which with -n'),
        (["pod/web-1"], 3, 'pods "web-1" not found in any namespace of '),
        (["pod/web-1"], 3, "(near: web-0)"),
        (["pod/web-1", "-n", "shop"], 3, 'pods "web-1" not found in namespace shop (near: web-0)'),
        (["pcmc/web", "-n", "depot"], 3, 'podconfigmapconfigs "web" not found in namespace depot'),
        (["deploy/web"], 2, "write pod/NAME, configmap/NAME (cm/NAME) or pcmc/NAME"),
        (["pod/web-0", "-n", "No"], 2, "cannot be a namespace's name"),
        (["pod/web-0", "--context", "x"], 2, "--from needs no cluster"),
        (["pod/\x1b[2J", "-n", "shop"], 3, 'pods "\\x1b[2J" not found'),
        (["pod/web-0", "--max-prune", "many"], 2, "write 100, say, or 50%"),
    ],
)
def test_what_cannot_be_answered_is_one_line_and_a_code(
    directory: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    assert explain(directory, *arguments) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err.splitlines()[-1]


def test_a_pod_that_is_gone_but_left_something_is_an_answer(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(directory, "pod/gone", "-n", "shop") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Pod shop/gone: does not exist\n")
    assert "ReadOnlyManifest: nothing wants it, but it stands in " in shown


def test_a_name_that_another_has_is_looked_up(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without our label it is in no list of a run."""
    metadata = {"name": "settings", "namespace": "shop"}
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    (directory / "settings.json").write_bytes(msgspec.json.encode(settings))
    assert explain(directory, "cm/settings", "-n", "shop") == 0
    assert "not podcm-sync's and never touched" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "what_to_do"),
    [
        (["-n", "shop"], ": write it after"),
        (["--kubeconfig", "x"], ": write it after"),
        (["-v"], ": write it after"),
        (["--dry-run"], ", which has no such option: leave it out"),
    ],
)
def test_options_before_the_name_are_refused_and_not_lost(
    directory: Path, capsys: pytest.CaptureFixture[str], option: list[str], what_to_do: str
) -> None:
    """A lost --context would explain another cluster."""
    assert run([*option, "explain", "pod/web-0", "--from", str(directory)]) == 2
    assert f"stands before explain{what_to_do}" in capsys.readouterr().err


def test_the_logs_format_may_stand_anywhere(directory: Path) -> None:
    arguments = ["explain", "pod/web-0", "-n", "shop", "--from", str(directory)]
    assert run(["--log-format", "json", *arguments]) == 0


def test_the_environment_may_ask_for_masks(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODCM_SYNC_REDACT", "1")
    assert explain(directory, "pod/web-0", "-n", "shop") == 0
    assert "<redacted-1>" in capsys.readouterr().out
