"""SIGINT, SIGTERM and SIGHUP: end at once while nothing is written yet, in good order afterwards.

The first signal during writes lets what is under way finish and starts nothing new; a second one
ends the process there and then.
"""

import os
import signal
from types import FrameType
from typing import Final

from podcm_sync.clock import Clock
from podcm_sync.errors import Interrupted

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Tells the clock of the first signal."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._is_held = False

    def install(self) -> None:
        """Take over all three; from the main thread only."""
        for number in SIGNALS:
            signal.signal(number, self._receive)

    def ignore(self) -> None:
        """The report is out and the exit code is known: a signal changes neither any more."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def hold(self) -> None:
        """From here on a first signal is only noted: there is work to finish and to report."""
        self._is_held = True

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self._clock.signal_number is not None:
            os._exit(128 + number)
        self._clock.receive(number)
        if not self._is_held:
            raise Interrupted(number)
