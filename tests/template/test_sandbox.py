"""The sandbox gives a run the data of each Pod in order, or the message of a failure."""

import re
import textwrap
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podcm_sync.api.objects import Pod
from podcm_sync.api.reasons import Reason
from podcm_sync.template.instance import Stop, StoppedError
from podcm_sync.template.job import BATCH_BYTES, BATCH_PODS
from podcm_sync.template.messages import MAX_MESSAGE
from podcm_sync.template.parsed import Parsed
from podcm_sync.template.sandbox import machine, prepare
from tests import command
from tests.template.pods import engine_says, pod, render, rendering, root

# Text that the API server can store: no lone surrogates, and no NUL.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def findings(**sources: str) -> list[str]:
    return list(map(str, rendering(sources).findings))


def test_a_parse_error_has_key_line_column_and_gos_words() -> None:
    """Go's text is complete and names the template by its data key."""
    assert findings(a="fine", b="one\n  {{ zilch 1 }}", c="{{ if }}") == [
        (
            'spec.configMapDataTemplate["b"]: line 2, column 5: template: b:2: '
            'function "zilch" not defined'
        ),
        'spec.configMapDataTemplate["c"]: line 1, column 6: template: c:1: missing value for if',
    ]


def test_columns_count_the_same_way_in_parse_errors_and_on_a_pod() -> None:
    (parse_error,) = findings(k="é {{ zilch }}")
    (error,) = render({"k": 'é {{ fail "no" }}'}, pod())
    assert "line 1, column 6: " in parse_error
    assert "line 1, column 6: template: k:1:6: executing" in error


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("{{ now }}", "`now` is left out because it reads the clock or the host's time zone"),
        ('{{ env "HOME" }}', "`env` is left out because it reads beyond the Pod"),
        ("{{ uper .name }}", "did you mean `upper`?"),
        ("{{ name }}", "did you mean `.name`?"),
        ("{{ .labels.app.kubernetes.io/name }}", "keys with dots, slashes or dashes need index"),
        ("{{ .labels.my-app }}", "keys with dots, slashes or dashes need index"),
        ("{{ frobnicate }}", ""),
        ("{{ if }}", ""),
    ],
)
def test_a_parse_error_hints_at_what_to_write(source: str, hint: str) -> None:
    (finding,) = rendering({"k": source}).findings
    assert finding.hint.startswith(hint)
    assert bool(finding.hint) == bool(hint)


def test_the_linter_knows_the_fields_that_templates_see_and_no_others() -> None:
    (error,) = render({"k": "{{ .Values.x }}"}, pod())
    assert isinstance(error, str)
    _, _, known = error.rstrip(")").partition("a template sees the Pod alone: ")
    assert set(known.split()) == {f".{name}" for name in root(pod())}


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("{{ .Values.x }}", "a template sees the Pod alone: .annotations .containers"),
        ("{{ .metadata.name }}", "did you mean `.name`?"),
        ("{{ .Labels.app }}", "did you mean `.labels`?"),
        ("{{ .label.app }}", "did you mean `.labels`?"),
        ("{{ .spec.nodeName }}", "did you mean `.nodeName`?"),
        ("{{ .labels.app.kubernetes }}", 'keys with dots need index: {{ index .labels "app.kub'),
        ("{{ .containers.image }}", "`.containers` is a list: {{ range .containers }}{{ .image }}"),
        ('{{ include "gone" . }}', "each data key has its own templates: {{ define }} it in the"),
    ],
)
def test_an_error_on_every_pod_hints_at_what_to_write(source: str, hint: str) -> None:
    (error,) = render({"k": source}, pod())
    assert isinstance(error, str)
    assert hint in error
    assert "template: k:1:" in error


def test_an_error_on_a_pod_has_key_line_column_and_gos_words() -> None:
    (message,) = render({"conf": 'x\n{{ index .labels "app" "x" }}'}, pod())
    assert message == (
        'template "conf": line 2, column 3: template: conf:2:3: executing "conf" at '
        '<index .labels "app" "x">: error calling index: cannot index slice/array with type string'
    )


