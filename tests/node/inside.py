"""The part of a run that is in namespaces of its own: boots the node, and checks every promise."""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.node import isolation
from tests.node.cluster import Cluster
from tests.node.cronjob import check_cronjob
from tests.node.deployment import check_deployment
from tests.node.hostile import check_hostile
from tests.node.install import Installer
from tests.node.node import Node, Programs
from tests.node.uninstall import check_uninstall
from tests.promises import note

PARTS: Final = {
    "cronjob": check_cronjob,
    "deployment": check_deployment,
    "hostile": check_hostile,
    "uninstall": check_uninstall,
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the outer process prepared."""

    workdir: Path
    cgroup: str
    kubernetes: Path
    debian: Path
    images: dict[str, str]
    """The archive of each image."""
    parts: list[str]

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(vars(self), default=str))

    @staticmethod
    def read(path: Path) -> "Settings":
        found: dict[str, Any] = json.loads(path.read_text())
        paths = {name: Path(found[name]) for name in ("workdir", "kubernetes", "debian")}
        return Settings(**(found | paths))


def main() -> None:
    settings = Settings.read(Path(sys.argv[1]))
    isolation.arrange(settings.workdir)
    began = time.monotonic()
    programs = Programs(kubernetes=settings.kubernetes, debian=settings.debian)
    images = {name: Path(archive) for name, archive in settings.images.items()}
    node = Node.start(settings.workdir, programs, settings.cgroup, images)
    note(f"{time.monotonic() - began:.1f} s until the node was ready")
    cluster = Cluster(node, settings.workdir)
    cluster.open_shop()
    installer = Installer(cluster)
    for part in settings.parts:
        PARTS[part](cluster, installer)


if __name__ == "__main__":
    main()
