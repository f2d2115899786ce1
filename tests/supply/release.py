"""The files of a release in dist/: `python -m tests.supply.release VERSION [--dry-run]`.

It builds everything twice, in two folders and without a cache of compiled code, and stops if one
byte differs. Times in archives are the date of the version in docs/CHANGELOG.md, so only the
sources decide about the bytes. Without --dry-run, it writes the version into the tree, too.
"""

import argparse
import datetime as dt
import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from podcm_sync import __version__
from tests.shape.readme import ROOT

SUMS = "SHA256SUMS"
NOTES = "release-notes.md"
CHANGELOG = Path("docs") / "CHANGELOG.md"
CHART = Path("deploy") / "chart"
PATTERN = re.compile(r"\d+\.\d+\.\d+")
NAMED = (
    *(
        "README.md",
        "podcm_sync/__init__.py",
        "deploy",
        "docs",
        "examples",
        ".github/ISSUE_TEMPLATE",
    ),
    "tests/chart/golden",
)
"""The files and folders that name the current version."""
MENTION = (
    r"(?P<before>podcm[-_]sync[-: ]|\bref: v|`v|\b__version__ = \"|\b(?:appV|v)ersion: \"?"
    r"|\bversion=\"|\bnewTag: \"?)"
)
"""What stands before the version where a file names it."""


def check(root: Path, version: str) -> str:
    """The changelog's section of this version. Exits if the tree can't be released as it is."""
    if not PATTERN.fullmatch(version):
        sys.exit(f"version {version!r}: write MAJOR.MINOR.PATCH, such as 1.2.3")
    if changed := _git(root, "status", "--porcelain"):
        sys.exit(f"the tree has changes; commit or remove them:\n{changed}")
    tag = _git(root, "tag", "--list", f"v{version}")
    if tag and _git(root, "rev-parse", f"{tag}^{{commit}}") != _git(root, "rev-parse", "HEAD"):
        sys.exit(
            f"tag {tag} is on another commit; a released tag never moves, so take a new version"
        )
    return section(root, version)[1]


def section(root: Path, version: str) -> tuple[dt.date, str]:
    """The date of a version, and its part of the changelog. Exits if there is none."""
    text = (root / CHANGELOG).read_text(encoding="utf-8")
    found = re.search(
        rf"^## \[{re.escape(version)}\] - (\d{{4}}-\d\d-\d\d)\n(.*?)(?=^## |\Z)",
        text,
        re.MULTILINE | re.DOTALL,
    )
    if not found or not found[2].strip():
        sys.exit(f'{CHANGELOG}: there is no section "## [{version}] - YYYY-MM-DD" with text')
    return dt.date.fromisoformat(found[1]), found[2].strip() + "\n"


def naming_files(root: Path) -> Iterator[Path]:
    """The files that can name the current version. The changelog names all of them."""
    for name in NAMED:
        place = root / name
        files = [place] if place.is_file() else sorted(place.rglob("*"))
        for path in files:
            is_text = path.suffix in {".md", ".py", ".yaml", ".yml"}
            if path.is_file() and is_text and path != root / CHANGELOG:
                yield path


def set_version(root: Path, old: str, new: str) -> list[Path]:
    """Write the new version where the files name the old one. Returns the files that changed."""
    mention = re.compile(rf"{MENTION}{re.escape(old)}(?![\w.]\d)")
    changed = []
    for path in naming_files(root):
        text = path.read_text(encoding="utf-8")
        replaced = mention.sub(rf"\g<before>{new}", text)
        if replaced != text:
            path.write_text(replaced, encoding="utf-8")
            changed.append(path.relative_to(root))
    return changed


