"""Settings → one run → its report on stdout, errors on stderr, and the exit code."""

import logging
import os
import sys
from datetime import UTC, datetime
from io import TextIOWrapper

import msgspec

from podcm_sync.cli.progress import Progress
from podcm_sync.cli.signals import Signals
from podcm_sync.cluster.port import Reader, Writer
from podcm_sync.core.report import Report, exit_code
from podcm_sync.model.changes import Plan
from podcm_sync.model.objects import Scope
from podcm_sync.render.escape import printable
from podcm_sync.render.text import text
from podcm_sync.settings import Colour, Settings
from podcm_sync.sync import Observer, Policy
from podcm_sync.sync import run as sync

log = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """One run and everything it says; its exit code. Raises RunError."""
    _log_to_stderr(settings.verbosity)
    signals = Signals()
    signals.install()
    reader, writer, scope = _ports(settings)
    with Progress() as progress:

        def planned(plan: Plan) -> None:
            if writer is not None:
                signals.hold()
                progress.begin(plan)

        report = sync(
            scope,
            reader,
            writer,
            Policy(max_prune=settings.max_prune, concurrency=settings.concurrency),
            now=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            observer=Observer(
                is_stopping=lambda: signals.number is not None,
                planned=planned,
                watch=progress.advance,
            ),
        )
    report = msgspec.structs.replace(report, signal_number=signals.number)
    _show(report, settings)
    return exit_code(
        report,
        tolerate_object_failures=settings.tolerate_object_failures,
        changes_are_1=settings.changes_are_1,
    )


def _ports(settings: Settings) -> tuple[Reader, Writer | None, Scope]:
    """Where to read from, where to write to (nowhere in a dry run), and which namespaces."""
    if settings.directory is not None:
        from podcm_sync.cluster.directory import DirectoryCluster

        cluster = DirectoryCluster(settings.directory)
        return (
            cluster,
            None if settings.is_dry_run else cluster,
            Scope(namespaces=settings.namespaces or None),
        )
    # Late: importing the kubernetes package takes longer than all else of a small run.
    from podcm_sync.cluster.kube.config import load
    from podcm_sync.cluster.kube.connection import Connection
    from podcm_sync.cluster.kube.read import KubeReader
    from podcm_sync.cluster.kube.write import KubeWriter

    connection = Connection(
        lambda: load(settings.kubeconfig, settings.context, settings.impersonate),
        connections=settings.concurrency,
        request_timeout=settings.request_timeout,
    )
    named = settings.namespaces or (connection.target.namespace,)
    scope = Scope(namespaces=None if settings.is_all_namespaces else named)
    log.info("%s, %s", connection.target.description, scope)
    return KubeReader(connection), None if settings.is_dry_run else KubeWriter(connection), scope


def _show(report: Report, settings: Settings) -> None:
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal that cannot show a character must not cost the report.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.stdout.write(
        text(
            report,
            is_coloured=_is_coloured(settings.colour),
            is_verbose=settings.verbosity > 0,
        )
    )
    sys.stdout.flush()
    for message in report.incomplete.values():
        log.error("%s", printable(message))


def _is_coloured(colour: Colour) -> bool:
    if colour is not Colour.AUTO:
        return colour is Colour.ALWAYS
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not is_plain


def _log_to_stderr(verbosity: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("podcm_sync").setLevel(logging.DEBUG if verbosity else logging.INFO)


class _Formatter(logging.Formatter):
    """`podcm-sync: error: …`; the level only where it matters."""

    def format(self, record: logging.LogRecord) -> str:
        level = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        return f"podcm-sync: {level}{super().format(record)}"
