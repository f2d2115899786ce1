"""A pytest plugin: one control plane a session, in it a fresh namespace for each test.

tests/conftest.py names it, so that every folder of tests has the same one.

Without binaries and means to build them the tests skip on a developer's machine; in CI, or with
REQUIRE_CONTROLPLANE=1, they fail.
"""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.proxy import Proxy
from tests.controlplane import binaries
from tests.controlplane.api import Api, path_of
from tests.controlplane.audit import Audit
from tests.controlplane.deletions import Deletions
from tests.controlplane.harness import ControlPlane

CRD = Path(__file__).resolve().parents[2] / "crd" / "podconfigmapconfig_crd.yaml"


def boot(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """A running control plane, for as long as the fixture that this becomes."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    # A first build takes minutes: its progress is to be seen while it lasts.
    shown = capture.global_and_fixture_disabled() if capture else contextlib.nullcontext()
    try:
        with shown:
            binaries.find_or_build()
    except binaries.ControlPlaneUnavailable as problem:
        if os.environ.get("CI") or os.environ.get("REQUIRE_CONTROLPLANE") == "1":
            pytest.fail(str(problem), pytrace=False)
        pytest.skip(str(problem))
    with ControlPlane.start(tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane


def connect(control_plane: ControlPlane) -> Api:
    """The admin's client, with the PodConfigMapConfig CRD installed and served."""
    client = Api(control_plane.server, control_plane.ca_file, control_plane.admin_token)
    client.apply_crd(CRD)
    return client


def audited(control_plane: ControlPlane) -> Deletions:
    """All deletions on the control plane."""
    return Deletions(control_plane.audit_log)


# All of the session's tests share these; own.py makes them for one file.
control_plane = pytest.fixture(scope="session")(boot)
api = pytest.fixture(scope="session")(connect)
deletions = pytest.fixture(scope="session")(audited)


@pytest.fixture(autouse=True)
def only_allowed_deletions(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every deletion that podcm-sync makes on the control plane is one that the spec allows."""
    if "control_plane" not in request.fixturenames:
        yield
        return
    deletions: Deletions = request.getfixturevalue("deletions")
    yield
    assert deletions.wrong() == []


@pytest.fixture
def namespace(api: Api) -> str:
    """A new namespace, ready for Pods. It stays: it goes when the control plane does."""
    return new_namespace(api)


def new_namespace(api: Api, name: str = "") -> str:
    """What the fixture gives, for tests that need more than one, or one of a certain name."""
    name = name or f"t-{uuid.uuid4().hex[:8]}"
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


@pytest.fixture
def proxy(control_plane: ControlPlane) -> Iterator[Proxy]:
    """A proxy before the control plane, without rules."""
    with Proxy(control_plane) as made:
        yield made


@pytest.fixture
def through(control_plane: ControlPlane, namespace: str, proxy: Proxy, tmp_path: Path) -> Path:
    """A kubeconfig of the test's namespace that leads through the proxy."""
    path = tmp_path / "through-the-proxy"
    return control_plane.kubeconfig(path, namespace=namespace, server=proxy.url)
