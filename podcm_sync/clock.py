"""When to stop: a run's deadline, the signal or the lease that ends it, for who waits or begins.

No lock and no event: a signal's receiver runs in the main thread, between any two instructions,
and must not need what that thread may hold. So a signal sets a number, and waits look at it.
"""

import time
from typing import Final

STEP_SECONDS: Final = 0.05
GRACE_SECONDS: Final = 20.0
"""How long what is under way may take to finish after a signal (a Pod is given 30 s in all)."""
RESERVED_SHARE: Final = 0.1
MAX_RESERVED_SECONDS: Final = 5.0
"""What is kept of a deadline for finishing: nothing new begins in its last tenth, or 5 s."""


class Clock:
    """Times in seconds; `signal_number` is the first signal that came, or None."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._ends: float | None = None
        self._stops_beginning: float | None = None
        self._term: tuple[float, float] | None = None

    def begin(self, deadline: float | None) -> None:
        """A run begins that may take so many seconds, or any number where it is None.

        After a signal there is no new beginning: its grace goes on.
        """
        if self.signal_number is not None:
            return
        if deadline is None:
            self._ends = self._stops_beginning = None
            return
        self._ends = time.monotonic() + deadline
        self._stops_beginning = self._ends - min(deadline * RESERVED_SHARE, MAX_RESERVED_SECONDS)

    def receive(self, signal_number: int) -> None:
        """A signal came: nothing new begins, and what is under way has a while to finish."""
        self.signal_number = signal_number
        ends = time.monotonic() + GRACE_SECONDS
        self._ends = ends if self._ends is None else min(ends, self._ends)

    def lead(self, until: float, cut: float) -> None:
        """This process leads: no write begins after `until`, and none is under way after `cut`.

        Monotonic times. Another call puts both off; without any, writes have no such end.
        """
        self._term = (until, cut)

    def follow(self) -> None:
        """This process does not lead: from here on nothing is written."""
        self._term = (0.0, 0.0)

    def may_write(self) -> bool:
        """Whether this process leads, or need not in order to write."""
        return self._term is None or time.monotonic() < self._term[0]

    def is_stopping(self) -> bool:
        """Whether to begin nothing new."""
        return (
            self.signal_number is not None
            or (self._stops_beginning is not None and time.monotonic() >= self._stops_beginning)
            or not self.may_write()
        )

    def left(self) -> float | None:
        """The seconds until the hard end, at least 0; None where there is none.

        A term can still be renewed, so its end is one only once it has come.
        """
        now, term = time.monotonic(), self._term
        if term is not None and now >= term[1]:
            return 0.0
        return None if self._ends is None else max(0.0, self._ends - now)

    def left_to_write(self) -> float | None:
        """The seconds that a write which begins now may be under way; None where there is no end.

        Counted by the last renewal: no later one can be relied upon.
        """
        left, term = self.left(), self._term
        if term is None:
            return left
        cut = max(0.0, term[1] - time.monotonic())
        return cut if left is None else min(left, cut)

    def why_over(self) -> str:
        """Why there is no time left, in words."""
        return "the run's deadline has passed" if self.may_write() else "this process does not lead"

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until it is time to stop; whether there is time to go on."""
        until = time.monotonic() + seconds
        while not self.is_stopping():
            left = until - time.monotonic()
            if left <= 0:
                return True
            time.sleep(min(left, STEP_SECONDS))
        return False

    def wait_to_lead(self, seconds: float) -> bool:
        """Wait so long, or until a signal comes; whether none came."""
        until = time.monotonic() + seconds
        while self.signal_number is None:
            left = until - time.monotonic()
            if left <= 0:
                return True
            time.sleep(min(left, STEP_SECONDS))
        return False
