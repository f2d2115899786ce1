"""`podcm-sync validate` comes to the API server's verdicts, and says where and what is wrong."""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from podcm_sync.__main__ import run
from podcm_sync.errors import OutputError
from tests.controlplane.crd_case import Case
from tests.controlplane.crd_cases import CASES
from tests.controlplane.crd_objects import pcmc

# The CRD cannot know Go's syntax, so that this one stands in a cluster, and is invalid for a run.
STORED_ALL_THE_SAME = "templates: a source that does not parse"


def validated(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = run(["validate", *arguments])
    return code, capsys.readouterr().out


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code, out = validated(capsys, "-o", "json", *arguments)
    return code, json.loads(out)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_the_verdict_is_the_api_servers(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table is held to a real server in tests/controlplane/test_crd.py."""
    (tmp_path / "config.json").write_text(json.dumps(pcmc(case.spec)), encoding="utf-8")
    code, document = as_json(capsys, "-f", str(tmp_path))
    paths = [finding["path"] for finding in document["findings"]]
    if case.name == STORED_ALL_THE_SAME:
        assert paths == ['spec.configMapDataTemplate["a"]']
        message = "line 1, column 5: template: a:1: unclosed action"
        assert document["findings"][0]["message"] == message
    else:
        assert (code, paths == []) == ((0, True) if case.accepted else (3, False))
    assert all(path.startswith("spec") for path in paths)


def test_a_finding_names_file_line_object_and_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = pcmc({}), pcmc({"labelsToInclude": ["a b"]}, "shop", "bad")
    bad["spec"]["configMapDataTemplate"] = {"a": "x"}
    file = tmp_path / "configs.yaml"
    file.write_text(f"# a comment\n{yaml.safe_dump(good)}---\n{yaml.safe_dump(bad)}")
    line = file.read_text().splitlines().index("  - a b") + 1
    code, out = validated(capsys, "-f", str(file))
    assert code == 3
    finding, shown, carets, end = out.splitlines()
    assert finding.startswith(f"{file}:{line}:5: shop/bad: spec.labelsToInclude: ")
    assert shown == "   |   - a b"
    assert carets == "   |     ^"
    assert end == "Found 1 error in 2 configs."


def test_every_finding_is_said_and_templates_with_gos_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = {"a": "{{ zilch }}", "b": "fine", "c": "1\n{{ if }}", "d": "{{ env `HOME` }}"}
    (tmp_path / "x.json").write_text(json.dumps(pcmc({"configMapDataTemplate": sources})))
    code, document = as_json(capsys, "-f", str(tmp_path / "x.json"))
    assert code == 3
    assert [(each["path"], each["message"]) for each in document["findings"]] == [
        (
            'spec.configMapDataTemplate["a"]',
            'line 1, column 3: template: a:1: function "zilch" not defined',
        ),
        (
            'spec.configMapDataTemplate["c"]',
            "line 2, column 6: template: c:2: missing value for if",
        ),
        (
            'spec.configMapDataTemplate["d"]',
            'line 1, column 3: template: d:1: function "env" not defined',
        ),
    ]
    assert [bool(each["hint"]) for each in document["findings"]] == [False, False, True]


def checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sources: dict[str, str], *pods: Any
) -> list[tuple[str, str, str]]:
    """The findings about templates: data key, message, hint."""
    objects = [pcmc({"configMapDataTemplate": sources}, "shop"), *pods]
    (tmp_path / "x.yaml").write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    _, document = as_json(capsys, "-f", str(tmp_path))
    return [
        (each["path"].split('"')[1], each["message"], each["hint"]) for each in document["findings"]
    ]


def pod(name: str, **labels: str) -> Any:
    metadata = {"name": name, "namespace": "shop", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


def test_what_no_pod_can_cure_is_a_finding_for_each_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = {
        "a": "{{ .Values.x }}",
        "b": "{{ .metadata.name }}",
        "c": '{{ if .labels.gone }}{{ include "gone" . }}{{ end }}',
        "d": "{{ .name",
        "e": '{{ trunc "x" }}',
        "f": "{{ range 100000000000 }}{{ end }}",
        "g": '{{ upper .labels.app }}{{ template "gone" }}',
        "h": '{{ repeat 1048577 "x" }}',
    }
    findings = checked(tmp_path, capsys, sources)
    place = "line 1, column {0}: template: {1}:1:{0}: executing"
    assert [(key, message) for key, message, _ in findings] == [
        (
            "a",
            place.format(10, "a") + ' "a" at <.Values.x>: nil pointer evaluating interface {}.x',
        ),
        (
            "b",
            place.format(12, "b")
            + ' "b" at <.metadata.name>: nil pointer evaluating interface {}.name',
        ),
        (
            "c",
            place.format(24, "c") + ' "c" at <include "gone" .>: error calling include: template: '
            'no template "gone" associated with template "c"',
        ),
        ("d", "line 1, column 8: template: d:1: unclosed action"),
        (
            "e",
            place.format(3, "e") + ' "e" at <trunc>: wrong number of args for trunc: want 2 got 1',
        ),
        ("f", "stopped after using its CPU budget"),
        (
            "g",
            place.format(35, "g") + ' "g" at <{{template "gone"}}>: template "gone" not defined',
        ),
        ("h", "output over 1 MiB"),
    ]
    hints = {key: hint for key, _, hint in findings}
    assert hints["b"] == "did you mean `.name`?"


@pytest.mark.parametrize(
    "source",
    [
        "{{ upper .labels.team }}",
        '{{ required "a team is needed" .labels.team }}',
        "{{ (index .containers 7).image }}",
        '{{ fail "not on this Pod" }}',
        "{{ (fromYaml .annotations.conf).a.b }}",
        '{{ index (splitList "-" .labels.team) 3 }}',
        "{{ if .Values }}{{ .Values.x }}{{ end }}",
        "{{ if .nothing }}{{ .nothing }}{{ else if not .nothing2 }}x{{ end }}",
        '{{ .nothing | default "x" }}{{ default "x" .nothing }}{{ coalesce .nothing .name }}',
        "{{ with .nothing }}{{ . }}{{ end }}{{ range .nothing }}{{ . }}{{ end }}",
        '{{ $_ := set . "nothing" 1 }}{{ .nothing }}',
        '{{ define "x" }}{{ .nothing }}{{ end }}{{ template "x" dict "nothing" 1 }}',
        "{{ if and .Values .Values.x }}{{ end }}",
        '{{ $_ := set . "Values" (dict "x" 1) }}{{ .Values.x }}',
        "{{ with .labels }}{{ .team.name }}{{ end }}",
        '{{ define "x" }}{{ .Values.x }}{{ end }}{{ template "x" dict "Values" (dict "x" 1) }}',
        "{{ range .containers }}{{ .name }}{{ $.name }}{{ end }}",
    ],
)
def test_what_another_pod_may_cure_is_no_finding(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(tmp_path, capsys, {"k": source}) == []


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("{{ .podName }}", "did you mean `.name`?"),
        ("{{ .Name }}", "did you mean `.name`?"),
        ("{{ $.label }}", "did you mean `.labels`?"),
        ("{{ upper .team }}", "a template sees the Pod alone: .annotations .containers"),
        ("{{ range .containers }}{{ $.nodename }}{{ end }}", "did you mean `.nodeName`?"),
        ("{{ if .phase }}{{ .pcmc.namespace }}{{ end }}", "`.pcmc` has only a name"),
    ],
)
def test_a_field_that_no_pod_has_is_a_finding_with_the_nearest_one(
    source: str, hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would give nothing on every Pod, and no run would complain."""
    ((_, message, hinted),) = checked(tmp_path, capsys, {"k": source})
    assert message.endswith("no Pod has this field, so it gives nothing")
    assert hinted.startswith(hint)


def test_every_value_of_a_wrong_type_is_a_finding_at_its_own_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(
        """\
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata: {name: a, labels: {team: 5}}
spec:
  labelToInclude: [app]
  suspend: "yes"
  podSelector:
    app: web
    matchExpressions:
    - {key: tier, operator: In, value: [a]}
    - {key: 5, operator: Exists}
    - {key: x, operator: exists}
  annotationsToInclude: [1, ok, 2, "a b"]
  configMapDataTemplate:
    url: '{{ now }}'
    port: 80
"""
    )
    code, document = as_json(capsys, str(file))
    assert code == 3
    findings = [
        (each["line"], each["column"], each["path"], each["message"].partition(":")[0])
        for each in document["findings"]
    ]
    expression, template = "spec.podSelector.matchExpressions", "spec.configMapDataTemplate"
    meant = "unknown field `labelToInclude`; did you mean spec.labelsToInclude?"
    values = "spec.podSelector.matchExpressions[].values"
    assert findings == [
        (3, 36, 'metadata.labels["team"]', "must be text, and 5 is a number"),
        (5, 3, "spec", meant),
        (6, 12, "spec.suspend", "must be true or false, not text"),
        (8, 5, "spec.podSelector", "unknown field `app`"),
        (10, 33, f"{expression}[0]", f"unknown field `value`; did you mean {values}?"),
        (11, 13, f"{expression}[1].key", "must be text, and 5 is a number"),
        (12, 26, f"{expression}[2].operator", '"exists" is not an operator'),
        (13, 26, "spec.annotationsToInclude[0]", "must be text, and 1 is a number"),
        (13, 33, "spec.annotationsToInclude[2]", "must be text, and 2 is a number"),
        (13, 36, "spec.annotationsToInclude", '"a b" is not an annotation key'),
        (15, 14, f'{template}["url"]', "line 1, column 3"),
        (16, 11, f'{template}["port"]', "must be text, and 80 is a number"),
    ]
    _, redacted = validated(capsys, "--redact", str(file))
    hidden = "unknown field (details withheld by --redact); did you mean spec.labelsToInclude?"
    assert hidden in redacted
    assert "labelToInclude" not in redacted.replace("labelsToInclude", "")


@pytest.mark.parametrize("value", ["{{ .name }}", "{{ .name }}-{{ .phase }}", "{{- .name -}}"])
def test_a_template_without_quotes_is_hinted_at(
    value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(yaml.safe_dump(pcmc({"configMapDataTemplate": {"k": "V"}})).replace("V", value))
    code, out = validated(capsys, str(file))
    assert code == 2
    assert "   hint: put templates in quotes, such as key: '{{ .name }}'\n" in out
    assert run(["--from", str(tmp_path), "--dry-run"]) == 2
    assert "hint: put templates in quotes" in capsys.readouterr().err


def test_what_fails_on_a_pod_that_is_given_is_a_finding_that_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = {"k": "{{ upper .labels.team }}", "ok": "{{ .name }}"}
    pods = [pod("web-0", team="a"), pod("web-1"), pod("web-2")]
    elsewhere = pod("web-3")
    elsewhere["metadata"]["namespace"] = "other"
    ((key, message, _),) = checked(tmp_path, capsys, sources, *pods, elsewhere)
    assert key == "k"
    assert message.startswith(
        'fails on Pod web-1 and 1 more: line 1, column 16: template: k:1:16: executing "k" at '
    )


def test_a_bad_data_key_hides_no_template_that_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = {"configMapDataTemplate": {"a b": "fine", "ok": "{{ now }}", "long": "x" * 70_000}}
    (tmp_path / "x.json").write_text(json.dumps(pcmc(spec)))
    _, document = as_json(capsys, "-f", str(tmp_path))
    assert [each["path"] for each in document["findings"]] == [
        "spec.configMapDataTemplate",
        'spec.configMapDataTemplate["ok"]',
        'spec.configMapDataTemplate["long"]',
    ]


def test_the_hint_stands_on_a_line_of_its_own_and_redaction_drops_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = pcmc({"configMapDataTemplate": {"k": "{{ .labels.secret.name }}"}})
    (tmp_path / "x.json").write_text(json.dumps(config))
    _, out = validated(capsys, "-f", str(tmp_path))
    assert out.splitlines()[1].startswith("   hint: keys with dots need index: {{ index .labels ")
    _, redacted = validated(capsys, "--redact", "-f", str(tmp_path))
    assert "secret" not in redacted


def test_a_key_may_hold_what_looks_like_the_end_of_a_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = {"podSelector": {"matchLabels": {'a"]: b': "c d"}}}
    (tmp_path / "x.json").write_text(json.dumps(pcmc(spec)))
    _, document = as_json(capsys, "-f", str(tmp_path))
    assert [each["path"] for each in document["findings"]] == [
        "spec.podSelector.matchLabels",
        r'spec.podSelector.matchLabels["a\"]: b"]',
    ]


def test_stdin_is_read(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    content = yaml.safe_dump(pcmc({"suspend": "yes"}))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    code, out = validated(capsys, "-f", "-")
    assert code == 3
    assert out.startswith("-:7:12: default/mine: spec.suspend: ")


def test_other_kinds_are_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": "garbage"}
    (tmp_path / "x.json").write_text(json.dumps(other))
    (tmp_path / "y.json").write_text(json.dumps(pcmc({})))
    assert validated(capsys, "-f", str(tmp_path)) == (
        *(0, "Found no errors in 1 config (1 other file skipped).\n"),
    )


@pytest.mark.parametrize("files", [{}, {"values.yaml": "replicas: 3\n"}])
def test_nothing_to_check_exits_2_unless_that_is_allowed(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Green means checked: a pipeline that names the wrong folder must not stay green."""
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    code, out = validated(capsys, "-f", str(tmp_path))
    assert (code, out.startswith("No PodConfigMapConfig found")) == (2, True)
    code, document = as_json(capsys, "-f", str(tmp_path))
    assert (code, document["exitCode"], document["configs"]) == (2, 2, 0)
    assert validated(capsys, "--allow-empty", "-f", str(tmp_path))[0] == 0


def test_documents_of_other_programs_are_skipped_and_counted_in_a_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.json").write_text(json.dumps(pcmc({})))
    (tmp_path / "values.yaml").write_text("replicas: 3\n---\n- a list\n---\nkind: X\n")
    code, out = validated(capsys, "-f", str(tmp_path))
    assert code == 0
    assert out == "Found no errors in 1 config (1 other file skipped).\n"
    _, document = as_json(capsys, "-f", str(tmp_path))
    assert (document["skipped"], document["filesWithoutConfig"]) == (3, 1)
    code, out = validated(capsys, "-f", str(tmp_path / "values.yaml"))
    assert code == 2
    assert out.splitlines() == [
        "No PodConfigMapConfig found (1 other file skipped).",
        "   hint: check the path, or add --allow-empty",
    ]


def test_a_whole_repository_is_checked_whatever_else_is_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file may hide the findings of the others."""
    (tmp_path / "a-helm.yaml").write_text("a: {{ .Values.a }}\n")
    (tmp_path / "b-dashboard.json").write_text('{"panels": [')
    (tmp_path / "c-link.yaml").symlink_to("/nonexistent")
    (tmp_path / "d-broken.yaml").write_text("kind: PodConfigMapConfig\nspec: [\n")
    (tmp_path / "e-bad.yaml").write_text(yaml.safe_dump(pcmc({"labelsToInclude": ["a b"]})))
    code, out = validated(capsys, "-f", str(tmp_path))
    assert code == 2
    lines = out.splitlines()
    assert lines[0].startswith(f"{tmp_path / 'd-broken.yaml'}:3: does not parse as YAML")
    assert lines[1].startswith(f"{tmp_path / 'e-bad.yaml'}:")
    assert lines[-1] == "Found 2 errors in 1 config (2 other files skipped)."
    (tmp_path / "d-broken.yaml").unlink()
    assert validated(capsys, "-f", str(tmp_path))[0] == 3


@pytest.mark.parametrize(
    ("template", "place", "shown", "caret"),
    [
        ("a: '{{ now }}'", "7:12", "    a: '{{ now }}'", "           ^^^"),
        ("a: x {{ now }}", "7:13", "    a: x {{ now }}", "            ^^^"),
        ("a: é\u00e9 {{ now }}", "7:14", "    a: é\u00e9 {{ now }}", "             ^^^"),
        ("a: |\n      x\n       {{ now }}", "9:11", "       {{ now }}", "          ^^^"),
        ("a: >-\n      x\n      {{ now }}", "7:8", "    a: >-", "       ^"),
        ('a: "\\t{{ now }}"', "7:8", '    a: "\\t{{ now }}"', "       ^"),
    ],
)
def test_the_caret_is_below_what_is_wrong_in_a_template(  # noqa: PLR0917 - a table's row
    template: str,
    place: str,
    shown: str,
    caret: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """If YAML folds or escapes the template, only the template's own place is known."""
    file = tmp_path / "x.yaml"
    file.write_text(
        "apiVersion: podconfig.example.com/v1alpha1\nkind: PodConfigMapConfig\n"
        f"metadata:\n  name: a\nspec:\n  configMapDataTemplate:\n    {template}\n"
    )
    _, out = validated(capsys, "-f", str(file))
    lines = out.splitlines()
    assert lines[0].startswith(
        f'{file}:{place}: a: spec.configMapDataTemplate["a"]: function "now"'
    )
    assert lines[1:3] == [f"   | {shown}", f"   | {caret}"]


def test_redaction_shows_no_line_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(pcmc({"labelsToInclude": ["s3cret !"]})))
    code, out = validated(capsys, "--redact", "-f", str(tmp_path))
    assert code == 3
    assert "s3cret" not in out
    assert "   | " not in out


def test_a_line_that_a_list_shares_with_other_objects_is_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"a": "s3cr"},
    }
    items = [pcmc({"labelsToInclude": ["a b"]}), secret]
    (tmp_path / "x.json").write_text(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    )
    code, out = validated(capsys, "-f", str(tmp_path))
    assert code == 3
    assert "s3cr" not in out


@pytest.mark.parametrize(
    ("spec", "finding"),
    [
        (
            "podSelector: {matchLabels: {a: 4e1}}",
            'spec.podSelector.matchLabels["a"]: must be text, and 4e1 is a number: quote it: "4e1"',
        ),
        (
            "labelsToInclude: [app, 09]",
            'spec.labelsToInclude[1]: must be text, and 09 is a number: quote it: "09"',
        ),
        (
            "configMapDataTemplate: {y: y}",
            'spec.configMapDataTemplate["true"]: must be text, and y is a boolean: quote it: "y"',
        ),
        (
            "configMapDataTemplate: {a: }",
            'spec.configMapDataTemplate["a"]: must be text, not null: use ""',
        ),
    ],
)
def test_a_finding_names_the_key_and_what_to_write(
    spec: str, finding: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(
        "apiVersion: podconfig.example.com/v1alpha1\nkind: PodConfigMapConfig\n"
        f"metadata:\n  name: a\nspec:\n  suspend: false\n  {spec}\n"
    )
    code, out = validated(capsys, "-f", str(file))
    assert code == 3
    assert re.fullmatch(
        rf"{re.escape(str(file))}:7:\d+: a: {re.escape(finding)}", out.splitlines()[0]
    )


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"apiVersion": "podconfig.example.com/v2"}, "apiVersion"),
        ({"metadata": {}}, "metadata.name"),
        ({"metadata": {"name": "Not_Legal"}}, "metadata.name"),
        ({"metadata": None}, "metadata.name"),
    ],
)
def test_what_is_around_the_spec_is_checked_too(
    change: dict[str, Any], path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.json").write_text(json.dumps({**pcmc({}), **change}))
    code, document = as_json(capsys, "-f", str(tmp_path))
    assert (code, [each["path"] for each in document["findings"]]) == (3, [path])


@pytest.mark.parametrize("content", ["a: [", "kind: Pod", "a: 1\na: 2"])
def test_what_is_no_manifest_exits_2_with_file_and_line(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(content)
    code, out = validated(capsys, "-f", str(file))
    assert code == 2
    assert out.startswith(f"{file}:")
    file.write_text(f"{content}\n# PodConfigMapConfig")
    assert validated(capsys, "-f", str(tmp_path))[0] == 2


def test_a_missing_file_and_no_file_exit_2(tmp_path: Path) -> None:
    assert run(["validate", "-f", str(tmp_path / "none")]) == 2
    assert run(["validate"]) == 2


def test_control_characters_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.json").write_text(json.dumps(pcmc({"labelsToInclude": ["\x1b[31m"]})))
    _, out = validated(capsys, "-f", str(tmp_path))
    assert "\x1b" not in out


def test_what_a_name_hides_is_shown_as_text_in_json_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = pcmc({"labelsToInclude": ["a\u202eb"]})
    (tmp_path / "a.json").write_text(json.dumps(bad), encoding="utf-8")
    code, out = validated(capsys, "-o", "json", "-f", str(tmp_path))
    document = json.loads(out)
    assert (code, document["exitCode"]) == (3, 3)
    assert "a\u202eb" in document["findings"][0]["message"]
    assert "\u202e" not in out
    assert document["tool"].startswith("podcm-sync ")


def test_findings_that_cannot_be_written_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No bug, as for any other command: `podcm-sync validate -f . > /dev/full`."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        code = run(["validate", "-f", str(tmp_path)])
    assert code == OutputError.exit_code
    assert "the report cannot be written: No space left" in capsys.readouterr().err
