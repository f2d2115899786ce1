"""Bytes → models: only what a run needs, nothing but values out, and one broken object alone."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest

from podcm_sync.errors import DecodeError
from podcm_sync.model import decode
from podcm_sync.model.kept import Kept
from podcm_sync.model.meta import NamespacedName, OwnerReference
from podcm_sync.model.objects import (
    LabelSelectorRequirement,
    PartialObjectMetadata,
    Pod,
    PodConfigMapConfig,
    PodConfigMapConfigStatus,
)
from podcm_sync.model.reasons import Reason
from tests.builders import Object, condition, config_map, manifest, owner, pcmc, pod

METADATA = {"name": "web", "namespace": "shop"}


def encoded(obj: object) -> bytes:
    return msgspec.json.encode(obj)


def page(*items: object, **metadata: object) -> bytes:
    return encoded({"kind": "List", "items": items, "metadata": metadata})


@pytest.mark.parametrize(
    "obj",
    [
        pod(labels={"app": "web"}, annotations={"note": "x\x00\u202e"}),
        pod(node_name="", phase="", terminating=True),
    ],
)
def test_a_pod(obj: Pod) -> None:
    assert decode.decode_pod(encoded(manifest(obj))) == obj


def test_the_fields_of_a_pod_by_their_api_names() -> None:
    body = b"""{"apiVersion": "v1", "kind": "Pod",
      "metadata": {"name": "web-0", "namespace": "shop", "uid": "u-1", "labels": {"app": "web"},
        "annotations": {"note": "x"}, "managedFields": [{"manager": "kubectl"}],
        "creationTimestamp": "2026-01-01T00:00:00Z"},
      "spec": {"nodeName": "node-a", "containers": [{"name": "c", "image": "i"}]},
      "status": {"phase": "Running", "podIP": "10.0.0.1"}}"""
    found = decode.decode_pod(body)
    assert found.namespaced_name == NamespacedName("shop", "web-0")
    assert (found.uid, found.node_name, found.phase) == ("u-1", "node-a", "Running")
    assert (found.labels, found.annotations) == ({"app": "web"}, {"note": "x"})
    assert not found.terminating


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
    assert decode.decode_pod(encoded(body)) == pod("web", uid="", node_name="", phase="")


def test_the_fields_of_a_config_map_by_their_api_names() -> None:
    body = b"""{"metadata": {"name": "pod-x-cfg", "namespace": "shop", "uid": "u-2",
        "resourceVersion": "7", "deletionTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"a": "b"}, "annotations": {"c": "d"},
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "web-0", "uid": "u-1",
          "controller": true, "blockOwnerDeletion": true}]},
      "data": {"k": "v"}, "binaryData": {"b": "AA=="}, "immutable": true}"""
    found = decode.decode_config_map(body)
    assert (found.uid, found.resource_version, found.terminating) == ("u-2", "7", True)
    assert (found.labels, found.annotations) == ({"a": "b"}, {"c": "d"})
    assert (found.data, found.binary_data, found.immutable) == ({"k": "v"}, {"b": "AA=="}, True)
    assert found.owner_references == (
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
    found = decode.decode_config_map(encoded({"metadata": METADATA, **nulls}))
    assert (found.data, found.binary_data, found.immutable) == ({}, {}, False)
    assert found.owner_references == ()


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
    found = decode.decode_config(body)
    assert (found.generation, found.resource_version, found.suspend) == (4, "8", True)
    assert found.creation_timestamp == "2026-01-01T00:00:00Z"
    assert found.spec is not None
    assert found.spec.pod_selector.match_labels == {"app": "web"}
    assert found.spec.pod_selector.match_expressions == (
        LabelSelectorRequirement(key="tier", operator="In", values=("a", "b")),
    )
    assert found.spec.labels_to_include == ("app",)
    assert found.spec.annotations_to_include == ("note",)
    assert found.spec.config_map_data_template == {"url": "x"}
    assert found.status == PodConfigMapConfigStatus(
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
    """So that a test's model and a fake cluster's manifest are one object."""
    body = encoded(manifest(obj))
    is_config = isinstance(obj, PodConfigMapConfig)
    assert (decode.decode_config(body) if is_config else decode.decode_config_map(body)) == obj


@pytest.mark.parametrize(
    "spec",
    [{}, {"podSelector": None}, {"podSelector": {"matchLabels": None, "matchExpressions": None}}],
)
def test_an_empty_spec_selects_everything(spec: object) -> None:
    """Spec §1: omitted, null or {} is every Pod of the namespace."""
    found = decode.decode_config(encoded({"metadata": METADATA, "spec": spec}))
    assert found.spec == pcmc().spec
    assert (found.suspend, found.spec_error) == (False, "")


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
    """Spec §3, an unreadable config: the object is there, with what is wrong and where."""
    found = decode.decode_config(encoded({"metadata": METADATA, "spec": spec}))
    assert found.spec is None
    assert found.spec_error.startswith(begins)
    assert found.namespaced_name == NamespacedName("shop", "web")


def test_a_config_without_a_spec_has_an_error() -> None:
    assert decode.decode_config(encoded({"metadata": METADATA})).spec_error.startswith("spec: ")


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
    """It asks us to leave things alone."""
    found = decode.decode_config(encoded({"metadata": METADATA, "spec": spec}))
    assert (found.suspend, found.spec) == (expected, None)


@pytest.mark.parametrize(
    "status", [None, [], "x", {"matchedPods": "two"}, {"conditions": [{"type": 1}]}]
)
def test_a_status_that_cannot_be_read_counts_as_none(status: object) -> None:
    """The run writes it whole anyway."""
    found = decode.decode_config(encoded({"metadata": METADATA, "spec": {}, "status": status}))
    assert found.status == PodConfigMapConfigStatus()
    assert found.spec_error == ""


@pytest.mark.parametrize(
    "decoder", [decode.decode_pod, decode.decode_config, decode.decode_config_map]
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
    found = decode.pods(page(manifest(pod("a")), broken, manifest(pod("b"))), Kept())
    assert found.items == (pod("a"), pod("b"))
    (problem,) = found.problems
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
    """None is "unknown", which a selector must take for a match; {} is "has none"."""
    (problem,) = decode.pods(page({"metadata": metadata}), Kept()).problems
    assert problem.labels == labels


def test_an_undecodable_config_is_unreadable() -> None:
    found = decode.configs(page({"metadata": {**METADATA, "generation": "x"}, "spec": {}}))
    assert found.items == ()
    assert [(each.kind, each.reason) for each in found.problems] == [
        ("PodConfigMapConfig", Reason.UNREADABLE)
    ]


@pytest.mark.parametrize(
    "item", [None, 1, "x", [], {}, {"metadata": {}}, {"metadata": {"name": 1}}]
)
def test_an_object_without_a_name_is_a_problem_without_one(item: object) -> None:
    (problem,) = decode.config_maps(page(item), Kept()).problems
    assert problem.namespaced_name == NamespacedName("", "")


@pytest.mark.parametrize(
    ("body", "token"),
    [
        (page(**{"continue": "abc"}), "abc"),
        (page(**{"continue": ""}), ""),
        (page(**{"continue": None}), ""),
        (page(), ""),
        (b'{"items": [], "metadata": null}', ""),
        (b'{"items": null}', ""),
    ],
)
def test_the_continue_token_of_a_page(body: bytes, token: str) -> None:
    assert decode.pods(body, Kept()).continue_token == token
    assert decode.metadata(body).continue_token == token


@pytest.mark.parametrize(
    "body", [b"", b"x", b"[]", b"null", b'"x"', b'{"items": {}}', b"{" * 100_000]
)
@pytest.mark.parametrize(
    "decoder",
    [
        partial(decode.pods, kept=Kept()),
        decode.configs,
        partial(decode.config_maps, kept=Kept()),
        decode.metadata,
    ],
)
def test_a_page_that_is_no_list_is_a_decode_error(
    decoder: Callable[[bytes], Any], body: bytes
) -> None:
    with pytest.raises(DecodeError):
        decoder(body)


def test_metadata_is_of_any_objects() -> None:
    labelled = {"metadata": {**METADATA, "labels": {"app": "web"}}}
    assert decode.metadata(page(labelled, manifest(pod("a")))).items == (
        PartialObjectMetadata(namespaced_name=NamespacedName("shop", "web"), labels={"app": "web"}),
        PartialObjectMetadata(namespaced_name=NamespacedName("shop", "a"), labels={}),
    )


def test_a_nameless_object_among_metadata_is_a_problem() -> None:
    (problem,) = decode.metadata(page({"metadata": {}})).problems
    assert problem.namespaced_name == NamespacedName("", "")
