"""Both decoders are one: what JSON gives, protobuf gives; what is broken stays where it is."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

from podcm_sync.api import decode_json, decode_protobuf
from podcm_sync.api.content_type import decoder_of
from podcm_sync.api.interner import Interner
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.page import Page
from podcm_sync.api.reasons import Reason
from podcm_sync.errors import DecodeError
from tests.pages import json_page
from tests.speed import encode
from tests.speed.worlds import config

Json = dict[str, Any]

# All that is text: controls, right-to-left marks, U+FFFD itself, characters of four bytes.
texts = st.text(max_size=20)
names = st.text("abc-.0", min_size=1, max_size=12)
maps = st.none() | st.dictionaries(texts, texts, max_size=4)
owners = st.fixed_dictionaries(
    {},
    optional={
        "apiVersion": texts,
        "kind": texts,
        "name": texts,
        "uid": texts,
        "controller": st.booleans(),
        "blockOwnerDeletion": st.booleans(),
    },
)
metadatas = st.fixed_dictionaries(
    {"name": names},
    optional={
        "namespace": names,
        "uid": texts,
        "resourceVersion": texts,
        "generation": st.integers(0, 2**40),
        "creationTimestamp": st.just("2026-01-01T00:00:00Z"),
        "deletionTimestamp": st.none() | st.just("2026-01-01T00:00:00Z"),
        "labels": maps,
        "annotations": maps,
        "ownerReferences": st.lists(owners, max_size=2),
        "finalizers": st.lists(texts, max_size=2),
    },
)
pods = st.fixed_dictionaries(
    {"metadata": metadatas},
    optional={
        "spec": st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(["nodeName", "hostname", "serviceAccountName"], texts)
            | {
                "containers": st.lists(
                    st.fixed_dictionaries({}, optional={"name": texts, "image": texts}), max_size=2
                )
            },
        ),
        "status": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(["phase", "message", "hostIP", "podIP"], texts)
        ),
    },
)
blobs = st.binary(max_size=8).map(msgspec.to_builtins)
config_maps = st.fixed_dictionaries(
    {"metadata": metadatas},
    optional={
        "data": maps,
        "binaryData": st.dictionaries(texts, blobs, max_size=3),
        "immutable": st.booleans(),
    },
)


def same(page: Page[Any]) -> Page[Any]:
    """The page without what differs: the bytes of its items."""
    return structs.replace(page, sizes=())


@given(items=st.lists(pods, max_size=3), token=texts)
def test_pods_are_the_same_in_both(items: list[Json], token: str) -> None:
    body = encode.page("Pod", list(map(encode.pod, items)), token)
    assert same(decode_protobuf.pods(body, Interner())) == same(
        decode_json.pods(json_page("Pod", items, token), Interner())
    )


@given(items=st.lists(pods, max_size=3), included=st.lists(texts, max_size=3))
def test_what_is_kept_of_pods_is_the_same_in_both(items: list[Json], included: list[str]) -> None:
    """Annotations that nobody asks for are passed over as bytes; those asked for are found."""
    asked = included + [
        key for each in items for key in (each["metadata"].get("annotations") or {})
    ]
    interner = Interner().only_annotations_of([config(1, {}, annotations=asked[::2])])
    body = encode.page("Pod", list(map(encode.pod, items)))
    assert same(decode_protobuf.pods(body, interner)) == same(
        decode_json.pods(json_page("Pod", items), interner)
    )


@given(items=st.lists(config_maps, max_size=3), token=texts)
def test_config_maps_are_the_same_in_both(items: list[Json], token: str) -> None:
    body = encode.page("ConfigMap", list(map(encode.config_map, items)), token)
    assert same(decode_protobuf.config_maps(body, Interner())) == same(
        decode_json.config_maps(json_page("ConfigMap", items, token), Interner())
    )


@given(items=st.lists(pods, max_size=3), token=texts)
def test_metadata_is_the_same_in_both(items: list[Json], token: str) -> None:
    body = encode.page("PartialObjectMetadata", list(map(encode.pod, items)), token)
    assert same(decode_protobuf.metadata(body)) == same(
        decode_json.metadata(json_page("PartialObjectMetadata", items, token))
    )


@given(body=st.binary(max_size=60), envelope=st.booleans())
def test_any_bytes_are_a_page_or_a_decode_error(body: bytes, envelope: bool) -> None:
    """Nothing else is raised, and never is what is no list taken for an empty one."""
    if envelope:
        body = b"k8s\x00" + body
    for read in (decode_protobuf.pods, decode_protobuf.config_maps):
        with pytest.raises(DecodeError):
            read(body, Interner())
    with pytest.raises(DecodeError):
        decode_protobuf.metadata(body)


@given(cut=st.integers(0, 10_000))
@example(cut=19)  # after its kind, before its list
def test_a_page_that_ends_early_is_a_decode_error(cut: int) -> None:
    item = encode.pod({"metadata": {"name": "web", "labels": {"app": "web" * 30}}})
    body = encode.page("Pod", [item] * 3)
    # The end of the envelope, which says nothing of the list, may be missing.
    with pytest.raises(DecodeError):
        decode_protobuf.pods(body[: cut % (len(body) - 4)], Interner())


def test_an_object_that_does_not_decode_is_a_problem_and_the_rest_is_not() -> None:
    good = encode.pod({"metadata": {"name": "a", "namespace": "shop"}})
    broken = encode.pod({"metadata": {"name": "b", "namespace": "shop"}}) + b"\x12\x05a"
    nameless = encode.pod({"metadata": {"namespace": "shop"}})
    page = decode_protobuf.pods(encode.page("Pod", [good, broken, nameless]), Interner())
    assert [each.namespaced_name for each in page.items] == [NamespacedName("shop", "a")]
    assert [each.reason for each in page.problems] == [Reason.UNDECODABLE] * 2
    assert all(each.message for each in page.problems)


def test_what_is_no_utf_8_is_as_the_api_servers_json_has_it() -> None:
    """Go writes U+FFFD for every byte that is no part of a character."""
    manifest = {
        "metadata": {"name": "web", "annotations": {"a": b"x\xff\xe2\x82y\xed\xa0\x80\xc3\xa4"}},
        "spec": {"nodeName": b"a\xff", "serviceAccountName": b"b\xff"},
        "status": {"phase": b"c\xff", "podIP": b"d\xff", "hostIP": b"e\xff"},
    }
    (pod,) = decode_protobuf.pods(encode.page("Pod", [encode.pod(manifest)]), Interner()).items
    assert pod.annotations == {"a": "x" + "\ufffd" * 3 + "y" + "\ufffd" * 3 + "ä"}
    assert (pod.node_name, pod.phase) == ("a\ufffd", "c\ufffd")
    seen = msgspec.msgpack.decode(pod.template_fields)
    assert seen["serviceAccountName"] == "b\ufffd"
    assert (seen["podIP"], seen["hostIP"]) == ("d\ufffd", "e\ufffd")


VERSION = b"\x12\x044711"
"""The resourceVersion of a list's metadata."""


