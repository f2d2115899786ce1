"""Work that may never end, with an end: done on a daemon thread, and left alone when it is late.

Socket timeouts are per read, so a server that trickles outlasts them all; an exec plugin has none.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

log = logging.getLogger(__name__)

STEP_SECONDS: Final = 0.1
FIRST_WORD_SECONDS: Final = 3.0
TIMES_LATER: Final = 3
T = TypeVar("T")


class Waiting:
    """One thing that is waited for: a warning after 3 s names it, and others after 9 s, 27 s, ….

    Without them a frozen server looks like a program that hangs.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._began = time.monotonic()
        self._next = FIRST_WORD_SECONDS

    def look(self) -> None:
        """Warn if it is time to; call it again and again while waiting."""
        waited = time.monotonic() - self._began
        if waited >= self._next:
            self._next *= TIMES_LATER
            log.warning("waiting for %s (%.0f s)", self._what, waited)


def in_time(
    work: Callable[[], T],
    seconds: float,
    is_over: Callable[[], bool] = lambda: False,
    waiting: Waiting | None = None,
) -> T:
    """The result of `work`, or what it raises. `waiting` is told while it takes its time.

    Raises TimeoutError if it takes longer, or if `is_over` returns true meanwhile.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, name="bounded", daemon=True)
    thread.start()
    until = time.monotonic() + seconds
    while thread.is_alive() and time.monotonic() < until and not is_over():
        thread.join(min(STEP_SECONDS, max(0.0, until - time.monotonic())))
        if waiting is not None:
            waiting.look()
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"not finished within {seconds:.3g} s")
    return results[0]
