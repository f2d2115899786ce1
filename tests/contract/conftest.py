"""The clusters, one after the other: each test of this folder runs on all that its claim is of."""

from pathlib import Path

import pytest

from tests.contract.clusters import Cluster, Directory, Fake, Real, Telling


@pytest.fixture(params=["fake", "directory", "real"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Cluster:
    """An empty cluster with a namespace."""
    return _made(request, tmp_path)


@pytest.fixture(params=["fake", "real"])
def versioned(request: pytest.FixtureRequest, tmp_path: Path) -> Cluster:
    """A cluster in which others may change an object between a list and a write."""
    return _made(request, tmp_path)


@pytest.fixture(params=["fake", "real"])
def telling(request: pytest.FixtureRequest) -> Telling:
    """A cluster that takes Events."""
    return Fake() if request.param == "fake" else _real(request)


def _made(request: pytest.FixtureRequest, tmp_path: Path) -> Cluster:
    match request.param:
        case "fake":
            return Fake()
        case "directory":
            (tmp_path / "manifests").mkdir()
            return Directory(tmp_path / "manifests")
        case _:
            return _real(request)


def _real(request: pytest.FixtureRequest) -> Real:
    return Real(
        request.getfixturevalue("api"),
        request.getfixturevalue("namespace"),
        request.getfixturevalue("kubeconfig"),
    )
