"""What of a ConfigMap is ours (§3): its bodies, its patches, and what counts as drift."""

from typing import Any

import msgspec
import pytest

from podcm_sync.api.meta import OwnerReference
from podcm_sync.api.objects import ConfigMap
from podcm_sync.reconcile.managed_fields import (
    desired_view,
    is_in_sync,
    manifest,
    merge_patch,
    owner_references,
    view,
)
from tests.builders import (
    GENERATED_BY,
    MANAGED_BY,
    PCMC_NAME,
    POD_UID,
    config_map,
    desired,
    owner,
    pod,
)

POD = pod(uid="uid-1")
OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "web-0", "uid": "uid-1", "controller": True}
FACTS = {"podName": "web-0", "namespace": "shop", "nodeName": "node-a", "phase": "Running"}
LONG = "n" * 64
LONG_LABEL = f"{'n' * 46}-ce068a195ab380a8"
DEPLOYMENT = owner("web", uid="uid-d", kind="Deployment", controller=True)
TEAM = owner("team", uid="uid-t", kind="Team", controller=False)


def made(**changes: Any) -> ConfigMap:
    return config_map(made_for=POD, **changes)


def sent(body: dict[str, Any]) -> Any:
    """The body as the API server receives it."""
    return msgspec.json.decode(msgspec.json.encode(body))


def patch(existing: ConfigMap) -> Any:
    return sent(merge_patch(existing, desired(POD)))


def test_the_whole_object_that_a_create_sends() -> None:
    """§3: data, the three labels, and the Pod as controller without blockOwnerDeletion."""
    assert sent(manifest(desired(POD))) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "pod-web-0-from-web-cfg",
            "namespace": "shop",
            "labels": {
                "podconfig.example.com/generated-by-pcmc": "web",
                "podconfig.example.com/pod-uid": "uid-1",
                "app.kubernetes.io/managed-by": "podcm-sync",
            },
            "ownerReferences": [OWNER],
        },
        "data": FACTS,
    }


def test_a_long_config_name_is_hashed_in_the_label_and_whole_in_the_annotation() -> None:
    metadata = manifest(desired(POD, LONG))["metadata"]
    assert metadata["labels"][GENERATED_BY] == LONG_LABEL
    assert metadata["annotations"] == {PCMC_NAME: LONG}


def test_pod_labels_and_annotations_are_never_copied_onto_the_metadata() -> None:
    """behavior.md §3: they would make other tools adopt the ConfigMap."""
    talkative = pod(uid="uid-1", labels={"app": "web"}, annotations={"note": "x"})
    assert manifest(desired(talkative)) == manifest(desired(POD))


@pytest.mark.parametrize(
    "existing",
    [
        pytest.param(made(), id="as made"),
        pytest.param(made(labels={"team": "blue"}), id="others' labels"),
        pytest.param(made(annotations={"note": "x"}), id="others' annotations"),
        pytest.param(made(owners=[TEAM, owner(uid="uid-1")]), id="others' owners"),
        pytest.param(made(owners=[owner(uid="uid-1"), TEAM]), id="others' owners, after ours"),
        pytest.param(made(immutable=True), id="immutable"),
    ],
)
def test_in_step_is_what_is_ours_as_desired(existing: ConfigMap) -> None:
    """Labels, annotations and owner references that others put on it are no drift."""
    assert is_in_sync(existing, desired(POD))


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        pytest.param(
            made(more_data={"phase": "Pending"}),
            {"metadata": {}, "data": {"phase": "Running"}},
            id="a value",
        ),
        pytest.param(
            made(more_data={"added": "x"}),
            {"metadata": {}, "data": {"added": None}},
            id="a data key that others added",
        ),
        pytest.param(made(data={}), {"metadata": {}, "data": FACTS}, id="no data at all"),
        pytest.param(
            made(binary_data={"blob": "AAE="}),
            {"metadata": {}, "binaryData": None},
            id="binaryData",
        ),
        pytest.param(
            made(labels={GENERATED_BY: "edited"}),
            {"metadata": {"labels": {GENERATED_BY: "web"}}},
            id="our label edited",
        ),
        pytest.param(
            made(labels={MANAGED_BY: None, "team": "blue"}, data={}),
            {"metadata": {"labels": {MANAGED_BY: "podcm-sync"}}, "data": dict(made().data)},
            id="managed-by goes with a write, another's label stays",
        ),
        pytest.param(
            made(annotations={PCMC_NAME: "web", "note": "x"}),
            {"metadata": {"annotations": {PCMC_NAME: None}}},
            id="our annotation where none is wanted",
        ),
        pytest.param(
            made(owners=[]), {"metadata": {"ownerReferences": [OWNER]}}, id="no owner reference"
        ),
    ],
)
def test_a_patch_is_exactly_what_is_ours_and_differs(
    existing: ConfigMap, expected: dict[str, Any]
) -> None:
    """behavior.md §3: a JSON merge patch, with the resourceVersion that it was computed from."""
    assert not is_in_sync(existing, desired(POD))
    expected["metadata"]["resourceVersion"] = "1"
    assert patch(existing) == expected


def test_a_config_map_in_step_needs_an_empty_patch() -> None:
    assert patch(made(resource_version="7")) == {"metadata": {"resourceVersion": "7"}}


