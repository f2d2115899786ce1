"""Whatever the server takes as a Pod and a config, it takes what podcm-sync makes of them (§3)."""

import json
import string
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from podcm_sync.api import decode_json
from podcm_sync.reconcile import managed_fields, names
from podcm_sync.reconcile.changes import DesiredConfigMap
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from tests.controlplane.api import Api, Object, path_of
from tests.controlplane.crd_objects import pcmc
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import (
    FINALIZER,
    GENERATED_BY,
    MANAGED_BY,
    PCMC_NAME,
    POD_UID,
    config_map,
)

LOWER = string.ascii_lowercase + string.digits
LETTERS = string.ascii_letters + string.digits
OUR_LABELS = (GENERATED_BY, POD_UID, MANAGED_BY)
UID = "6f1c0b9e-4c2f-4f0e-9d55-0d3b1f4f9a01"


def words(ends: str, inner: str, longest: int) -> st.SearchStrategy[str]:
    """Texts that begin and end with one of `ends`; as long as can be often enough."""
    lengths = st.sampled_from([1, 2, 3, longest - 1, longest]) | st.integers(1, longest)

    def of(length: int) -> st.SearchStrategy[str]:
        middle = st.text(inner, min_size=max(0, length - 2), max_size=max(0, length - 2))
        last = st.sampled_from(ends) if length > 1 else st.just("")
        return st.builds("{}{}{}".format, st.sampled_from(ends), middle, last)

    return lengths.flatmap(of)


def is_subdomain(name: str) -> bool:
    return all(part and part[0] != "-" != part[-1] for part in name.split("."))


object_names = words(LOWER, LOWER + "-.", 253).filter(is_subdomain)
prefixes = words(LOWER, LOWER + "-.", 100).filter(is_subdomain)
key_names = words(LETTERS, LETTERS + "-_.", 63)
keys = key_names | st.builds("{}/{}".format, prefixes, key_names)
values = st.just("") | words(LETTERS, LETTERS + "-_.", 63)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Object, Object]:
    """A Pod, and a config that includes some of its labels and annotations, and others."""
    labels = draw(st.dictionaries(keys, values, max_size=4))
    annotations = draw(st.dictionaries(keys, texts, max_size=4))
    metadata = {
        "name": draw(object_names),
        "uid": UID,
        "labels": labels,
        "annotations": annotations,
    }
    container = {"name": "main", "image": "none"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [container]},
    }
    other = draw(st.lists(keys, max_size=2))
    spec = {
        "labelsToInclude": _apart([*labels, *other], 247),
        "annotationsToInclude": _apart([*annotations, *other], 242),
    }
    return pod, pcmc(spec, name=draw(object_names))


def _apart(all_keys: list[str], longest: int) -> list[str]:
    """Those of the keys that have a data key of their own."""
    by_data_key = {key.replace("/", "_"): key for key in all_keys if len(key) <= longest}
    return list(by_data_key.values())


@pytest.fixture(scope="module")
def place(api: Api) -> str:
    return new_namespace(api)


def in_namespace(obj: Object, namespace: str) -> Object:
    return obj | {"metadata": {**obj["metadata"], "namespace": namespace}}


def desired_of(pod: Object, config: Object) -> DesiredConfigMap:
    snapshot = Snapshot(
        scope=Scope(namespaces=None),
        pods=(decode_json.decode_pod(json.dumps(pod).encode()),),
        configs=(decode_json.decode_config(json.dumps(config).encode()),),
        config_maps=(),
    )
    desired = build(snapshot)
    assert desired.invalid == {}
    assert desired.unresolved == {}
    (found,) = desired.config_maps.values()
    return found


def dry_run(api: Api, obj: Object) -> tuple[int, Any]:
    path = path_of(obj["kind"], obj["metadata"]["namespace"])
    return api.request("POST", path, obj, query={"dryRun": "All"})