def test_the_key_that_was_stopped_is_named() -> None:
    (message,) = render({"a": "x", "b": "{{ range 100000000000 }}{{ end }}", "c": "x"}, pod())
    assert message == 'template "b": stopped after using its CPU budget'


def test_a_message_of_a_megabyte_is_shortened() -> None:
    (message,) = render({"a": '{{ fail (repeat 1000000 "x") }}'}, pod())
    assert len(message) < MAX_MESSAGE + 100
    assert message.endswith("…") if isinstance(message, str) else False


@pytest.mark.parametrize("source", ["{{ b64dec `/w==` }}", '{{ "é" | trunc 1 }}'])
def test_output_that_is_no_utf8_fails(source: str) -> None:
    """The data of a ConfigMap is text. JSON would silently turn the bytes into U+FFFD."""
    assert render({"a": source}, pod()) == [
        'template "a": template: a: the output is not valid UTF-8'
    ]


def test_output_up_to_the_limit_is_whole() -> None:
    (results,) = render({"a": '{{ repeat 1048576 "x" }}'}, pod())
    assert results == {"a": "x" * 1_048_576}
    assert render({"a": '{{ repeat 1048577 "x" }}'}, pod()) == ['template "a": output over 1 MiB']


def test_the_limit_on_output_counts_all_keys_of_a_pod() -> None:
    halves = dict.fromkeys("ab", '{{ repeat 524288 "x" }}')
    assert render(halves, pod()) == [dict.fromkeys("ab", "x" * 524_288)]
    (rendered,) = rendering({**halves, "c": "x"}, pod()).pods
    assert rendered.failure == 'template "c": output over 1 MiB together with the keys before it'
    assert rendered.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("count", [1, BATCH_PODS - 1, BATCH_PODS, BATCH_PODS + 1, 3 * BATCH_PODS])
def test_pods_keep_their_order_over_batches(count: int) -> None:
    pods = [pod(f"web-{number}") for number in range(count)]
    assert render({"k": "{{ .name }}"}, *pods) == [{"k": f"web-{n}"} for n in range(count)]


