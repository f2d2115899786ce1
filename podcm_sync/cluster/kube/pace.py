"""When a write may begin: not while the server asked for patience, and at most --qps a second.

One `Retry-After` slows all writers: the server that turned one away would turn the others away,
and each of them would be asked to wait for longer.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Final

from podcm_sync.clock import Clock

STEP_SECONDS: Final = 0.05


class NotBegunError(Exception):
    """The run ends before it is this write's turn."""


class Pace:
    """The pace of all writes to a server, from any number of threads."""

    def __init__(self, clock: Clock, qps: float | None = None) -> None:
        """`qps` is how many writes may begin in a second; None is no limit."""
        self._clock = clock
        self._interval = 1 / qps if qps else 0.0
        self._lock = threading.Lock()
        self._next = 0.0
        self._patient = 0

    def await_turn(self) -> None:
        """Wait until a write may begin. Raises NotBegunError where the run ends before that."""
        if self._interval:
            self._wait(self._turn() - time.monotonic())
        # Looked at last: patience may be asked for while a turn is awaited.
        while self._patient:
            self._wait(STEP_SECONDS)

    @contextlib.contextmanager
    def patience(self) -> Iterator[None]:
        """While one writer waits as it was told to, no other begins."""
        with self._lock:
            self._patient += 1
        try:
            yield
        finally:
            with self._lock:
                self._patient -= 1

    def _turn(self) -> float:
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._interval
            return turn

    def _wait(self, seconds: float) -> None:
        if seconds > 0 and not self._clock.wait(seconds):
            raise NotBegunError
