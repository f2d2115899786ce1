"""The clusters, one after the other: each test of this folder runs on all that its claim is of."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.clusters import Cluster, Directory, Fake, Real, Telling
from tests.contract.stores import FakeStore, RealStore
from tests.controlplane.api import Api


@pytest.fixture(params=["fake", "directory", "real", "fake store", "real store"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """An empty cluster with a namespace."""
    yield from _made(request, tmp_path)


@pytest.fixture(params=["fake", "directory", "real"])
def listed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster that lists the names of all ConfigMaps, which a store doesn't know."""
    yield from _made(request, tmp_path)


@pytest.fixture(params=["fake", "real", "fake store", "real store"])
def versioned(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster in which others may change an object between a list and a write."""
    yield from _made(request, tmp_path)


@pytest.fixture(params=["fake store", "real store"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeStore | RealStore]:
    """A store that events keep up to date."""
    for made in _made(request, tmp_path):
        assert isinstance(made, FakeStore | RealStore)
        yield made


@pytest.fixture(params=["fake", "real"])
def telling(request: pytest.FixtureRequest) -> Telling:
    """A cluster that takes Events."""
    return Fake() if request.param == "fake" else Real(*_address(request))


def _made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    match request.param:
        case "fake":
            yield Fake()
        case "directory":
            (tmp_path / "manifests").mkdir()
            yield Directory(tmp_path / "manifests")
        case "fake store":
            yield FakeStore()
        case "real store":
            store = RealStore(*_address(request))
            store.open()
            yield store
            store.close()
        case _:
            yield Real(*_address(request))


def _address(request: pytest.FixtureRequest) -> tuple[Api, str, Path]:
    return (
        request.getfixturevalue("api"),
        request.getfixturevalue("namespace"),
        request.getfixturevalue("kubeconfig"),
    )
