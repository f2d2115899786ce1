"""The native Go program that says what templates give, built once into the user's cache.

It is built by the very Go that the engine is built by: error texts differ from version to version.
"""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from podcm_sync.template.engine import hatch_build
from tests.controlplane import binaries
from tests.gobuild import built

HERE = Path(__file__).parent
SOURCE = HERE / "oracle"


@cache
def program() -> Path:
    """The program, built unless it is in the cache."""
    return built("oracle", SOURCE, go(), hatch_build.digest())


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
