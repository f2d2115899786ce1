"""The commands of a page of the documents, run as a reader runs them, in order."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.controlplane.harness import ControlPlane
from tests.shape.readme import ROOT


def blocks(page: str, section: str) -> list[str]:
    """The shell blocks below a heading of docs/PAGE, up to the next heading of its level."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = re.search(rf"(?ms)^(##+) {re.escape(section)}\n(.*?)(?=^##? |\Z)", text)
    assert found, f"{page} has no section {section!r}"
    shell = re.findall(r"(?ms)^( *)```sh\n(.*?)^ *```", found[2])
    assert shell, f"{page}, {section}: there are no commands"
    return [re.sub(rf"(?m)^{indent}", "", block) for indent, block in shell]


@dataclass(frozen=True)
class Checkout:
    """A reader's working directory: a checkout of this repository, with kubectl and podcm-sync."""

    folder: Path
    kubeconfig: Path
    binaries: Path

    @classmethod
    def at(cls, folder: Path, plane: ControlPlane, kubeconfig: Path) -> "Checkout":
        """What the pages' commands read of the checkout is there as links."""
        folder.mkdir()
        for name in ("crd", "deploy"):
            (folder / name).symlink_to(ROOT / name)
        return cls(folder, kubeconfig, plane.binaries)

    def run(
        self, command: str, *, code: int = 0, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run commands in bash, and check the exit code of the whole."""
        path = f"{Path(sys.executable).parent}:{self.binaries}:{os.environ['PATH']}"
        # The template engine as an earlier test compiled it.
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env={
                "PATH": path,
                "HOME": str(self.folder),
                "KUBECONFIG": str(self.kubeconfig),
                "XDG_CACHE_HOME": cache,
                **(env or {}),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"
        return done
