"""20 hostile namespaces among 200 ordinary ones, scaled down; the full one is in benchmarks."""

import tracemalloc
from collections import Counter

import pytest

from podcm_sync.cluster.kube.reader import KubeReader
from podcm_sync.reconcile.bounds import LIMITS, Bound
from podcm_sync.reconcile.changes import Verb
from podcm_sync.reconcile.report import exit_code
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES, Scope
from podcm_sync.reconcile.status import ready
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


HUGE = ["a-huge-0", "a-huge-1", "z-huge-0", "z-huge-1"]


def large_world(*, with_configs: bool = True) -> ListServer:
    objects = [
        manifest(obj)
        for namespace in ORDINARY[:20]
        for obj in (pcmc(namespace=namespace), pod(namespace=namespace))
    ]
    for namespace in HUGE:
        objects += [forged(namespace, number) for number in range(24)]
        objects += [manifest(pcmc(namespace=namespace))] if with_configs else []
    for number, obj in enumerate(objects):
        obj["metadata"] |= {"uid": f"uid-{number}", "resourceVersion": "1", "generation": 1}
        if obj["kind"] == "PodConfigMapConfig":
            obj["metadata"] |= {"creationTimestamp": "2026-01-01T00:00:00Z"}
    server = ListServer(sorted(objects, key=lambda obj: obj["metadata"]["namespace"]))
    server.page_size = 500
    return server


def test_a_run_leaves_namespaces_with_long_lists_to_a_later_pass() -> None:
    server = large_world()
    seen = KubeReader(server).snapshot(Scope(namespaces=None), may_defer=True)
    assert seen.deferred == {*HUGE, ALL_NAMESPACES}
    for objects in (seen.configs, seen.pods):
        assert {obj.namespaced_name.namespace for obj in objects} == set(ORDINARY[:20])
    assert (seen.config_maps, seen.incomplete, seen.closed) == ((), {}, {})
    # A page of all namespaces, then of each large one until it is known to be large.
    assert sum(server.sent.values()) < 70 * MIB


def test_namespaces_without_configs_are_found_later_if_lists_are_long() -> None:
    """To find them takes a list of every ConfigMap's metadata, and they only delete."""
    server = large_world(with_configs=False)
    reader = KubeReader(server)
    seen = reader.snapshot(Scope(namespaces=None), may_defer=True)
    assert seen.deferred == {ALL_NAMESPACES}
    assert seen.namespaces == set(ORDINARY[:20])
    assert len(seen.pods) == 20
    assert sum(server.sent.values()) < 20 * MIB
    assert set(reader.namespaces()) == {*HUGE, *ORDINARY[:20]}


def test_named_namespaces_with_long_lists_are_left_to_a_later_pass_too() -> None:
    server = large_world()
    scope = Scope(namespaces=(*HUGE, *ORDINARY[:20]))
    seen = KubeReader(server).snapshot(scope, may_defer=True)
    assert seen.deferred == set(HUGE)
    for objects in (seen.configs, seen.pods):
        assert {obj.namespaced_name.namespace for obj in objects} == set(ORDINARY[:20])


@pytest.mark.parametrize(
    ("scope", "may_defer"),
    [(Scope(namespaces=(HUGE[0],)), True), (Scope(namespaces=None), False)],
)
def test_a_single_namespace_and_a_dry_run_are_listed_at_once(scope: Scope, may_defer: bool) -> None:
    seen = KubeReader(large_world()).snapshot(scope, may_defer=may_defer)
    assert seen.deferred == frozenset()
    assert HUGE[0] in {obj.namespaced_name.namespace for obj in seen.config_maps}
