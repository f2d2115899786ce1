"""A template sees only its Pod: not the host, another key, another Pod, or another config."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import wasmtime

from podcm_sync.template.host import HOST, WASI, Guest, Host
from podcm_sync.template.sandbox import machine
from tests.template.pods import CONFIG, pod, render, request, root, sandbox

REFUSED = 52  # ENOSYS
HARMLESS = {
    "args_get", "args_sizes_get", "clock_time_get", "environ_get", "environ_sizes_get",
    "fd_fdstat_get", "fd_prestat_get", "fd_write", "proc_exit", "random_get", "sched_yield",
}  # fmt: skip
"""The imports that the host implements; each has a test below."""


def test_every_import_of_the_module_is_wasi_or_the_one_function_for_answers() -> None:
    assert {item.module for item in machine().module.imports} == {WASI, HOST}
    assert [item.name for item in machine().module.imports if item.module == HOST] == ["emit"]


def call_host(name: str, parameters: str, *arguments: int) -> tuple[int, bytes, Guest]:
    """The host's answer to a WASI function, the guest's memory afterwards, and the guest."""
    config = wasmtime.Engine()
    text = f"""(module
      (import "{WASI}" "{name}" (func $f (param {parameters}) (result i32)))
      (memory (export "memory") 1)
      (func (export "go") (result i32)
        {" ".join(f"({p}.const {a})" for p, a in zip(parameters.split(), arguments, strict=True))}
        call $f))"""
    module = wasmtime.Module(config, text)
    store = wasmtime.Store(config)
    host = Host()
    exports = host.linker(config, module).instantiate(store, module).exports(store)
    go, memory = exports["go"], exports["memory"]
    assert isinstance(go, wasmtime.Func)
    assert isinstance(memory, wasmtime.Memory)
    memory.write(store, b"\xff" * 64)
    return go(store), bytes(memory.read(store, 0, 64)), host.guest


@pytest.mark.parametrize("name", ["args_sizes_get", "environ_sizes_get"])
def test_there_are_no_arguments_and_no_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    code, memory, _ = call_host(name, "i32 i32", 0, 4)
    assert (code, memory[:8]) == (0, bytes(8))


def test_the_clock_counts_questions() -> None:
    code, memory, _ = call_host("clock_time_get", "i32 i64 i32", 0, 1, 0)
    assert (code, int.from_bytes(memory[:8], "little")) == (0, 1_000)


def test_random_bytes_are_noughts() -> None:
    code, memory, _ = call_host("random_get", "i32 i32", 0, 16)
    assert (code, memory[:17]) == (0, bytes(16) + b"\xff")


@pytest.mark.parametrize("descriptor", [0, 1, 3, 100])
def test_nothing_is_written_but_last_words(descriptor: int) -> None:
    code, _, guest = call_host("fd_write", "i32 i32 i32 i32", descriptor, 0, 1, 32)
    assert (code, guest.last_words) == (8, b"")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32"),
        ("path_filestat_get", "i32 i32 i32 i32 i32"),
        ("fd_read", "i32 i32 i32 i32"),
        ("fd_pread", "i32 i32 i32 i64 i32"),
        ("fd_readdir", "i32 i32 i32 i64 i32"),
        ("sock_accept", "i32 i32 i32"),
        ("sock_shutdown", "i32 i32"),
        ("poll_oneoff", "i32 i32 i32 i32"),
        ("one_that_wasi_gets_some_day", "i32"),
    ],
)
def test_files_sockets_and_all_else_are_refused(name: str, parameters: str) -> None:
    code, memory, _ = call_host(name, parameters, *[0] * len(parameters.split()))
    assert (code, memory) == (REFUSED, b"\xff" * 64)


def test_what_has_an_answer_is_a_short_list() -> None:
    """The host refuses every other import of the engine."""
    imported = {item.name for item in machine().module.imports if item.module == WASI}
    assert imported >= HARMLESS
    answered = set()
    for item in machine().module.imports:
        name, type_ = str(item.name), item.type
        assert isinstance(type_, wasmtime.FuncType)
        parameters = " ".join(map(str, type_.params))
        noughts = [0] * len(type_.params)
        is_exit = not type_.results
        if item.module == WASI and (is_exit or call_host(name, parameters, *noughts)[0] != REFUSED):
            answered.add(name)
    assert answered == HARMLESS


def test_the_whole_root_is_the_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    (made,) = render({"k": "{{ toYaml . }}"}, pod())
    assert isinstance(made, dict)
    import yaml

    assert yaml.safe_load(made["k"]) == root(pod())
    assert "hunter2" not in made["k"]


def test_the_same_comes_out_later_and_elsewhere() -> None:
    """The order of maps, and anything else that can vary, doesn't."""
    source = {"k": '{{ keys .labels }}{{ values .labels }}{{ toJson . }}{{ printf "%#v" . }}'}
    first = render(source, pod())
    time.sleep(0.01)
    os.urandom(8)
    assert all(render(source, pod()) == first for _ in range(5))


