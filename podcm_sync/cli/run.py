"""Settings → one run, or a loop of them → reports on stdout, the log on stderr, the exit code."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec

from podcm_sync import plan_file
from podcm_sync.cli import logs
from podcm_sync.cli.exports import Exports, Measure
from podcm_sync.cli.ports import Ports, opened
from podcm_sync.cli.progress import Progress
from podcm_sync.cli.show import show
from podcm_sync.cli.signals import NOTHING_CHANGED, Signals
from podcm_sync.clock import Clock, timed_out
from podcm_sync.cluster.kube.bounded import in_time
from podcm_sync.core.rendering import Renderer
from podcm_sync.core.report import Report, exit_code
from podcm_sync.errors import ClusterError, RunError
from podcm_sync.lanes import Stopping
from podcm_sync.model.changes import Outcome, Plan, Result
from podcm_sync.settings import Settings
from podcm_sync.sync import Observer, Policy
from podcm_sync.sync import run as sync
from podcm_sync.template.lazy import LazySandbox

log = logging.getLogger(__name__)

WAITING: Final = "podcm-sync was waiting to lead"
RENDERING_SHARE: Final = 0.5
"""Of the time until the deadline: what is rendered by then can still be written."""


class Job(Protocol):
    """What a run does between its ports and its report."""

    def __call__(
        self, ports: Ports, policy: Policy, *, now: str, renderer: Renderer, observer: Observer
    ) -> Report:
        """Do it, as `sync.run` does."""
        ...


def synced(
    ports: Ports, policy: Policy, *, now: str, renderer: Renderer, observer: Observer
) -> Report:
    """The sync itself."""
    return sync(
        ports.scope,
        ports.reader,
        ports.writer,
        policy,
        now=now,
        renderer=renderer,
        observer=observer,
        recorder=ports.recorder,
    )


def run(settings: Settings, job: Job = synced) -> int:
    """One run, or runs until a signal comes; the exit code. Raises RunError."""
    logs.set_verbosity(settings.verbosity)
    if settings.plan_out is not None:
        plan_file.check_target(settings.plan_out)
    clock = Clock()
    signals = Signals(clock)
    signals.install()
    # It goes on through the first run: to log in, and to import what that needs, takes time too.
    clock.begin(settings.deadline)
    exports = Exports(settings, clock)
    with exports.opening():
        ports = _opened_in_time(settings, clock)

    def once(ports: Ports) -> tuple[Report, int]:
        with exports.run(ports.traffic) as measure:
            return _once(settings, ports, clock, signals, job, measure)

    if not settings.is_loop:
        _, code = once(ports)
        signals.ignore()
        return code
    try:
        return _looped(settings, ports, clock, signals, exports, once)
    finally:
        exports.close()


def _opened_in_time(settings: Settings, clock: Clock) -> Ports:
    """The ports, before the deadline. Raises InputError, ClusterError.

    On a machine that is busy or reads its files for the first time, imports alone take seconds.
    """
    seconds, limit = clock.limit()
    if seconds is None:
        return opened(settings, clock)
    try:
        return in_time(lambda: opened(settings, clock), seconds)
    except TimeoutError as error:
        raise ClusterError(f"cannot begin the run: {timed_out(limit)}") from error


def _looped(  # noqa: PLR0913, PLR0917 - all that the runs share
    settings: Settings,
    ports: Ports,
    clock: Clock,
    signals: Signals,
    exports: Exports,
    once: Callable[[Ports], tuple[Report, int]],
) -> int:
    # Late: a single run needs no loop.
    from podcm_sync.cluster.backing_off import BackoffReader
    from podcm_sync.loop import loop

    reader = BackoffReader(ports.reader, settings.interval)
    ports = msgspec.structs.replace(ports, reader=reader)

    def again() -> bool:
        """One more run; whether it could serve anything."""
        clock.begin(settings.deadline)
        signals.release(f"{NOTHING_CHANGED} in this run")
        try:
            report, _ = once(ports)
        except RunError as error:
            # The next run may find the server back.
            log.error("%s", error)  # noqa: TRY400 - an expected failure needs no traceback
            return not isinstance(error, ClusterError)
        finally:
            logs.run_id.renew()
        return not report.served_nothing

    def rests(seconds: float) -> None:
        signals.release("podcm-sync was between two runs")
        exports.rests(seconds)

    def looping() -> int:
        return loop(again, clock, interval=settings.interval, rests=rests)

    if settings.election is None:
        return looping()
    from podcm_sync.cli.election import election

    def leading() -> None:
        looping()
        signals.release(WAITING)

    signals.release(WAITING)
    return election(settings.election, settings.access, clock, exports).lead(leading)


def _once(  # noqa: PLR0913, PLR0917 - all that a run has for its own
    settings: Settings, ports: Ports, clock: Clock, signals: Signals, job: Job, measure: Measure
) -> tuple[Report, int]:
    """One run, reported; its report and exit code."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with Progress() as progress:

        def planned(plan: Plan) -> None:
            signals.hold()
            progress.begin(plan)

        def watch(outcome: Outcome) -> None:
            progress.advance(outcome)
            _log_change(outcome)

        report = job(
            ports,
            Policy(
                **msgspec.structs.asdict(settings.guards),
                concurrency=settings.concurrency,
                expected_digest=settings.expected_digest,
            ),
            now=now,
            renderer=LazySandbox(lambda: clock.part(RENDERING_SHARE)),
            observer=Observer(stopping=_stopping(clock), planned=planned, watch=watch),
        )
    report = msgspec.structs.replace(report, signal_number=clock.signal_number)
    code = exit_code(
        report,
        tolerate_object_failures=settings.tolerate_object_failures,
        changes_are_1=settings.changes_are_1,
    )
    measure(report, code)
    if settings.plan_out is not None:
        saved = plan_file.SavedPlan(
            created=now,
            origin=ports.origin,
            run_id=logs.run_id.value,
            exit_code=code,
            report=report,
        )
        plan_file.write(settings.plan_out, saved)
    show(report, settings, code)
    return report, code


def _stopping(clock: Clock) -> Stopping:
    return Stopping(begins_nothing=clock.is_stopping, waits_no_longer=lambda: clock.left() == 0)


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
