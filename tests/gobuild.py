"""A small Go program of the tests, built once into the user's cache."""

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from podcm_sync.template.engine import hatch_build


def built(name: str, source: Path, go: str, *made_from: str) -> Path:
    """The program, built by that Go unless one of the same sources is in the cache.

    `made_from` is what else it is made from.
    """
    digest = hashlib.sha256(" ".join((go, *made_from)).encode())
    for file in sorted(source.iterdir()):
        digest.update(file.read_bytes())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    made = base / "podcm-sync-tests" / f"{name}-{digest.hexdigest()[:16]}"
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=made.parent) as folder:
            partial = Path(folder) / name
            flags = ["-mod=readonly", "-trimpath", "-buildvcs=false"]
            subprocess.run(
                [go, "build", *flags, "-o", partial, "."],
                check=True,
                cwd=source,
                env=hatch_build.environment(),
            )
            partial.replace(made)
    return made