def test_a_long_config_name_is_put_back_into_label_and_annotation() -> None:
    existing = config_map("pod-x-cfg", made_for=POD, made_by=LONG)
    assert merge_patch(existing, desired(POD, LONG, name="pod-x-cfg"))["metadata"] == {
        "resourceVersion": "1",
        "labels": {GENERATED_BY: LONG_LABEL},
        "annotations": {PCMC_NAME: LONG},
    }


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        pytest.param([TEAM], [TEAM, owner(uid="uid-1")], id="another's stays, ours is added"),
        pytest.param([owner(uid="uid-0")], [owner(uid="uid-1")], id="a stale Pod's goes"),
        pytest.param(
            [owner(uid="uid-0", controller=False)],
            [owner(uid="uid-1")],
            id="a stale Pod's goes, controller or not",
        ),
        pytest.param([DEPLOYMENT], [owner(uid="uid-1")], id="a second controller goes"),
        pytest.param(
            [owner("other", uid="uid-9", controller=False)],
            [owner("other", uid="uid-9", controller=False), owner(uid="uid-1")],
            id="another Pod's stays",
        ),
        pytest.param(
            [owner("web-0", uid="uid-t", kind="Team", controller=False)],
            [owner("web-0", uid="uid-t", kind="Team", controller=False), owner(uid="uid-1")],
            id="another kind of the Pod's name stays",
        ),
        pytest.param(
            [TEAM, DEPLOYMENT, owner(uid="uid-1")],
            [TEAM, owner(uid="uid-1")],
            id="a second controller beside ours goes",
        ),
        pytest.param(
            [owner(uid="uid-1"), owner(uid="uid-1")], [owner(uid="uid-1")], id="ours twice"
        ),
        pytest.param(
            [owner(uid="uid-1", controller=False)],
            [owner(uid="uid-1")],
            id="ours, no longer controller",
        ),
        pytest.param(
            [
                OwnerReference(
                    api_version="v1",
                    kind="Pod",
                    name="web-0",
                    uid="uid-1",
                    controller=True,
                    block_owner_deletion=True,
                )
            ],
            [owner(uid="uid-1")],
            id="the Go controller's, with blockOwnerDeletion",
        ),
    ],
)
def test_owner_references(existing: list[OwnerReference], expected: list[OwnerReference]) -> None:
    """behavior.md §3: others' stay, except a stale Pod's and a second controller."""
    there = made(owners=existing)
    assert list(owner_references(there, desired(POD))) == expected
    assert is_in_sync(there, desired(POD)) is (existing == expected)


def test_the_owner_that_a_collision_left_behind_goes() -> None:
    """The ConfigMap passes from Pod a to Pod a-from-b, since the older config has the name."""
    old, new = pod("a", uid="uid-a"), pod("a-from-b", uid="uid-b")
    there = config_map(made_for=old, made_by="b-from-c")
    assert owner_references(there, desired(new, "c")) == (owner("a-from-b", uid="uid-b"),)
    no_controller = config_map(
        made_for=old, made_by="b-from-c", owners=[owner("a", uid="uid-a", controller=False)]
    )
    assert owner_references(no_controller, desired(new, "c")) == (owner("a-from-b", uid="uid-b"),)


@pytest.mark.parametrize(
    "existing",
    [
        made(annotations={MANAGED_BY: "Helm"}, more_data={"phase": "Pending"}),
        made(labels={PCMC_NAME: "x"}, more_data={"phase": "Pending"}),
    ],
)
def test_our_label_keys_are_others_where_they_are_annotations(existing: ConfigMap) -> None:
    """§3: labels and annotations that others put on it stay, when something else drifts."""
    assert patch(existing) == {
        "metadata": {"resourceVersion": "1"},
        "data": {"phase": "Running"},
    }


def test_both_sides_of_a_diff_show_only_what_is_ours() -> None:
    """behavior.md §7: free of managed fields, and only what is ours."""
    existing = made(
        labels={"team": "blue"},
        annotations={"note": "x", PCMC_NAME: "old"},
        binary_data={"blob": "AAE="},
        more_data={"zone": "1"},
        resource_version="99",
    )
    shown = sent(view(existing))
    assert shown == {
        "metadata": {
            "labels": {
                MANAGED_BY: "podcm-sync",
                GENERATED_BY: "web",
                POD_UID: "uid-1",
            },
            "annotations": {PCMC_NAME: "old"},
            "ownerReferences": [OWNER],
        },
        "data": {**FACTS, "zone": "1"},
        "binaryData": {"blob": "AAE="},
    }
    assert list(shown["data"]) == ["namespace", "nodeName", "phase", "podName", "zone"]


def test_in_step_is_where_both_sides_of_a_diff_are_equal() -> None:
    assert view(made()) == desired_view(made(), desired(POD))


def test_the_view_of_what_is_to_be_created_is_the_manifests() -> None:
    whole = manifest(desired(POD))
    shown = desired_view(None, desired(POD))
    assert shown["data"] == whole["data"]
    assert shown["metadata"]["labels"] == whole["metadata"]["labels"]
    assert shown["metadata"]["ownerReferences"] == whole["metadata"]["ownerReferences"]