def test_pods_too_large_for_one_batch_go_in_several() -> None:
    large = {"example.com/large": "x" * (BATCH_BYTES // 3)}
    pods = [pod(f"web-{number}", annotations=large) for number in range(20)]
    results = render({"k": '{{ .name }} {{ index .annotations "example.com/large" | len }}'}, *pods)
    assert results == [{"k": f"web-{number} {BATCH_BYTES // 3}"} for number in range(20)]


def test_a_heavy_pod_passes() -> None:
    """A Pod that needs about a hundred times as much as a small template isn't a bomb."""
    source = "{{ $n := 0 }}{{ range 20000 }}{{ $n = add $n 1 }}{{ end }}{{ $n }}"
    assert render({"k": source}, pod(), pod("b")) == [{"k": "20000"}] * 2


def test_rubbish_of_other_pods_is_no_reason_to_fail_one_for_its_memory() -> None:
    """Each Pod uses half of the allowed memory. Together they would exceed it."""
    source = '{{ $x := repeat 12000000 "x" }}{{ len $x }}'
    results = render({"k": source}, *(pod(f"web-{number}") for number in range(30)))
    assert results == [{"k": "12000000"}] * 30


def test_bounds_of_a_config_render_within_the_budgets() -> None:
    """64 templates of 2,048 characters, the most that the CRD accepts, for each of 20 Pods."""
    piece = "server {{ .podIP }}:8080 weight=5 max_fails=3 fail_timeout=30s; # {{ .name }}\n"
    source = (piece * 26)[:2_028]
    source = source[: source.rindex("\n")]
    results = render({f"k{n}": source for n in range(64)}, *(pod(f"w-{n}") for n in range(20)))
    assert all(isinstance(data, dict) and len(data) == 64 for data in results)


@given(st.dictionaries(TEXT, TEXT, max_size=4))
def test_what_a_pod_holds_comes_out_byte_for_byte(annotations: dict[str, str]) -> None:
    source = "{{ range $k, $v := .annotations }}{{ $k }}={{ $v }};{{ end }}"
    # Go's order is that of the bytes in UTF-8, which is that of the code points.
    text = "".join(f"{key}={value};" for key, value in sorted(annotations.items()))
    assert render({"k": source}, pod(annotations=annotations)) == [
        {"k": text.replace("<no value>", "")}
    ]


@given(TEXT)
def test_json_comes_back_as_it_went(value: str) -> None:
    sources = {
        "json": "{{ (fromJson (toJson .annotations)).a | b64enc }}",
        "itself": "{{ .annotations.a | b64enc }}",
    }
    (results,) = render(sources, pod(annotations={"a": value}))
    assert isinstance(results, dict)
    assert results["json"] == results["itself"]


# Go's YAML loses some control characters, and toYaml the last line end, as they do in Helm.
YAML_TEXT = st.text(
    st.characters(categories=["L", "N", "P", "S", "Zs"], include_characters="\n")
).filter(lambda text: not text.endswith("\n"))


@given(YAML_TEXT)
def test_yaml_comes_back_as_it_went(value: str) -> None:
    sources = {
        "yaml": "{{ (fromYaml (toYaml .annotations)).a | b64enc }}",
        "itself": "{{ .annotations.a | b64enc }}",
    }
    (results,) = render(sources, pod(annotations={"a": value}))
    assert isinstance(results, dict)
    assert results["yaml"] == results["itself"]


PIECES = st.sampled_from(
    [
        *("{{", "}}", "{{-", "-}}", "{{end}}", "{{range .containers}}", "{{if .name}}", "/*", "*/"),
        *("if", "range", "end", "else", "with", "define", "template", "block", "break", "continue"),
        *("upper", "list", "dict", "index", "printf", "len", "eq", "nope", "true", "nil"),
        *(".", ".name", ".labels", "$", "$x", ":=", "=", "|", "(", ")", ",", " ", "\n"),
        *('"a"', "`b`", "'c'", "1", "-1", "1.5", "é"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_no_source_does_more_than_fail(source: str) -> None:
    """Any source gives a finding with a place, or data, or a failure with a message."""
    results = rendering({"k": source}, pod())
    if results.findings:
        (finding,) = map(str, results.findings)
        assert re.match(
            r'spec\.configMapDataTemplate\["k"\]: (line \d+, column \d+: )?template: k:', finding
        )
        assert engine_says(source, pod())["error"]
    else:
        (rendered,) = results.pods
        assert bool(rendered.failure) != bool(rendered.data)


def test_no_pods_are_no_work() -> None:
    pods: list[Pod] = []
    assert render({"k": "{{ .name }}"}, *pods) == []


def test_a_crash_after_the_last_answer_fails_no_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Pod of the call has its verdict by then, and no other Pod had its turn."""
    rendered = Parsed.render

    def render_and_crash(self: Parsed, *arguments: Any) -> None:
        rendered(self, *arguments)
        raise StoppedError(Stop.CRASH, "after the last answer")

    monkeypatch.setattr(Parsed, "render", render_and_crash)
    pods = [pod(f"web-{number:03}") for number in range(BATCH_PODS + 1)]
    assert render({"k": "{{ .name }}"}, *pods) == [{"k": f"web-{n:03}"} for n in range(len(pods))]


def test_an_instance_that_was_prepared_renders_what_a_new_one_does_and_serves_once() -> None:
    sources = {"k": "{{ .name }} {{ .labels.app | upper }}"}
    expected = render(sources, pod())
    for _ in range(3):  # a second call prepares nothing more
        prepare()
    first, second = machine().instance(), machine().instance()
    assert first is not second
    for instance in (first, second):
        instance.close()
    prepare()
    assert render(sources, pod()) == expected


def test_while_another_thread_loads_the_sandbox_to_prepare_waits_for_it() -> None:
    """Modules are in sys.modules before they are whole."""
    script = """
        import sys, threading, time
        from podcm_sync.template import lazy

        class Slow:
            def find_spec(self, name, path, target=None):
                if name == "wasmtime":
                    time.sleep(0.3)

        sys.meta_path.insert(0, Slow())
        name = "podcm_sync.template.sandbox"
        threading.Thread(target=__import__, args=[name]).start()
        while name not in sys.modules:
            time.sleep(0.001)
        lazy.prepare()
    """
    done = command.python("-c", textwrap.dedent(script))
    assert (done.code, done.stderr) == (0, "")
