"""podcm-sync as a user starts it: a process of its own, in an environment with nothing of ours.

`run` waits for its end; `started` gives one that still runs. `error_of` holds what every failing
run promises: one line that says what is wrong, after at most the one line that names the server,
before at most one hint, and never a traceback.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.documents import valid

PROGRAM: Final = (sys.executable, "-m", "podcm_sync")
SECONDS: Final = 60.0
"""Far more than any run here takes: a command that hangs is a failure, not a wait."""
PATIENCE: Final = 30.0
ERROR: Final = "podcm-sync: error: "
HINT: Final = "  hint: "


@dataclass(frozen=True)
class Completed:
    """A command that has ended, and when, on the monotonic clock."""

    code: int
    stdout: str
    stderr: str
    at: float

    @property
    def report(self) -> dict[str, Any]:
        """The JSON report."""
        report: dict[str, Any] = valid(json.loads(self.stdout))
        return report


def run(
    *arguments: str | Path,
    kubeconfig: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    cwd: Path | None = None,
) -> Completed:
    """Run `podcm-sync` to its end; without a kubeconfig it finds one by itself, or none."""
    return python(*PROGRAM[1:], *_words(kubeconfig, arguments), env=env, stdin=stdin, cwd=cwd)


def python(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    cwd: Path | None = None,
) -> Completed:
    """Run this test's Python in `cwd`, or else in its home, which is an empty folder."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, *arguments],
            env=environment(home) | dict(env or {}),
            cwd=cwd or home,
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS,
            check=False,
        )
    return Completed(done.returncode, done.stdout, done.stderr, time.monotonic())


def environment(home: str | Path) -> dict[str, str]:
    """No PODCM_SYNC_…, KUBECONFIG, KUBERNETES_SERVICE_HOST or ~/.kube of the machine's."""
    # The cache has the compiled engine: without it each run with templates takes seconds more.
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_CACHE_HOME": cache}


def _words(kubeconfig: Path | None, arguments: tuple[str | Path, ...]) -> list[str]:
    chosen = ["--kubeconfig", str(kubeconfig)] if kubeconfig else []
    return [*chosen, *map(str, arguments)]


class Running:
    """A command that was started; its output is in two files, so that nothing blocks it."""

    def __init__(
        self, folder: Path, words: list[str], env: Mapping[str, str], program: str = ""
    ) -> None:
        start = (sys.executable, "-c", textwrap.dedent(program)) if program else PROGRAM
        self._folder = folder
        with self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [*start, *words],
                env=environment(folder) | {"PYTHONUNBUFFERED": "1"} | dict(env),
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

    def end(self, seconds: float = PATIENCE) -> Completed:
        """Wait for its end."""
        code = self.process.wait(seconds)
        return Completed(code, self.stdout, self.stderr, time.monotonic())


@contextmanager
def started(
    kubeconfig: Path | None,
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    program: str = "",
) -> Iterator[Running]:
    """A command that does not outlive the block; `program` is Python that runs it in its way."""
    with tempfile.TemporaryDirectory() as folder:
        running = Running(Path(folder), _words(kubeconfig, arguments), env or {}, program)
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


def hint_of(done: Completed) -> str:
    """The hint below the error line; "" if there is none."""
    last = done.stderr.splitlines()[-1]
    return last.removeprefix(HINT) if last.startswith(HINT) else ""


def _without_hint(done: Completed) -> list[str]:
    lines = done.stderr.splitlines()
    return lines[:-1] if lines and lines[-1].startswith(HINT) else lines


def error_of(done: Completed) -> str:
    """The one error line of a command that ended in one, without its prefix."""
    *before, last = _without_hint(done) or [""]
    assert last.startswith(ERROR), done.stderr
    assert len(before) <= 1, done.stderr
    for line in before:  # the target: which server, as whom, and where
        assert line.startswith("podcm-sync: http"), done.stderr
        assert "(context " in line or "ServiceAccount" in line, done.stderr
    return last.removeprefix(ERROR)


def advice_of(done: Completed) -> str:
    """The error line and the hint below it."""
    return f"{error_of(done)}\n{HINT}{hint_of(done)}" if hint_of(done) else error_of(done)
