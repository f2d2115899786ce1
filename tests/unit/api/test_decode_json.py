"""decode_json returns only what a run needs, and a broken object costs no other one."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest

from podcm_sync.api import decode_json
from podcm_sync.api.interner import Interner
from podcm_sync.api.meta import NamespacedName, OwnerReference
from podcm_sync.api.objects import (
    LabelSelectorRequirement,
    PartialObjectMetadata,
    Pod,
    PodConfigMapConfig,
    PodConfigMapConfigStatus,
)
from podcm_sync.api.reasons import Reason
from podcm_sync.errors import DecodeError
from tests.builders import Object, condition, config_map, manifest, owner, pcmc, pod
from tests.pages import LISTS, json_page

METADATA = {"name": "web", "namespace": "shop"}


def encoded(obj: object) -> bytes:
    return msgspec.json.encode(obj)


@pytest.mark.parametrize(
    "obj",
    [
        pod(labels={"app": "web"}, annotations={"note": "x\x00\u202e"}),
        pod(node_name="", phase="", terminating=True),
    ],
)
def test_a_pod(obj: Pod) -> None:
    assert decode_json.decode_pod(encoded(manifest(obj))) == obj


def test_the_fields_of_a_pod_by_their_api_names() -> None:
    body = b"""{"apiVersion": "v1", "kind": "Pod",
      "metadata": {"name": "web-0", "namespace": "shop", "uid": "u-1", "labels": {"app": "web"},
        "annotations": {"note": "x"}, "managedFields": [{"manager": "kubectl"}],
        "creationTimestamp": "2026-01-01T00:00:00Z"},
      "spec": {"nodeName": "node-a", "containers": [{"name": "c", "image": "i"}]},
      "status": {"phase": "Running", "podIP": "10.0.0.1"}}"""
    decoded = decode_json.decode_pod(body)
    assert decoded.namespaced_name == NamespacedName("shop", "web-0")
    assert (decoded.uid, decoded.node_name, decoded.phase) == ("u-1", "node-a", "Running")
    assert (decoded.labels, decoded.annotations) == ({"app": "web"}, {"note": "x"})
    assert not decoded.terminating


@pytest.mark.parametrize(
    "body",
    [
        {"metadata": METADATA},
        {"metadata": METADATA, "spec": None, "status": None},
        {"metadata": METADATA, "spec": {"nodeName": None}, "status": {"phase": None}},
        {"metadata": {**METADATA, "labels": None, "annotations": None, "deletionTimestamp": None}},
    ],
)
def test_null_stands_for_absent_in_a_pod(body: object) -> None:
    assert decode_json.decode_pod(encoded(body)) == pod("web", uid="", node_name="", phase="")


def test_the_fields_of_a_config_map_by_their_api_names() -> None:
    body = b"""{"metadata": {"name": "pod-x-cfg", "namespace": "shop", "uid": "u-2",
        "resourceVersion": "7", "deletionTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"a": "b"}, "annotations": {"c": "d"},
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "web-0", "uid": "u-1",
          "controller": true, "blockOwnerDeletion": true}]},
      "data": {"k": "v"}, "binaryData": {"b": "AA=="}, "immutable": true}"""
    decoded = decode_json.decode_config_map(body)
    assert (decoded.uid, decoded.resource_version, decoded.terminating) == ("u-2", "7", True)
    assert (decoded.labels, decoded.annotations) == ({"a": "b"}, {"c": "d"})
    assert (decoded.data, decoded.binary_data, decoded.immutable) == (
        {"k": "v"},
        {"b": "AA=="},
        True,
    )
    assert decoded.owner_references == (
        OwnerReference(
            api_version="v1",
            kind="Pod",
            name="web-0",
            uid="u-1",
            controller=True,
            block_owner_deletion=True,
        ),
    )


def test_null_stands_for_absent_in_a_config_map() -> None:
    nulls = dict.fromkeys(["data", "binaryData", "immutable"])
    decoded = decode_json.decode_config_map(encoded({"metadata": METADATA, **nulls}))
    assert (decoded.data, decoded.binary_data, decoded.immutable) == ({}, {}, False)
    assert decoded.owner_references == ()


def test_the_fields_of_a_config_by_their_api_names() -> None:
    body = b"""{"metadata": {"name": "web", "namespace": "shop", "uid": "u-3", "generation": 4,
        "resourceVersion": "8", "creationTimestamp": "2026-01-01T00:00:00Z"},
      "spec": {"podSelector": {"matchLabels": {"app": "web"},
          "matchExpressions": [{"key": "tier", "operator": "In", "values": ["a", "b"]}]},
        "labelsToInclude": ["app"], "annotationsToInclude": ["note"],
        "configMapDataTemplate": {"url": "x"}, "suspend": true},
      "status": {"observedGeneration": 3, "matchedPods": 2, "configMaps": 1, "failures": 1,
        "conditions": [{"type": "Ready", "status": "False", "reason": "Why", "message": "so",
          "lastTransitionTime": "2026-11-01T08:30:00Z", "observedGeneration": 3}]}}"""
    decoded = decode_json.decode_config(body)
    assert (decoded.generation, decoded.resource_version, decoded.suspend) == (4, "8", True)
    assert decoded.creation_timestamp == "2026-01-01T00:00:00Z"
    assert decoded.spec is not None
    assert decoded.spec.pod_selector.match_labels == {"app": "web"}
    assert decoded.spec.pod_selector.match_expressions == (
        LabelSelectorRequirement(key="tier", operator="In", values=("a", "b")),
    )
    assert decoded.spec.labels_to_include == ("app",)
    assert decoded.spec.annotations_to_include == ("note",)
    assert decoded.spec.config_map_data_template == {"url": "x"}
    assert decoded.status == PodConfigMapConfigStatus(
        observed_generation=3,
        matched_pods=2,
        config_maps=1,
        failures=1,
        conditions=(condition(status="False", reason="Why", message="so", generation=3),),
    )


@pytest.mark.parametrize(
    "obj",
    [
        pcmc(labels=["app"], match_expressions=[("a", "In", ["b"])], terminating=True),
        pcmc(suspend=True, templates={"url": "x"}, generation=9),
        config_map(annotations={"note": "x"}, binary_data={"b": "AA=="}, immutable=True),
        config_map(owners=[owner(), owner("d", kind="Deployment", controller=False)]),
    ],
)
def test_the_builders_objects_come_back_from_their_manifests(obj: Object) -> None:
    """A test's model and the manifest in a fake cluster are the same object."""
    body = encoded(manifest(obj))
    is_config = isinstance(obj, PodConfigMapConfig)
    assert (
        decode_json.decode_config(body) if is_config else decode_json.decode_config_map(body)
    ) == obj


