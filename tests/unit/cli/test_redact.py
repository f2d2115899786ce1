"""--redact on the command line: neither stdout nor stderr holds a value, whatever goes wrong."""

import logging
from pathlib import Path

import pytest
import yaml

from podcm_sync.api.finding import quote
from podcm_sync.cli import logs
from podcm_sync.cli.output import show
from podcm_sync.cli.shared_options import ReportOptions
from podcm_sync.errors import ClusterError
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.snapshot import Scope
from tests import command

SENTINEL = "s3ntinel"
WITHHELD = "(details withheld by --redact)"
CLUSTER = f"""\
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata: {{name: web, namespace: shop}}
spec:
  annotationsToInclude: [note]
  configMapDataTemplate: {{fine: 'a {{{{ .annotations.note }}}}'}}
---
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata: {{name: fails, namespace: shop}}
spec: {{configMapDataTemplate: {{url: '{{{{ fail .annotations.note }}}}'}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web-0, namespace: shop, annotations: {{note: {SENTINEL}}}}}
status: {{phase: Running}}
"""


def podcm_sync(directory: Path, *options: str, **environment: str) -> command.Completed:
    return command.run("--from", directory, *options, env=environment)


@pytest.mark.parametrize("output", ["text", "json", "yaml", "markdown"])
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_run_shows_no_value(tmp_path: Path, output: str, log_format: str) -> None:
    (tmp_path / "a.yaml").write_text(CLUSTER)
    options = ("--dry-run", "-v", "-o", output, "--log-format", log_format)
    plain = podcm_sync(tmp_path, *options)
    done = podcm_sync(tmp_path, *options, "--redact")
    assert SENTINEL in plain.stdout
    assert SENTINEL not in done.stdout + done.stderr
    assert "redacted-1" in done.stdout
    assert done.code == plain.code == 3


def test_what_is_written_is_not_masked(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(CLUSTER)
    done = podcm_sync(tmp_path, "--redact", "-v")
    assert SENTINEL not in done.stdout + done.stderr
    (written,) = (tmp_path / "generated").rglob("*.yaml")
    assert yaml.safe_load(written.read_text())["data"]["fine"] == f"a {SENTINEL}"


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("a.yaml", f"kind: [{SENTINEL}\n", "a.yaml:2: "),
        ("a.yaml", f"a: !!timestamp {SENTINEL}", "a.yaml:1: "),
        ("a.yaml", f"a: !!bool {SENTINEL}", "a.yaml:1: "),
        ("a.json", f'{{"{SENTINEL}": 1, "{SENTINEL}": 2}}', "a.json:1: "),
    ],
)
def test_unreadable_manifests_are_named_and_not_quoted(
    tmp_path: Path, name: str, content: str, place: str
) -> None:
    (tmp_path / name).write_text(content)
    plain = podcm_sync(tmp_path, "--dry-run")
    done = podcm_sync(tmp_path, "--dry-run", "-v", "--redact")
    assert (plain.code, done.code) == (2, 2)
    assert f"{tmp_path}/{place}" in done.stderr
    # Such a text may be no manifest at all, so it is not quoted without the option either.
    assert SENTINEL not in done.stderr + plain.stderr
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(("value", "is_masked"), [("1", True), ("true", True), ("0", False)])
def test_the_variable_masks_as_the_option_does(tmp_path: Path, value: str, is_masked: bool) -> None:
    (tmp_path / "a.yaml").write_text(CLUSTER)
    done = podcm_sync(tmp_path, "--dry-run", PODCM_SYNC_REDACT=value)
    assert (SENTINEL not in done.stdout) == is_masked


EXPLAINED = f"""\
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata: {{name: web, namespace: shop}}
spec: {{podSelector: {{matchLabels: {{app: {SENTINEL}}}}}, labelsToInclude: [app]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web-0, namespace: shop, labels: {{app: {SENTINEL}}}}}
status: {{phase: Running}}
"""


