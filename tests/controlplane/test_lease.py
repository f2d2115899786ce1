"""The Lock on a real API server: what a version guards, what refusals mean, and that it ends."""

from pathlib import Path

import pytest

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import LeaseSpec
from podcm_sync.cli.connect import connect
from podcm_sync.cli.shared_options import Access
from podcm_sync.cluster.interfaces import Limit, LockError
from podcm_sync.cluster.kube.lease import KubeLease
from podcm_sync.runtime.context import RunContext
from tests.chaos.proxy import Proxy
from tests.chaos.rules import Fault, Rule
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane

LIMIT = Limit(5.0, "what a test may take")
SPEC = LeaseSpec(
    holder_identity="me",
    lease_duration_seconds=15,
    acquire_time="2026-11-22T12:00:00.000001Z",
    renew_time="2026-11-22T12:00:00.000002Z",
    lease_transitions=3,
)


def lock(kubeconfig: Path, namespace: str) -> KubeLease:
    access = Access(kubeconfig=str(kubeconfig), request_timeout=None)
    connection = connect(access, RunContext(), connections=1)
    return KubeLease(connection, NamespacedName(namespace, "tried"))


def test_it_is_made_read_and_patched(kubeconfig: Path, namespace: str) -> None:
    tried = lock(kubeconfig, namespace)
    assert tried.read(LIMIT) is None
    made = tried.write(SPEC, None, LIMIT)
    assert made.spec == SPEC
    assert tried.read(LIMIT) == made
    renewed = LeaseSpec(holder_identity="me", renew_time="2026-11-22T12:00:01.000000Z")
    patched = tried.write(renewed, made.resource_version, LIMIT)
    assert patched.resource_version != made.resource_version
    assert patched.spec.renew_time == "2026-11-22T12:00:01.000000Z"


def test_a_patch_of_an_older_version_changes_nothing(kubeconfig: Path, namespace: str) -> None:
    """As an update would: this is what keeps two from taking one lease."""
    tried = lock(kubeconfig, namespace)
    made = tried.write(SPEC, None, LIMIT)
    newer = tried.write(LeaseSpec(holder_identity="other"), made.resource_version, LIMIT)
    with pytest.raises(LockError) as raised:
        tried.write(SPEC, made.resource_version, LIMIT)
    assert raised.value.is_conflict
    assert tried.read(LIMIT) == newer


def test_what_exists_is_not_made_again(kubeconfig: Path, namespace: str) -> None:
    tried = lock(kubeconfig, namespace)
    made = tried.write(SPEC, None, LIMIT)
    with pytest.raises(LockError) as raised:
        tried.write(LeaseSpec(holder_identity="other"), None, LIMIT)
    assert raised.value.is_conflict
    assert tried.read(LIMIT) == made


def test_a_patch_of_one_that_was_deleted_or_made_anew_is_a_conflict(
    api: Api, kubeconfig: Path, namespace: str
) -> None:
    tried = lock(kubeconfig, namespace)
    made = tried.write(SPEC, None, LIMIT)
    api.delete("Lease", namespace, "tried")
    with pytest.raises(LockError) as raised:
        tried.write(SPEC, made.resource_version, LIMIT)
    assert raised.value.is_conflict
    tried.write(LeaseSpec(holder_identity="other"), None, LIMIT)
    with pytest.raises(LockError) as raised:
        tried.write(SPEC, made.resource_version, LIMIT)
    assert raised.value.is_conflict


def test_a_lease_of_somebody_elses_making_is_read_too(
    api: Api, kubeconfig: Path, namespace: str
) -> None:
    meta = {"namespace": namespace, "name": "tried"}
    api.create({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta})
    found = lock(kubeconfig, namespace).read(LIMIT)
    assert found is not None
    assert found.spec == LeaseSpec()


def test_a_namespace_that_is_not_there_is_named(kubeconfig: Path) -> None:
    tried = lock(kubeconfig, "nowhere-to-be-seen")
    with pytest.raises(LockError, match="the namespace nowhere-to-be-seen doesn't exist") as raised:
        tried.write(SPEC, None, LIMIT)
    assert not raised.value.is_conflict


def test_a_server_that_does_not_answer_is_not_waited_for(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """And said in the same words each time, so that a log can say it once."""
    said = set()
    with Proxy(control_plane, Rule(Fault.FREEZE, times=None)) as proxy:
        path = control_plane.kubeconfig(tmp_path / "through", server=proxy.url)
        tried = lock(path, namespace)
        for seconds in (0.3, 0.5):
            with pytest.raises(LockError) as raised:
                tried.read(Limit(seconds, "half of a test"))
            said.add(str(raised.value))
    (message,) = said
    assert message.startswith(f"the lease {namespace}/tried: no answer from https://")
    assert message.endswith(": timed out (half of a test)")
