"""One run inside the tests' own process, put together as the command does it.

It is faster than a process, and the tests see what ended a run. Exit codes are the command's.
"""

import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from podcm_sync.cli import run as command
from podcm_sync.cli.ports import opened
from podcm_sync.clock import Clock
from podcm_sync.cluster.kube.write import KubeWriter
from podcm_sync.core.guards import Guards, parse_limit
from podcm_sync.core.report import Report, exit_code
from podcm_sync.errors import RunError
from podcm_sync.render.document import document
from podcm_sync.settings import Access, Colour, LogFormat, Output, Settings
from podcm_sync.sync import Observer, Policy, run
from tests.documents import valid

PROGRAM = [sys.executable, "-m", "podcm_sync"]
SETTINGS = Settings(
    namespaces=(),
    is_all_namespaces=False,
    is_dry_run=False,
    directory=None,
    access=Access(request_timeout=30.0),
    deadline=None,
    is_loop=False,
    interval=60.0,
    concurrency=4,
    guards=Guards(),
    changes_are_1=False,
    tolerate_object_failures=False,
    output=Output.JSON,
    colour=Colour.NEVER,
    log_format=LogFormat.JSON,
    verbosity=0,
)
NOW = "2026-11-22T12:00:00Z"
BUG = 70


@dataclass(frozen=True)
class Ran:
    """A finished run: its exit code, its duration, and its report or the error that ended it."""

    code: int
    seconds: float
    report: Report | None = None
    error: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """The JSON report."""
        assert self.report, self
        return valid(document(self.report, exit_code=self.code, run_id="0123456789abcdef"))


def run_once(
    kubeconfig: Path,
    *,
    namespaces: tuple[str, ...] = (),
    max_prune: tuple[str, ...] = (),
    expected_digest: str = "",
    is_dry_run: bool = False,
    deadline: float | None = None,
    request_timeout: float = 30.0,
    concurrency: int = 4,
    clock: Clock | None = None,
    connected: Callable[[], None] = lambda: None,
) -> Ran:
    """One run, over the kubeconfig's namespace if no others are given."""
    began = time.monotonic()

    def ran(code: int, report: Report | None = None, error: str = "") -> Ran:
        return Ran(code, time.monotonic() - began, report, error)

    settings = replace(
        SETTINGS,
        namespaces=namespaces,
        is_dry_run=is_dry_run,
        access=Access(kubeconfig=str(kubeconfig), request_timeout=request_timeout),
        deadline=deadline,
        concurrency=concurrency,
    )
    ports = None
    clock = clock or Clock()
    clock.begin(deadline)
    try:
        ports = opened(settings, clock)
        connected()
        report = run(
            ports.scope,
            ports.reader,
            ports.writer,
            Policy(
                max_prune=tuple(map(parse_limit, max_prune)),
                concurrency=concurrency,
                expected_digest=expected_digest,
            ),
            now=NOW,
            observer=Observer(stopping=command._stopping(clock)),
        )
    except RunError as error:
        return ran(error.exit_code, error=str(error))
    except Exception:  # noqa: BLE001 - whatever else ends a run is its bug
        return ran(BUG, error=traceback.format_exc())
    finally:
        if ports is not None and isinstance(ports.writer, KubeWriter):
            ports.writer._connection.close()
    return ran(exit_code(report), report)
