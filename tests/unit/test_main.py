"""The whole command: options, variables, exit codes, stdout, and stderr (§7)."""

import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from podcm_sync.__main__ import run
from podcm_sync.runtime.signals import SIGNALS

POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}}}
status: {{phase: Running}}
---
"""
CONFIG = """\
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata: {{name: web, namespace: {namespace}}}
spec: {spec}
---
"""


class Command:
    """podcm-sync over a directory of manifests."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self._capsys = capsys
        self.out = self.err = ""

    def pods(self, *names: str, namespace: str = "shop") -> None:
        text = "".join(POD.format(name=name, namespace=namespace) for name in names)
        (self.directory / f"pods-{namespace}.yaml").write_text(text)

    def config(self, spec: str = "{}", namespace: str = "shop") -> None:
        text = CONFIG.format(namespace=namespace, spec=spec)
        (self.directory / f"config-{namespace}.yaml").write_text(text)

    def __call__(self, *arguments: str) -> int:
        code = run(["--from", str(self.directory), *arguments])
        self.out, self.err = self._capsys.readouterr()
        return code

    def generated(self) -> list[str]:
        folder = self.directory / "generated"
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml"))


@pytest.fixture
def shop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Command]:
    """Two Pods and a config. Signals and logging are restored after the test."""
    for name in ("NO_COLOR", "TERM", "PODCM_SYNC_DRY_RUN"):
        monkeypatch.delenv(name, raising=False)
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    root, ours = logging.getLogger(), logging.getLogger("podcm_sync")
    before = root.handlers[:], root.level, ours.level
    command = Command(tmp_path, capsys)
    command.pods("web-0", "web-1")
    command.config()
    yield command
    root.handlers[:], root.level, ours.level = before
    for number, handler in handlers.items():
        signal.signal(number, handler)


BOTH = ["shop/pod-web-0-from-web-cfg.yaml", "shop/pod-web-1-from-web-cfg.yaml"]


def test_a_run_writes_and_says_what_it_did_on_stdout(shop: Command) -> None:
    assert shop() == 0
    assert shop.generated() == BOTH
    assert shop.out.splitlines()[-1] == "Done: 2 created, 0 updated, 0 deleted, 0 unchanged"


def test_a_dry_run_shows_the_diff_and_writes_nothing(shop: Command) -> None:
    assert shop("--dry-run", "--diff", "full") == 0
    assert shop.generated() == []
    assert "+++ shop/pod-web-0-from-web-cfg" in shop.out


@pytest.mark.parametrize("dry", [["--dry-run"], []])
def test_1_is_changes_found_and_only_where_asked_for(shop: Command, dry: list[str]) -> None:
    assert shop("--exit-code", *dry) == 1
    shop()
    assert shop("--exit-code", *dry) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["-n"],
        ["-n", "Shop"],
        ["-n", "a.b"],
        ["-n", "shop", "-A"],
        ["--max-prune", "some"],
        ["--max-prune", "101%"],
        ["--concurrency", "0"],
        ["--concurrency", "many"],
        ["--request-timeout", "soon"],
        ["--interval", "0"],
        ["-o", "xml"],
        ["--color", "blue"],
        ["--context", "prod"],
        ["--kubeconfig", "file"],
        ["--as", "somebody"],
        # Options that have no effect without another one, which is missing.
        ["--interval", "30s"],
        ["--lease-name", "other"],
        ["--lease-duration", "30s"],
        ["--push-job", "other"],
        ["surplus"],
    ],
)
@pytest.mark.parametrize("dry", [["--dry-run"], []])
def test_2_is_usage_and_nothing_was_changed(
    shop: Command, arguments: list[str], dry: list[str]
) -> None:
    assert shop(*dry, *arguments) == 2
    assert shop.out == ""
    assert shop.err.startswith("podcm-sync: error: ")
    assert len(shop.err.splitlines()) == 2
    assert shop.err.splitlines()[1].startswith("  hint: ")
    assert shop.generated() == []


def test_2_is_unreadable_input_with_file_and_line(shop: Command) -> None:
    (shop.directory / "broken.yaml").write_text("a: b: c\n")
    assert shop() == 2
    assert f"{shop.directory / 'broken.yaml'}:1: " in shop.err
    assert shop.generated() == []


