"""The versions of Kubernetes that are tested are pinned, consecutive, and the ones in the docs."""

import re
from pathlib import Path

import pytest

from tests import versions
from tests.controlplane import binaries
from tests.controlplane.binaries import Build
from tests.shape.readme import ROOT

PAGE = (ROOT / "docs" / "versions.md").read_text(encoding="utf-8")
MINORS = versions.minors()
REPORT = (
    """<testsuites><testsuite tests="7" failures="{}" errors="{}" skipped="{}"/></testsuites>"""
)


def folder_of(minor: str) -> Path:
    older = binaries.VERSIONS / minor
    return older if older.is_dir() else binaries.HERE


def test_there_are_four_minor_versions_in_a_row() -> None:
    numbers = [int(minor.removeprefix("1.")) for minor in MINORS]
    assert numbers == list(range(numbers[0], numbers[0] - 4, -1))


@pytest.mark.parametrize("minor", MINORS)
def test_a_version_is_pinned_in_all_its_modules(minor: str) -> None:
    """Kubernetes' own modules are v1.X.Y and v0.X.Y; one left behind would be another release."""
    text = (folder_of(minor) / "go.mod").read_text()
    version = Build("", folder_of(minor), {}).version
    assert version.startswith(f"v{minor}.")
    replaced = set(re.findall(r"^\tk8s\.io/\S+ => k8s\.io/\S+ v0\.(\S+)$", text, re.MULTILINE))
    assert replaced == {version.removeprefix("v1.")}


@pytest.mark.parametrize("minor", MINORS)
def test_the_page_has_a_row_of_each_version(minor: str) -> None:
    """As pinned: after a change of a pin, run `make test-versions` and put in its rows."""
    version = Build("", folder_of(minor), {}).version
    row = rf"^\| Kubernetes {re.escape(version)} \| (\d+ passed \| \d+ s|not run \| ) \|"
    assert re.search(row, PAGE, re.MULTILINE)


def test_the_node_runs_the_version_of_the_control_plane() -> None:
    node = ROOT / "tests" / "node"
    assert Build("", node, {}).version == Build("", binaries.HERE, {}).version


def test_every_file_of_tests_is_there() -> None:
    folder = ROOT / versions.FOLDER
    assert [name for name in versions.TESTS if not (folder / name).is_file()] == []


def test_an_unknown_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLPLANE_KUBERNETES", "1.2")
    with pytest.raises(binaries.ControlPlaneUnavailable, match=r"is 1\.2, which .* does not pin"):
        binaries.control_plane()


def test_an_older_version_has_its_own_place_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONTROLPLANE_KUBERNETES", raising=False)
    newest = binaries.control_plane().folder
    monkeypatch.setenv("CONTROLPLANE_KUBERNETES", MINORS[-1])
    assert f"-v{MINORS[-1]}." in binaries.control_plane().folder.name
    assert binaries.control_plane().folder != newest


@pytest.mark.parametrize(
    ("counts", "is_good"),
    [((0, 0, 0), True), ((1, 0, 0), False), ((0, 1, 0), False), ((0, 0, 1), False)],
)
def test_a_failed_or_skipped_test_is_not_good(
    tmp_path: Path, counts: tuple[int, int, int], is_good: bool
) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT.format(*counts))
    found = versions.result(MINORS[0], report, 1.0)
    assert found.is_good == is_good
    assert found.passed == 7 - sum(counts)
    assert ("failed" in found.row) != is_good
