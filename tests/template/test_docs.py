"""docs/templates.md is what the engine does: its functions, its examples, its limits, its words."""

import json
import re
from pathlib import Path

import pytest

from podcm_sync.__main__ import run
from podcm_sync.reconcile import bounds
from podcm_sync.template import job
from tests.template import native
from tests.template.docs import DOCS, examples, with_tables
from tests.template.pods import pod, render, root, sandbox

TEXT = DOCS.read_text(encoding="utf-8")
TABLE = json.loads(sandbox().table())


def test_the_tables_of_functions_are_the_engines_own() -> None:
    assert with_tables(TEXT) == TEXT, "run `python -m tests.template.docs`"


def test_there_are_five_examples() -> None:
    assert [key for key, _, _ in examples(TEXT)] == [
        *("nginx.conf", "inventory.json", "targets.yaml", "pod.env", "state"),
    ]


@pytest.mark.parametrize(("key", "source", "shown"), list(examples(TEXT)))
def test_an_example_gives_what_the_page_shows(key: str, source: str, shown: str) -> None:
    assert render({key: source}, pod()) == [{key: shown}]


def test_every_function_of_sprig_and_helm_is_allowed_or_left_out_for_a_reason() -> None:
    allowed = [each["name"] for each in TABLE["functions"]]
    left_out = [name for each in TABLE["left_out"] for name in each["names"]]
    helms = {
        *("fromJsonArray", "fromYaml", "fromYamlArray", "toYaml", "toYamlPretty", "mustToYaml"),
        *("fromToml", "toToml", "mustToToml", "include", "lookup", "required", "tpl"),
    }
    sprigs = set(native.ask({}, "names"))
    assert len(allowed) == len(set(allowed)) > 150
    assert set(allowed).isdisjoint(left_out)
    assert set(allowed) | set(left_out) == sprigs | helms


def test_the_root_on_the_page_is_the_root() -> None:
    section = TEXT.partition("## Data that a template sees")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`\..*?) \|", section, flags=re.MULTILINE)
    fields = {name.split(".")[0] for cell in cells for name in re.findall(r"`\.([\w.]+)`", cell)}
    assert fields == set(root(pod()))


def test_the_message_on_the_page_is_the_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    config = (
        "apiVersion: podconfig.example.com/v1alpha1\nkind: PodConfigMapConfig\n"
        "metadata: {name: web, namespace: shop}\nspec:\n  configMapDataTemplate:\n"
        '    url: "{{ now }}"\n'
    )
    Path("config.yaml").write_text(config, encoding="utf-8")
    assert run(["validate", "-f", "config.yaml"]) == 3
    assert f"$ podcm-sync validate config.yaml\n{capsys.readouterr().out}```" in TEXT


def test_the_limits_on_the_page_are_the_limits() -> None:
    seconds = {
        "one Pod": bounds.TEMPLATE_POD,
        "one config": bounds.TEMPLATE_CONFIG,
        "one namespace": bounds.TEMPLATE_NAMESPACE,
        "the run": bounds.TEMPLATE_RUN,
    }
    for whose, instructions in seconds.items():
        assert f"{instructions / bounds.INSTRUCTIONS_PER_SECOND:g} s for {whose}" in TEXT
    assert f"{bounds.TEMPLATE_DATA_NAMESPACE >> 20} MiB for one namespace" in TEXT
    assert f"{bounds.TEMPLATE_DATA_RUN >> 20} MiB for the run" in TEXT
    for closed in (job.CONFIG_SPENT, job.NAMESPACE_SPENT, job.NAMESPACE_FULL):
        assert f"`{closed}`" in TEXT
    cpu, memory, output, depth = render(
        {
            "k": '{{ if eq .name "a" }}{{ range 100000000000 }}{{ end }}{{ end }}'
            '{{ if eq .name "b" }}{{ repeat 67108864 "x" }}{{ end }}'
            '{{ if eq .name "c" }}{{ repeat 1048577 "x" }}{{ end }}'
            '{{ if eq .name "d" }}{{ template "r" . }}{{ end }}'
            '{{ define "r" }}{{ template "r" . }}{{ end }}'
        },
        *map(pod, "abcd"),
    )
    for message in (cpu, memory, output, depth):
        said = str(message).rpartition(": ")[2]
        assert f"`{said}`" in TEXT
