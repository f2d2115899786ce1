"""Fixtures of the chaos tests: a proxy before the control plane, and a kubeconfig through it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from podcm_sync.cluster.kube import retry
from tests.chaos.proxy import Proxy
from tests.chaos.world import World
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries after milliseconds; in this process alone."""
    monkeypatch.setattr(retry, "BACKOFF_SECONDS", 0.01)


@pytest.fixture
def proxy(control_plane: ControlPlane) -> Iterator[Proxy]:
    """A proxy without rules."""
    with Proxy(control_plane) as made:
        yield made


@pytest.fixture
def through(control_plane: ControlPlane, namespace: str, proxy: Proxy, tmp_path: Path) -> Path:
    """A kubeconfig of the test's namespace that leads through the proxy."""
    path = tmp_path / "through-the-proxy"
    return control_plane.kubeconfig(path, namespace=namespace, server=proxy.url)


@pytest.fixture
def world(api: Api, namespace: str) -> World:
    """A world in the test's namespace; nothing is asked for yet."""
    return World.make(api, namespace)
