"""`--loop`: repeats the run at a fixed interval until a signal or a lost lease ends it.

Run times are on a grid that doesn't drift, however long a run takes. After a run that could serve
nothing, the loop backs off and skips times of the grid (docs/design/behavior.md §7).
"""

import logging
import time
from collections.abc import Callable

from podcm_sync.runtime import backoff
from podcm_sync.runtime.context import RunContext

log = logging.getLogger(__name__)


def loop(
    run: Callable[[], bool],
    context: RunContext,
    *,
    interval: float,
    idle: Callable[[float], None] = lambda _: None,
    is_due: Callable[[], bool] = lambda: False,
) -> int:
    """Call `run` every `interval` seconds. Returns 128 + n after signal n, 128 after a lost lease.

    `run` returns whether it could serve anything; if not, the next run comes later. If a run takes
    longer than the interval, the loop logs it and goes on at the next time of the grid. `idle` gets
    the seconds of each pause before it begins. A pause ends early once `is_due` says so.
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
        idle(pause)
        context.begin(None)  # otherwise the deadline of the run would end the pause
        if failures and not context.is_stopping():
            log.warning("failed runs in a row: %d; the next begins in %.0f s", failures, pause)
        if not context.wait(pause, is_due):
            return 128 + (context.signal_number or 0)


def _next(elapsed: float, interval: float, failures: int) -> float:
    """The seconds until the next time of the grid, plus the backoff after failures, plus jitter."""
    to_grid = interval - elapsed % interval
    pause = backoff.delay(failures, interval, to_grid) if failures else to_grid
    return pause + backoff.jitter(interval)
