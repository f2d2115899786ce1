"""Whether a loop makes progress, and whether a whole run has gone through: /healthz and /readyz.

Written by the loop's thread, read by others; each field is one word, so no lock is needed.
"""

import math
import time
from collections.abc import Callable
from typing import Final

from podcm_sync.core.ended import Ended, RunResult

SLACK_SECONDS: Final = 30.0
"""What a run or a pause may take longer than it should: a busy node, a push, a slow report."""
LONGEST_RUN_SECONDS: Final = 1_800.0
"""What a run without a deadline may take, or ten intervals where that is more."""
INTERVALS: Final = 10
_THROUGH: Final = frozenset({RunResult.SUCCEEDED, RunResult.FAILED_OBJECTS, RunResult.HELD_BACK})


class Health:
    """When the next sign of life is due, and whether a run went through to its end."""

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
        """A run begins, or what comes before the first."""
        self._due = self._now() + self._longest + SLACK_SECONDS

    def ended(self, ended: Ended) -> None:
        """A run has ended. Single objects' failures are theirs, and keep nobody from being ready.

        Once ready it stays so: that a server is away for a while is what alerts are for.
        """
        self._is_ready |= ended.result in _THROUGH
        self.rests(0.0)

    def rests(self, seconds: float) -> None:
        """Nothing is to be done for so long: between runs, or after failed ones for longer."""
        self._due = self._now() + seconds + SLACK_SECONDS

    def stands_by(self, seconds: float) -> None:
        """Another replica leads, and is asked again after so many seconds: as it should be."""
        self._is_ready = True
        self.rests(seconds)

    def not_live(self) -> str:
        """Why the process had better be started anew; "" where it makes progress."""
        late = self._now() - self._due
        return f"no sign of life for {late:.0f} s longer than there should be" if late > 0 else ""

    def not_ready(self) -> str:
        """Why nothing is in step yet, or will be kept so no longer; "" where it is."""
        if self._is_stopping():
            return "stopping"
        return "" if self._is_ready else "no run has gone through yet"
