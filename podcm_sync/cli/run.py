"""Options → one run, or a loop of them → reports on stdout, the log on stderr, the exit code."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from podcm_sync.cli import logs
from podcm_sync.cli.connect import Ports, opened
from podcm_sync.cli.output import Progress, next_step, show
from podcm_sync.cli.sign_of_life import SignOfLife
from podcm_sync.cli.sync_options import SyncOptions
from podcm_sync.errors import ClusterError, RunError
from podcm_sync.metrics.exporters import MetricsExporters
from podcm_sync.metrics.scope import MetricScope, scope_of
from podcm_sync.plans import plan_file
from podcm_sync.reconcile.changes import Outcome, Plan, Result
from podcm_sync.reconcile.renderer import Renderer
from podcm_sync.reconcile.report import Report, exit_code
from podcm_sync.runtime.context import RunContext, timed_out
from podcm_sync.runtime.lanes import Stopping
from podcm_sync.runtime.signals import NOTHING_CHANGED, Signals
from podcm_sync.runtime.workers import run_with_timeout
from podcm_sync.sync import Observer, Policy
from podcm_sync.sync import run as sync
from podcm_sync.template.lazy import LazySandbox, prepare

if TYPE_CHECKING:
    from podcm_sync.watch.watching import Watching

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


def run(options: SyncOptions, job: Job = synced) -> int:
    """One run, or runs until a signal comes; the exit code. Raises RunError."""
    logs.set_verbosity(options.report.verbosity)
    if options.preview.plan_out is not None:
        plan_file.check_target(options.preview.plan_out)
    context = RunContext()
    signals = Signals(context)
    signals.install()
    # It goes on through the first run: to log in, and to import what that needs, takes time too.
    context.begin(options.timing.deadline)
    exporters = _exporters(options, context)
    with exporters.opening():
        ports = _opened_in_time(options, context)
    runner = _Runner(options, job, context, signals, exporters)
    if not options.timing.loop:
        _, code = runner.once(ports)
        signals.ignore()
        return code
    try:
        return runner.again_and_again(ports)
    finally:
        if ports.watching is not None:
            ports.watching.stop()
        exporters.close()


def _exporters(options: SyncOptions, context: RunContext) -> MetricsExporters:
    """Those that the options name; one that listens does so at once. Raises InputError."""
    metrics, timing = options.metrics, options.timing
    is_exported = metrics.metrics_file or metrics.push_gateway or metrics.listen
    scope = _metric_scope(options) if is_exported else MetricScope(label="")
    exporters = MetricsExporters(scope, timing.deadline)
    if metrics.metrics_file is not None:
        exporters.write_to(metrics.metrics_file)
    if metrics.push_gateway is not None:
        # Late: prometheus-client is for those who ask for metrics.
        from podcm_sync.metrics.push import Gateway

        gateway = Gateway(metrics.push_gateway, metrics.push_job, scope.label)
        exporters.push_to(gateway, context.remaining)
    if metrics.listen is not None:
        exporters.listen_on(metrics.listen, context, interval=timing.interval)
    return exporters


def _metric_scope(options: SyncOptions) -> MetricScope:
    """The scope as metrics show it. In a Pod, one that no option names is the Pod's namespace.

    With one label for all of them, the scopes of two namespaces would hide each other.
    """
    from podcm_sync.cluster.kube.client_config import home_namespace

    scope, access = options.scope, options.access
    home = home_namespace(access.kubeconfig, access.context)
    return scope_of(scope.namespaces, scope.shard, is_all=scope.all_namespaces, home=home)


def _opened_in_time(options: SyncOptions, context: RunContext) -> Ports:
    """The ports, before the deadline. Raises InputError, ClusterError.

    On a machine that is busy or reads its files for the first time, imports alone take seconds.
    """
    seconds, limit = context.limit()
    if seconds is None:
        return opened(options, context)
    try:
        return run_with_timeout(lambda: opened(options, context), seconds)
    except TimeoutError as error:
        raise ClusterError(f"cannot begin the run: {timed_out(limit)}") from error


class _Runner:
    """All that the runs of one process share."""

    def __init__(
        self,
        options: SyncOptions,
        job: Job,
        context: RunContext,
        signals: Signals,
        exporters: MetricsExporters,
    ) -> None:
        self._options = options
        self._job = job
        self._context = context
        self._signals = signals
        self._exporters = exporters
        self._ran: Callable[[Report], None] = lambda _: None
        """Called with the report of each run of a loop."""

    def again_and_again(self, ports: Ports) -> int:
        """Run until a signal comes, as the leader if one is elected; 128 + n after signal n."""
        # Late: a single run needs no loop.
        from podcm_sync.cluster.backoff_reader import BackoffReader
        from podcm_sync.loop import loop

        interval = self._options.timing.interval
        watching = ports.watching
        if watching is not None:
            self._watch(ports, watching)
        # Full runs of a loop that watches can begin early, whatever the interval is.
        pause = interval if watching is None else watching.early_seconds
        ports = msgspec.structs.replace(ports, reader=BackoffReader(ports.reader, pause))

        def looping() -> int:
            if watching is None:
                return loop(
                    lambda: self._again(ports), self._context, interval=interval, idle=self._idle
                )
            # Passes may write at any time, so a signal always lets them finish.
            self._signals.hold()
            with watching.leading(self._context.remaining):
                return loop(
                    lambda: self._again(ports),
                    self._context,
                    interval=interval,
                    idle=self._exporters.idle,
                    is_due=watching.is_due,
                )

        if not self._options.election.leader_elect:
            return looping()
        from podcm_sync.cli.election import election

        def leading() -> None:
            self._exporters.lead()
            looping()
            self._signals.release(WAITING)

        self._signals.release(WAITING)
        elected = election(
            self._options.election,
            self._options.scope.shard,
            self._options.access,
            self._context,
            self._exporters,
        )
        return elected.lead(leading)

    def _again(self, ports: Ports) -> bool:
        """One more run; whether it could serve anything."""
        self._context.begin(self._options.timing.deadline)
        if ports.watching is None:
            self._signals.release(f"{NOTHING_CHANGED} in this run")
        try:
            report, _ = self.once(ports)
        except RunError as error:
            # The next run may find the server back.
            log.error("%s", error)  # noqa: TRY400 - an expected failure needs no traceback
            return not isinstance(error, ClusterError)
        finally:
            logs.run_id.renew()
        return not report.served_nothing

    def _watch(self, ports: Ports, watching: "Watching") -> None:
        """Start to watch, and make passes as soon as this process leads."""
        from podcm_sync.cli.pass_log import PassLog
        from podcm_sync.metrics.watch import WatchGauges, WatchMetrics
        from podcm_sync.watch.pass_workers import PassPorts

        assert ports.writer is not None, "--watch can't be combined with --dry-run"
        store, metrics = watching.store, WatchMetrics()
        store.meter = metrics
        gauges = WatchGauges(
            wanted=store.lives.wanted_watches,
            open_watches=store.lives.open_watches,
            queue=watching.queue.due,
            age=store.lives.age,
        )
        self._exporters.watch(metrics, gauges)
        pass_log = PassLog(is_redacted=self._options.report.redact)
        self._ran = pass_log.ran

        def passed(report: Report, is_final: bool) -> None:
            self._exporters.passed(report, is_final)
            if is_final:
                pass_log.passed(report)

        watching.start(
            PassPorts(
                lists=ports.reader,
                check_crd=watching.check_crd,
                writer=ports.writer,
                looker=watching.looker,
                recorder=ports.recorder,
                policy=msgspec.structs.replace(self._policy(), interval=None),
                new_renderer=lambda: LazySandbox(lambda: self._context.is_stopping),
                prepare=prepare,
                stopping=_stopping(self._context),
                watch=lambda outcome: _log_change(
                    outcome, logging.INFO if outcome.is_write else logging.DEBUG
                ),
                reacted=metrics.reacted,
                passed=passed,
            )
        )

    def _policy(self) -> Policy:
        options = self._options
        return Policy(
            **msgspec.structs.asdict(options.deletions.guards),
            concurrency=options.pace.concurrency,
            interval=options.timing.interval if options.timing.loop else None,
            expected_digest=options.preview.expect_plan or "",
        )

    def _idle(self, seconds: float) -> None:
        self._signals.release("podcm-sync was between two runs")
        self._exporters.idle(seconds)

    def once(self, ports: Ports) -> tuple[Report, int]:
        """One run, reported; its report and exit code."""
        watching = ports.watching
        if watching is None:
            return self._reported(ports, self._policy(), lambda _: None)
        # Passes that delete wait until it is reported. Or else it would overwrite their results.
        with watching.full_run() as finish:
            report, code = self._reported(ports, watching.within(self._policy()), finish)
            self._ran(report)
        return report, code

    def _reported(
        self, ports: Ports, policy: Policy, finish: Callable[[Report], None]
    ) -> tuple[Report, int]:
        with self._exporters.run(ports.traffic) as recorder:
            if ports.watching is not None:
                ports.watching.raise_failure()
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            report = self._synced(ports, now, policy)
            finish(report)
            options = self._options
            code = exit_code(
                report,
                tolerate_object_failures=options.exit.tolerate_object_failures,
                changes_are_1=options.exit.exit_code,
            )
            recorder(report, code)
            if options.preview.plan_out is not None:
                saved = plan_file.SavedPlan(
                    created=now,
                    origin=ports.origin,
                    run_id=logs.run_id.value,
                    exit_code=code,
                    report=report,
                )
                plan_file.write(options.preview.plan_out, saved)
            show(
                report,
                options.report,
                code,
                is_one_of_many=options.timing.loop,
                next_step=next_step(ports.origin, ports.scope, options.preview.plan_out),
            )
            return report, code

    def _synced(self, ports: Ports, now: str, policy: Policy) -> Report:
        """The job done, with a bar and a line in the log for each change."""
        context = self._context
        with Progress() as progress, SignOfLife("listing and planning") as sign:

            def planned(plan: Plan) -> None:
                sign.stop()
                self._signals.hold()
                progress.begin(plan)

            def watch(outcome: Outcome) -> None:
                progress.advance(outcome)
                _log_change(outcome)

            report = self._job(
                ports,
                policy,
                now=now,
                renderer=LazySandbox(lambda: context.part(RENDERING_SHARE)),
                observer=Observer(stopping=_stopping(context), planned=planned, watch=watch),
            )
        return msgspec.structs.replace(report, signal_number=context.signal_number)


def _stopping(context: RunContext) -> Stopping:
    return Stopping(
        is_stopping=context.is_stopping,
        is_cancelled=lambda: context.remaining() == 0,
        why_nothing_begins=context.why_stopping,
        why_no_longer=context.cause,
    )


def _log_change(outcome: Outcome, text_level: int = logging.DEBUG) -> None:
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
    level = logging.INFO if logs.is_json() else text_level
    log.log(level, "%s %s: %s", outcome.result, name, outcome.reason, extra={"fields": fields})
