"""Programs of Debian packages, unpacked into the tests' cache; nothing is installed.

They are fetched with `apt-get download`, which needs neither root nor up-to-date lists.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.controlplane.binaries import _cache, _locked, _say


class PackagesUnavailable(Exception):  # noqa: N818 - a state of affairs, not a mistake
    """The packages are not here, and there is no apt-get that brings them."""


def unpacked(name: str, packages: Sequence[str], programs: Sequence[str]) -> Path:
    """The cache's folder of that name with the packages' files, among them these programs.

    The programs are paths in the folder. Raises PackagesUnavailable.
    """
    folder = _cache() / name
    if not _is_whole(folder, programs):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_name(folder.name + ".lock")):
            if not _is_whole(folder, programs):
                _fetch(folder, packages, programs)
    return folder


def _is_whole(folder: Path, programs: Sequence[str]) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in programs)


def _fetch(folder: Path, packages: Sequence[str], programs: Sequence[str]) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise PackagesUnavailable(
            f"there is no apt-get to fetch {', '.join(packages)} with: "
            "use Debian or Ubuntu, or install them"
        )
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "debs").mkdir(parents=True)
    _say(f"fetching {' and '.join(packages)} with apt-get")
    try:
        _download(partial, packages, [])
    except PackagesUnavailable:
        # The machine's own lists are empty or stale: fetch lists of our own, which needs no root.
        lists = partial / "lists"
        (lists / "partial").mkdir(parents=True)
        own = [f"Dir::State::lists={lists}", f"Dir::Cache={partial / 'cache'}"]
        _run(["apt-get", *_options(own), "update"], partial)
        _download(partial, packages, own)
    for package in (partial / "debs").glob("*.deb"):
        _run(["dpkg-deb", "-x", str(package), str(partial)], partial)
    if not _is_whole(partial, programs):
        raise PackagesUnavailable(f"{', '.join(packages)} lack one of {', '.join(programs)}")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def _download(partial: Path, packages: Sequence[str], options: list[str]) -> None:
    _run(["apt-get", *_options(options), "download", *packages], partial / "debs")


def _options(options: list[str]) -> list[str]:
    # Root's downloads would be another user's, who may not write here.
    return [word for each in (*options, "APT::Sandbox::User=root") for word in ("-o", each)]


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-10:])
        raise PackagesUnavailable(f"{' '.join(command)} failed:\n{tail}")