@pytest.mark.parametrize(
    "spec",
    [{}, {"podSelector": None}, {"podSelector": {"matchLabels": None, "matchExpressions": None}}],
)
def test_an_empty_spec_selects_everything(spec: object) -> None:
    """behavior.md §1: if it is omitted, null, or {}, it selects every Pod of the namespace."""
    decoded = decode_json.decode_config(encoded({"metadata": METADATA, "spec": spec}))
    assert decoded.spec == pcmc().spec
    assert (decoded.suspend, decoded.spec_error) == (False, None)


@pytest.mark.parametrize(
    ("spec", "begins"),
    [
        ([], "spec: "),
        ("x", "spec: "),
        (None, "spec: is missing"),
        ({"podSelector": []}, "spec.podSelector: "),
        ({"podSelector": {"app": "web"}}, "spec.podSelector: "),
        ({"podSelector": {"matchLabels": {"a": None}}}, "spec.podSelector.matchLabels"),
        ({"labelToInclude": ["app"]}, "spec: "),
        ({"labelsToInclude": "app"}, "spec.labelsToInclude: "),
        ({"suspend": "yes"}, "spec.suspend: "),
    ],
)
def test_a_spec_of_the_wrong_shape_is_an_error_of_its_config_alone(
    spec: object, begins: str
) -> None:
    """behavior.md §3, an unreadable config: it has an identity, and the path of the error."""
    decoded = decode_json.decode_config(encoded({"metadata": METADATA, "spec": spec}))
    assert decoded.spec is None
    assert str(decoded.spec_error).startswith(begins)
    assert decoded.namespaced_name == NamespacedName("shop", "web")


def test_only_a_config_of_a_list_is_stored() -> None:
    """A manifest has passed no CRD."""
    item = manifest(pcmc())
    (listed,) = decode_json.configs(json_page("PodConfigMapConfig", [item])).items
    assert (listed.is_stored, decode_json.decode_config(encoded(item)).is_stored) == (True, False)


def test_a_config_without_a_spec_has_an_error() -> None:
    decoded = decode_json.decode_config(encoded({"metadata": METADATA}))
    assert str(decoded.spec_error).startswith("spec: ")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"suspend": True, "podSelector": []}, True),
        ({"suspend": True, "unknown": 1}, True),
        ({"suspend": False, "unknown": 1}, False),
        ({"suspend": "true"}, False),
        ([], False),
    ],
)
def test_suspend_counts_even_where_the_rest_cannot_be_read(spec: object, expected: bool) -> None:
    """It asks podcm-sync to change nothing."""
    decoded = decode_json.decode_config(encoded({"metadata": METADATA, "spec": spec}))
    assert (decoded.suspend, decoded.spec) == (expected, None)


