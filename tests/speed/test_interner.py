"""What is kept of a list: equal strings once, annotations that are included, all else whole."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.api import decode_protobuf
from podcm_sync.api.interner import MAX_PAIR_BYTES, MAX_PAIRS, Interner
from podcm_sync.api.objects import Pod
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.plan import diff
from tests.speed import encode
from tests.speed.worlds import config, existing, pod, snapshot

texts = st.text(max_size=5)
maps = st.dictionaries(texts, texts, max_size=4)
MAX_POD_BYTES = 1_100
"""What a Pod with its 6 labels may cost once it is kept; its protobuf here has 9 KB."""


@given(maps, maps)
def test_nothing_else_of_a_pod_is_lost(labels: dict[str, str], annotations: dict[str, str]) -> None:
    whole = pod(1, labels, annotations)
    assert Interner().pod(whole) == whole


@given(maps, maps, st.lists(texts, max_size=2))
def test_no_config_sees_that_other_annotations_are_gone(
    labels: dict[str, str], annotations: dict[str, str], included: list[str]
) -> None:
    whole, asking = pod(1, labels, annotations), config(1, {}, annotations=included)
    kept = Interner().only_annotations_of([asking]).pod(whole)
    assert set(kept.annotations) <= set(included)
    assert build(snapshot([kept], [asking])) == build(snapshot([whole], [asking]))


def test_templates_may_ask_for_any_annotation() -> None:
    whole = pod(1, annotations={"a": "1", "b": "2"})
    configs = [config(1, {}, annotations=["a"]), config(2, {}, templates={"k": "{{ . }}"})]
    assert Interner().only_annotations_of(configs).pod(whole) == whole
    assert Interner().only_annotations_of(configs[:1]).pod(whole).annotations == {"a": "1"}


def anew(text: str) -> str:
    """An equal string that is another object."""
    return text.encode().decode()


def test_equal_strings_are_held_once() -> None:
    interner = Interner()
    one = interner.pod(pod(1, {"app": anew("web")}))
    two = interner.only_annotations_of([]).pod(pod(2, {"app": anew("web")}))
    assert anew("web") is not anew("web")
    assert one.labels["app"] is two.labels["app"]
    assert one.namespaced_name.namespace is two.namespaced_name.namespace
    built = build(snapshot([one], [config(1, {})])).config_maps
    made = interner.config_map(existing(next(iter(built.values()))))
    assert made.owner_references[0].uid is one.uid
    assert made.data["podName"] is one.namespaced_name.name


def test_pairs_that_recur_are_parsed_once_and_no_more_are_known_than_fit() -> None:
    interner = Interner()
    parsed: list[bytes] = []

    def parse(entry: bytes) -> tuple[str, str]:
        parsed.append(entry)
        return entry.decode(), "value"

    assert interner.pairs([b"a", b"b", b"a"], parse) == {"a": "value", "b": "value"}
    assert parsed == [b"a", b"b"]
    for number in range(3 * MAX_PAIRS):
        interner.pairs([b"%d" % number], parse)
    assert len(interner._pairs) <= MAX_PAIRS
    assert interner.pairs([b"a"], parse) == {"a": "value"}


def test_long_data_is_not_in_memory_twice() -> None:
    """20,000 pairs of 100 KB each would be 2 GB beside the ConfigMaps that have them."""
    interner = Interner()
    long, short = b"x" * (MAX_PAIR_BYTES + 1), b"x" * MAX_PAIR_BYTES
    assert len(interner.pairs([long, short], lambda entry: (entry.decode(), ""))) == 2
    assert list(interner._pairs) == [short]


def test_of_a_key_that_comes_twice_the_last_counts_as_in_a_map_of_go() -> None:
    one = pair(b"app", b"a") + pair(b"app", b"b")
    metadata = b"\x0a\x01x" + one + pair(b"app", b"a")
    body = encode.page("Pod", [b"\x0a" + bytes([len(metadata)]) + metadata])
    (found,) = decode_protobuf.pods(body, Interner()).items
    assert found.labels == {"app": "a"}


def pair(key: bytes, value: bytes) -> bytes:
    """An entry of a Pod's labels, the value first: legal, and not what Go writes."""
    entry = b"\x12" + bytes([len(value)]) + value + b"\x0a" + bytes([len(key)]) + key
    return b"\x5a" + bytes([len(entry)]) + entry


def test_a_page_is_gone_before_the_next_and_little_is_kept_of_it() -> None:
    """Decode, reduce, drop: 10 pages of 500 Pods of 9 KB never are 45 MB at once."""
    interner = Interner().only_annotations_of([config(1, {})])
    pods: list[Pod] = []
    tracemalloc.start()
    try:
        for number in range(10):
            body = page(number * 500, 500)
            assert len(body) > 500 * 9_000
            pods += decode_protobuf.pods(body, interner).items
            size = len(body)
            del body
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(pods) == 5_000
    assert held < 5_000 * MAX_POD_BYTES
    # The page, its parse and the making of the page in this test; not the pages before it.
    assert peak < held + 6 * size


def page(start: int, count: int) -> bytes:
    """Pods with six labels, of which one is each Pod's own, and a large annotation."""
    items = [
        encode.pod(
            {
                "metadata": {
                    "name": f"web-{number:05}",
                    "namespace": f"shop-{number % 10}",
                    "uid": f"00000000-0000-0000-0000-{number:012}",
                    "labels": {
                        **{f"example.com/label-{index}": f"value-{index}" for index in range(5)},
                        "instance": f"web-{number:05}",
                    },
                    "annotations": {"example.com/notes": "x" * 9_000},
                },
                "spec": {"nodeName": f"node-{number % 100}"},
                "status": {"phase": "Running"},
            }
        )
        for number in range(start, start + count)
    ]
    return encode.page("Pod", items)


def test_a_plan_for_what_is_in_step_makes_little() -> None:
    """Allocations bounded: what a no-op keeps of each Pod beyond the lists themselves."""
    pods = [pod(number, {"app": "web"}) for number in range(2_000)]
    configs = [config(1, {"app": "web"})]
    there = [existing(each) for each in build(snapshot(pods, configs)).config_maps.values()]
    world = snapshot(pods, configs, there)
    tracemalloc.start()
    try:
        desired = build(world)
        plan = diff(world, desired, {})
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(plan.changes) == 2_000
    assert held < 2_000 * 1_200
