"""Fixtures of the chaos tests."""

import pytest

from podcm_sync.cluster.kube import retry
from tests.chaos.world import World
from tests.controlplane.api import Api


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries after milliseconds; in this process alone."""
    monkeypatch.setattr(retry, "BACKOFF_SECONDS", 0.01)


@pytest.fixture
def world(api: Api, namespace: str) -> World:
    """A world in the test's namespace; nothing is asked for yet."""
    return World.make(api, namespace)
