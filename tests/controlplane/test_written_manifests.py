"""What `--from` writes can be applied with kubectl, stays, and is adopted by a run (§8)."""

from pathlib import Path

import pytest

from podcm_sync.runtime import yaml_text
from tests.command import run
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import POD_UID, all_config_maps, generated, selecting
from tests.controlplane.syncing import sync

HOSTILE = {
    "hash": "4711e10",
    "word": "y",
    "octal": "0o17",
    "zero": "09",
    "null": "~",
    "time": "1:30",
    "equal": "=",
    "lines": "first\n  second\r\n\ttabbed\n",
    "unicode": "日本語 \u2028 \ufeff \x85",
    "empty": "",
}


@pytest.fixture
def directory(tmp_path: Path, namespace: str) -> Path:
    """A Pod without a uid, and a config that takes over all that it has."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web",
            "namespace": namespace,
            "labels": {"app": "web", "commit": "4711e10", "nothing": None},
            "annotations": {**HOSTILE, "nothing": None},
        },
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    config = {
        "apiVersion": "podconfig.example.com/v1alpha1",
        "kind": "PodConfigMapConfig",
        "metadata": {"name": "mine", "namespace": namespace},
        "spec": {
            **selecting(app="web"),
            "labelsToInclude": ["commit", "nothing"],
            "annotationsToInclude": [*HOSTILE, "nothing"],
        },
    }
    path = tmp_path / "repository"
    path.mkdir()
    (path / "pod.yaml").write_text(yaml_text.dump([pod]))
    (path / "config.yaml").write_text(yaml_text.dump([config]))
    done = run("--from", str(path), kubeconfig=None)
    assert done.code == 0, done.stderr
    return path


def test_what_is_written_for_a_pod_without_a_uid_is_applied_stays_and_is_adopted(
    api: Api, control_plane: ControlPlane, namespace: str, kubeconfig: Path, directory: Path
) -> None:
    control_plane.kubectl(kubeconfig, "create", "-f", str(directory / "pod.yaml"))
    control_plane.kubectl(kubeconfig, "create", "-f", str(directory / "config.yaml"))
    control_plane.kubectl(kubeconfig, "apply", "-R", "-f", str(directory / "generated"))
    applied = generated(api, namespace)
    assert applied["metadata"]["labels"][POD_UID] == ""
    expected = {f"annotation_{key}": value for key, value in HOSTILE.items()}
    expected |= {"label_commit": "4711e10", "label_nothing": "", "annotation_nothing": ""}
    assert {key: applied["data"].get(key) for key in expected} == expected

    # The garbage collector takes what has an owner that does not exist: this one, not ours.
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "never", "uid": "never-was"}
    metadata = {"name": "orphan", "namespace": namespace, "ownerReferences": [owner]}
    api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    api.wait_for(lambda: api.get("ConfigMap", namespace, "orphan") is None)
    assert generated(api, namespace)["metadata"]["uid"] == applied["metadata"]["uid"]

    first = sync(kubeconfig)
    pod = api.get("Pod", namespace, "web")
    assert pod is not None
    adopted = generated(api, namespace)
    assert first.counts == {"updated": 1}
    assert adopted["metadata"]["uid"] == applied["metadata"]["uid"]
    assert adopted["metadata"]["labels"][POD_UID] == pod["metadata"]["uid"]
    assert [each["uid"] for each in adopted["metadata"]["ownerReferences"]] == [
        pod["metadata"]["uid"]
    ]
    # All of the data but the node's and the phase's, which a repository cannot know, was right.
    changed = {key for key in adopted["data"] if adopted["data"][key] != applied["data"].get(key)}
    assert changed <= {"nodeName", "phase"}
    assert sync(kubeconfig).counts == {"unchanged": 1}


def test_what_was_applied_and_has_no_pod_is_deleted_by_a_run(
    api: Api, control_plane: ControlPlane, namespace: str, kubeconfig: Path, directory: Path
) -> None:
    control_plane.kubectl(kubeconfig, "create", "-f", str(directory / "config.yaml"))
    control_plane.kubectl(kubeconfig, "apply", "-R", "-f", str(directory / "generated"))
    assert sync(kubeconfig).counts == {"deleted": 1}
    names = [each["metadata"]["name"] for each in all_config_maps(api, namespace)]
    assert "pod-web-from-mine-cfg" not in names


def test_null_in_a_map_of_texts_is_stored_as_the_empty_text(
    api: Api, control_plane: ControlPlane, namespace: str, kubeconfig: Path, tmp_path: Path
) -> None:
    """What --from assumes of labels, annotations and data."""
    file = tmp_path / "nulls.yaml"
    file.write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: nulls\n"
        "  labels: {a: }\n  annotations: {a: ~}\ndata: {a: null}\nbinaryData: {b: }\n"
    )
    control_plane.kubectl(kubeconfig, "create", "-f", str(file))
    stored = api.get("ConfigMap", namespace, "nulls")
    assert stored is not None
    metadata = stored["metadata"]
    assert (metadata["labels"], metadata["annotations"]) == ({"a": ""}, {"a": ""})
    assert (stored["data"], stored["binaryData"]) == ({"a": ""}, {"b": ""})
