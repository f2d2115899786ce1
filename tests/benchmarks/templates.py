"""What templates cost: renders in the sandbox beside native Go's, 10,000 Pods, and a cold start.

`python -m tests.benchmarks.templates` prints medians in CPU time, with the ratios. The project
promises 5,000 small renders a CPU second, 3 s for 10,000 Pods, and 60 ms for a cold start with a
cached module.
"""

import base64
import json
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from podcm_sync.api.objects import Pod
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.renderer import NO_RENDERER, Renderer
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.template import messages
from podcm_sync.template.job import BATCH_PODS
from podcm_sync.template.sandbox import Sandbox
from tests.command import PROGRAM
from tests.template import native
from tests.template.pods import pod, request
from tests.template.test_run import config

ROUNDS = 5
RUN_ROUNDS = 21
PODS = 10_000
SMALL = "http://{{ .podIP }}:8080/{{ .labels.app }}"
FIVE_LINES = """upstream {{ .labels.app | default .name }} {
{{- range $i, $c := .containers }}
    server {{ $.podIP }}:{{ add 8080 $i }}; # {{ $c.name }} {{ $c.image | quote }}
{{- end }}
}"""


def main() -> None:
    """Measure and print."""
    sandbox = Sandbox()
    for name, source in {"one line": SMALL, "five lines": FIVE_LINES}.items():
        _renders(sandbox, name, source)
    _ten_thousand(sandbox)
    _cold_start()


def cpu(work: Callable[[], Any]) -> float:
    """The median of its CPU seconds, all threads counted, after one round to warm up."""
    times = []
    for _ in range(ROUNDS + 1):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return statistics.median(times[1:])


def _renders(sandbox: Sandbox, name: str, source: str) -> None:
    pods = [pod(f"web-{number}") for number in range(2_000)]

    def one_by_one() -> None:
        for each in pods[:BATCH_PODS]:
            sandbox.render([request({"k": source}, each)])

    def in_batches() -> None:
        sandbox.render([request({"k": source}, *pods)])

    ours = len(pods) / cpu(in_batches)
    single = BATCH_PODS / cpu(one_by_one)
    payload = b"".join(map(messages.encode_pod, pods[:BATCH_PODS]))
    question = {"source": source, "pods": base64.b64encode(payload).decode(), "rounds": 50}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = native.ask(question, "benchmark")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    theirs = answer["renders"] / seconds
    print(f"a template of {name}, renders a CPU second:")
    print(f"  {'sandbox, in batches of ' + str(BATCH_PODS):38} {ours:9,.0f}")
    print(f"  {'sandbox, an instance for each':38} {single:9,.0f}")
    print(f"  {'native Go, the same in and out':38} {theirs:9,.0f}   {theirs / ours:.1f} times")


def _ten_thousand(sandbox: Sandbox) -> None:
    pods = tuple(pod(f"web-{number}") for number in range(PODS))
    with_template = _snapshot(pods, {"configMapDataTemplate": {"upstream.conf": FIVE_LINES}})
    without = _snapshot(pods, {})

    def desired(seen: Snapshot, renderer: Renderer) -> Callable[[], object]:
        return lambda: build(seen, renderer)

    seconds = cpu(desired(with_template, sandbox)) - cpu(desired(without, NO_RENDERER))
    print(f"{PODS:,} Pods, one template of five lines: {seconds:.2f} s of CPU (promised: 3 s)")


def _snapshot(pods: tuple[Pod, ...], spec: dict[str, Any]) -> Snapshot:
    return Snapshot(
        scope=Scope(namespaces=None), pods=pods, configs=(config(spec),), config_maps=()
    )


def _cold_start() -> None:
    """Whole processes over 10 Pods of a directory, in turns."""
    with tempfile.TemporaryDirectory() as name:
        commands = {
            "without a template": _manifests(Path(name) / "without", {}),
            "with a template": _manifests(Path(name) / "with", {"k": FIVE_LINES}),
        }
        times: dict[str, list[tuple[float, float]]] = {each: [] for each in commands}
        for _ in range(RUN_ROUNDS + 1):
            for each, directory in commands.items():
                times[each].append(_run(directory))
    # The first round warms caches up, and makes what the later ones find in step.
    (wall, used), (wall_with, used_with) = (
        [1000 * statistics.median(column) for column in zip(*each[1:], strict=True)]
        for each in times.values()
    )
    print(f"no-op over 10 Pods without a template {wall:6.0f} ms, {used:6.0f} ms of CPU")
    print(f"no-op over 10 Pods with one           {wall_with:6.0f} ms, {used_with:6.0f} ms of CPU")
    print(
        f"a cached module adds {wall_with - wall:.0f} ms, {used_with - used:.0f} ms of CPU, "
        "to a cold start (promised: 60 ms)"
    )


def _run(directory: Path) -> tuple[float, float]:
    """The wall and CPU seconds of a whole process."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [*PROGRAM, "--from", str(directory)]
    subprocess.run(command, check=True, capture_output=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _manifests(directory: Path, templates: dict[str, str]) -> Path:
    directory.mkdir()
    objects = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"web-{number}"}}
        for number in range(10)
    ]
    objects.append(
        {
            "apiVersion": "podconfig.example.com/v1alpha1",
            "kind": "PodConfigMapConfig",
            "metadata": {"name": "web"},
            "spec": {"configMapDataTemplate": templates},
        }
    )
    (directory / "all.json").write_text(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}), encoding="utf-8"
    )
    return directory


if __name__ == "__main__":
    main()
