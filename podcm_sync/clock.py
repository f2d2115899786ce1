"""When to stop: a run's deadline, the signal or the lease that ends it, for who waits or begins.

No lock and no event: a signal's receiver runs in the main thread, between any two instructions,
and must not need what that thread may hold. So a signal sets a number, and waits look at it.
"""

import math
import signal
import time
from collections.abc import Callable
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
        self._name = ""
        self._deadline_ends = math.inf
        self._stops_beginning = math.inf
        self._grace_ends = math.inf
        self._term: tuple[float, float] | None = None

    def begin(self, deadline: float | None, name: str = "--deadline") -> None:
        """A run begins that may take so many seconds, or any number where it is None.

        Messages call this limit by its name. After a signal there is no new beginning: its grace
        goes on.
        """
        if self.signal_number is not None:
            return
        self._name = "" if deadline is None else f"{name} {duration(deadline)}"
        if deadline is None:
            self._deadline_ends = self._stops_beginning = math.inf
            return
        self._deadline_ends = time.monotonic() + deadline
        reserved = min(deadline * RESERVED_SHARE, MAX_RESERVED_SECONDS)
        self._stops_beginning = self._deadline_ends - reserved

    def receive(self, signal_number: int) -> None:
        """A signal came: nothing new begins, and what is under way has a while to finish."""
        self.signal_number = signal_number
        self._grace_ends = time.monotonic() + GRACE_SECONDS

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
            or time.monotonic() >= self._stops_beginning
            or not self.may_write()
        )

    def part(self, share: float) -> Callable[[], bool]:
        """Whether a part of the run is over that begins now and may take this share of the rest.

        It is over too if nothing new may begin. Without a deadline it may take any time.
        """
        left = self.left()
        ends = math.inf if left is None else time.monotonic() + share * left
        return lambda: self.is_stopping() or time.monotonic() >= ends

    def left(self) -> float | None:
        """The seconds until the hard end, at least 0; None where there is none.

        A term can still be renewed, so its end is one only once it has come.
        """
        now, term = time.monotonic(), self._term
        if term is not None and now >= term[1]:
            return 0.0
        ends = min(self._deadline_ends, self._grace_ends)
        return None if math.isinf(ends) else max(0.0, ends - now)

    def left_to_write(self) -> float | None:
        """The seconds that a write which begins now may be under way; None where there is no end.

        Counted by the last renewal: no later one can be relied upon.
        """
        left, term = self.left(), self._term
        if term is None:
            return left
        cut = max(0.0, term[1] - time.monotonic())
        return cut if left is None else min(left, cut)

    def limit(self, *, is_write: bool = False) -> tuple[float | None, str]:
        """The seconds left to a request that begins now, and which limit that is, in words.

        None and "" if there is no limit.
        """
        left = self.left_to_write() if is_write else self.left()
        if left is None:
            return None, ""
        run_left = min(self._deadline_ends, self._grace_ends) - time.monotonic()
        if left < run_left:
            return left, "this process's term as the leader"
        if self.signal_number is not None and self._grace_ends <= self._deadline_ends:
            name = signal.Signals(self.signal_number).name
            return left, f"the {GRACE_SECONDS:g} s that {name} leaves"
        return left, self._name

    def why_over(self) -> str:
        """Why there is no time left, in words that name the limit."""
        if not self.may_write():
            return "this process does not lead"
        return timed_out(self.limit()[1])

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


def timed_out(limit: str) -> str:
    """How every message says that time ran out: with the limit that was too short."""
    return f"timed out ({limit})"


def duration(seconds: float) -> str:
    """Seconds as a person writes them in an option: 150ms, 1.5s, 4m, 1h30m."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = ((hours, "h"), (minutes, "m"), (round(rest, 3), "s"))
    return "".join(f"{number:g}{unit}" for number, unit in parts if number)
