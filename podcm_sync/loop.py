"""`--loop`: the same run again and again, on a grid of times, until it is time to stop.

The grid does not drift, however long a run takes. Runs that could serve nothing back off: they
leave out more and more of the grid's times. Jitter keeps many loops apart.
"""

import logging
import time
from collections.abc import Callable

from podcm_sync import backoff
from podcm_sync.clock import Clock

log = logging.getLogger(__name__)


def loop(
    run: Callable[[], bool],
    clock: Clock,
    *,
    interval: float,
    rests: Callable[[float], None] = lambda _: None,
) -> int:
    """Call `run` every `interval` seconds; 128 + n after signal n, 128 when another process leads.

    `run` returns whether it could serve anything. If it could not, the loop puts off the next run.
    If a run takes longer than the interval, the loop logs it and goes on at the grid's next time.
    `rests` receives the seconds of each pause.
    """
    start = time.monotonic()
    failures = 0
    while True:
        began = time.monotonic()
        failures = 0 if run() else failures + 1
        ended = time.monotonic()
        if (ended - start) // interval > (began - start) // interval:
            took = ended - began
            log.warning("the run took %.1f s, past the interval of %g s", took, interval)
        pause = _next(ended - start, interval, failures)
        rests(pause)
        clock.begin(None)  # the run's deadline is not the pause's
        if failures and not clock.is_stopping():
            log.warning("failed runs in a row: %d; the next begins in %.0f s", failures, pause)
        if not clock.wait(pause):
            return 128 + (clock.signal_number or 0)


def _next(elapsed: float, interval: float, failures: int) -> float:
    """The seconds until the next run: to the grid's next time, or a later one after failures."""
    to_grid = interval - elapsed % interval
    pause = backoff.delay(failures, interval, to_grid) if failures else to_grid
    return pause + backoff.jitter(interval)
