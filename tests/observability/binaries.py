"""prometheus, promtool and prometheus-pushgateway: PATH's, else Debian's packages, unpacked.

They are fetched with `apt-get download` into the tests' cache, and nothing is installed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.controlplane.binaries import _cache, _locked, _say

PROGRAMS = ("prometheus", "promtool", "prometheus-pushgateway")
PACKAGES = ("prometheus", "prometheus-pushgateway")


class ObservabilityUnavailable(Exception):  # noqa: N818 - a state of affairs, not a mistake
    """The programs are not here, and there is no apt-get that brings them."""


def find_or_fetch() -> Path:
    """A folder with the three programs. Raises ObservabilityUnavailable."""
    found = [shutil.which(name) for name in PROGRAMS]
    if all(found):
        folders = {Path(path).parent for path in found if path}
        if len(folders) == 1:
            return folders.pop()
    folder = _cache() / "observability-debian"
    if not _is_whole(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_name(folder.name + ".lock")):
            if not _is_whole(folder):
                _fetch(folder)
    return folder / "usr" / "bin"


def _is_whole(folder: Path) -> bool:
    return all(os.access(folder / "usr" / "bin" / name, os.X_OK) for name in PROGRAMS)


def _fetch(folder: Path) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise ObservabilityUnavailable(
            f"{', '.join(PROGRAMS)} are not on PATH, and there is no apt-get to fetch them with: "
            "install Prometheus and its Pushgateway"
        )
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "debs").mkdir(parents=True)
    _say(f"fetching {' and '.join(PACKAGES)} with apt-get")
    try:
        _apt(partial, [])
    except ObservabilityUnavailable:
        # The machine's own lists are empty or stale: fetch lists of our own, which needs no root.
        lists = partial / "lists"
        (lists / "partial").mkdir(parents=True)
        own = [f"Dir::State::lists={lists}", f"Dir::Cache={partial / 'cache'}"]
        _run(["apt-get", *_options(own), "update"], partial)
        _apt(partial, own)
    for package in (partial / "debs").glob("*.deb"):
        _run(["dpkg-deb", "-x", str(package), str(partial)], partial)
    if not _is_whole(partial):
        raise ObservabilityUnavailable(f"{', '.join(PACKAGES)} lack one of {', '.join(PROGRAMS)}")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def _apt(partial: Path, options: list[str]) -> None:
    _run(["apt-get", *_options(options), "download", *PACKAGES], partial / "debs")


def _options(options: list[str]) -> list[str]:
    # Root's downloads would be another user's, who may not write here.
    return [word for each in (*options, "APT::Sandbox::User=root") for word in ("-o", each)]


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-10:])
        raise ObservabilityUnavailable(f"{' '.join(command)} failed:\n{tail}")


if __name__ == "__main__":
    try:
        print(find_or_fetch())
    except ObservabilityUnavailable as problem:
        sys.exit(f"observability: {problem}")
