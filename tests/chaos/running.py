"""One run inside the tests' own process, put together as the command does it.

It is faster than a process, and the tests see what ended a run. Exit codes are the command's.
"""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from podcm_sync.cli import run as command
from podcm_sync.cli.connect import opened
from podcm_sync.cli.shared_options import (
    Access,
    Colour,
    LogFormat,
    Output,
    ReportOptions,
    ScopeOptions,
)
from podcm_sync.cli.sync_options import LoopOptions, Pace, Preview, SyncOptions
from podcm_sync.cluster.kube.writer import KubeWriter
from podcm_sync.errors import ExitCode, RunError
from podcm_sync.output.document import document
from podcm_sync.reconcile.prune import parse_limit
from podcm_sync.reconcile.report import Report, exit_code
from podcm_sync.runtime.context import RunContext
from podcm_sync.sync import Observer, Policy, run
from podcm_sync.template.lazy import LazySandbox
from tests.documents import valid

OPTIONS = SyncOptions(
    access=Access(request_timeout=30.0),
    pace=Pace(concurrency=4),
    report=ReportOptions(output=Output.JSON, colour=Colour.NEVER, log_format=LogFormat.JSON),
)
NOW = "2026-11-22T12:00:00Z"


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
    context: RunContext | None = None,
    connected: Callable[[], None] = lambda: None,
) -> Ran:
    """One run, over the kubeconfig's namespace if no others are given."""
    began = time.monotonic()

    def ran(code: int, report: Report | None = None, error: str = "") -> Ran:
        return Ran(code, time.monotonic() - began, report, error)

    options = replace(
        OPTIONS,
        scope=ScopeOptions(namespaces=namespaces),
        preview=Preview(dry_run=is_dry_run),
        access=Access(kubeconfig=str(kubeconfig), request_timeout=request_timeout),
        timing=LoopOptions(deadline=deadline),
        pace=Pace(concurrency=concurrency),
    )
    ports = None
    context = context or RunContext()
    context.begin(deadline)
    try:
        ports = opened(options, context)
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
            renderer=LazySandbox(lambda: context.is_stopping),
            observer=Observer(stopping=command._stopping(context)),
        )
    except RunError as error:
        return ran(error.exit_code, error=str(error))
    except Exception:  # noqa: BLE001 - whatever else ends a run is its bug
        return ran(ExitCode.BUG, error=traceback.format_exc())
    finally:
        if ports is not None and isinstance(ports.writer, KubeWriter):
            ports.writer._connection.close()
    return ran(exit_code(report), report)