def test_one_key_does_not_see_what_another_did() -> None:
    made = render(
        {
            "a": '{{ $_ := set .labels "app" "changed" }}{{ $_ := set . "name" "x" }}{{ .name }}',
            "b": "{{ .labels.app }} {{ .name }}",
            "c": '{{ define "mine" }}{{ end }}',
        },
        pod(),
    )
    assert made == [{"a": "x", "b": "web web-0", "c": ""}]


def test_one_key_cannot_call_what_another_defines() -> None:
    made = render({"a": '{{ define "mine" }}x{{ end }}', "b": '{{ template "mine" . }}'}, pod())
    assert 'template "mine" not defined' in str(made[0])


def test_one_pod_does_not_see_what_a_template_did_to_another() -> None:
    source = '{{ .labels.seen }}{{ $_ := set .labels "seen" .name }}'
    assert render({"k": source}, pod("a"), pod("b")) == [{"k": ""}, {"k": ""}]


def test_one_config_does_not_see_another() -> None:
    assert render({"k": '{{ define "x" }}secret{{ end }}'}, pod()) == [{"k": ""}]
    made: Any = render({"k": '{{ template "x" . }}'}, pod())
    assert 'template "x" not defined' in made[0]
    name = {"k": "{{ .pcmc.name }}"}
    requests = [request(name, pod(), name="other"), request(name, pod())]
    assert [made.pods[0].data for made in sandbox().render(requests)] == [
        {"k": "other"},
        {"k": CONFIG},
    ]


def test_a_config_does_not_see_the_templates_that_its_namespace_rendered_before() -> None:
    """The configs of a namespace use one instance of the engine, one after the other."""
    requests = [
        request({"k": '{{ define "x" }}secret{{ end }}'}, pod(), name="a"),
        request({"k": '{{ template "x" . }}'}, pod(), name="b"),
        request({"other": "{{ .name }}"}, pod(), name="c"),
    ]
    first, second, third = sandbox().render(requests)
    assert first.pods[0].data == {"k": ""}
    assert 'template "x" not defined' in second.pods[0].failure
    assert third.pods[0].data == {"other": "web-0"}


def test_runs_in_several_threads_never_see_each_others_answers() -> None:
    """A watching loop has passes of several namespaces at the same time."""

    def wrong(number: int) -> list[str]:
        pods = [pod(name=f"web-{number}-{index}") for index in range(20)]
        expected = [{"k": f"{number}: web-{number}-{index}"} for index in range(20)]
        answers = [render({"k": f"{number}: {{{{ .name }}}}"}, *pods) for _ in range(10)]
        return [str(each) for each in answers if each != expected]

    with ThreadPoolExecutor(4) as pool:
        assert [each for found in pool.map(wrong, range(8)) for each in found] == []
