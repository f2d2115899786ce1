"""The clusters, one after the other: each test of this folder runs on all that its claim is of."""

from pathlib import Path

import pytest

from tests.contract.clusters import Cluster, Directory, Fake, Real


@pytest.fixture(params=["fake", "directory", "real"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Cluster:
    """An empty cluster with a namespace."""
    return _made(request, tmp_path)


@pytest.fixture(params=["fake", "real"])
def versioned(request: pytest.FixtureRequest, tmp_path: Path) -> Cluster:
    """A cluster in which others may change an object between a list and a write."""
    return _made(request, tmp_path)


def _made(request: pytest.FixtureRequest, tmp_path: Path) -> Cluster:
    match request.param:
        case "fake":
            return Fake()
        case "directory":
            (tmp_path / "manifests").mkdir()
            return Directory(tmp_path / "manifests")
        case _:
            return Real(
                request.getfixturevalue("api"),
                request.getfixturevalue("namespace"),
                request.getfixturevalue("kubeconfig"),
            )
