"""The native Go program that says what templates give, built once into the user's cache.

It is built by the very Go that the engine is built by: error texts differ from version to version.
"""

import hashlib
import json
import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from podcm_sync.template.engine import hatch_build
from tests.controlplane import binaries

HERE = Path(__file__).parent
SOURCE = HERE / "oracle"


@cache
def program() -> Path:
    """The program, built unless it is in the cache."""
    command = go()
    digest = hashlib.sha256(f"{command} {hatch_build.digest()}".encode())
    for file in sorted(SOURCE.iterdir()):
        digest.update(file.read_bytes())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    made = base / "podcm-sync-tests" / f"oracle-{digest.hexdigest()[:16]}"
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=made.parent) as name:
            partial = Path(name) / "oracle"
            subprocess.run(
                [
                    command,
                    "build",
                    "-mod=readonly",
                    "-trimpath",
                    "-buildvcs=false",
                    "-o",
                    partial,
                    ".",
                ],
                check=True,
                cwd=SOURCE,
                env=hatch_build.environment(),
            )
            partial.replace(made)
    return made


def go() -> str:
    """The Go that the engine was built by, or one like it."""
    try:
        return hatch_build.find_go()
    except RuntimeError:
        # The engine was built by the pinned package in pip's own environment, which is gone.
        return binaries.go()


def ask(question: Any, *arguments: str) -> Any:
    """What the program answers, JSON for JSON."""
    done = subprocess.run(
        [program(), *arguments],
        check=True,
        input=json.dumps(question).encode(),
        capture_output=True,
        env={"GOMAXPROCS": "1"},
    )
    return json.loads(done.stdout)
