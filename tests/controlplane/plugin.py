"""A pytest plugin: one control plane a session, in it a fresh namespace for each test.

tests/conftest.py names it, so that every folder of tests has the same one.

Without binaries and means to build them the tests skip on a developer's machine; in CI, or with
PODCM_SYNC_REQUIRE_CONTROLPLANE=1, they fail.
"""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane import binaries
from tests.controlplane.api import Api, path_of
from tests.controlplane.audit import Audit
from tests.controlplane.harness import ControlPlane

CRD = Path(__file__).resolve().parents[2] / "crd" / "podconfigmapconfig_crd.yaml"


@pytest.fixture(scope="session")
def control_plane(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """A running control plane; all of the session's tests share it."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    # A first build takes minutes: its progress is to be seen while it lasts.
    shown = capture.global_and_fixture_disabled() if capture else contextlib.nullcontext()
    try:
        with shown:
            binaries.find_or_build()
    except binaries.ControlPlaneUnavailable as problem:
        if os.environ.get("CI") or os.environ.get("PODCM_SYNC_REQUIRE_CONTROLPLANE") == "1":
            pytest.fail(str(problem), pytrace=False)
        pytest.skip(str(problem))
    plane = ControlPlane.start(tmp_path_factory.mktemp("control-plane"))
    yield plane
    plane.stop()


@pytest.fixture(scope="session")
def api(control_plane: ControlPlane) -> Api:
    """The admin's client, with the PodConfigMapConfig CRD installed and served."""
    client = Api(control_plane.server, control_plane.ca_file, control_plane.admin_token)
    client.apply_crd(CRD)
    return client


@pytest.fixture
def namespace(api: Api) -> str:
    """A new namespace, ready for Pods. It stays: it goes when the control plane does."""
    return new_namespace(api)


def new_namespace(api: Api) -> str:
    """What the fixture gives, for tests that need more than one."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    # Pods are refused until this exists. The controller makes one too, but some time later.
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    status, answer = api.request("POST", path_of("ServiceAccount", name), account)
    assert status in (201, 409), answer  # 409: the controller came first
    return name


@pytest.fixture
def audit(control_plane: ControlPlane) -> Audit:
    """The control plane's audit log."""
    return Audit(control_plane.audit_log)


@pytest.fixture
def kubeconfig(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Path:
    """An admin's kubeconfig whose namespace is the test's."""
    return control_plane.kubeconfig(tmp_path / "kubeconfig", namespace=namespace)
