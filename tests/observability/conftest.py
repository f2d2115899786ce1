"""Fixtures: the programs, a Pushgateway, and a Prometheus that scrapes what a test names.

Without the programs these tests skip on a developer's machine, and fail in CI.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.proxy import Proxy
from tests.controlplane.harness import ControlPlane
from tests.observability import binaries
from tests.observability.servers import Prometheus, Pushgateway


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of prometheus, promtool and prometheus-pushgateway."""
    try:
        return binaries.find_or_fetch()
    except binaries.ObservabilityUnavailable as problem:
        if os.environ.get("CI") or os.environ.get("PODCM_SYNC_REQUIRE_CONTROLPLANE") == "1":
            pytest.fail(str(problem), pytrace=False)
        pytest.skip(str(problem))


@pytest.fixture
def pushgateway(programs: Path, tmp_path: Path) -> Iterator[Pushgateway]:
    """An empty one."""
    with Pushgateway(programs, tmp_path) as running:
        yield running


@pytest.fixture
def prometheus(programs: Path, tmp_path: Path) -> Iterator[Prometheus]:
    """One that scrapes nothing yet."""
    with Prometheus(programs, tmp_path) as running:
        yield running


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
