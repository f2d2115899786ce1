"""Four shards at once on a real API server, as an Indexed Job starts them."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from podcm_sync.core.shards import owner
from tests.controlplane.api import Api, path_of
from tests.controlplane.audit import Audit, AuditEvent
from tests.controlplane.harness import ControlPlane

COUNT = 4


@pytest.fixture
def namespaces(api: Api) -> list[str]:
    """Two namespaces for each shard, with a Pod and a config in each."""
    found: dict[int, list[str]] = {index: [] for index in range(COUNT)}
    while any(len(names) < 2 for names in found.values()):
        name = f"s-{uuid.uuid4().hex[:8]}"
        names = found[owner(name, COUNT)]
        if len(names) < 2:
            names.append(name)
    made = [name for names in found.values() for name in names]
    for name in made:
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        assert api.request("POST", path_of("ServiceAccount", name), account)[0] in (201, 409)
        api.make_pod(name, "web")
        api.create(
            {
                "apiVersion": "podconfig.example.com/v1alpha1",
                "kind": "PodConfigMapConfig",
                "metadata": {"name": "mine", "namespace": name},
                "spec": {},
            }
        )
    return made


def start(kubeconfig: Path, index: int) -> "subprocess.Popen[str]":
    """The command as the Pod of an Indexed Job has it."""
    return subprocess.Popen(
        [sys.executable, "-m", "podcm_sync", "-A", "--kubeconfig", str(kubeconfig)],
        env={
            "PATH": os.environ["PATH"],
            "JOB_COMPLETION_INDEX": str(index),
            "PODCM_SYNC_SHARDS": str(COUNT),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_four_shards_at_once_do_all_of_the_work_and_each_its_own(
    api: Api,
    control_plane: ControlPlane,
    audit: Audit,
    namespaces: list[str],
    tmp_path: Path,
) -> None:
    """Each acts as a user of its own, so that the audit log tells them apart."""
    users: dict[int, str] = {}
    kubeconfigs = []
    for index in range(COUNT):
        name = f"shard-{index}-{uuid.uuid4().hex[:6]}"
        account = {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": name}}
        api.request("POST", path_of("ServiceAccount", "default"), account)
        _allow(api, name)
        users[index] = f"system:serviceaccount:default:{name}"
        token = api.service_account_token("default", name)
        kubeconfigs.append(control_plane.kubeconfig(tmp_path / f"kubeconfig-{index}", token=token))
    mark = audit.mark()
    running = [start(kubeconfig, index) for index, kubeconfig in enumerate(kubeconfigs)]
    for process in running:
        output, errors = process.communicate(timeout=60)
        assert process.returncode in {0, 3}, output + errors  # other tests' namespaces may fail
    for namespace in namespaces:
        assert api.get("ConfigMap", namespace, "pod-web-from-mine-cfg")
        config = api.get("PodConfigMapConfig", namespace, "mine")
        assert config
        assert config["status"]["observedGeneration"] == 1
    for index, user in users.items():
        touched = {event.namespace for event in audit.since(mark, user=user)} - {""}
        assert {name for name in namespaces if owner(name, COUNT) == index} <= touched
        assert {owner(name, COUNT) for name in touched} == {index}
    again = start(kubeconfigs[0], 0)
    mark = audit.mark()
    again.communicate(timeout=60)
    # In other tests' namespaces there is what fails, and is tried again each time.
    found = _writes(audit.since(mark, user=users[0]))
    assert [event for event in found if event.namespace in namespaces] == []


def _allow(api: Api, account: str) -> None:
    """The rights of deploy/rbac.yaml."""
    (role,) = (
        each
        for each in api.apply_yaml(Path(__file__).parents[2] / "deploy" / "rbac.yaml")
        if each["kind"] == "ClusterRole"
    )
    api.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": account},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": role["metadata"]["name"],
            },
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "default"}],
        }
    )


def _writes(events: list[AuditEvent]) -> list[AuditEvent]:
    return [event for event in events if event.verb not in {"list", "get"}]
