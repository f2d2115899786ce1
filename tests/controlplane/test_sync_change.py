"""What podcm-sync brings back on its ConfigMaps, and what of others it leaves there (§3)."""

from pathlib import Path

import pytest

from tests.controlplane.api import Api, Object
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import (
    FINALIZER,
    GENERATED_BY,
    MANAGED_BY,
    POD_UID,
    change_config,
    config_map,
    generated,
    made_for,
    make_config,
    names,
    owner,
    settle,
)
from tests.controlplane.syncing import sync

NAME = "pod-web-from-mine-cfg"
UPDATED = {NAME: ("updated", "OutOfSync")}


def in_step(api: Api, namespace: str, kubeconfig: Path) -> Object:
    """A Pod, a config, and the ConfigMap that a run made of them."""
    api.make_pod(namespace, "web", labels={"app": "web"})
    make_config(api, namespace, spec={"labelsToInclude": ["app"]})
    assert sync(kubeconfig).code == 0
    return generated(api, namespace)


def without_versions(obj: Object) -> Object:
    metadata = {
        key: value
        for key, value in obj["metadata"].items()
        if key not in ("resourceVersion", "managedFields")
    }
    return obj | {"metadata": metadata}


def patched(api: Api, namespace: str, patch: Object) -> Object:
    return api.patch("ConfigMap", namespace, NAME, patch)


