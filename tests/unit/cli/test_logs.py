"""The log on stderr: JSON from its first line where that is asked for, and never a value."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podcm_sync.cli import logs
from podcm_sync.errors import InputError
from tests import command
from tests.documents import valid

Json = dict[str, Any]
SENTINEL = "s3ntinel"
ALWAYS = {"time", "severity", "runId", "message"}

CLUSTER = f"""\
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata:
  name: web
  namespace: shop
  labels: {{l: {SENTINEL}}}
  annotations: {{a: {SENTINEL}}}
spec:
  podSelector: {{matchLabels: {{app: {SENTINEL}}}}}
  labelsToInclude: [app]
  annotationsToInclude: [note]
---
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata:
  name: wrong
  namespace: shop
  annotations: {{a: {SENTINEL}}}
spec: {{labelsToInclude: [not a key]}}
"""
POD = f"""\
---
apiVersion: v1
kind: Pod
metadata:
  name: {{name}}
  namespace: shop
  uid: uid-{{name}}
  labels: {{{{app: {SENTINEL}}}}}
  annotations: {{{{note: {SENTINEL}}}}}
spec: {{{{nodeName: node-a}}}}
status: {{{{phase: Running}}}}
"""
UNDECODABLE_POD = f"""\
---
apiVersion: v1
kind: Pod
metadata:
  name: broken
  namespace: shop
  labels: {{app: {SENTINEL}, replicas: 3}}
  annotations: {{note: {SENTINEL}}}
"""
CONFIG_MAP = f"""\
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: pod-{{name}}-from-web-cfg
  namespace: shop
  labels:
    podconfig.example.com/generated-by-pcmc: web
    podconfig.example.com/pod-uid: uid-{{name}}
    other: {SENTINEL}
  annotations: {{{{a: {SENTINEL}}}}}
data: {{{{podName: {SENTINEL}, added: {SENTINEL}}}}}
"""
FOREIGN = f"""\
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: pod-web-2-from-web-cfg
  namespace: shop
