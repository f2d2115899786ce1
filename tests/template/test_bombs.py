"""Whatever a template does is contained: its Pod alone fails, soon, in little memory, said plainly.

Times are CPU time, so that a busy machine fails no test; memory is how much its peak grew.
"""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from podcm_sync.template.sandbox import machine
from tests import command
from tests.template.bombs import BOMBS, LOADING
from tests.template.pods import pod, render, rendering

SECONDS = 1.0
MIB = 1 << 20

# What Go's own limits, or Helm's way of swallowing errors, defuse before any limit of ours.
DEFUSED = {
    "a cyclic dict as JSON": "",
    "a cyclic dict as YAML": "",
    "a large regular expression": "false",
    "a rounding of many places": "NaN",
    "a width of a thousand million": "%!(NOVERB)%!(EXTRA int=1)",
    "a YAML of aliases": (
        '{"Error":"error converting YAML to JSON: yaml: document contains excessive aliasing"}'
    ),
    "JSON nested deeply": "exceeded max depth",
}
PLAIN_REASONS = (
    "stopped after using its CPU budget",
    "needed over 64 MiB of memory",
    "output over 1 MiB",
    "nested too deeply",
)
GOS_OWN = {"endless recursion": "exceeded maximum template depth (1000)"}


def memory(field: str) -> int:
    """VmRSS or VmHWM, its peak, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(x for x in status.splitlines() if x.startswith(field)).split()[1]) * 1024


def measured(work: Callable[[], Any]) -> tuple[Any, float, int]:
    """What it gave, its CPU seconds, and by how much memory grew at the most."""
    machine()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
    before, started = memory("VmRSS"), time.process_time()
    result = work()
    return result, time.process_time() - started, memory("VmHWM") - before


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_fails_its_own_pod_within_a_second_and_100_mib(name: str) -> None:
    # A definition cannot stand within an `if`, so that the other Pods end before the bomb.
    source = f'{{{{ if ne .name "bomb" }}}}{{{{ fail "spared" }}}}{{{{ end }}}}{BOMBS[name]}'
    pods = [pod("a"), pod("bomb"), pod("b")]
    (first, bomb, last), seconds, growth = measured(lambda: render({"k": source}, *pods))
    assert "error calling fail: spared" in first
    assert "error calling fail: spared" in last
    if name in DEFUSED:
        assert bomb == {"k": DEFUSED[name]}
    elif name in GOS_OWN:
        assert bomb.endswith(GOS_OWN[name])
    else:
        assert bomb.startswith('template "k": ')
        assert any(bomb.endswith(reason) for reason in PLAIN_REASONS), bomb
    assert seconds < SECONDS
    assert growth < 100 * MIB


@pytest.mark.parametrize("name", LOADING)
def test_a_source_that_is_a_bomb_is_contained(name: str) -> None:
    made, seconds, growth = measured(lambda: rendering({"k": LOADING[name]}))
    # The 1 MB of text parses: core.validate finds it too long before an engine gets it.
    assert len(made.findings) == (name != "a source of 1 MB")
    assert seconds < SECONDS
    assert growth < 100 * MIB


def test_other_pods_get_what_they_would_have_got_without_the_bomb() -> None:
    pods = [pod(f"web-{number}") for number in range(450)]
    alone = render({"k": "{{ .name }} {{ .labels.app }}"}, *pods)
    source = (
        '{{ if eq .name "web-7" }}{{ range 100000000000 }}{{ end }}{{ end }}'
        '{{ if eq .name "web-8" }}{{ repeat 2000000000 "x" }}{{ end }}'
        '{{ if eq .name "web-300" }}{{ fail "no" }}{{ end }}'
        "{{ .name }} {{ .labels.app }}"
    )
    among, seconds, _ = measured(lambda: render({"k": source}, *pods))
    failed = [number for number in range(450) if among[number] != alone[number]]
    assert failed == [7, 8, 300]
    assert seconds < SECONDS


def test_memory_stays_flat_over_500_stopped_instances() -> None:
    def stop(times: int) -> None:
        for _ in range(times):
            (said,) = render({"k": '{{ repeat 2000000000 "x" }}'}, pod())
            assert "64 MiB" in said

    stop(100)
    before = memory("VmRSS")
    stop(400)
    assert memory("VmRSS") - before < 8 * MIB


def test_a_run_goes_on_and_exits_3(tmp_path: Path) -> None:
    """Whole processes: two bombs beside a good config, and beside harmless ones for comparison."""
    bombs = {
        "cpu": "{{ range 100000000000 }}{{ end }}",
        "memory": BOMBS["repeat"],
    }
    code, out, seconds, peak = run_with(tmp_path / "bombs", bombs)
    harmless = dict.fromkeys(bombs, "{{ .name }}")
    _, _, usual_seconds, usual_peak = run_with(tmp_path / "harmless", harmless)
    assert code == 3
    assert re.search(r"✔ shop/good +1 created +Ready", out)
    assert 'TemplateFailed: template "k": stopped after using its CPU budget' in out
    assert 'TemplateFailed: template "k": needed over 64 MiB of memory' in out
    assert seconds - usual_seconds < len(bombs) * SECONDS
    assert peak - usual_peak < 100 * MIB


def run_with(directory: Path, sources: dict[str, str]) -> tuple[int, str, float, int]:
    """Exit code, report, CPU seconds and peak memory of a run over one Pod and these configs."""
    directory.mkdir()
    objects: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0", "namespace": "shop"}}
    ]
    for name, source in {**sources, "good": "{{ .name }}"}.items():
        objects.append(
            {
                "apiVersion": "podconfig.example.com/v1alpha1",
                "kind": "PodConfigMapConfig",
                "metadata": {"name": name, "namespace": "shop"},
                "spec": {"configMapDataTemplate": {"k": source}},
            }
        )
    (directory / "all.yaml").write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    measure = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], capture_output=True, text=True)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss)\n"
        "print(done.stdout)\n"
    )
    done = command.python("-c", measure, *command.PROGRAM, "--from", str(directory))
    assert done.code == 0, done.stderr
    figures, _, out = done.stdout.partition("\n")
    code, seconds, peak = figures.split()
    return int(code), out, float(seconds), int(peak) * 1024