@pytest.mark.parametrize(
    "metadata",
    [
        b"",
        b"\x12\x00",
        b"\x12\x04471\xff",
        VERSION + b"\x20\x01",  # one item remains, and there is no token
        VERSION + b"\x1a\x01\xff",  # a token that is not text
        VERSION + b"\xda\x02\x00",  # field 43, that no list has
    ],
)
def test_a_list_whose_metadata_is_damaged_is_a_decode_error(metadata: bytes) -> None:
    """Without a resourceVersion it isn't a list, and no page may be lost unseen (§2.1)."""
    whole = encode.envelope("PodList", encode._bytes(1, VERSION))
    assert decode_protobuf.pods(whole, Interner()).resource_version == "4711"
    with pytest.raises(DecodeError):
        decode_protobuf.pods(encode.envelope("PodList", encode._bytes(1, metadata)), Interner())


def test_a_list_of_another_api_version_is_a_decode_error() -> None:
    body = encode.page("Pod", []).replace(b"\x0a\x02v1", b"\x0a\x02v2")
    with pytest.raises(DecodeError):
        decode_protobuf.pods(body, Interner())


def test_an_item_with_a_damaged_tag_is_not_passed_over() -> None:
    """It would be an unknown field, and its Pod gone."""
    item = encode._bytes(2, encode.pod({"metadata": {"name": "web"}}))
    head = encode._bytes(1, VERSION)
    assert len(decode_protobuf.pods(encode.envelope("PodList", head + item), Interner()).items) == 1
    with pytest.raises(DecodeError):
        decode_protobuf.pods(encode.envelope("PodList", head + b"\x1a" + item[1:]), Interner())


@pytest.mark.parametrize(
    "pair",
    [
        b"\xda\x0a\x0a\x03app\x12\x03web",  # its tag has swallowed its length
        b"\x58\x01",  # a number in the place of a label
        b"\x5a\x05\x0a\x03app",
        b"\x5a\x05\x12\x03web",
    ],
)
def test_a_pod_with_a_damaged_label_is_a_problem(pair: bytes) -> None:
    """It would be a Pod without the label, and no longer selected."""
    name = encode._bytes(1, b"web") + encode._bytes(3, b"shop")
    item = encode._bytes(1, name + pair)
    page = decode_protobuf.pods(encode.page("Pod", [item]), Interner())
    assert page.items == ()
    assert [each.reason for each in page.problems] == [Reason.UNDECODABLE]


@pytest.mark.parametrize("kind", ["Status", "ConfigMapList", ""])
def test_a_message_of_another_kind_is_no_empty_list(kind: str) -> None:
    """Deleting depends on it: almost any message parses as a list without items."""
    body = encode.page("Pod", []).replace(b"\x12\x07PodList", encode._bytes(2, kind.encode()))
    with pytest.raises(DecodeError):
        decode_protobuf.pods(body, Interner())


@pytest.mark.parametrize(
    ("content_type", "module"),
    [
        ("application/vnd.kubernetes.protobuf", decode_protobuf),
        ("application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList", decode_protobuf),
        ("application/json", decode_json),
        ("application/json; charset=utf-8", decode_json),
        ("text/html", decode_json),
        ("", decode_json),
    ],
)
def test_the_server_says_which_decoder_it_takes(content_type: str, module: Any) -> None:
    assert decoder_of(content_type) is module


@pytest.mark.parametrize("read", [decode_json.pods, decode_json.config_maps])
def test_protobuf_that_claims_to_be_json_is_a_decode_error(
    read: Callable[[bytes, Interner], Any],
) -> None:
    with pytest.raises(DecodeError):
        read(encode.page("Pod", []), Interner())
    with pytest.raises(DecodeError):
        decode_json.metadata(encode.page("Pod", []))
