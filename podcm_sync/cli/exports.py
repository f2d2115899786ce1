"""Each run's end, told to whoever was asked to be told: a Pushgateway, a file, an open port.

None of them fails a run or changes its exit code: what goes wrong is a warning. Without any of
the options nothing of prometheus-client is imported.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from podcm_sync.clock import Clock
from podcm_sync.core.ended import Ended, failure_in, failure_of
from podcm_sync.core.report import Report
from podcm_sync.errors import Interrupted
from podcm_sync.model.traffic import Traffic
from podcm_sync.settings import Settings

log = logging.getLogger(__name__)


class Measure:
    """What a run came to, once that is known."""

    report: Report | None = None
    exit_code: int = 0

    def __call__(self, report: Report, exit_code: int) -> None:
        """The work is done; only the report is still to be shown."""
        self.report, self.exit_code = report, exit_code


class Exports:
    """A run's way out of the process, where there is one."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Listens at once where that is asked for. Raises InputError."""
        self._deadline = settings.deadline
        self._tells: list[Callable[[Ended], None]] = []
        self._rests: Callable[[float], None] = lambda _: None
        self._stands_by: Callable[[float], None] = lambda _: None
        self._begins: Callable[[], None] = lambda: None
        self._open = ExitStack()
        if settings.export.is_asked_for:
            self._begin(settings, clock)

    def close(self) -> None:
        """Nothing more is to be told."""
        self._open.close()

    def rests(self, seconds: float) -> None:
        """The loop has nothing to do for so long."""
        self._rests(seconds)

    def stands_by(self, seconds: float) -> None:
        """Another replica leads; whether it still does is asked after so many seconds."""
        self._stands_by(seconds)

    @contextmanager
    def opening(self) -> Iterator[None]:
        """What comes before the first run; a run that could not begin is one that failed."""
        began = time.monotonic()
        try:
            yield
        except (Exception, Interrupted) as error:
            self._failed(error, began, Measure(), Traffic())
            raise

    @contextmanager
    def run(self, traffic: Callable[[], Traffic]) -> Iterator[Measure]:
        """One run, told of when it ends, however it ends."""
        began, measure = time.monotonic(), Measure()
        traffic()  # what came between two runs is none of this one's
        self._begins()
        try:
            yield measure
        except BrokenPipeError:  # whoever read the report has gone; the run is as it was
            self._ended(began, measure, traffic(), measure.exit_code)
            raise
        except (Exception, Interrupted) as error:
            self._failed(error, began, measure, traffic())
            raise
        self._ended(began, measure, traffic(), measure.exit_code)

    def _failed(
        self, error: BaseException, began: float, measure: Measure, traffic: Traffic
    ) -> None:
        exit_code, failure = failure_of(error)
        self._ended(began, measure, traffic, exit_code, failure)

    def _ended(
        self, began: float, measure: Measure, traffic: Traffic, exit_code: int, failure: str = ""
    ) -> None:
        ended = Ended(
            at=time.time(),
            duration_seconds=time.monotonic() - began,
            exit_code=exit_code,
            report=measure.report,
            failure=failure or failure_in(measure.report),
            traffic=traffic,
            deadline_seconds=self._deadline,
        )
        for tell in self._tells:
            try:
                tell(ended)
            except Exception as error:  # noqa: BLE001 - none of this is worth a run
                log.warning("%s", error)

    def _begin(self, settings: Settings, clock: Clock) -> None:
        from podcm_sync.metrics.exposition import Exposition

        export = settings.export
        exposition = Exposition()
        self._tells.append(exposition.add)
        if export.metrics_file is not None:
            from podcm_sync.metrics import textfile

            path = export.metrics_file
            try:
                exposition.keep(textfile.kept(path))
            except textfile.MetricsFileError as error:
                log.warning("%s", error)
            else:
                self._tells.append(lambda _: textfile.write(path, exposition))
        if export.push_gateway is not None:
            from podcm_sync.metrics.push import Gateway, scope_label

            scope = scope_label(
                settings.namespaces, settings.shard, is_all=settings.is_all_namespaces
            )
            gateway = Gateway(export.push_gateway, export.push_job, scope)
            self._tells.append(lambda _: gateway.push(exposition, clock.left()))
        if export.listen is not None:
            from podcm_sync.metrics.health import Health
            from podcm_sync.metrics.listen import Listener

            health = Health(
                interval=settings.interval,
                deadline=settings.deadline,
                is_stopping=lambda: clock.signal_number is not None,
            )
            self._tells.append(health.ended)
            self._begins, self._rests = health.begins, health.rests

            def stands_by(seconds: float) -> None:
                exposition.stand_by()
                health.stands_by(seconds)

            self._stands_by = stands_by
            self._open.callback(Listener(*export.listen, exposition, health).close)
