"""podcm-sync as a process that is still running, in an environment with nothing of ours."""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.running import PROGRAM

PATIENCE = 30.0


@dataclass(frozen=True)
class Ended:
    """How a process ended, and when."""

    code: int
    at: float
    stdout: str
    stderr: str

    @property
    def report(self) -> dict[str, Any]:
        """The JSON report."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found


class Running:
    """One started process; its output is in two files, so that nothing blocks it."""

    def __init__(self, folder: Path, arguments: tuple[str, ...]) -> None:
        self._folder = folder
        with self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [*PROGRAM, *arguments],
                env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONUNBUFFERED": "1"},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )

    @property
    def _stdout(self) -> Path:
        return self._folder / "stdout"

    @property
    def _stderr(self) -> Path:
        return self._folder / "stderr"

    @property
    def stdout(self) -> str:
        return self._stdout.read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        return self._stderr.read_text(encoding="utf-8")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, seconds: float = PATIENCE) -> Ended:
        """Wait for its end."""
        code = self.process.wait(seconds)
        return Ended(code, time.monotonic(), self.stdout, self.stderr)


@contextmanager
def started(kubeconfig: Path, *arguments: str) -> Iterator[Running]:
    """A process that does not outlive the block."""
    with tempfile.TemporaryDirectory() as folder:
        running = Running(Path(folder), ("--kubeconfig", str(kubeconfig), *arguments))
        try:
            yield running
        finally:
            running.process.kill()
            running.process.wait()


def until(predicate: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not predicate():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)