@pytest.mark.parametrize(
    "status", [None, [], "x", {"matchedPods": "two"}, {"conditions": [{"type": 1}]}]
)
def test_a_status_that_cannot_be_read_counts_as_none(status: object) -> None:
    """The run writes all of the status anyway."""
    decoded = decode_json.decode_config(
        encoded({"metadata": METADATA, "spec": {}, "status": status})
    )
    assert decoded.status == PodConfigMapConfigStatus()
    assert decoded.spec_error is None


@pytest.mark.parametrize(
    "decoder", [decode_json.decode_pod, decode_json.decode_config, decode_json.decode_config_map]
)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"metadata": null}',
        b'{"metadata": {"name": 1}}',
        b'{"metadata": {"name": "x", "labels": {"a": 1}}}',
        b'{"metadata": {"name": "x"}} and more',
        b'{"metadata": {"name": "\xff\xfe"}}',
        b'{"metadata": {"name": "\\ud800"}}',
        b"[" * 100_000,
    ],
    ids=lambda body: body[:40].decode(errors="replace"),
)
def test_garbage_is_a_decode_error(decoder: Callable[[bytes], Any], body: bytes) -> None:
    with pytest.raises(DecodeError):
        decoder(body)


def test_one_object_that_does_not_decode_is_a_problem_and_the_others_are_unharmed() -> None:
    broken = {"metadata": {**METADATA, "labels": {"app": "web"}}, "spec": {"nodeName": 5}}
    decoded = decode_json.pods(
        json_page("Pod", [manifest(pod("a")), broken, manifest(pod("b"))]), Interner()
    )
    assert decoded.items == (pod("a"), pod("b"))
    (problem,) = decoded.problems
    assert problem.kind == "Pod"
    assert problem.namespaced_name == NamespacedName("shop", "web")
    assert problem.reason is Reason.UNDECODABLE
    assert problem.labels == {"app": "web"}
    assert problem.message.startswith("spec.nodeName: ")


@pytest.mark.parametrize(
    ("metadata", "labels"),
    [
        ({**METADATA, "uid": 1, "labels": {"app": "web"}}, {"app": "web"}),
        ({**METADATA, "uid": 1}, {}),
        ({**METADATA, "uid": 1, "labels": None}, {}),
        ({**METADATA, "labels": {"app": 1}}, None),
        ({**METADATA, "labels": "web"}, None),
    ],
)
def test_an_undecodable_pods_labels_are_known_or_not(
    metadata: object, labels: dict[str, str] | None
) -> None:
    """None is "unknown", which must count as selected; {} is "has no labels"."""
    (problem,) = decode_json.pods(json_page("Pod", [{"metadata": metadata}]), Interner()).problems
    assert problem.labels == labels


def test_an_undecodable_config_is_unreadable() -> None:
    item = {"metadata": {**METADATA, "generation": "x"}, "spec": {}}
    decoded = decode_json.configs(json_page("PodConfigMapConfig", [item]))
    assert decoded.items == ()
    assert [(problem.kind, problem.reason) for problem in decoded.problems] == [
        ("PodConfigMapConfig", Reason.UNREADABLE)
    ]


@pytest.mark.parametrize(
    "item", [None, 1, "x", [], {}, {"metadata": {}}, {"metadata": {"name": 1}}]
)
def test_an_object_without_a_name_is_a_problem_without_one(item: object) -> None:
    (problem,) = decode_json.config_maps(json_page("ConfigMap", [item]), Interner()).problems
    assert problem.namespaced_name == NamespacedName("", "")


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"namespace": "shop"}, ("shop", "")),
        ({"namespace": "shop", "name": 1}, ("shop", "")),
        ({"namespace": 1, "name": "web"}, ("", "web")),
    ],
)
def test_of_an_undecodable_object_what_can_be_read_is_known(
    metadata: object, expected: tuple[str, str]
) -> None:
    item = {"metadata": metadata, "spec": {"nodeName": 5}}
    (problem,) = decode_json.pods(json_page("Pod", [item]), Interner()).problems
    assert problem.namespaced_name == expected


