"""`podcm-sync validate` comes to the API server's verdicts, and says where and what is wrong."""

import io
import json
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
    finding, end = out.splitlines()
    assert finding.startswith(f"{file}:{line}: PodConfigMapConfig shop/bad: spec.labelsToInclude: ")
    assert end == "2 PodConfigMapConfigs checked: 1 finding"


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
        "{{ .nothing }}",
        "{{ if .Values }}{{ .Values.x }}{{ end }}",
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
        'spec.configMapDataTemplate["long"]',
        'spec.configMapDataTemplate["ok"]',
    ]


def test_the_hint_stands_on_a_line_of_its_own_and_redaction_drops_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = pcmc({"configMapDataTemplate": {"k": "{{ .labels.secret.name }}"}})
    (tmp_path / "x.json").write_text(json.dumps(config))
    _, out = validated(capsys, "-f", str(tmp_path))
    assert out.splitlines()[1].startswith("  hint: keys with dots need index: {{ index .labels ")
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
    assert out.startswith("-:7: PodConfigMapConfig default/mine: spec.suspend: ")


def test_other_kinds_are_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": "garbage"}
    (tmp_path / "x.json").write_text(json.dumps(other))
    (tmp_path / "y.json").write_text(json.dumps(pcmc({})))
    assert validated(capsys, "-f", str(tmp_path)) == (
        *(0, "1 PodConfigMapConfig checked: no findings\n"),
    )


@pytest.mark.parametrize("files", [{}, {"values.yaml": "replicas: 3\n"}])
def test_nothing_to_check_exits_2_unless_that_is_allowed(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Green means checked: a pipeline that names the wrong folder must not stay green."""
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    code, out = validated(capsys, "-f", str(tmp_path))
    assert (code, out.startswith("nothing to check: there is no PodConfigMapConfig")) == (2, True)
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
    assert out == (
        "1 PodConfigMapConfig checked: no findings; "
        "skipped 3 documents that are not Kubernetes objects\n"
    )
    assert run(["validate", "-f", str(tmp_path / "values.yaml")]) == 2


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
            'spec.configMapDataTemplate["a"]: must be text, not null: write ""',
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
    assert out.splitlines()[0] == f"{file}:7: PodConfigMapConfig a: {finding}"


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
    (tmp_path / "x.yaml").write_text(content)
    assert run(["validate", "-f", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"{tmp_path / 'x.yaml'}:" in captured.err


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
