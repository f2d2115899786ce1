"""When a run must stop: at its deadline, after a signal, or when it loses the lease.

There is no lock and no event. Python runs a signal handler in the main thread, between any two
instructions, so a lock that this thread already holds would block the handler forever. The handler
sets plain attributes instead, and every wait polls them.
"""

import math
import signal
import time
from collections.abc import Callable
from typing import Final

POLL_SECONDS: Final = 0.05
"""How often a wait checks for a signal, so how late it can notice one."""
GRACE_SECONDS: Final = 20.0
"""Time to finish requests after a signal. A Pod gets 30 s in all before it is killed."""
RESERVED_SHARE: Final = 0.1
MAX_RESERVED_SECONDS: Final = 5.0
"""Nothing new begins in the last tenth of a deadline, or in its last 5 s if that is less."""


class RunContext:
    """The limits of the current run, and the leadership of this process.

    `signal_number` is the first signal that the process received, or None. All times are in
    seconds, by the monotonic clock.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._name = ""
        self._deadline_ends = math.inf
        self._no_new_work_at = math.inf
        self._grace_ends = math.inf
        self._term: tuple[float, float] | None = None
        """When the last write may begin, and by when it must finish; None without an election."""

    def begin(self, deadline: float | None, name: str = "") -> None:
        """Begin a run that must end within `deadline` seconds; None is no limit.

        `name` is what messages call this limit, by default the option. After a signal the call does
        nothing, so that a new run can't extend the time that the signal leaves.
        """
        if self.signal_number is not None:
            return
        if deadline is None:
            self._name = ""
            self._deadline_ends = self._no_new_work_at = math.inf
            return
        self._name = name or f"--deadline {duration(deadline)}"
        self._deadline_ends = time.monotonic() + deadline
        reserved = min(deadline * RESERVED_SHARE, MAX_RESERVED_SECONDS)
        self._no_new_work_at = self._deadline_ends - reserved

    def receive(self, signal_number: int) -> None:
        """Note a signal: nothing new begins; requests under way have `GRACE_SECONDS` to finish."""
        self.signal_number = signal_number
        self._grace_ends = time.monotonic() + GRACE_SECONDS

    def extend_leadership(self, begin_by: float, finish_by: float) -> None:
        """Let writes begin until `begin_by`, and let none take longer than until `finish_by`.

        Both are monotonic times. Each renewal of the lease moves them. A process without leader
        election never calls this, and its writes have no such limits.
        """
        self._term = (begin_by, finish_by)

    def end_leadership(self) -> None:
        """This process doesn't lead, so from now on it writes nothing."""
        self._term = (0.0, 0.0)

    def may_write(self) -> bool:
        """Whether this process leads, or takes part in no election."""
        return self._term is None or time.monotonic() < self._term[0]

    def is_stopping(self) -> bool:
        """Whether to begin nothing new: no request, no rendering, no run."""
        return (
            self.signal_number is not None
            or time.monotonic() >= self._no_new_work_at
            or not self.may_write()
        )

    def part(self, share: float) -> Callable[[], bool]:
        """A function that tells whether a part of the run has used up its time.

        The part begins now and may take this share of the time that remains; without a deadline it
        may take any time. The function also returns true if nothing new may begin.
        """
        remaining = self.remaining()
        ends = math.inf if remaining is None else time.monotonic() + share * remaining
        return lambda: self.is_stopping() or time.monotonic() >= ends

    def remaining(self) -> float | None:
        """The seconds until every request must have ended, at least 0; None if there is no limit.

        The end of a leader's term counts only once it has passed, because a renewal can still move
        it.
        """
        now, term = time.monotonic(), self._term
        if term is not None and now >= term[1]:
            return 0.0
        ends = min(self._deadline_ends, self._grace_ends)
        return None if math.isinf(ends) else max(0.0, ends - now)

    def remaining_for_writes(self) -> float | None:
        """The seconds that a write which begins now may take; None if there is no limit.

        They end with the current term. A write must not rely on a renewal that might not come.
        """
        remaining, term = self.remaining(), self._term
        if term is None:
            return remaining
        term_remaining = max(0.0, term[1] - time.monotonic())
        return term_remaining if remaining is None else min(remaining, term_remaining)

    def limit(self, *, is_write: bool = False) -> tuple[float | None, str]:
        """The seconds that a request which begins now may take, and the name of that limit.

        (None, "") if there is no limit.
        """
        remaining = self.remaining_for_writes() if is_write else self.remaining()
        if remaining is None:
            return None, ""
        run_remaining = min(self._deadline_ends, self._grace_ends) - time.monotonic()
        if remaining < run_remaining:
            return remaining, "this process's term as the leader"
        if self.signal_number is not None and self._grace_ends <= self._deadline_ends:
            name = signal.Signals(self.signal_number).name
            return remaining, f"the {GRACE_SECONDS:g} s that {name} leaves"
        return remaining, self._name

    def cause(self) -> str:
        """Why no time remains, as a message that names the limit."""
        if not self.may_write():
            return "this process does not lead"
        return timed_out(self.limit()[1])

    def why_stopping(self) -> str:
        """Why nothing new begins, as a message that names the signal or the limit."""
        if self.signal_number is not None:
            return f"cut short by {signal.Signals(self.signal_number).name}"
        return self.cause()

    def wait(self, seconds: float, is_enough: Callable[[], bool] = lambda: False) -> bool:
        """Wait this many seconds, or until `is_enough`; False as soon as nothing new may begin."""
        until = time.monotonic() + seconds
        while not self.is_stopping():
            remaining = until - time.monotonic()
            if remaining <= 0 or is_enough():
                return True
            time.sleep(min(remaining, POLL_SECONDS))
        return False

    def wait_unless_signaled(self, seconds: float) -> bool:
        """Wait this many seconds; False as soon as a signal comes.

        For a process that doesn't lead: `wait` would end at once, since it may not write.
        """
        until = time.monotonic() + seconds
        while self.signal_number is None:
            remaining = until - time.monotonic()
            if remaining <= 0:
                return True
            time.sleep(min(remaining, POLL_SECONDS))
        return False


def timed_out(limit: str) -> str:
    """The words of every message about a timeout; `limit` is what was too short."""
    return f"timed out ({limit})"


def duration(seconds: float) -> str:
    """Seconds in the form that options take: 150ms, 1.5s, 4m, 1h30m."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = ((hours, "h"), (minutes, "m"), (round(rest, 3), "s"))
    return "".join(f"{number:g}{unit}" for number, unit in parts if number)
