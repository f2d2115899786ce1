"""What others wrote is never a command to the CI system that shows the output of a step.

Azure Pipelines obeys `##vso[` anywhere in a line, GitHub `##[` anywhere and `::` after spaces at
the start of one, TeamCity `##teamcity[`; whoever can annotate a Pod writes into a diff.
"""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests import command

COMMAND = re.compile(r"##[\w.-]*\[|^[ \t]*::|[\ufe0f\u3164]", re.MULTILINE)
VSO = "##vso[task.prependpath]/opt/x ##[add-mask]y ##teamcity[x] \ufe0f\u3164"
LINES = "first\n::error file=a::b\n  ::add-path::/opt\nlast\n"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "web-0",
        "namespace": "shop",
        "labels": {"app": "web"},
        "annotations": {
            "example.com/a": VSO,
            "example.com/b": LINES,
            "example.com/c": "::error::x",
        },
    },
}
CONFIG = """\
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata: {name: web, namespace: shop}
spec:
  annotationsToInclude: [example.com/a, example.com/b, example.com/c]
---
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata: {name: fails, namespace: shop}
spec: {configMapDataTemplate: {x: '{{ fail (index .annotations "example.com/b") }}'}}
---
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata: {name: wrong, namespace: shop}
spec: {labelsToInclude: ["##vso[task.setvariable]", "::error::x"]}
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """One Pod that writes commands, and configs that show them as values and in failures."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "pod.yaml").write_text(json.dumps(POD))
    return tmp_path


def podcm_sync(*arguments: str | Path, **environment: str) -> command.Completed:
    done = command.run(*arguments, env=environment)
    assert not COMMAND.search(done.stdout), done.stdout
    assert not COMMAND.search(done.stderr), done.stderr
    return done


@pytest.mark.parametrize("output", ["text", "json", "yaml", "markdown"])
def test_no_format_of_a_report_shows_a_command(directory: Path, output: str) -> None:
    preview = ("--from", directory, "--dry-run", "-o", output, "-vv")
    first = podcm_sync(*preview)
    assert r"\u0023#vso[task.prependpath]" in first.stdout
    podcm_sync("--from", directory, "-o", output)
    # Now what stays as it is, before and after a change, is a context line of the diff.
    changed = json.dumps(POD).replace("last", "LAST")
    (directory / "pod.yaml").write_text(changed)
    assert "LAST" in podcm_sync(*preview, "--log-format", "json").stdout


def test_what_is_written_stays_byte_for_byte(directory: Path) -> None:
    podcm_sync("--from", directory)
    written = directory / "generated" / "shop" / "pod-web-0-from-web-cfg.yaml"
    data = yaml.safe_load(written.read_text(encoding="utf-8"))["data"]
    assert data["annotation_example.com_a"] == VSO
    assert data["annotation_example.com_b"] == LINES


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("object_", ["pod/web-0", "pcmc/wrong", "configmap/pod-web-0-from-web-cfg"])
def test_no_explanation_shows_a_command(directory: Path, output: str, object_: str) -> None:
    podcm_sync("--from", directory)
    done = podcm_sync("explain", object_, "--from", directory, "-o", output, "-v")
    assert done.stdout


@pytest.mark.parametrize("output", ["text", "json"])
def test_no_finding_shows_a_command(directory: Path, output: str) -> None:
    done = podcm_sync("validate", "-f", directory / "config.yaml", "-o", output)
    assert done.code == 3
    assert "vso[task" in done.stdout


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param("a: [\n\n##[error]x\n::error::x: {", id="no YAML"),
        pytest.param(
            '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "::e::x"}}', id="name"
        ),
    ],
)
def test_no_error_shows_a_command(tmp_path: Path, manifest: str, log_format: str) -> None:
    """The traceback of -v has the messages of libraries in it, line by line."""
    (tmp_path / "##vso[x].yaml").write_text(manifest)
    done = podcm_sync("--from", tmp_path, "--dry-run", "-v", "--log-format", log_format)
    assert done.code == 2
    assert r"\u0023#vso[x].yaml" in done.stderr


def test_no_option_is_repeated_as_a_command() -> None:
    podcm_sync("##vso[task.complete]")
    podcm_sync("-n", "::error::x")
    podcm_sync("rbac", "-n", "##vso[x]", "--name", "::x")
    podcm_sync("--version", PODCM_SYNC_X="1", **{"PODCM_SYNC_##vso[x]": "1"})


def test_a_saved_plan_shows_no_command(directory: Path) -> None:
    plan = directory / "plan.json"
    podcm_sync("--from", directory, "--dry-run", "--plan-out", plan)
    assert not COMMAND.search(plan.read_text(encoding="utf-8"))
    podcm_sync("show", plan)
    podcm_sync("apply", plan, "--from", directory)
