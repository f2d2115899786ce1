"""Settings → one run, or a loop of them → reports on stdout, the log on stderr, the exit code."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from podcm_sync import plan_file
from podcm_sync.cli import logs
from podcm_sync.cli.exports import Exports, Measure
from podcm_sync.cli.ports import Ports, opened
from podcm_sync.cli.progress import Progress
from podcm_sync.cli.show import show
from podcm_sync.cli.signals import Signals
from podcm_sync.clock import Clock
from podcm_sync.core.rendering import Renderer
from podcm_sync.core.report import Report, exit_code
from podcm_sync.errors import RunError
from podcm_sync.lanes import Stopping
from podcm_sync.model.changes import Outcome, Plan, Result
from podcm_sync.settings import Settings
from podcm_sync.sync import Observer, Policy
from podcm_sync.sync import run as sync
from podcm_sync.template.lazy import LazySandbox

log = logging.getLogger(__name__)


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
    clock.begin(settings.deadline)
    exports = Exports(settings, clock)
    with exports.opening():
        ports = opened(settings, clock)

    def once() -> int:
        clock.begin(settings.deadline)
        with exports.run(ports.traffic) as measure:
            return _once(settings, ports, clock, signals, job, measure)

    if not settings.is_loop:
        code = once()
        signals.ignore()
        return code
    # Late: a single run needs no loop.
    from podcm_sync.loop import loop

    signals.hold()

    def looping() -> int:
        return loop(_surviving(once), clock, interval=settings.interval, rests=exports.rests)

    if settings.election is None:
        code = looping()
    else:
        from podcm_sync.cli.election import election

        campaign = election(settings.election, settings.access, clock, exports)
        code = campaign.lead(looping)
    exports.close()
    return code


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


def _once(  # noqa: PLR0913, PLR0917 - all that a run has for its own
    settings: Settings, ports: Ports, clock: Clock, signals: Signals, job: Job, measure: Measure
) -> int:
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
                max_prune=settings.max_prune,
                concurrency=settings.concurrency,
                expected_digest=settings.expected_digest,
            ),
            now=now,
            renderer=LazySandbox(),
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
    return code


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