READERS: dict[str, Callable[[bytes], Any]] = {
    "Pod": partial(decode_json.pods, interner=Interner()),
    "ConfigMap": partial(decode_json.config_maps, interner=Interner()),
    "PodConfigMapConfig": decode_json.configs,
    "PartialObjectMetadata": decode_json.metadata,
}


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "Status"},
        {"kind": "NodeList"},
        {"kind": "List"},
        {"kind": None},
        {"apiVersion": "v2"},
        {"apiVersion": None},
        {"items": ...},
        {"items": {}},
        {"metadata": None},
        {"metadata": ...},
        {"metadata": {}},
        {"metadata": {"resourceVersion": ""}},
        {"metadata": {"resourceVersion": 1}},
        {"metadata": {"resourceVersion": "1", "remainingItemCount": 1}},
        {"metadata": {"resourceVersion": "1", "continue": 5}},
    ],
    ids=str,
)
def test_an_answer_to_another_question_is_no_empty_list(
    kind: str, changes: dict[str, object]
) -> None:
    """Any JSON with 200 once counted as an empty list, and the run deleted everything.

    `...` stands for a key that is missing.
    """
    page: dict[str, object] = msgspec.json.decode(json_page(kind, []))
    assert READERS[kind](encoded(page)).items == ()
    with pytest.raises(DecodeError):
        READERS[kind](encoded({k: v for k, v in (page | changes).items() if v is not ...}))


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("other", LISTS)
def test_a_list_of_another_kind_is_no_list_of_this_kind(kind: str, other: str) -> None:
    body = json_page(other, [])
    if kind == other:
        assert READERS[kind](body).problems == ()
    else:
        with pytest.raises(DecodeError):
            READERS[kind](body)


@pytest.mark.parametrize(
    "claim", [{"kind": "Node"}, {"apiVersion": "v2"}, {"kind": "Pod", "apiVersion": "apps/v1"}]
)
def test_an_item_that_claims_another_kind_spoils_its_page(claim: dict[str, str]) -> None:
    """Items of built-in lists have no kind, and items of custom resources have one."""
    items = [{"metadata": METADATA}, {"metadata": METADATA} | claim]
    with pytest.raises(DecodeError):
        decode_json.pods(json_page("Pod", items), Interner())


@pytest.mark.parametrize("damaged", [b"\xff", b"\xed\xa0\x80", b"\xc3"])
def test_a_page_that_is_not_utf_8_is_a_decode_error_even_where_nothing_is_read(
    damaged: bytes,
) -> None:
    """A damaged key would be an unknown field, so the Pod would seem to have no labels."""
    item = {"metadata": METADATA | {"labels": {"app": "web"}}, "note": "x" * 70_000 + "ä"}
    body = json_page("Pod", [item])
    assert decode_json.pods(body, Interner()).items[0].labels == {"app": "web"}
    with pytest.raises(DecodeError):
        decode_json.pods(body.replace(b"labels", b"lab" + damaged + b"ls"), Interner())


@pytest.mark.parametrize(
    ("body", "token"),
    [
        (json_page("Pod", [], "abc"), "abc"),
        (json_page("Pod", []), ""),
        (json_page("Pod", [], None), ""),
        (json_page("Pod", None), ""),
    ],
)
def test_the_continue_token_of_a_page(body: bytes, token: str) -> None:
    """If items is null, the list is empty: Go writes a nil slice as null."""
    decoded = decode_json.pods(body, Interner())
    assert (decoded.items, decoded.continue_token, decoded.resource_version) == ((), token, "4711")


@pytest.mark.parametrize(
    "body", [b"", b"x", b"[]", b"null", b'"x"', b'{"items": {}}', b"{" * 100_000]
)
@pytest.mark.parametrize("decoder", READERS.values(), ids=READERS)
def test_a_page_that_is_no_list_is_a_decode_error(
    decoder: Callable[[bytes], Any], body: bytes
) -> None:
    with pytest.raises(DecodeError):
        decoder(body)


def test_metadata_is_of_any_objects() -> None:
    labelled = {"metadata": {**METADATA, "labels": {"app": "web"}}}
    claim = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    second = {**claim, "metadata": {"name": "a", "namespace": "shop"}}
    assert decode_json.metadata(json_page("PartialObjectMetadata", [labelled, second])).items == (
        PartialObjectMetadata(namespaced_name=NamespacedName("shop", "web"), labels={"app": "web"}),
        PartialObjectMetadata(namespaced_name=NamespacedName("shop", "a"), labels={}),
    )


def test_a_nameless_object_among_metadata_is_a_problem() -> None:
    (problem,) = decode_json.metadata(
        json_page("PartialObjectMetadata", [{"metadata": {}}])
    ).problems
    assert problem.namespaced_name == NamespacedName("", "")