def test_a_changed_pod_changes_its_config_map_in_place(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §3: the Pod's facts and included labels are followed, in the same object."""
    before = in_step(api, namespace, kubeconfig)
    changes = {"metadata": {"labels": {"app": None, "other": "x"}}}
    api.patch("Pod", namespace, "web", changes)
    api.patch("Pod", namespace, "web", {"status": {"phase": "Running"}}, "status")
    run = sync(kubeconfig)
    assert (run.came_to, run.code) == (UPDATED, 0)
    after = generated(api, namespace)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["data"] == {
        "podName": "web",
        "namespace": namespace,
        "nodeName": "",
        "phase": "Running",
    }


def test_a_changed_config_changes_its_config_maps_in_place(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §3: what is no longer included goes, what newly is comes."""
    before = in_step(api, namespace, kubeconfig)
    api.patch("Pod", namespace, "web", {"metadata": {"annotations": {"note": "n"}}})
    change_config(api, namespace, {"labelsToInclude": [], "annotationsToInclude": ["note"]})
    assert sync(kubeconfig).came_to == UPDATED
    after = generated(api, namespace)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert set(after["data"]) == {"podName", "namespace", "nodeName", "phase", "annotation_note"}


DRIFTS: dict[str, Object] = {
    "a value changed": {"data": {"podName": "other"}},
    "a value emptied": {"data": {"label_app": ""}},
    "a key removed": {"data": {"phase": None}},
    "all data removed": {"data": None},
    "keys added": {"data": {"mine": "x", "label_other": "x"}},
    "binary data added": {"binaryData": {"blob": "AAEC"}},
    "generated-by changed": {"metadata": {"labels": {GENERATED_BY: "other"}}},
    "pod-uid changed": {"metadata": {"labels": {POD_UID: "0-0"}}},
    "our annotation added": {
        "metadata": {"annotations": {"podconfig.example.com/pcmc-name": "other"}}
    },
    "owner removed": {"metadata": {"ownerReferences": None}},
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_in_what_is_ours_is_put_back(
    api: Api, namespace: str, kubeconfig: Path, drift: str
) -> None:
    """behavior.md §3: data, binaryData, our labels and the owner reference, added data keys too."""
    before = in_step(api, namespace, kubeconfig)
    drifted = patched(api, namespace, DRIFTS[drift])
    assert without_versions(drifted) != without_versions(before)
    run = sync(kubeconfig)
    assert (run.counts, run.code) == ({"updated": 1}, 0)
    assert without_versions(generated(api, namespace)) == without_versions(before)
    assert sync(kubeconfig).counts == {"unchanged": 1}


def test_what_others_put_on_it_stays(api: Api, namespace: str, kubeconfig: Path) -> None:
    """§3: others' labels, annotations, finalizers and owner references survive an update."""
    before = in_step(api, namespace, kubeconfig)
    other = api.create(config_map(namespace, "another-owner"))
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "another-owner",
        "uid": other["metadata"]["uid"],
        "blockOwnerDeletion": True,
    }
    theirs = {
        "labels": {"team": "a", "podconfig.example.com/other": "x"},
        "annotations": {"note": "日本\n", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
        "finalizers": [FINALIZER],
        "ownerReferences": [reference, *before["metadata"]["ownerReferences"]],
    }
    touched = patched(api, namespace, {"metadata": theirs})
    assert sync(kubeconfig).counts == {"unchanged": 1}
    assert generated(api, namespace) == touched

    patched(api, namespace, {"data": {"podName": "x"}, "metadata": {"labels": {MANAGED_BY: "x"}}})
    assert sync(kubeconfig).came_to == UPDATED
    assert without_versions(generated(api, namespace)) == without_versions(touched)


def test_a_second_controller_is_replaced(api: Api, namespace: str, kubeconfig: Path) -> None:
    """behavior.md §3: the Pod is the controller; another one's reference goes, its others stay."""
    before = in_step(api, namespace, kubeconfig)
    other = api.create(config_map(namespace, "another-owner"))["metadata"]["uid"]
    thief = {"apiVersion": "v1", "kind": "ConfigMap", "name": "another-owner", "uid": other}
    patched(api, namespace, {"metadata": {"ownerReferences": [thief | {"controller": True}]}})
    assert sync(kubeconfig).came_to == UPDATED
    owners = generated(api, namespace)["metadata"]["ownerReferences"]
    assert owners == before["metadata"]["ownerReferences"]


def test_an_immutable_one_that_would_change_is_blocked(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """§3: in step it is fine; where it would have to change it is skipped, and that fails."""
    in_step(api, namespace, kubeconfig)
    fixed = patched(api, namespace, {"immutable": True})
    assert sync(kubeconfig).code == 0
    api.patch("Pod", namespace, "web", {"metadata": {"labels": {"app": "new"}}})
    run = sync(kubeconfig)
    assert (run.came_to, run.code) == ({NAME: ("skipped", "Immutable")}, 3)
    assert generated(api, namespace) == fixed


def test_the_go_controllers_config_map_is_adopted_in_place(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §3: both labels and the name make it ours; only what it lacks is added."""
    pod = api.make_pod(namespace, "web")
    make_config(api, namespace)
    data = {"podName": "web", "namespace": namespace, "nodeName": "", "phase": "Pending"}
    before = api.create(config_map(namespace, NAME, data, **made_for(pod)))
    run = sync(kubeconfig)
    assert (run.counts, run.code) == ({"unchanged": 1}, 0)
    assert generated(api, namespace) == before

    patched(api, namespace, {"data": {"podName": "x"}})
    assert sync(kubeconfig).came_to == UPDATED
    before["metadata"]["labels"] |= {MANAGED_BY: "podcm-sync"}
    assert without_versions(generated(api, namespace)) == without_versions(before)


@pytest.mark.parametrize("manager", ["Helm", None])
def test_who_manages_a_config_map_is_no_reason_for_a_write(
    api: Api, namespace: str, kubeconfig: Path, manager: str | None
) -> None:
    """§2: `managed-by` goes with every write, and other tools may claim it in between."""
    in_step(api, namespace, kubeconfig)
    patched(api, namespace, {"metadata": {"labels": {MANAGED_BY: manager}}})
    assert sync(kubeconfig).counts == {"unchanged": 1}


def recreated(api: Api, namespace: str) -> Object:
    settle(api, namespace, "web")
    return api.make_pod(namespace, "web")


def test_a_recreated_pods_config_map_is_updated_where_the_collector_is_slower(
    api: Api, control_plane: ControlPlane, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §3: one update in place: owner, pod-uid, data; then the collector lets it be."""
    before = in_step(api, namespace, kubeconfig)
    stale = before["metadata"]["ownerReferences"][0]
    api.create(config_map(namespace, "witness", ownerReferences=[stale]))
    with control_plane.controllers_paused():
        pod = recreated(api, namespace)
        run = sync(kubeconfig)
        assert (run.came_to, run.code) == ({NAME: ("updated", "PodRecreated")}, 0)
    after = generated(api, namespace)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["labels"][POD_UID] == pod["metadata"]["uid"]
    assert after["metadata"]["ownerReferences"] == [owner(pod)]
    assert after["data"].keys() == {"podName", "namespace", "nodeName", "phase"}
    # The collector has been there when the stale Pod's other dependent is gone.
    api.wait_for(lambda: names(api, namespace) == [NAME])
    assert generated(api, namespace) == after


def test_a_recreated_pods_config_map_is_right_whoever_is_faster(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """§3: in a race with the collector at most one more run is needed, and none fails."""
    in_step(api, namespace, kubeconfig)
    pod = recreated(api, namespace)
    assert sync(kubeconfig).code == 0
    assert sync(kubeconfig).code == 0
    assert generated(api, namespace)["metadata"]["ownerReferences"] == [owner(pod)]
    assert sync(kubeconfig).counts == {"unchanged": 1}
