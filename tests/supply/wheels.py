"""Every pin of the image has a wheel for amd64 and for arm64, by its hash: no build of any package.

It is as much of an image for arm64 as can be shown without an emulator or such a machine.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.supply import lock

LOCKS: Final = ("runtime.txt", "build.txt")
MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
GLIBC: Final = (28, 17)
"""Minor versions of the C library whose wheels the image's Debian takes; pip adds no older ones."""


def main() -> None:
    """A line for each platform; raises if a wheel is missing."""
    for machine in MACHINES:
        names = downloaded(machine)
        native = sorted(
            name.partition("-")[0] for name in names if not name.endswith("-none-any.whl")
        )
        print(f"linux/{machine}: {len(names)} wheels, native: {', '.join(native)}", flush=True)


def downloaded(machine: str) -> list[str]:
    """The names of the wheels that the lock files pin for that machine."""
    tags = [*(f"manylinux_2_{minor}" for minor in GLIBC), "manylinux2014"]
    platforms = [f"--platform={tag}_{MACHINES[machine]}" for tag in tags]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes"]
        command += [
            "--only-binary=:all:",
            "--no-deps",
            f"--python-version={lock.PYTHON}",
            *platforms,
        ]
        for name in LOCKS:
            pins = str(lock.FOLDER / name)
            subprocess.run([*command, f"--dest={folder}", "-r", pins], check=True)
        return [path.name for path in Path(folder).glob("*.whl")]


if __name__ == "__main__":
    main()