data: {{value: {SENTINEL}}}
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A create, an update, a delete, a blocked one, a failed create, and a problem of each sort.

    In step is nothing, and every label, annotation and value is the sentinel.
    """
    cluster = tmp_path / "cluster"
    generated = cluster / "generated" / "shop"
    generated.mkdir(parents=True)
    (cluster / "cluster.yaml").write_text(
        CLUSTER
        + "".join(POD.format(name=f"web-{number}") for number in range(3))
        + UNDECODABLE_POD
        + CONFIG_MAP.format(name="web-1")
        + FOREIGN
    )
    # The folder of the last one's namespace cannot be made: a file has its name.
    in_other = (CLUSTER.partition("---\n")[0] + POD.format(name="web-3")).replace("shop", "other")
    (cluster / "other.yaml").write_text(in_other)
    (generated.parent / "other").write_text("notes of mine")
    (generated / "pod-gone-from-web-cfg.yaml").write_text(CONFIG_MAP.format(name="gone"))
    return cluster


@pytest.fixture
def root_log() -> Iterator[None]:
    """For a test that sets up the log within pytest: put back as it was."""
    root, own = logging.getLogger(), logging.getLogger("podcm_sync")
    before = list(root.handlers), root.level, own.level
    yield
    root.handlers[:], root.level = before[0], before[1]
    own.setLevel(before[2])


def lines_of(log: str) -> list[Json]:
    """Every line of a JSON log; fails where one is anything else."""
    return [json.loads(line) for line in log.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--log-format", "json", "--no-such-option"], {}),
        (["--no-such-option", "--log-format=json"], {}),
        (["--no-such-option"], {"PODCM_SYNC_LOG_FORMAT": "json"}),
        (["--log-format", "json", "--max-prune", "many"], {}),
        (["--log-format", "json", "--interval", "0"], {}),
        (["--log-format", "json", "-n", "a", "-A"], {}),
        (["--log-format", "json", "no-such-command"], {}),
        (["--log-format", "json", "--from", "no-such-directory"], {}),
        (["--log-format", "json", "--kubeconfig", "no-such-file"], {}),
        (["--log-format", "json", "--dry-run"], {"PODCM_SYNC_CONCURRENCY": "none"}),
    ],
    ids=lambda value: " ".join(value if isinstance(value, list) else value.values()) or "-",
)
def test_the_very_first_line_is_json_even_of_a_usage_error(
    arguments: list[str], environment: dict[str, str]
) -> None:
    done = command.run(*arguments, env=environment)
    (only,) = lines_of(done.stderr)
    assert (done.code, done.stdout) == (2, "")
    assert only.keys() - {"hint"} == ALWAYS
    assert only.get("hint", "podcm-sync --help")
    assert only["severity"] == "ERROR"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-such-option"],
        ["--log-format", "xml"],
        ["--log-format", "text", "--from", "no-such\ndirectory\x1b[2J"],
        ["--max-prune", "a\nb"],
    ],
    ids=repr,
)
def test_as_text_an_error_is_one_line_and_a_hint_another(arguments: list[str]) -> None:
    done = command.run(*arguments)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.endswith("\n")
    error, *hint = done.stderr.removesuffix("\n").split("\n")
    assert error.startswith("podcm-sync: error: ")
    assert len(hint) <= 1
    assert all(line.startswith("  hint: ") for line in hint)
    assert all(line.isprintable() for line in (error, *hint))


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_command_alone_runs(directory: Path, log_format: str) -> None:
    """Without a single argument, as in a CronJob that sets all by environment variables."""
    done = command.run(env={"PODCM_SYNC_FROM": str(directory), "PODCM_SYNC_LOG_FORMAT": log_format})
    assert done.code == 3
    assert done.stderr.startswith("{" if log_format == "json" else "")


def test_an_option_wins_over_the_environment() -> None:
    done = command.run("--log-format", "text", "--nothing", env={"PODCM_SYNC_LOG_FORMAT": "json"})
    assert done.stderr.startswith("podcm-sync: error: ")


def test_json_has_one_line_for_each_change_that_was_made(directory: Path) -> None:
    """What is in step, or was not touched, has none: it stands in the report."""
    done = command.run("--from", directory, "--log-format", "json", "-o", "json")
    report = valid(json.loads(done.stdout))
    made = [
        {
            "result": each["result"],
            "namespace": each["namespace"],
            "configMap": each["name"],
            "pod": each["pod"],
            "podConfigMapConfig": each["podConfigMapConfig"],
            "reason": each["reason"],
            "code": None,
        }
        for each in report["changes"]
        if each["result"] in {"created", "updated", "deleted"}
    ]
    said = [
        {key: line[key] for key in line.keys() - ALWAYS}
        for line in lines_of(done.stderr)
        if line.get("result", "failed") != "failed"
    ]
    assert [each["result"] for each in made] == ["deleted", "created", "updated"]
    assert sorted(said, key=lambda line: line["configMap"]) == made


def test_json_has_a_line_for_a_change_that_failed(directory: Path) -> None:
    """Above all where no answer came (Unreachable): that is what somebody will look for."""
    done = command.run("--from", directory, "--log-format", "json", "-o", "json")
    report = valid(json.loads(done.stdout))
    failed = [each["name"] for each in report["changes"] if each["result"] == "failed"]
    said = [line["configMap"] for line in lines_of(done.stderr) if line.get("result") == "failed"]
    assert said == failed == ["pod-web-3-from-web-cfg"]


def test_a_dry_run_logs_no_changes(directory: Path) -> None:
    done = command.run("--from", directory, "--dry-run", "--log-format", "json", "-o", "json", "-v")
    assert [line for line in lines_of(done.stderr) if "result" in line] == []


def test_as_text_changes_are_in_the_report_and_not_in_the_log(directory: Path) -> None:
    first, *others = command.run("--from", directory).stderr.splitlines()
    assert "PodConfigMapConfigs" in first
    assert not any("created" in line or "-cfg" in line for line in others)


def test_every_line_has_the_run_id_of_the_report(directory: Path) -> None:
    done = command.run("--from", directory, "--log-format", "json", "-o", "json", "-v")
    report = valid(json.loads(done.stdout))
    assert {line["runId"] for line in lines_of(done.stderr)} == {report["runId"]}


def test_a_run_has_one_id_from_its_first_line_to_its_last(tmp_path: Path) -> None:
    """On a server, where the first line says which one; here it is one that nobody is at."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "current-context": "nobody",
                "contexts": [{"name": "nobody", "context": {"cluster": "nobody", "user": "me"}}],
                "clusters": [{"name": "nobody", "cluster": {"server": "http://127.0.0.1:9"}}],
                "users": [{"name": "me", "user": {"token": "none"}}],
            }
        )
    )
    done = command.run("--kubeconfig", kubeconfig, "--deadline", "5s", "--log-format", "json")
    lines = lines_of(done.stderr)
    assert done.code == 5
    assert len(lines) > 1
    assert len({line["runId"] for line in lines}) == 1


