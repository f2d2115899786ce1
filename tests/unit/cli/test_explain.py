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
    monkeypatch.setattr("podcm_sync.runtime.signals.Signals.install", lambda _: None)
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
    assert content["version"] == "podcm-sync/explanation/v2"
    assert [each["verb"] for each in content["verdicts"]] == ["create"]


def test_without_a_namespace_the_only_one_that_has_it_is_found(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(directory, "pod", "db") == 0
    assert capsys.readouterr().out.startswith("Pod depot/db  ")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["pod/web-0"], 2, 'pod "web-0" is in more than one namespace'),
        (["pod/web-0"], 2, "  hint: add -n NAMESPACE (it exists in: depot, shop)"),
        (["pod/db", "-n", "shop"], 3, 'pod "db" not found in namespace shop'),
        (["pod/db", "-n", "shop"], 3, "  hint: add -n depot (it exists in: depot)"),
        (["pod/web-1"], 3, 'pod "web-1" not found in any namespace of '),
        (["pod/web-1"], 3, "  hint: similar names: web-0"),
        (["pod/web-1", "-n", "shop"], 3, 'pod "web-1" not found in namespace shop'),
        (["pod/web-1", "-n", "shop"], 3, "  hint: similar names: web-0"),
        (["pcmc/web", "-n", "depot"], 3, 'podconfigmapconfig "web" not found in namespace depot'),
        (["deploy/web"], 2, "use pod/NAME, configmap/NAME (cm/NAME), or pcmc/NAME"),
        (["pod/web-0", "-n", "No"], 2, "'No' isn't a valid namespace name"),
        (["pod/web-0", "--context", "x"], 2, "--context can't be combined with --from"),
        (["pod/\x1b[2J", "-n", "shop"], 3, 'pod "\\x1b[2J" not found'),
        (["pod/web-0", "--max-prune", "many"], 2, "write 100 or 50%"),
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
    lines = [line for line in shown.err.splitlines() if "error: " in line or "hint: " in line]
    assert any(said in line for line in lines)
    assert sum("error: " in line for line in lines) == 1


def test_a_pod_that_is_gone_but_left_something_is_an_answer(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(directory, "pod/gone", "-n", "shop") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Pod shop/gone  does not exist\n")
    assert "blocked: pod-gone-from-web-cfg: nothing needs it, but it is in " in shown


def test_a_name_that_another_has_is_looked_up(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without our label it is in no list of a run."""
    metadata = {"name": "settings", "namespace": "shop"}
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    (directory / "settings.json").write_bytes(msgspec.json.encode(settings))
    assert explain(directory, "cm/settings", "-n", "shop") == 0
    assert "not podcm-sync's, so no run changes it" in capsys.readouterr().out


def test_options_may_stand_before_the_name(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As kubectl takes them; none is lost: a lost --context would explain another cluster."""
    before = ["-n", "shop", "-v", "--from", str(directory)]
    assert run([*before, "explain", "pod/web-0"]) == 0
    assert capsys.readouterr().out.startswith("Pod shop/web-0")
    assert run(["-nshop", f"--from={directory}", "explain", "pod/web-0"]) == 0
    assert run(["--kubeconfig", "x", *before, "explain", "pod/web-0"]) == 2
    assert "--kubeconfig can't be combined with --from" in capsys.readouterr().err


def test_an_option_before_the_name_that_the_command_has_not_is_refused(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--dry-run", "explain", "pod/web-0", "--from", str(directory)]) == 2
    assert "explain has no option --dry-run" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["pod/web-0", "pod/web-1"], ["pod", "web-0", "web-1"]])
def test_several_objects_are_explained_one_after_the_other(
    directory: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """What is unknown is an error and costs the others nothing."""
    assert explain(directory, *words, "-n", "shop") == 3
    shown = capsys.readouterr()
    assert shown.out.startswith("Pod shop/web-0")
    assert 'pod "web-1" not found' in shown.err
    assert explain(directory, "pod/web-0", "pcmc/web", "-n", "shop", "-o", "json") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["Pod", "PodConfigMapConfig"]


def test_the_logs_format_may_stand_anywhere(directory: Path) -> None:
    arguments = ["explain", "pod/web-0", "-n", "shop", "--from", str(directory)]
    assert run(["--log-format", "json", *arguments]) == 0


def test_the_environment_may_ask_for_masks(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODCM_SYNC_REDACT", "1")
    assert explain(directory, "pod/web-0", "-n", "shop") == 0
    assert "<redacted-1>" in capsys.readouterr().out
