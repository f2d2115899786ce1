"""The command line before any verb: help, variables, the order of words, completion."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from podcm_sync.cli import app, usage
from podcm_sync.cli.app import VERBS
from podcm_sync.cli.completion_command import answer_kubectl
from podcm_sync.cli.option import IGNORED, parameters
from podcm_sync.cli.sync_options import SyncOptions
from podcm_sync.errors import UsageError
from tests import command

SHOP = Path(__file__).parents[3] / "examples" / "shop"


def test_the_bare_command_is_a_short_help_and_exit_2() -> None:
    """A CronJob that lost its arguments fails, and syncs nothing."""
    done = command.run(kubeconfig=None)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.count("\n") <= 30
    for word in ("Inspect:", "Author:", "Set up:", "Examples:", "PODCM_SYNC_DRY_RUN", *VERBS):
        assert word in done.stderr


def test_a_variable_of_an_option_makes_the_bare_command_a_run() -> None:
    done = command.run(
        kubeconfig=None, env={"PODCM_SYNC_FROM": str(SHOP), "PODCM_SYNC_DRY_RUN": "1"}
    )
    assert done.code == 3
    assert "pod-web-1-from-web-cfg" in done.stdout
    others = {"PODCM_SYNC_CACHE_DIR": "/nowhere", "PODCM_SYNC_SERVICE_HOST": "10.0.0.1"}
    assert command.run(kubeconfig=None, env=others).code == 2


def test_help_has_at_most_80_lines_of_80_columns() -> None:
    for arguments in (["--help"], ["-h"], ["help"]):
        done = command.run(*arguments, kubeconfig=None, env={"COLUMNS": "80"})
        lines = done.stdout.splitlines()
        assert (done.code, done.stderr) == (0, "")
        assert len(lines) <= 80
        assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("columns", ["80", "200"])
def test_every_options_help_has_each_option(columns: str) -> None:
    """`options` has those of a run, and each command its own."""
    declared = {"options": tuple(parameters(SyncOptions))}
    for name in VERBS:
        words = [name] if name == "options" else [name, "--help"]
        done = command.run(*words, kubeconfig=None, env={"COLUMNS": columns})
        assert (done.code, done.stderr) == (0, "")
        assert max(map(len, done.stdout.splitlines())) <= min(int(columns), 100)
        for parameter in declared.get(name, VERBS[name].parameters):
            plain = parameter.option.name.removeprefix("--")
            is_shown = (
                f"--{plain}" in done.stdout
                or f"--[no-]{plain}" in done.stdout
                or plain in done.stdout
            )
            assert is_shown or parameter.option.help == IGNORED


def test_help_says_the_first_sentence_of_each_common_option() -> None:
    shown = " ".join(command.run("--help", kubeconfig=None).stdout.split())
    for parameter in parameters(SyncOptions):
        first = " ".join(parameter.option.help.partition(". ")[0].rstrip(".").split())
        assert (first in shown) is not parameter.option.is_rare


def test_help_of_a_command_is_its_own() -> None:
    one = command.run("explain", "--help", kubeconfig=None).stdout
    assert one == command.run("help", "explain", kubeconfig=None).stdout
    assert one == command.run("--help", "explain", kubeconfig=None).stdout
    assert "Usage: podcm-sync explain [OPTIONS] KIND/NAME..." in one


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PODCM_SYNC_DRYRUN", "PODCM_SYNC_DRY_RUN"),
        ("PODCM_SYNC_NAMESPACES", "PODCM_SYNC_NAMESPACE"),
        ("PODCM_SYNC_CACHEDIR", "PODCM_SYNC_CACHE_DIR"),
        ("PODCM_SYNC_ELSE", ""),
        ("PODCM_SYNC_REQUIRE_CONTROLPLANE", ""),
    ],
)
def test_an_unknown_variable_is_a_usage_error_and_nothing_is_done(
    tmp_path: Path, name: str, meant: str
) -> None:
    """Seen: PODCM_SYNC_DRYRUN=1 only warned, and 300 ConfigMaps were updated."""
    (tmp_path / "pod.yaml").write_text("{apiVersion: v1, kind: Pod, metadata: {name: a}}")
    for words in ([], ["--from", str(tmp_path)], ["validate", str(tmp_path)]):
        done = command.run(*words, kubeconfig=None, env={name: "1"})
        assert (done.code, done.stdout) == (2, "")
        suggestion = f"; did you mean {meant}?" if meant else ""
        assert command.error_of(done) == f"unknown variable {name}{suggestion}"
        assert command.hint_of(done) == f"unset {name}"
    assert not (tmp_path / "generated").exists()
    assert command.run("--help", kubeconfig=None, env={name: "1"}).code == 0


@pytest.mark.parametrize(
    "name",
    [
        *("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_METRICS", "PORT", "PORT_8080_TCP"),
        *("PORT_8080_TCP_ADDR", "PORT_8080_TCP_PORT", "PORT_8080_TCP_PROTO"),
        *("METRICS_SERVICE_HOST", "METRICS_PORT_9090_TCP", "CACHE_DIR", "SHARDS"),
    ],
)
def test_the_kubelets_and_our_other_variables_are_known(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"PODCM_SYNC_{name}", "x")
    usage.check_variables(usage.variables())


def test_no_option_has_a_service_links_name() -> None:
    """It would be exempt if it were misspelt."""
    assert not [name for name in usage.variables() if usage._SERVICE_LINK.search(name)]


@pytest.mark.parametrize(
    ("words", "arranged"),
    [
        ("explain pod/x -n shop", "explain pod/x -n shop"),
        ("-n shop explain pod/x", "explain -n shop pod/x"),
        ("-nshop -v explain pod/x", "explain -nshop -v pod/x"),
        ("-vn shop explain pod/x", "explain -vn shop pod/x"),
        ("-n explain explain pod/x", "explain -n explain pod/x"),
        ("--namespace=shop explain pod/x", "explain --namespace=shop pod/x"),
        ("--no-events rbac -A", "rbac --no-events -A"),
        ("--allow-empty validate .", "validate --allow-empty ."),
        ("-n explain", "-n explain"),
        ("-n shop --dry-run", "-n shop --dry-run"),
        ("-- explain", "-- explain"),
        ("--dryrun explain pod/x", "explain --dryrun pod/x"),
        ("surplus", "surplus"),
        ("-n", "-n"),
        ("", ""),
    ],
)
def test_options_before_a_command_are_put_after_it(words: str, arranged: str) -> None:
    assert usage.arranged(words.split()) == arranged.split()


def test_an_option_takes_a_value_for_all_commands_or_for_none() -> None:
    """Else nobody could tell which word is the command."""
    kinds: dict[str, set[bool]] = {}
    for parameter in usage._every_parameter():
        for flag in parameter.option.flags.replace("/", " ").split():
            kinds.setdefault(flag, set()).add(parameter.is_flag)
    assert len(kinds) > 40
    assert all(len(kind) == 1 for kind in kinds.values())


def test_an_error_that_is_not_a_usage_error_is_left_alone() -> None:
    assert usage.usage_error(ValueError("x"), "") is None
    assert usage.usage_error(UsageError("x"), "") is None


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(shell: str) -> None:
    done = command.run("completion", shell, kubeconfig=None)
    assert (done.code, done.stderr) == (0, "")
    assert f"complete_{shell}" in done.stdout
    assert "_PODCM_SYNC_COMPLETE" in done.stdout


def complete(line: str, tmp_path: Path) -> list[str]:
    """What bash gets for a line whose cursor is at its end."""
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-m", "podcm_sync"],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "_PODCM_SYNC_COMPLETE": "complete_bash",
            "COMP_WORDS": "\n".join(words),
            "COMP_CWORD": str(len(words) - 1),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


KUBECONFIG = """\
apiVersion: v1
kind: Config
contexts:
- {name: prod, context: {cluster: a, user: b}}
- {name: preview, context: {cluster: a, user: b}}
- {name: test, context: {cluster: a, user: b}}
clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: b, user: {}}]
current-context: test
"""


def test_commands_options_and_values_complete(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(KUBECONFIG)
    assert complete("podcm-sync ex", tmp_path) == ["explain"]
    assert "--dry-run" in complete("podcm-sync --dry", tmp_path)
    assert complete("podcm-sync --context pr", tmp_path) == ["preview", "prod"]
    assert complete("podcm-sync explain --context t", tmp_path) == ["test"]
    assert complete("podcm-sync explain p", tmp_path) == ["pod/", "pcmc/"]
    assert complete("podcm-sync help stat", tmp_path) == ["status"]


def test_a_name_that_a_shell_would_run_is_not_offered(tmp_path: Path) -> None:
    """Zsh evaluates the answer, and a kubeconfig can be anybody's."""
    (tmp_path / ".kube").mkdir()
    hostile = KUBECONFIG.replace("name: prod,", "name: 'p$(touch x)`touch y`',")
    (tmp_path / ".kube" / "config").write_text(hostile)
    assert complete("podcm-sync --context p", tmp_path) == ["preview"]