def test_two_runs_have_two_ids(directory: Path) -> None:
    runs = [command.run("--from", directory, "--dry-run", "-o", "json") for _ in range(2)]
    first, second = (json.loads(run.stdout)["runId"] for run in runs)
    assert first != second


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("mode", [[], ["-v"], ["-vv"], ["--dry-run", "-v"]], ids=" ".join)
def test_no_line_holds_a_value(directory: Path, log_format: str, mode: list[str]) -> None:
    """Of any label, annotation or data, whatever was done, refused or found to be broken."""
    done = command.run("--from", directory, "--log-format", log_format, *mode)
    assert done.code == 3, "the world has failures in it"
    assert SENTINEL not in done.stderr


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_world_of_these_tests_does_have_its_values(directory: Path, log_format: str) -> None:
    """The sentinel is where it should be, in a dry run's diffs: the test above could fail."""
    options = ("--from", directory, "--dry-run", "--diff", "full", "--log-format", log_format)
    done = command.run(*options)
    assert f"+  annotation_note: {SENTINEL}\n" in done.stdout
    assert f"-  added: {SENTINEL}\n" in done.stdout


def test_a_manifest_that_does_not_parse_is_named_and_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(
        f"kind: ConfigMap\napiVersion: v1\ndata:\n  a: {SENTINEL}\n  a: {SENTINEL}\n"
    )
    done = command.run("--from", tmp_path, "-v")
    assert done.code == 2
    assert "broken.yaml:5: " in done.stderr
    assert SENTINEL not in done.stderr


def test_json_lines_have_no_control_characters_either() -> None:
    """Logs are read in terminals too: C1 control characters and bidi overrides are escaped."""
    done = command.run("--log-format", "json", "--from", "no-such-\u009b2J-\u202edirectory")
    assert lines_of(done.stderr)[0]["message"].startswith("--from no-such-")
    assert done.stderr.rstrip("\n").isprintable()


@pytest.mark.usefixtures("root_log")
def test_a_traceback_is_a_field_of_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.begin(["--log-format", "json"])
    try:
        int("two\nlines")
    except ValueError:
        logging.getLogger("podcm_sync.any").exception("it broke")
    (line,) = lines_of(capsys.readouterr().err)
    assert line["message"] == "it broke"
    assert line["traceback"].splitlines()[-1].startswith("ValueError: ")


@pytest.mark.usefixtures("root_log")
def test_requests_are_logged_with_v_and_other_packages_only_warn(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.begin(["--dry-run"])
    own, other = logging.getLogger("podcm_sync.any"), logging.getLogger("another")
    own.debug("a request")
    logs.set_verbosity(0)
    own.debug("a request")
    own.info("said")
    other.info("unsaid")
    other.warning("heard")
    logs.set_verbosity(1)
    own.debug("a request with -v")
    assert capsys.readouterr().err.splitlines() == [
        "podcm-sync: said",
        "podcm-sync: warning: heard",
        "podcm-sync: a request with -v",
    ]


@pytest.mark.usefixtures("root_log")
@pytest.mark.parametrize(
    ("arguments", "is_json"),
    [
        ([], False),
        (["--dry-run"], False),
        (["--log-format", "json"], True),
        (["--log-format=json"], True),
        (["--log-format", "json", "--log-format", "text"], False),
        (["--log-format"], False),
    ],
    ids=str,
)
def test_the_last_format_on_the_command_line_holds(arguments: list[str], is_json: bool) -> None:
    logs.begin(arguments)
    assert logs.is_json() is is_json


def test_a_run_id_is_new_at_every_run() -> None:
    run_id = logs.RunId()
    first = run_id.value
    assert run_id.renew() == run_id.value != first
    assert len(first) == len(run_id.value) == 16


@pytest.mark.parametrize("is_redacted", [False, True])
@pytest.mark.parametrize("is_json", [False, True])
def test_the_hint_of_an_error_is_a_line_or_a_field_of_its_own(
    *, is_json: bool, is_redacted: bool
) -> None:
    """A hint can quote, so --redact withholds it."""
    formatter = (logs._Json if is_json else logs._Text)(is_redacted=is_redacted)
    error = InputError("no kubeconfig", hint="use \x1b--from")
    record = logging.LogRecord("podcm_sync", logging.ERROR, "", 1, "%s", (error,), None)
    shown = formatter.format(record)
    if is_json:
        assert json.loads(shown).get("hint", "") == ("" if is_redacted else "use \x1b--from")
    else:
        hint = "" if is_redacted else "\n  hint: use \\x1b--from"
        assert shown == f"podcm-sync: error: no kubeconfig{hint}"