@settings(max_examples=60, deadline=None, database=None)
@given(world=worlds())
def test_what_is_made_of_legal_objects_is_legal(
    api: Api, place: str, world: tuple[Object, Object]
) -> None:
    """behavior.md §3: names, labels and data keys are always ones that a ConfigMap can have."""
    pod, config = (in_namespace(obj, place) for obj in world)
    for obj in (pod, config):
        code, answer = dry_run(api, obj)
        assert code == 201, answer  # or else this test makes up the wrong things
    sent = managed_fields.manifest(desired_of(pod, config))
    code, answer = dry_run(api, sent)
    assert code == 201, answer
    assert answer["data"] == sent["data"]
    assert answer["metadata"]["labels"] == sent["metadata"]["labels"]
    assert answer["metadata"]["labels"].keys() == set(OUR_LABELS)
    full = answer["metadata"].get("annotations", {}).get(PCMC_NAME)
    assert (full or answer["metadata"]["labels"][GENERATED_BY]) == config["metadata"]["name"]
    assert answer["metadata"]["name"].startswith("pod-")
    assert answer["metadata"]["name"].endswith("-cfg")
    pod_data = {"label": pod["metadata"]["labels"], "annotation": pod["metadata"]["annotations"]}
    expected = {
        f"{part}_{key.replace('/', '_')}": value
        for part, found in pod_data.items()
        for key, value in found.items()
        if key in config["spec"][f"{part}sToInclude"]
    }
    four = {"podName": pod["metadata"]["name"], "namespace": place, "nodeName": "", "phase": ""}
    assert answer["data"] == four | expected


owners: st.SearchStrategy[Object] = st.fixed_dictionaries(
    {
        "apiVersion": st.just("v1"),
        "kind": st.sampled_from(["Pod", "ConfigMap", "Secret"]),
        "name": st.just("another"),
        "uid": st.uuids().map(str),
    },
    optional={"controller": st.booleans(), "blockOwnerDeletion": st.booleans()},
)


@st.composite
def drifts(draw: st.DrawFn) -> tuple[Object, Object]:
    """What others may have made of a ConfigMap of ours: its metadata, and its data."""
    references = draw(st.lists(owners, max_size=3, unique_by=lambda each: str(each["uid"])))
    assume(sum(each.get("controller", False) for each in references) <= 1)
    labels = draw(st.dictionaries(keys | st.sampled_from(OUR_LABELS), values, max_size=3))
    metadata = {
        "labels": {GENERATED_BY: "x", POD_UID: "y"} | labels,
        "annotations": draw(st.dictionaries(keys | st.just(PCMC_NAME), texts, max_size=3)),
        "finalizers": draw(st.sampled_from([[], [FINALIZER]])),
        "ownerReferences": references,
    }
    data_keys = st.sampled_from(["podName", "phase", "other"])
    data = {
        "data": draw(st.none() | st.dictionaries(data_keys, texts)),
        "binaryData": draw(st.none() | st.just({"blob": "AAEC"})),
    }
    return metadata, data


@pytest.fixture
def still(control_plane: ControlPlane) -> Iterator[None]:
    """Without the garbage collector, which has its own opinion on owners that do not exist."""
    with control_plane.controllers_paused():
        yield


@pytest.mark.usefixtures("still")
@settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(world=worlds(), drift=drifts())
def test_any_drift_is_put_right_and_nothing_of_others_changes(
    api: Api, place: str, world: tuple[Object, Object], drift: tuple[Object, Object]
) -> None:
    """§3: the patch is accepted, leaves it in step, and leaves what is others' as it was."""
    desired = desired_of(*(in_namespace(obj, place) for obj in world))
    name = desired.namespaced_name.name
    metadata, data = drift
    stored = api.create(config_map(place, name, **metadata) | data)
    existing = decode_json.decode_config_map(json.dumps(stored).encode())
    assert names.is_ours(existing)

    answer = api.patch("ConfigMap", place, name, managed_fields.merge_patch(existing, desired))

    api.patch("ConfigMap", place, name, {"metadata": {"finalizers": None}})
    api.delete("ConfigMap", place, name)
    after = decode_json.decode_config_map(json.dumps(answer).encode())
    assert managed_fields.is_in_sync(after, desired)
    assert managed_fields.merge_patch(after, desired) == {
        "metadata": {"resourceVersion": answer["metadata"]["resourceVersion"]}
    }
    assert answer["data"] == desired.data
    assert "binaryData" not in answer
    for part in ("labels", "annotations"):
        assert others(answer["metadata"].get(part, {})) == others(metadata[part])
    assert answer["metadata"].get("finalizers", []) == metadata["finalizers"]
    kept = [each for each in metadata["ownerReferences"] if not each.get("controller")]
    name, uid = desired.pod_name, desired.pod_uid
    ours = {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid, "controller": True}
    assert answer["metadata"]["ownerReferences"] == [*kept, ours]


def others(mapping: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in mapping.items() if key not in (*OUR_LABELS, PCMC_NAME)}
