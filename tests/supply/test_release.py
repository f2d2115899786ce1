"""A release starts from a clean tree with a changelog, and names its version everywhere.

`make release VERSION=... DRY_RUN=1` builds it whole, for some minutes.
"""

import os
import re
import shutil
import subprocess
import tarfile
from datetime import date
from pathlib import Path

import pytest

from podcm_sync import __version__
from tests.shape.readme import ROOT
from tests.supply import release

CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.3] - 2026-11-26

### Added

- A field.

## [1.2.2] - 2026-10-01

- Older.
"""


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with nothing but a changelog, committed."""
    folder = tmp_path / "repository"
    (folder / "docs").mkdir(parents=True)
    (folder / release.CHANGELOG).write_text(CHANGELOG, encoding="utf-8")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "First")
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of all files of this repository that name the version."""
    for path in release.naming_files(ROOT):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return tmp_path


def test_a_clean_tree_whose_changelog_has_the_version_can_be_released(repository: Path) -> None:
    assert release.check(repository, "1.2.3") == "### Added\n\n- A field.\n"
    assert release.section(repository, "1.2.3")[0] == date(2026, 11, 26)
    git(repository, "tag", "v1.2.3")
    assert release.check(repository, "1.2.3")


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("1.2", "write MAJOR.MINOR.PATCH"),
        ("v1.2.3", "write MAJOR.MINOR.PATCH"),
        ("", "write MAJOR.MINOR.PATCH"),
        ("1.3.0", r'there is no section "## \[1.3.0\]'),
        ("1.2.4", r'there is no section "## \[1.2.4\]'),
    ],
)
def test_a_version_that_the_changelog_lacks_is_refused(
    repository: Path, version: str, message: str
) -> None:
    with pytest.raises(SystemExit, match=message):
        release.check(repository, version)


def test_an_empty_section_is_refused(repository: Path) -> None:
    (repository / release.CHANGELOG).write_text("## [1.2.3] - 2026-11-26\n\n## [1.2.2]\n")
    git(repository, "commit", "--quiet", "--all", "--message", "Empty")
    with pytest.raises(SystemExit, match="with text"):
        release.check(repository, "1.2.3")


@pytest.mark.parametrize("name", ["docs/CHANGELOG.md", "stray.txt"])
def test_a_tree_with_changes_is_refused(repository: Path, name: str) -> None:
    with (repository / name).open("a", encoding="utf-8") as file:
        file.write("more\n")
    with pytest.raises(SystemExit, match=rf"the tree has changes(.|\n)*{name}"):
        release.check(repository, "1.2.3")


def test_a_tag_never_moves(repository: Path) -> None:
    git(repository, "tag", "v1.2.3")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "Later")
    with pytest.raises(SystemExit, match=r"tag v1\.2\.3 is on another commit"):
        release.check(repository, "1.2.3")


def test_a_release_names_its_version_everywhere(tree: Path) -> None:
    changed = release.set_version(tree, __version__, "98.7.6")
    assert Path("podcm_sync/__init__.py") in changed
    assert Path("deploy/cronjob.yaml") in changed
    assert Path("examples/pull-request.yaml") in changed
    old = re.compile(rf"(?<![\w.]){re.escape(__version__)}(?![\w.])")
    left = [path for path in release.naming_files(tree) if old.search(path.read_text("utf-8"))]
    assert left == []
    assert '__version__ = "98.7.6"' in (tree / "podcm_sync/__init__.py").read_text("utf-8")
    # Back again, nothing else has changed.
    release.set_version(tree, "98.7.6", __version__)
    for path in release.naming_files(ROOT):
        assert (tree / path.relative_to(ROOT)).read_bytes() == path.read_bytes()


def test_a_chart_is_packaged_alike_at_any_time_and_place(tmp_path: Path) -> None:
    packaged = []
    for number, name in enumerate(("first", "second")):
        chart = tmp_path / name / "chart"
        (chart / "templates").mkdir(parents=True)
        for file in ("values.yaml", "Chart.yaml", "templates/cronjob.yaml"):
            (chart / file).write_text(f"{file}: 1\n", encoding="utf-8")
            os.utime(chart / file, (number * 1000, number * 1000))
        packaged.append(release.package_chart(chart, "1.2.3", 86400, tmp_path / name / "dist"))
    first, second = packaged
    assert first.name == "podcm-sync-1.2.3.tgz"
    assert first.read_bytes() == second.read_bytes()
    with tarfile.open(first) as tar:
        assert [(each.name, each.mtime) for each in tar] == [
            ("podcm-sync/Chart.yaml", 86400),
            ("podcm-sync/templates/cronjob.yaml", 86400),
            ("podcm-sync/values.yaml", 86400),
        ]


def test_the_checksums_are_those_of_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"b")
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / release.SUMS).write_text(release.sums(tmp_path), encoding="utf-8")
    command = ["sha256sum", "--check", "--strict", release.SUMS]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "a: OK\nb: OK\n"


def test_files_that_differ_or_are_missing_are_named(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, content in ((first, "1"), (second, "2")):
        folder.mkdir()
        (folder / "same").write_text("same", encoding="utf-8")
        (folder / "differs").write_text(content, encoding="utf-8")
    (second / "only").write_text("only", encoding="utf-8")
    assert release.differing(first, second) == ["differs", "only"]
