"""20 hostile namespaces among 200 ordinary ones, scaled down; the full one is in benchmarks."""

import tracemalloc
from collections import Counter

import pytest

from podcm_sync.cluster.kube.read import KubeReader
from podcm_sync.core.bounds import LIMITS, Bound
from podcm_sync.core.report import exit_code
from podcm_sync.core.status import ready
from podcm_sync.model.changes import Verb
from podcm_sync.model.objects import Scope
from podcm_sync.sync import Policy, run
from tests.builders import GENERATED_BY, NOW, POD_UID, Json, manifest, pcmc, pod
from tests.listserver import ListServer

MIB = 1 << 20
ORDINARY = [f"ordinary-{number:03}" for number in range(200)]
SCALED = {
    Bound.PODS: 100,
    Bound.CONFIGS: 40,
    Bound.HELD_BYTES: 2 * MIB,
    Bound.SELECTOR_STEPS: 20_000,
    Bound.DESIRED: 1_000,
    Bound.WASTED_OBJECTS: 200,
    Bound.WASTED_BYTES: 8 * MIB,
}
EXPENSIVE = [(f"k{number}", "NotIn", ["x"]) for number in range(64)]
KINDS = {
    "configs": Bound.CONFIGS,
    "pods": Bound.PODS,
    "huge": Bound.HELD_BYTES,
    "slow": Bound.SELECTOR_STEPS,
    "many": Bound.DESIRED,
}


def of(kind: str, namespace: str) -> list[Json]:
    """What a hostile namespace of a kind has: a config, and too much of something."""
    objects = [manifest(pcmc("c", namespace=namespace))]
    match kind:
        case "configs":
            objects += [manifest(pcmc(f"c{n}", namespace=namespace)) for n in range(60)]
        case "pods":
            objects += [manifest(pod(f"p{n:03}", namespace=namespace)) for n in range(150)]
        case "huge":
            objects += [forged(namespace, number) for number in range(24)]
        case "slow":
            for number in range(8):
                config = pcmc(f"c{number}", namespace=namespace, match_expressions=EXPENSIVE)
                objects += [manifest(config)]
            objects += [manifest(pod(f"p{n:03}", namespace=namespace)) for n in range(50)]
        case _:
            objects += [manifest(pcmc(f"c{n}", namespace=namespace)) for n in range(20)]
            objects += [manifest(pod(f"p{n:03}", namespace=namespace)) for n in range(50)]
    return objects


def forged(namespace: str, number: int) -> Json:
    labels = {GENERATED_BY: "none", POD_UID: "none"}
    metadata = {"name": f"pod-{number}-from-none-cfg", "namespace": namespace, "labels": labels}
    data = {"x": "x" * MIB}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": data}


def world() -> list[Json]:
    objects = [
        manifest(obj)
        for namespace in ORDINARY
        for obj in (pcmc(namespace=namespace), pod(namespace=namespace))
    ]
    for kind in KINDS:
        for number in range(4):
            # Half of them come before the ordinary ones in every list.
            objects += of(kind, f"{'a' if number % 2 else 'z'}-{kind}-{number}")
    for number, obj in enumerate(objects):
        obj["metadata"].setdefault("uid", f"uid-{number}")
        obj["metadata"] |= {"resourceVersion": "1"}
        if obj["kind"] == "PodConfigMapConfig":
            obj["metadata"] |= {"generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return sorted(objects, key=lambda obj: obj["metadata"]["namespace"])


def test_hostile_namespaces_are_closed_and_the_ordinary_ones_are_planned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for bound, limit in SCALED.items():
        monkeypatch.setitem(LIMITS, bound, limit)
    server = ListServer(world())
    server.page_size = 10
    tracemalloc.start()
    report = run(Scope(namespaces=None), KubeReader(server), None, Policy(), now=NOW)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    closed = {
        problem.namespaced_name.namespace: problem.message.split("`")[1]
        for problem in report.problems
    }
    assert closed == {
        f"{'a' if number % 2 else 'z'}-{kind}-{number}": str(bound)
        for kind, bound in KINDS.items()
        for number in range(4)
    }
    created = Counter(
        outcome.change.namespaced_name.namespace
        for outcome in report.outcomes
        if outcome.change.verb is Verb.CREATE
    )
    assert created == dict.fromkeys(ORDINARY, 1)
    assert len(report.outcomes) == len(created)
    not_ready = {
        status.update.namespaced_name.namespace
        for status in report.statuses
        if (condition := ready(status.update.desired)) and condition.reason == "BoundExceeded"
    }
    # If the configs themselves are too many, they are only counted.
    assert not_ready == {name for name in closed if "configs" not in name}
    assert (exit_code(report), exit_code(report, tolerate_object_failures=True)) == (3, 0)
    assert report.incomplete == {}
    assert sum(server.asked.values()) < 700
    # There are 96 MiB of ConfigMaps. The server's own work on a page of 16 MiB counts here too.
    assert peak < 96 * MIB
