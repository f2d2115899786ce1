"""Exports the metrics of finished runs to a Pushgateway, a file, or an HTTP port.

A failure to export is a warning: it never fails a run or changes its exit code. If none of the
options is set, prometheus-client isn't imported.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from podcm_sync.cluster.interfaces import Traffic
from podcm_sync.errors import Interrupted, failure_of
from podcm_sync.metrics.finished_run import FinishedRun, failure_in
from podcm_sync.metrics.scope import MetricScope
from podcm_sync.reconcile.report import Report
from podcm_sync.runtime.context import RunContext

if TYPE_CHECKING:
    from podcm_sync.metrics.exposition import Exposition
    from podcm_sync.metrics.push import Gateway
    from podcm_sync.metrics.watch import WatchGauges, WatchMetrics

log = logging.getLogger(__name__)


class RunRecorder:
    """The report and the exit code of a run, once the run has them."""

    report: Report | None = None
    exit_code: int = 0

    def __call__(self, report: Report, exit_code: int) -> None:
        """Record them when the work is done. The report is shown afterwards, which can fail."""
        self.report, self.exit_code = report, exit_code


class MetricsExporters:
    """The exporters of a process. Without any, its methods do nothing."""

    def __init__(self, scope: MetricScope, deadline: float | None = None) -> None:
        """`deadline` is the longest that a run can take, in seconds; None for no limit."""
        self._scope = scope
        self._deadline = deadline
        self._exporters: list[Callable[[FinishedRun], None]] = []
        self._idle: Callable[[float], None] = lambda _: None
        self._standby: Callable[[float], None] = lambda _: None
        self._leads: Callable[[bool], None] = lambda _: None
        self._begins: Callable[[], None] = lambda: None
        self._watches = False
        """Whether passes make requests between two runs, too."""
        self._stack = ExitStack()

    @cached_property
    def _exposition(self) -> "Exposition":
        """The values that all exporters show. It receives a run before any of them."""
        from podcm_sync.metrics.exposition import Exposition

        exposition = Exposition(self._scope)
        self._exporters.insert(0, exposition.add)
        return exposition

    def write_to(self, path: Path) -> None:
        """Write the metrics after each run to a file, and keep the gauges that it already has."""
        from podcm_sync.metrics import textfile

        exposition = self._exposition
        try:
            exposition.restore(textfile.read_gauges(path, self._scope.label))
        except textfile.MetricsFileError as error:
            log.warning("%s", error)
        else:
            self._exporters.append(lambda _: textfile.write(path, exposition))

    def push_to(self, gateway: "Gateway", remaining: Callable[[], float | None]) -> None:
        """Push the metrics after each run, for at most the seconds that `remaining` returns."""
        exposition = self._exposition
        self._exporters.append(lambda _: gateway.push(exposition, remaining()))

    def listen_on(self, address: tuple[str, int], context: RunContext, *, interval: float) -> None:
        """Serve the metrics of all later runs, and the probes of the kubelet.

        `interval` is the time from one start to the next, in seconds. Raises InputError if the
        address is in use.
        """
        from podcm_sync.metrics.health import Health
        from podcm_sync.metrics.listen import Listener

        exposition = self._exposition
        health = Health(
            interval=interval,
            deadline=self._deadline,
            is_stopping=lambda: context.signal_number is not None,
        )
        self._exporters.append(health.finished)
        self._begins, self._idle, self._standby = health.begins, health.idle, health.standby
        self._stack.callback(Listener(*address, exposition, health).close)

    def close(self) -> None:
        """Stop serving."""
        self._stack.close()

    def idle(self, seconds: float) -> None:
        """The loop pauses for this many seconds."""
        self._idle(seconds)

    def watch(self, metrics: "WatchMetrics", gauges: "WatchGauges") -> None:
        """This process watches. Export its values, also between two runs."""
        self._watches = True
        if self._exporters:
            self._exposition.watch(metrics, gauges)

    def passed(self, report: Report, is_final: bool) -> None:
        """A pass between two runs has ended. Any thread may call this."""
        if self._exporters:
            self._exposition.passed(report, is_final=is_final)

    def elect(self, lease: str) -> None:
        """This process waits to lead by the lease `NAMESPACE/NAME`."""
        if self._exporters:
            exposition = self._exposition
            self._leads = lambda is_leading: exposition.leads(lease, is_leading=is_leading)
        self._leads(False)

    def lead(self) -> None:
        """This process leads."""
        self._leads(True)

    def standby(self, seconds: float) -> None:
        """Another replica leads. This one checks again after this many seconds."""
        self._leads(False)
        self._standby(seconds)

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Covers the time before the first run: if it raises, that counts as a failed run."""
        started = time.monotonic()
        try:
            yield
        except (Exception, Interrupted) as error:
            self._fail(error, started, RunRecorder(), Traffic())
            raise

    @contextmanager
    def run(self, traffic: Callable[[], Traffic]) -> Iterator[RunRecorder]:
        """Covers one run and exports it when it ends, also if it raises."""
        started, recorder = time.monotonic(), RunRecorder()
        if not self._watches:
            traffic()  # drop the requests that were made between two runs
        self._begins()
        try:
            yield recorder
        except BrokenPipeError:  # the reader of the report is gone, and the work is done
            self._finish(started, recorder, traffic(), recorder.exit_code)
            raise
        except (Exception, Interrupted) as error:
            self._fail(error, started, recorder, traffic())
            raise
        self._finish(started, recorder, traffic(), recorder.exit_code)

    def _fail(
        self, error: BaseException, started: float, recorder: RunRecorder, traffic: Traffic
    ) -> None:
        exit_code, failure = failure_of(error)
        self._finish(started, recorder, traffic, exit_code, failure)

    def _finish(
        self,
        started: float,
        recorder: RunRecorder,
        traffic: Traffic,
        exit_code: int,
        failure: str = "",
    ) -> None:
        finished = FinishedRun(
            at=time.time(),
            duration_seconds=time.monotonic() - started,
            exit_code=exit_code,
            report=recorder.report,
            failure=failure or failure_in(recorder.report),
            traffic=traffic,
            deadline_seconds=self._deadline,
        )
        for export in self._exporters:
            try:
                export(finished)
            except Exception as error:  # noqa: BLE001 - an exporter must not fail a run
                log.warning("%s", error)
