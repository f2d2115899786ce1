"""A namespace never costs a run more than its bounds, or another namespace anything."""

import tracemalloc
from collections.abc import Iterator

import msgspec
import pytest

from podcm_sync.api.decode_json import decode_config_map
from podcm_sync.api.meta import NamespacedName
from podcm_sync.cluster.kube import pager
from podcm_sync.cluster.kube.reader import KubeReader
from podcm_sync.cluster.kube.snapshot_builder import held_bytes
from podcm_sync.reconcile.bounds import LIMITS, Bound, Limits
from podcm_sync.reconcile.snapshot import Scope, Shard, Snapshot
from tests.builders import GENERATED_BY, POD_UID, Json, manifest, pcmc, pod
from tests.listserver import ListServer, in_sync

ALL = Scope(namespaces=None)
EACH = Scope(namespaces=("bad", "shop"))
SHARD = Scope(namespaces=None, shard=Shard(index=0, count=1))
MIB = 1 << 20


def ordinary() -> list[Json]:
    """Namespace shop, in sync: three Pods with a config and ConfigMaps."""
    return in_sync(*(pod(f"web-{number}") for number in range(3)), pcmc())


def forged(number: int, size: int, namespace: str = "bad", name: str = "") -> Json:
    """A ConfigMap that looks like one of podcm-sync's, unless its name differs."""
    return {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {
            "name": name or f"pod-{number:04}-from-none-cfg",
            "namespace": namespace,
            "uid": f"{namespace}-{number}",
            "resourceVersion": "1",
            "labels": {GENERATED_BY: "none", POD_UID: "none"},
        },
        "data": {"x": f"{number:04}" * (size // 4)},
    }


def configs(count: int, namespace: str = "bad") -> list[Json]:
    return [manifest(pcmc(f"c{number:03}", namespace=namespace)) for number in range(count)]


def pods(count: int, namespace: str = "bad") -> list[Json]:
    return [manifest(pod(f"web-{number:03}", namespace=namespace)) for number in range(count)]


def hostile(kind: str) -> list[Json]:
    match kind:
        case "configmaps":
            return [*configs(2), *(forged(number, 8) for number in range(12))]
        case "configs":
            return configs(12)
        case _:
            return [*configs(2), *pods(12)]


def stored(objects: list[Json]) -> list[Json]:
    """The objects as an API server stores them."""
    for number, obj in enumerate(objects):
        obj["metadata"].setdefault("uid", f"uid-{number}")
        obj["metadata"]["resourceVersion"] = "1"
        if obj["kind"] == "PodConfigMapConfig":
            obj["metadata"] |= {"generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return objects


@pytest.fixture(params=[True, False], ids=["protobuf", "json"])
def server(request: pytest.FixtureRequest) -> ListServer:
    return ListServer(ordinary(), is_protobuf=request.param)


def look(server: ListServer, limits: Limits = LIMITS, scope: Scope = ALL) -> Snapshot:
    return KubeReader(server, limits=limits).snapshot(scope)


def in_namespace(seen: Snapshot, namespace: str) -> tuple[int, int, int]:
    """The numbers of Pods, configs, and ConfigMaps in a namespace."""
    counts = [
        sum(obj.namespaced_name.namespace == namespace for obj in objects)
        for objects in (seen.pods, seen.configs, seen.config_maps)
    ]
    return counts[0], counts[1], counts[2]


@pytest.mark.parametrize("scope", [ALL, EACH, SHARD], ids=["all", "each", "shard"])
@pytest.mark.parametrize("kind", ["pods", "configs", "configmaps"])
def test_a_namespace_with_too_many_objects_is_closed_alone(
    server: ListServer, kind: str, scope: Scope
) -> None:
    server.objects += stored(hostile(kind))
    limits = {**LIMITS, Bound(kind): 10}
    seen = look(server, limits, scope)
    assert {name: why.bound for name, why in seen.closed.items()} == {"bad": kind}
    assert in_namespace(seen, "shop") == (3, 1, 3)
    # Its configs are noted, for their statuses, unless they are too many.
    assert in_namespace(seen, "bad") == (0, 0 if kind == "configs" else 2, 0)
    assert all(config.spec is None for config in seen.configs if _is_bad(config.namespaced_name))
    assert not seen.is_plannable("bad")
    assert (seen.incomplete, seen.is_plannable("shop")) == ({}, True)


@pytest.mark.parametrize("scope", [ALL, EACH, SHARD], ids=["all", "each", "shard"])
@pytest.mark.parametrize("kind", ["pods", "configs", "configmaps"])
def test_a_namespace_at_its_bound_is_open(server: ListServer, kind: str, scope: Scope) -> None:
    server.objects += stored(hostile(kind))
    seen = look(server, {**LIMITS, Bound(kind): 12}, scope)
    assert seen.closed == {}
    assert 12 in in_namespace(seen, "bad")


@pytest.mark.parametrize(
    ("bound", "kind"),
    [
        (Bound.POD_BYTES, "pods"),
        (Bound.CONFIG_BYTES, "configs"),
        (Bound.CONFIG_MAP_BYTES, "configmaps"),
        (Bound.HELD_BYTES, "configmaps"),
    ],
)
def test_a_namespace_with_too_many_bytes_is_closed_alone(
    server: ListServer, bound: Bound, kind: str
) -> None:
    padding = {"annotations": {"example.com/x": "x" * 4_000}}
    server.objects += stored(hostile(kind))
    for obj in server.objects:
        if _is_bad(NamespacedName(obj["metadata"]["namespace"], "")):
            obj["metadata"] |= padding
    seen = look(server, {**LIMITS, bound: 20_000})
    assert {name: why.bound for name, why in seen.closed.items()} == {"bad": str(bound)}
    assert in_namespace(seen, "shop") == (3, 1, 3)


def test_the_list_of_one_namespace_ends_at_its_bound(server: ListServer) -> None:
    """The rest of the list would only be dropped."""
    server.objects += stored(pods(100))
    server.objects += stored(configs(1))
    look(server, {**LIMITS, Bound.PODS: 10}, EACH)
    assert (
        sum(server.asked[request] for request in server.asked if request[:2] == ("pods", "bad"))
        == 6
    )


@pytest.mark.parametrize("kind", ["pods", "configs", "configmaps"])
def test_a_list_that_brings_too_much_of_closed_namespaces_is_given_up(
    server: ListServer, kind: str
) -> None:
    """Each namespace is then listed alone, and a closed one only up to its bound."""
    bad = {
        "pods": [*pods(100), *configs(1)],
        "configs": configs(100),
        "configmaps": [forged(number, 8) for number in range(100)],
    }[kind]
    server.objects += stored(bad)
    limits = {**LIMITS, Bound(kind): 10, Bound.WASTED_OBJECTS: 10}
    reader = KubeReader(server, limits=limits)
    seen = _with_one_list_of_pods(reader)
    assert list(seen.closed) == ["bad"]
    assert in_namespace(seen, "shop") == (3, 1, 3)
    objects = {
        resource: sum(
            count * server.page_size
            for request, count in server.asked.items()
            if request.resource == resource and not request.is_metadata
        )
        for resource in ("pods", "podconfigmapconfigs", "configmaps")
    }
    assert max(objects.values()) < 60


def _with_one_list_of_pods(reader: KubeReader) -> Snapshot:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("podcm_sync.cluster.kube.reader.MAX_POD_LISTS", 0)
        return reader.snapshot(ALL)


def test_pods_of_namespaces_without_configs_are_not_held(server: ListServer) -> None:
    server.objects += stored(pods(20, "elsewhere"))
    seen = _with_one_list_of_pods(KubeReader(server))
    assert {pod.namespaced_name.namespace for pod in seen.pods} == {"shop"}


def test_past_the_memory_of_a_run_the_largest_namespace_is_closed(server: ListServer) -> None:
    """Small namespaces stay open, however many there are, and in any order."""
    share = 4 * MIB
    sizes = {"a": 5 * MIB, "b": 7 * MIB, "z": 6 * MIB}
    for namespace, size in sizes.items():
        server.objects += [forged(number, MIB // 2, namespace) for number in range(2 * size // MIB)]
    seen = look(server, {**LIMITS, Bound.RUN_HELD_BYTES: 12 * MIB})
    assert {name: why.bound for name, why in seen.closed.items()} == {"b": "run-held-bytes"}
    seen = look(server, {**LIMITS, Bound.RUN_HELD_BYTES: share})
    assert set(seen.closed) == {"a", "b", "z"}
    assert in_namespace(seen, "shop") == (3, 1, 3)


def test_configmaps_that_are_not_ours_are_not_counted_and_their_contents_not_held(
    server: ListServer,
) -> None:
    """Half of them have other names than podcm-sync's, and half have only one of the labels."""
    server.objects += [forged(number, 4_000, name=f"copy-{number}") for number in range(12)]
    halves = [forged(number, 4_000) for number in range(12)]
    for half in halves:
        del half["metadata"]["labels"][POD_UID]
    server.objects += halves
    seen = look(server, {**LIMITS, Bound.CONFIG_MAPS: 10})
    assert seen.closed == {}
    assert in_namespace(seen, "bad") == (0, 0, 12)
    bad = [stub for stub in seen.config_maps if _is_bad(stub.namespaced_name)]
    assert {(len(stub.data), stub.owner_references) for stub in bad} == {(0, ())}


def annotated(number: int, size: int) -> Json:
    """A ConfigMap of podcm-sync's name and labels with large metadata."""
    config_map = forged(number, 8)
    config_map["metadata"]["annotations"] = {"example.com/x": "x" * size}
    return config_map


def test_a_namespace_with_too_much_metadata_is_closed_before_it_is_listed_again(
    server: ListServer,
) -> None:
    """The list of the whole cluster was given up, and only metadata was listed in its place."""
    server.objects += [annotated(number, 1_500) for number in range(10)]
    server.objects += [forged(number, 8, "noisy") for number in range(12)]
    limits = {
        **LIMITS,
        Bound.CONFIG_MAPS: 11,  # closes noisy, of which the rest is then in vain
        Bound.WASTED_OBJECTS: 0,
        Bound.CONFIG_MAP_BYTES: 10_000,
    }
    server.objects.sort(key=lambda obj: obj["metadata"]["namespace"], reverse=True)
    seen = look(server, limits)
    assert sorted(seen.closed) == ["bad", "noisy"]
    assert seen.closed["bad"].bound == Bound.CONFIG_MAP_BYTES
    builder = [
        asked
        for asked in server.asked
        if asked.resource == "configmaps" and asked.namespace == "bad"
    ]
    assert builder == []
    assert in_namespace(seen, "shop") == (3, 1, 3)


def test_names_are_listed_up_to_the_bound_on_their_metadata(server: ListServer) -> None:
    server.objects += [annotated(number, 1_000) for number in range(12)]
    limits = {**LIMITS, Bound.OCCUPIED_BYTES: 5_000}
    occupied = KubeReader(server, limits=limits).occupied_names({"bad", "shop"})
    assert {name.namespace for name in occupied} == {"shop"}
    assert len(occupied) == 3
    pages = [asked for asked in server.asked if asked.namespace == "bad"]
    assert len(pages) <= 3  # of six


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(pager, "MAX_PAGE_BYTES", 100_000)
    return iter([100_000])


@pytest.mark.usefixtures("small_pages")
def test_pages_shrink_so_that_no_answer_is_large_and_grow_again(server: ListServer) -> None:
    """Five of the 20 KB objects fit on a page, among small ones."""
    server.page_size = 500
    server.objects += [forged(number, 8, "a") for number in range(300)]
    server.objects += [forged(number, 20_000, "b") for number in range(40)]
    server.objects += [forged(number, 8, "c") for number in range(300)]
    server.objects.sort(key=lambda obj: obj["metadata"]["namespace"])
    seen = look(server)
    assert (len(seen.config_maps), seen.incomplete) == (643, {})
    lists = [request for request in server.asked if request.resource == "configmaps"]
    assert max(server.sent[request] // server.asked[request] for request in lists) <= 100_000
    assert len(lists) < 60


@pytest.mark.usefixtures("small_pages")
def test_an_object_that_is_larger_than_a_page_may_be_is_read_all_the_same(
    server: ListServer,
) -> None:
    """Otherwise one tenant's object would make the list incomplete."""
    server.objects += [forged(number, 300_000) for number in range(2)]
    seen = look(server)
    assert (in_namespace(seen, "bad"), seen.incomplete) == ((0, 0, 2), {})


def unique_texts(number: int) -> dict[str, str]:
    return {f"{number}-{key}": f"{number}-{key}" * 40 for key in range(3_000)}


def test_what_is_dropped_is_free_again(server: ListServer) -> None:
    """After 48 MiB were read, none of it stays in the strings that objects share."""
    server.page_size = 4
    server.objects += [forged(number, 8) | {"data": unique_texts(number)} for number in range(48)]
    limits = {**LIMITS, Bound.HELD_BYTES: 4 * MIB}
    tracemalloc.start()
    seen = look(server, limits)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert list(seen.closed) == ["bad"]
    assert held < 16 * MIB
    assert peak < 64 * MIB


@pytest.mark.parametrize(
    "data",
    [
        {f"{key:04}": "" for key in range(20_000)},
        {f"{key:04}": str(key) for key in range(20_000)},
        {"x": "a" * 500_000 + "\U0001f600"},
        {"x": "a" * 1_000_000},
        {("k" * 240) + f"{key:04}": "" for key in range(3_000)},
    ],
    ids=["empty values", "short pairs", "wide text", "plain text", "long keys"],
)
def test_what_an_object_holds_is_estimated_within_a_factor_of_three(data: dict[str, str]) -> None:
    body = msgspec.json.encode(forged(1, 8) | {"data": data})
    tracemalloc.start()
    config_map = decode_config_map(body)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held / 3 < held_bytes(config_map, len(body)) < held * 3


def _is_bad(name: NamespacedName) -> bool:
    return name.namespace == "bad"