def test_a_cluster_that_does_not_answer_completes_to_nothing_in_silence(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(KUBECONFIG)
    assert complete("podcm-sync -n ", tmp_path) == []
    assert complete("podcm-sync explain pod/", tmp_path) == []
    (tmp_path / ".kube" / "config").write_text("{")
    assert complete("podcm-sync --context ", tmp_path) == []


def test_kubectl_gets_completions_of_the_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    """Cobra's format: a value, a tab and a line about it; last a directive."""
    answer_kubectl(["sta"])
    assert capsys.readouterr().out.splitlines() == [
        "status\tShow the state of each PodConfigMapConfig.",
        ":4",
    ]
    answer_kubectl(["validate", "./"])
    assert capsys.readouterr().out == ":0\n"


def test_the_application_has_each_command_once() -> None:
    assert sorted(each.name or "" for each in app.registered_commands) == sorted(VERBS)


def test_an_empty_from_is_not_the_working_directory(tmp_path: Path) -> None:
    """`--from "$DIR"` with an unset variable would read and write wherever it is run."""
    done = command.run("--from", "", cwd=tmp_path)
    assert done.code == 2
    assert "--from: the name is empty" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (
            "status web -n editor",
            "status takes no argument: web",
            "for one config: podcm-sync explain pcmc/web",
        ),
        ("options status", "options takes no argument: status", "podcm-sync options --help"),
        ("show a b", "show takes only one PLAN; leave out: b", "podcm-sync show --help"),
        ("sync", "no command 'sync'", "podcm-sync -n NAMESPACE"),
        ("version", "no command 'version'", "podcm-sync --version"),
    ],
)
def test_a_surplus_word_is_named_with_what_to_write(words: str, error: str, hint: str) -> None:
    done = command.run(*words.split(), kubeconfig=None)
    assert (done.code, command.error_of(done)) == (2, error)
    assert f"  hint: {hint}\n" in done.stderr


RUN = (
    "-n shop --max-prune 3 --max-prune-total 5% --policy upsert-only --tolerate-object-failures "
    "--exit-code --deadline 5m --loop --watch --interval 30s --leader-elect --lease-duration 20s "
    "--concurrency 4 --qps 10 --listen :8080 --push-gateway http://gateway:9091 --context prod"
)


def test_a_runs_command_line_can_be_pasted_after_rbac() -> None:
    """Options that change no right are taken and ignored, but a mistake in them is still one."""
    pasted = command.run("rbac", *RUN.split(), kubeconfig=None)
    plain = command.run("rbac", "-n", "shop", "--watch", "--leader-elect", kubeconfig=None)
    assert (pasted.code, pasted.stdout) == (0, plain.stdout)
    assert command.run("rbac", "--deadline", "soon", kubeconfig=None).code == 2
    assert "--max-prune" not in command.run("rbac", "--help", kubeconfig=None).stdout


def test_doctor_takes_them_too() -> None:
    done = command.run("doctor", *RUN.split(), kubeconfig=None)
    assert command.error_of(done).startswith("no kubeconfig at ")
