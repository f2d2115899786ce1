"""The state behind /healthz and /readyz: whether the loop progresses, and whether a run completed.

The loop's thread writes it and other threads read it. Each field is assigned in one step, so there
is no lock.
"""

import math
import time
from collections.abc import Callable
from typing import Final

from podcm_sync.metrics.finished_run import FinishedRun, RunResult

SLACK_SECONDS: Final = 30.0
"""How much longer a run or a pause can take: the node is busy, or a push or a report is slow."""
LONGEST_RUN_SECONDS: Final = 1_800.0
"""The longest run without a deadline, unless ten intervals are longer."""
INTERVALS: Final = 10
_COMPLETED: Final = frozenset({RunResult.SUCCEEDED, RunResult.FAILED_OBJECTS, RunResult.HELD_BACK})


class Health:
    """When the loop must next report progress, and whether a run has completed."""

    def __init__(
        self,
        *,
        interval: float,
        deadline: float | None,
        is_stopping: Callable[[], bool] = lambda: False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`interval` and `deadline` are in seconds; a deadline of None is no limit."""
        self._longest = deadline or max(LONGEST_RUN_SECONDS, INTERVALS * interval)
        self._is_stopping = is_stopping
        self._now = now
        self._is_ready = False
        self._due = math.inf
        self.begins()

    def begins(self) -> None:
        """A run begins, or the start-up before the first run."""
        self._due = self._now() + self._longest + SLACK_SECONDS

    def finished(self, finished: FinishedRun) -> None:
        """A run has ended. Failures of single objects don't keep the process from being ready.

        Once ready, it stays ready. An API server that is down for a while is a matter for alerts.
        """
        self._is_ready |= finished.result in _COMPLETED
        self.idle(0.0)

    def idle(self, seconds: float) -> None:
        """The loop pauses for this many seconds, which is longer after failed runs."""
        self._due = self._now() + seconds + SLACK_SECONDS

    def standby(self, seconds: float) -> None:
        """Another replica leads, so this one is ready. It looks again after this many seconds."""
        self._is_ready = True
        self.idle(seconds)

    def not_live(self) -> str:
        """Why the kubelet should restart the process; "" if it makes progress."""
        late = self._now() - self._due
        return f"no sign of life for {late:.0f} s longer than there should be" if late > 0 else ""

    def not_ready(self) -> str:
        """Why the process isn't ready; "" if a run has completed and it isn't stopping."""
        if self._is_stopping():
            return "stopping"
        return "" if self._is_ready else "no run has gone through yet"
