"""The lock files of requirements/, made by uv: `python -m tests.supply.lock` writes them again.

Each pins every package, dependencies included, by version and by the hashes of its files, for the
image's Python on Linux. Ranges stay in pyproject.toml, and test_lock.py holds the two together.
"""

import re
import subprocess
import sys
import tomllib
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from podcm_sync.template.engine.hatch_build import GO_PACKAGE
from tests.shape.readme import ROOT

FOLDER = ROOT / "requirements"
PYTHON = "3.13"
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28")
PIN = re.compile(
    r"^([\w.-]+)==(\S+) \\\n(?:    --hash=sha256:[0-9a-f]{64} \\\n)*"
    r"    --hash=sha256:[0-9a-f]{64}\n",
    re.MULTILINE,
)


def wanted() -> dict[str, list[str]]:
    """The requirements behind each lock file, by the file's name."""
    content: Any = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = content["project"]
    return {
        "runtime.txt": project["dependencies"],
        "build.txt": [*content["build-system"]["requires"], GO_PACKAGE],
        "audit.txt": project["optional-dependencies"]["audit"],
    }


def pins(name: str) -> dict[str, str]:
    """The version of each package in a lock file, by its canonical name."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    return {canonicalize_name(pin[1]): pin[2] for pin in PIN.finditer(text)}


def unsatisfied(requirements: list[str], pinned: dict[str, str]) -> list[str]:
    """The requirements that no pin satisfies."""

    def is_satisfied(requirement: Requirement) -> bool:
        version = pinned.get(canonicalize_name(requirement.name))
        return version is not None and requirement.specifier.contains(version, prereleases=True)

    return [text for text in requirements if not is_satisfied(Requirement(text))]


def compiled(requirements: list[str], platform: str) -> str:
    """A lock file's text: the newest versions that fit the requirements on that platform."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--generate-hashes"]
    command += ["--python-version", PYTHON, "--python-platform", platform]
    command += ["--no-header", "--no-annotate", "-"]
    done = subprocess.run(
        command, input="\n".join(requirements), capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def main() -> None:
    for name, requirements in wanted().items():
        first, second = (compiled(requirements, platform) for platform in PLATFORMS)
        if first != second:
            sys.exit(f"{name}: the platforms need different packages, so it would need markers")
        head = f"# Made by `make lock` for Python {PYTHON} on Linux, amd64 and arm64.\n"
        (FOLDER / name).write_text(head + first, encoding="utf-8")


if __name__ == "__main__":
    main()