def build(root: Path, version: str, tools: Path, folder: Path) -> Path:
    """Build the committed tree as this version below `folder`. Returns the folder of the files."""
    tree, dist = folder / "tree", folder / "tree" / "dist"
    tree.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=root, check=True, capture_output=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(tree, filter="data")
    set_version(tree, __version__, version)
    date, notes = section(tree, version)
    time = dt.datetime.combine(date, dt.time(), dt.UTC)
    epoch = int(time.timestamp())
    (go,) = tools.glob("lib/python*/site-packages/go/bin")
    environment = {
        **os.environ,
        # The Go of the lock file, with an empty cache, so that nothing comes from an earlier build.
        "PATH": f"{go}{os.pathsep}{os.environ['PATH']}",
        "GOCACHE": str(folder / "go-cache"),
        "SOURCE_DATE_EPOCH": str(epoch),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def run(*command: str | Path) -> None:
        done = subprocess.run(
            command, cwd=tree, env=environment, check=False, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")

    # The bill of the wheel needs the engine that was built for the wheel, so the wheel is first.
    for target in ("wheel", "sdist"):
        run(tools / "bin" / "python", "-m", "hatchling", "build", "-t", target, "-d", dist)
    run(sys.executable, "-m", "tests.supply.sbom")
    if (tree / CHART).is_dir():
        package_chart(tree / CHART, version, epoch, dist)
    (dist / NOTES).write_text(notes, encoding="utf-8")
    (dist / SUMS).write_text(sums(dist), encoding="utf-8")
    return dist


def package_chart(chart: Path, version: str, epoch: int, dist: Path) -> Path:
    """The chart as an archive. Helm's own has the time of the packaging in it."""
    packaged = dist / f"podcm-sync-{version}.tgz"
    packaged.parent.mkdir(parents=True, exist_ok=True)
    files = sorted(path for path in chart.rglob("*") if path.is_file())
    # Helm expects Chart.yaml first.
    files.sort(key=lambda path: path != chart / "Chart.yaml")
    with (
        packaged.open("wb") as raw,
        gzip.GzipFile("", "wb", 9, raw, epoch) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for path in files:
            member = tarfile.TarInfo(f"podcm-sync/{path.relative_to(chart).as_posix()}")
            content = path.read_bytes()
            member.size, member.mtime, member.mode = len(content), epoch, 0o644
            tar.addfile(member, io.BytesIO(content))
    return packaged


def sums(dist: Path) -> str:
    """The checksums of all files, as `sha256sum --check` reads them."""
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(dist.iterdir())
        if path.name != SUMS
    )


def differing(first: Path, second: Path) -> list[str]:
    """The names of the files that aren't the same, byte for byte, in both folders."""
    names = {path.name for folder in (first, second) for path in folder.iterdir()}

    def content(path: Path) -> bytes | None:
        return path.read_bytes() if path.exists() else None

    return sorted(name for name in names if content(first / name) != content(second / name))


def install_tools(folder: Path) -> Path:
    """A virtual environment with the build tools and the Go of requirements/build.txt."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    command: list[str | Path] = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
    command += ["--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"]
    command += ["-r", ROOT / "requirements" / "build.txt"]
    subprocess.run(command, check=True)
    return folder


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(prog="make release VERSION=")
    parser.add_argument("version")
    parser.add_argument(
        "--dry-run", action="store_true", help="leave the version in the tree as it is"
    )
    options = parser.parse_args()
    version: str = options.version
    check(ROOT, version)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tools = install_tools(folder / "tools")
        first, second = (build(ROOT, version, tools, folder / part) for part in ("a", "second"))
        if names := differing(first, second):
            sys.exit(f"built twice, and these differ: {', '.join(names)}")
        shutil.rmtree(ROOT / "dist", ignore_errors=True)
        shutil.copytree(first, ROOT / "dist")
    print((ROOT / "dist" / SUMS).read_text(encoding="utf-8"), end="")
    print("Built twice, and equal byte for byte.")
    if options.dry_run:
        print("Dry run: the tree still has the old version.")
        return
    for path in set_version(ROOT, __version__, version):
        print(f"version set in {path}")
    print("Next: the steps in .github/CONTRIBUTING.md, Release")


if __name__ == "__main__":
    main()
