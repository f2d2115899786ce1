"""Fixtures: the programs, a Pushgateway, and a Prometheus that scrapes what a test names.

Without the programs these tests skip on a developer's machine, and fail in CI.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.debian import PackagesUnavailable
from tests.observability import binaries
from tests.observability.servers import Prometheus, Pushgateway


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of prometheus, promtool and prometheus-pushgateway."""
    try:
        return binaries.find_or_fetch()
    except PackagesUnavailable as problem:
        if os.environ.get("CI") or os.environ.get("REQUIRE_CONTROLPLANE") == "1":
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
