"""kubectl's own reading of manifests: a small Go program over its modules, built once.

The program stands in `oracle/` and is built into the user's cache, by the Go on PATH or else by
the pinned package that the control plane's tests use.
"""

import base64
import json
import subprocess
import threading
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.controlplane import binaries
from tests.gobuild import built

SOURCE = Path(__file__).parent / "oracle"
Json = Any


class Reading(NamedTuple):
    """The objects that kubectl reads in a file, and the error that ends the file early, or ""."""

    objects: list[Json]
    error: str


class Kubectl:
    """The program, running: one file after the other, since starting it takes longer."""

    def __init__(self) -> None:
        """Build the program if it isn't in the cache, and start it."""
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [built("kubectl-reads", SOURCE, binaries.go())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"GOMAXPROCS": "1"},
        )

    def read(self, content: bytes) -> Reading:
        """What kubectl reads in a file of this content."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            request = json.dumps(base64.b64encode(content).decode()) + "\n"
            self._process.stdin.write(request.encode())
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        return Reading(answer["objects"], answer["error"])

    def close(self) -> None:
        """End the program."""
        self._process.communicate()


@cache
def kubectl() -> Kubectl:
    """The program for all tests of this process. It ends with its stdin, so with the process."""
    return Kubectl()
