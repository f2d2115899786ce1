"""Settings → one run, or a loop of them → reports on stdout, the log on stderr, the exit code."""

import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from io import TextIOWrapper

import msgspec
from msgspec import Struct

from podcm_sync.apply import Stopping
from podcm_sync.cli import logs
from podcm_sync.cli.progress import Progress
from podcm_sync.cli.signals import Signals
from podcm_sync.clock import Clock
from podcm_sync.cluster.port import Reader, Writer
from podcm_sync.core.report import Report, exit_code
from podcm_sync.errors import OutputError, RunError
from podcm_sync.model.changes import Outcome, Plan, Result
from podcm_sync.model.objects import Scope
from podcm_sync.settings import Colour, Output, Settings
from podcm_sync.sync import Observer, Policy
from podcm_sync.sync import run as sync
from podcm_sync.template.lazy import LazySandbox

log = logging.getLogger(__name__)


class _Ports(Struct, frozen=True, kw_only=True):
    """Where to read from, where to write to (nowhere in a dry run), and which namespaces."""

    reader: Reader
    writer: Writer | None
    scope: Scope


def run(settings: Settings) -> int:
    """One run, or runs until a signal comes; the exit code. Raises RunError."""
    logs.set_verbosity(settings.verbosity)
    clock = Clock()
    signals = Signals(clock)
    signals.install()
    clock.begin(settings.deadline)
    ports = _ports(settings, clock)

    def once() -> int:
        clock.begin(settings.deadline)
        return _once(settings, ports, clock, signals)

    if not settings.is_loop:
        code = once()
        signals.ignore()
        return code
    # Late: a single run needs no loop.
    from podcm_sync.loop import loop

    signals.hold()
    return loop(_surviving(once), clock, interval=settings.interval)


def _surviving(once: Callable[[], int]) -> Callable[[], int]:
    """A run whose failure is its exit code: the next one may find the server back."""

    def surviving() -> int:
        try:
            return once()
        except RunError as error:
            log.error("%s", error)  # noqa: TRY400 - an expected failure needs no traceback
            return error.exit_code
        finally:
            logs.run_id.renew()

    return surviving


def _once(settings: Settings, ports: _Ports, clock: Clock, signals: Signals) -> int:
    with Progress() as progress:

        def planned(plan: Plan) -> None:
            if ports.writer is not None:
                signals.hold()
                progress.begin(plan)

        def watch(outcome: Outcome) -> None:
            progress.advance(outcome)
            _log_change(outcome)

        report = sync(
            ports.scope,
            ports.reader,
            ports.writer,
            Policy(max_prune=settings.max_prune, concurrency=settings.concurrency),
            now=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            renderer=LazySandbox(),
            observer=Observer(stopping=_stopping(clock), planned=planned, watch=watch),
        )
    report = msgspec.structs.replace(report, signal_number=clock.signal_number)
    code = exit_code(
        report,
        tolerate_object_failures=settings.tolerate_object_failures,
        changes_are_1=settings.changes_are_1,
    )
    _show(report, settings, code)
    return code


def _stopping(clock: Clock) -> Stopping:
    return Stopping(begins_nothing=clock.is_stopping, waits_no_longer=lambda: clock.left() == 0)


def _ports(settings: Settings, clock: Clock) -> _Ports:
    if settings.directory is not None:
        from podcm_sync.cluster.directory import DirectoryCluster

        cluster = DirectoryCluster(settings.directory)
        return _Ports(
            reader=cluster,
            writer=None if settings.is_dry_run else cluster,
            scope=Scope(namespaces=settings.namespaces or None),
        )
    # Late: importing the kubernetes package takes longer than all else of a small run.
    from podcm_sync.cluster.kube.config import load
    from podcm_sync.cluster.kube.connection import Connection
    from podcm_sync.cluster.kube.read import KubeReader
    from podcm_sync.cluster.kube.write import KubeWriter

    connection = Connection(
        lambda: load(settings.kubeconfig, settings.context, settings.impersonate, clock),
        connections=settings.concurrency,
        request_timeout=settings.request_timeout,
        clock=clock,
    )
    named = settings.namespaces or (connection.target.namespace,)
    scope = Scope(namespaces=None if settings.is_all_namespaces else named, shard=settings.shard)
    log.info("%s, %s", connection.target.description, scope)
    return _Ports(
        reader=KubeReader(connection),
        writer=None if settings.is_dry_run else KubeWriter(connection, settings.qps),
        scope=scope,
    )


def _log_change(outcome: Outcome) -> None:
    """One line for each change that was carried out or refused; names and reasons, no values."""
    if not outcome.is_write and outcome.result is not Result.FAILED:
        return
    name = outcome.change.namespaced_name
    fields = {
        "result": str(outcome.result),
        "namespace": name.namespace,
        "configMap": name.name,
        "pod": outcome.change.pod_name,
        "podConfigMapConfig": outcome.change.pcmc_name,
        "reason": str(outcome.reason),
        "code": outcome.code,
    }
    level = logging.INFO if logs.is_json() else logging.DEBUG
    log.log(level, "%s %s: %s", outcome.result, name, outcome.reason, extra={"fields": fields})


def _show(report: Report, settings: Settings, code: int) -> None:
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal that cannot show a character must not cost the report.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.stdout.write(_rendered(report, settings, code))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"the report cannot be written: {error.strerror}") from error
    if not (report.outcomes or report.statuses or report.problems or report.incomplete):
        log.info("there is no PodConfigMapConfig and no generated ConfigMap in %s", report.scope)
    for message in report.incomplete.values():
        log.error("%s", message)


def _rendered(report: Report, settings: Settings, code: int) -> str:
    if settings.output is Output.TEXT:
        from podcm_sync.render.text import text

        is_coloured = _is_coloured(settings.colour)
        return text(report, is_coloured=is_coloured, is_verbose=settings.verbosity > 0)
    from podcm_sync.render.document import as_json, as_yaml, document

    content = document(report, exit_code=code, run_id=logs.run_id.value)
    if settings.output is Output.YAML:
        return as_yaml(content)
    return as_json(content, is_one_line=settings.is_loop)


def _is_coloured(colour: Colour) -> bool:
    if colour is not Colour.AUTO:
        return colour is Colour.ALWAYS
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not is_plain