@pytest.mark.parametrize("subject", ["pod/web-0", "cm/pod-web-0-from-web-cfg", "pcmc/web"])
@pytest.mark.parametrize("output", ["text", "json"])
def test_an_explanation_shows_no_value(tmp_path: Path, subject: str, output: str) -> None:
    (tmp_path / "a.yaml").write_text(EXPLAINED)
    asked = ("explain", subject, "-n", "shop", "--from", str(tmp_path), "-v", "-o", output)
    plain, done = command.run(*asked), command.run(*asked, "--redact")
    assert SENTINEL in plain.stdout
    assert SENTINEL not in done.stdout + done.stderr
    assert "<redacted-1>" in done.stdout
    assert ('"redacted": true' in done.stdout) == (output == "json")
    assert done.code == plain.code == 0


FINDINGS = f"""\
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata: {{name: web, namespace: shop}}
spec:
  podSelector: {{matchLabels: {{app: '{SENTINEL}!'}}}}
---
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata: {{name: api, namespace: shop}}
spec:
  configMapDataTemplate: {{url: '{{{{ "{SENTINEL}" | {SENTINEL} }}}}'}}
---
apiVersion: podconfig.example.com/{SENTINEL}
kind: PodConfigMapConfig
metadata: {{name: db, namespace: shop, labels: {{a: [{SENTINEL}]}}}}
spec: {SENTINEL}
"""


@pytest.mark.parametrize("output", ["text", "json"])
def test_findings_say_where_and_quote_nothing(tmp_path: Path, output: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(FINDINGS)
    plain = command.run("validate", "-f", str(file), "-o", output)
    done = command.run("validate", "-f", str(file), "-o", output, "--redact")
    assert plain.stdout.count(SENTINEL) >= 3
    assert SENTINEL not in done.stdout + done.stderr
    assert done.code == plain.code == 3
    if output == "text":
        places = [line.split(" ")[0] for line in plain.stdout.splitlines() if str(file) in line]
        assert [line.split(" ")[0] for line in done.stdout.splitlines()[:-1]] == places
        place = f"{file}:5:36: shop/web: spec.podSelector.matchLabels["
        assert f'{place}"app"]: {WITHHELD} is not a label value: ' in done.stdout
        assert f'spec.configMapDataTemplate["url"]: line 1, column 16: {WITHHELD}\n' in done.stdout
        assert f"shop/db: apiVersion: {WITHHELD} is not served: " in done.stdout
    else:
        assert '"redacted": true' in done.stdout


def test_the_log_withholds_why_a_list_did_not_complete(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("podcm_sync.cli.output.put", lambda _: None)
    lost = f"cannot list pods in namespace shop: HTTP 500: {SENTINEL}"
    report = Report(
        is_prediction=True,
        scope=Scope(namespaces=("shop",)),
        outcomes=(),
        statuses=(),
        problems=(),
        incomplete={"shop": lost},
        quoted={lost: quote(f"HTTP 500: {SENTINEL}", "HTTP 500")},
    )
    show(report, ReportOptions(redact=True), 5)
    assert caplog.messages == [f"cannot list pods in namespace shop: HTTP 500 {WITHHELD}"]


def record(message: str, *arguments: object, name: str = "podcm_sync.a") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "a.py", 1, message, arguments, None)


def line(of: logging.LogRecord) -> str:
    handlers = logging.getLogger().handlers[:]
    try:
        logs.begin(["--redact"])
        return logging.getLogger().handlers[0].format(of)
    finally:
        logging.getLogger().handlers[:] = handlers


def test_a_bug_says_its_type_and_no_more() -> None:
    of = record("bug: %s: %s; report it", "KeyError", KeyError(SENTINEL))
    assert line(of) == f"podcm-sync: error: bug: KeyError: {WITHHELD}; report it"


def test_a_traceback_has_lines_of_code_and_types_alone() -> None:
    try:
        try:
            raise KeyError(SENTINEL)  # noqa: TRY301 - to have a traceback
        except KeyError as error:
            raise ClusterError(f"no: {error}", quoted=error) from error
    except ClusterError as error:
        of = record("%s", error)
        of.exc_info = (type(error), error, error.__traceback__)
    said = line(of)
    assert said.startswith(f"podcm-sync: error: no: {WITHHELD}\nTraceback")
    assert f"ClusterError: {WITHHELD}" in said
    assert f"KeyError: {WITHHELD}" in said
    assert SENTINEL not in said


def test_other_packages_lines_are_withheld() -> None:
    of = record(f"body was {SENTINEL}", name="urllib3.connectionpool")
    assert line(of) == f"podcm-sync: error: urllib3.connectionpool: {WITHHELD}"
