"""Decoding raises nothing but its own error, and one bad object never harms another.

Whatever the bytes: any at all, any JSON, and manifests in which anything was put in any place.
"""

import copy
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from podcm_sync.api import decode_json
from podcm_sync.api.interner import Interner
from podcm_sync.api.page import Page
from podcm_sync.errors import DecodeError
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.plan import diff
from tests.builders import Object, config_map, manifest, pcmc, pod, snapshot
from tests.pages import json_page

OF_ONE = (decode_json.decode_pod, decode_json.decode_config, decode_json.decode_config_map)
PODS = partial(decode_json.pods, interner=Interner())
CONFIG_MAPS = partial(decode_json.config_maps, interner=Interner())
OF_A_PAGE = (PODS, decode_json.configs, CONFIG_MAPS, decode_json.metadata)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
KEYS = st.text(max_size=5) | st.sampled_from(["metadata", "name", "items", "spec", "labels"])
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=10,
)
WHOLE = tuple(
    manifest(each)
    for each in (
        pod(labels={"app": "web"}, annotations={"note": "x"}, terminating=True),
        pcmc(labels=["app"], match_expressions=[("a", "In", ["b"])], match_labels={"c": "d"}),
        config_map(annotations={"note": "x"}, binary_data={"b": "AA=="}),
    )
)


def places(raw: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a manifest, as the keys and indexes that lead to it."""
    items = raw.items() if isinstance(raw, dict) else enumerate(raw)
    inner = [
        place
        for key, value in items
        for place in (
            places(value, (*path, key))
            if isinstance(value, dict | list | tuple)
            else [(*path, key)]
        )
    ]
    return [*inner, path] if path else inner


@st.composite
def spoiled(draw: st.DrawFn) -> Any:
    """A manifest with anything at all in the place of one of its parts."""
    raw = copy.deepcopy(msgspec.json.decode(msgspec.json.encode(draw(st.sampled_from(WHOLE)))))
    # An item of another kind spoils its page, which is another claim.
    del raw["kind"], raw["apiVersion"]
    *path, last = draw(st.sampled_from(places(raw)))
    part = raw
    for key in path:
        part = part[key]
    part[last] = draw(JSON)
    return raw


def check(body: bytes) -> None:
    for decoder in (*OF_ONE, *OF_A_PAGE):
        try:
            decoder(body)
        except DecodeError as error:
            assert str(error)  # noqa: PT017 - either way is right; an error says something


@given(body=st.binary(max_size=200))
def test_of_any_bytes(body: bytes) -> None:
    check(body)


@given(body=JSON.map(msgspec.json.encode), at=st.integers(0, 200), garbage=st.binary(max_size=4))
def test_of_any_json_whole_or_spoiled(body: bytes, at: int, garbage: bytes) -> None:
    check(body)
    check(body[:at])
    check(body[:at] + garbage + body[at:])


@given(item=JSON | spoiled())
def test_of_any_item_of_a_page(item: Any) -> None:
    """Its neighbours are there, and it is an item or a problem."""

    def check_page(decoder: Callable[[bytes], Page[Any]], neighbour: Object) -> None:
        items = [manifest(neighbour), item, manifest(neighbour)]
        page = decoder(json_page(type(neighbour).__name__, items))
        assert page.items[0] == page.items[-1] == neighbour
        assert len(page.items) + len(page.problems) == 3

    check_page(PODS, pod("n-1"))
    check_page(decode_json.configs, replace(pcmc("n-1"), is_stored=True))
    check_page(CONFIG_MAPS, config_map())


@given(raw=spoiled(), chance=st.randoms(use_true_random=False))
def test_a_plan_can_be_made_of_whatever_decodes(raw: Any, chance: random.Random) -> None:
    """A spoiled object may hold things up; it is never a bug of the planner."""
    page: Page[Any]
    kind = chance.choice(["Pod", "PodConfigMapConfig", "ConfigMap"])
    body = json_page(kind, [raw])
    match kind:
        case "Pod":
            page = decode_json.pods(body, Interner())
        case "ConfigMap":
            page = decode_json.config_maps(body, Interner())
        case _:
            page = decode_json.configs(body)
    neighbours = (pod("n-1"), pcmc("n-1"), config_map(made_for=pod("n-2"), made_by="n-1"))
    seen = snapshot(*neighbours, *page.items, problems=page.problems)
    diff(seen, build(seen), {})


def test_places_are_found() -> None:
    assert places({"a": {"b": [1]}, "c": 2}) == [("a", "b", 0), ("a", "b"), ("a",), ("c",)]


@pytest.mark.parametrize("body", [b'{"a":' * 50_000, b"[" * 200_000, b'{"items":' + b"[" * 99_999])
def test_of_nesting_beyond_reason(body: bytes) -> None:
    check(body)
