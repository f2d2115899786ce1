"""podcm-sync as a user starts it: a process of its own, in an environment with nothing of ours.

error_of() holds what every failing run promises: one line that says what is wrong, after at most
the one line that names the server, and never a traceback.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SECONDS = 60  # far more than any run here takes: a command that hangs is a failure, not a wait
ERROR = "podcm-sync: error: "


@dataclass(frozen=True)
class Completed:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str


def run(
    *arguments: str,
    kubeconfig: Path | None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> Completed:
    """Runs `podcm-sync` to its end; kubeconfig None leaves it to find one by itself."""
    chosen = ["--kubeconfig", str(kubeconfig)] if kubeconfig else []
    return python("-m", "podcm_sync", *chosen, *arguments, env=env, stdin=stdin)


def python(
    *arguments: str, env: Mapping[str, str] | None = None, stdin: str | None = None
) -> Completed:
    """Runs this test's Python, with an empty home for a working directory."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, *arguments],
            # No PODCM_SYNC_…, KUBECONFIG, KUBERNETES_SERVICE_HOST or ~/.kube of the machine's.
            env={"PATH": os.environ["PATH"], "HOME": home, **(env or {})},
            cwd=home,
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS,
            check=False,
        )
    return Completed(done.returncode, done.stdout, done.stderr)


def error_of(done: Completed) -> str:
    """The one error line of a command that ended in one, without its prefix."""
    *before, last = done.stderr.splitlines() or [""]
    assert last.startswith(ERROR), done.stderr
    assert len(before) <= 1, done.stderr
    for line in before:  # the target: which server, as whom, and where
        assert line.startswith("podcm-sync: http"), done.stderr
        assert "(context " in line or "ServiceAccount" in line, done.stderr
    return last.removeprefix(ERROR)