def test_2_is_a_directory_that_is_not_there(
    shop: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--from", str(tmp_path / "none")]) == 2
    assert "none" in capsys.readouterr().err
    assert run(["--from", "x" * 300]) == 2
    assert "File name too long" in capsys.readouterr().err


@pytest.mark.parametrize("dry", [["--dry-run"], []])
def test_3_is_objects_that_failed_and_0_where_that_is_tolerated(
    shop: Command, dry: list[str]
) -> None:
    shop.config("{labelsToInclude: [not a key]}", namespace="other")
    assert shop(*dry) == 3
    assert "other/web  InvalidSpec: " in shop.out
    assert shop(*dry, "--tolerate-object-failures") == 0
    assert "other/web  InvalidSpec: " in shop.out


@pytest.mark.parametrize("dry", [["--dry-run"], []])
def test_4_is_held_back_by_a_guard(shop: Command, dry: list[str]) -> None:
    shop()
    shop.config("{podSelector: {matchLabels: {app: web}}}")
    assert shop(*dry, "--max-prune", "1") == 4
    assert "--max-prune 2" in shop.out
    assert shop.generated() == BOTH
    assert shop(*dry, "--max-prune", "1", "--max-prune", "100%") == 0
    assert shop.generated() == (BOTH if dry else [])


def test_each_namespace_named_is_in_scope_and_no_other(shop: Command) -> None:
    shop.pods("a", namespace="other")
    shop.config(namespace="other")
    assert shop("-n", "other", "-n", "third") == 0
    assert shop.generated() == ["other/pod-a-from-web-cfg.yaml"]
    assert shop("-A") == 0
    assert len(shop.generated()) == 3


def test_every_option_has_a_variable_and_an_option_beats_it(
    shop: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.pods("a", namespace="other")
    shop.config(namespace="other")
    monkeypatch.setenv("PODCM_SYNC_DRY_RUN", "true")
    assert shop() == 0
    assert shop.generated() == []
    monkeypatch.delenv("PODCM_SYNC_DRY_RUN")
    monkeypatch.setenv("PODCM_SYNC_NAMESPACE", "shop")
    assert shop("-n", "other") == 0
    assert shop.generated() == ["other/pod-a-from-web-cfg.yaml"]
    monkeypatch.setenv("PODCM_SYNC_MAX_PRUNE", "some")
    assert shop() == 2


def test_version_and_help_are_results_and_no_run(
    shop: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("podcm-sync ")
    assert run(["--help"]) == 0
    assert "--max-prune" in capsys.readouterr().out
    assert run(["-h"]) == 0


def test_colours_are_off_unless_asked_for_where_stdout_is_no_terminal(shop: Command) -> None:
    shop("--dry-run")
    assert "\x1b" not in shop.out
    shop("--dry-run", "--color", "always")
    assert "\x1b[38;5;28m" in shop.out
    shop("--dry-run", "--color", "never")
    assert "\x1b" not in shop.out


def test_verbose_shows_what_is_unchanged(shop: Command) -> None:
    shop()
    assert shop("-v") == 0
    assert "unchanged  shop/pod-web-0-from-web-cfg" in shop.out
    shop()
    assert "unchanged  shop/" not in shop.out


def test_an_empty_directory_is_nothing_to_do(shop: Command) -> None:
    for path in shop.directory.iterdir():
        path.unlink()
    assert shop() == 0
    counts = "0 created, 0 updated, 0 deleted, 0 unchanged"
    nothing = "no Pods and no PodConfigMapConfigs in all namespaces"
    assert shop.out == f"Done, nothing to do: {counts}; {nothing}\n"


def test_a_namespace_without_pods_is_named_in_the_verdict(shop: Command) -> None:
    """Green means checked: a misspelled -n must show where CI looks."""
    assert shop("-n", "shpo", "--dry-run") == 0
    nothing = "no Pods and no PodConfigMapConfigs in namespace shpo"
    assert f"; {nothing} (podcm-sync can't check whether it exists)\n" in shop.out


def test_of_several_namespaces_the_empty_ones_are_named(shop: Command) -> None:
    """One that has what to sync must not hide the misspelled one beside it."""
    assert shop("-n", "shop", "-n", "shpo", "-n", "shopp", "--dry-run") == 0
    nothing = "no Pods in namespaces shpo, shopp (podcm-sync can't check whether they exist)"
    assert f"; {nothing}\n" in shop.out


def test_a_namespace_with_pods_alone_is_named_in_the_verdict(shop: Command) -> None:
    shop.pods("a", namespace="other")
    assert shop("-n", "other", "--dry-run") == 0
    assert "; no PodConfigMapConfigs in namespace other\n" in shop.out
    shop.config("{suspend: true}", namespace="other")
    assert shop("-n", "other", "--dry-run") == 0
    assert "no PodConfigMapConfigs" not in shop.out
