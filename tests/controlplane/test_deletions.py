"""The check of every deletion (deletions.py) finds one that behavior.md §3 does not allow."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from podcm_sync.api.decode_json import decode_config_map
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap
from podcm_sync.cluster.kube.writer import KubeWriter
from tests.controlplane.api import Api, Object
from tests.controlplane.deletions import Deletions
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import (
    PRUNE,
    config_map,
    generated,
    made_for,
    make_config,
    settle,
)
from tests.controlplane.syncing import connect, sync

NAME = "pod-web-from-mine-cfg"


def plant(api: Api, namespace: str, **metadata: object) -> None:
    api.create(config_map(namespace, NAME, {"namespace": namespace}, **metadata))


def labels(api: Api, namespace: str) -> Object:
    return {"labels": made_for(api.make_pod(namespace, "web"))["labels"]}


def foreign(api: Api, namespace: str) -> None:
    plant(api, namespace)


def forbidden(api: Api, namespace: str) -> None:
    plant(api, namespace, **labels(api, namespace), annotations={PRUNE: "disabled"})


def desired(api: Api, namespace: str) -> None:
    make_config(api, namespace)
    plant(api, namespace, **made_for(api.make_pod(namespace, "web")))


def suspended(api: Api, namespace: str) -> None:
    make_config(api, namespace, spec={"suspend": True})
    plant(api, namespace, **made_for(api.make_pod(namespace, "web")))


def copy(api: Api, namespace: str) -> None:
    data = {"namespace": "another"}
    api.create(config_map(namespace, NAME, data, **labels(api, namespace)))


def left(api: Api, namespace: str) -> None:
    pod = api.make_pod(namespace, "web")
    settle(api, namespace, "web")
    plant(api, namespace, **made_for(pod))


CASES = [
    (foreign, "it does not have both labels"),
    (forbidden, "its annotation forbids it"),
    (desired, "config mine desires it"),
    (suspended, "config mine is suspended or invalid, and keeps what it has"),
    (copy, "it is a copy"),
    (left, "it is left to the garbage collector"),
]


def delete(kubeconfig: Path, config_map: ConfigMap) -> None:
    KubeWriter(connect(kubeconfig)).delete(config_map)


def listed(api: Api, namespace: str, kubeconfig: Path) -> ConfigMap:
    """The ConfigMap, after podcm-sync listed what is there."""
    found = decode_config_map(msgspec.json.encode(generated(api, namespace)))
    sync(kubeconfig, dry_run=True)
    return found


@pytest.fixture
def at_rest(control_plane: ControlPlane) -> Iterator[None]:
    """The garbage collector deletes nothing meanwhile."""
    with control_plane.controllers_paused():
        yield


@pytest.mark.usefixtures("at_rest")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].__name__)
def test_a_deletion_that_is_not_allowed_is_found(
    api: Api,
    namespace: str,
    kubeconfig: Path,
    deletions: Deletions,
    case: tuple[Callable[[Api, str], None], str],
) -> None:
    make, why = case
    make(api, namespace)
    delete(kubeconfig, listed(api, namespace, kubeconfig))
    path = f"/api/v1/namespaces/{namespace}/configmaps/{NAME}"
    assert deletions.wrong() == [f"{path}: {why}"]
    assert deletions.wrong() == []


@pytest.mark.parametrize("field", ["uid", "resource_version"])
def test_a_deletion_without_preconditions_is_found(
    api: Api, namespace: str, kubeconfig: Path, deletions: Deletions, field: str
) -> None:
    plant(api, namespace, **labels(api, namespace))
    found = msgspec.structs.replace(listed(api, namespace, kubeconfig), **{field: ""})
    assert found.namespaced_name == NamespacedName(namespace, NAME)
    delete(kubeconfig, found)
    # The API server refuses an empty uid, and podcm-sync asks again.
    reasons = {wrong.partition(": ")[2] for wrong in deletions.wrong()}
    assert reasons == {"it has no uid or resourceVersion as a precondition"}


def test_a_deletion_that_is_allowed_is_not_found(
    api: Api, namespace: str, kubeconfig: Path, deletions: Deletions
) -> None:
    plant(api, namespace, **labels(api, namespace))
    delete(kubeconfig, listed(api, namespace, kubeconfig))
    assert api.get("ConfigMap", namespace, NAME) is None
    assert deletions.wrong() == []
