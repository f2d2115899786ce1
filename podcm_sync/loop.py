"""`--loop`: the same run again and again, on a grid of times, until it is time to stop.

Nothing is carried from run to run. The grid does not drift, however long a run takes; failed runs
back off by leaving out more and more of its times, and jitter keeps many loops apart.
"""

import logging
import random
import time
from collections.abc import Callable
from typing import Final

from podcm_sync.clock import Clock

log = logging.getLogger(__name__)

JITTER_SHARE: Final = 0.1
"""The part of the interval by which each run is put off at random, at most."""
MAX_BACKOFF_SECONDS: Final = 600.0
MAX_DOUBLINGS: Final = 16
BACKING_OFF: Final = frozenset({5})
"""Exit codes after which the server is left in peace for longer; a tenant's mistake is none."""


def loop(run: Callable[[], int], clock: Clock, *, interval: float) -> int:
    """Call `run` at every `interval` seconds; 128 + n once signal n came, 128 if another leads.

    A run that takes longer than the interval is said, and the next begins at the grid's next time.
    """
    start = time.monotonic()
    failures = 0
    while True:
        began = time.monotonic()
        code = run()
        ended = time.monotonic()
        if (ended - start) // interval > (began - start) // interval:
            took = ended - began
            log.warning("the run took %.1f s, past the interval of %g s", took, interval)
        failures = failures + 1 if code in BACKING_OFF else 0
        pause = _next(ended - start, interval, failures)
        clock.begin(None)  # the run's deadline is not the pause's
        if failures and not clock.is_stopping():
            log.warning("failed runs in a row: %d; the next begins in %.0f s", failures, pause)
        if not clock.wait(pause):
            return 128 + (clock.signal_number or 0)


def _next(elapsed: float, interval: float, failures: int) -> float:
    """The seconds until the next run: to the grid's next time, or a later one after failures."""
    to_grid = interval - elapsed % interval
    jitter = random.uniform(0, JITTER_SHARE * interval)  # noqa: S311 - jitter, not a secret
    if not failures:
        return to_grid + jitter
    backoff = interval * (2.0 ** min(failures - 1, MAX_DOUBLINGS) - 1)
    longest = max(MAX_BACKOFF_SECONDS, interval)
    return min(to_grid + backoff, longest) + jitter
