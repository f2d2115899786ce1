"""SIGINT, SIGTERM and SIGHUP: end within half a second before the first write, in good order after.

The first signal during writes lets what is under way finish and starts nothing new. A second one
ends the process at once.
"""

import logging
import os
import signal
import threading
import time
from types import FrameType
from typing import Final

from podcm_sync.clock import Clock
from podcm_sync.errors import Interrupted

log = logging.getLogger(__name__)

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
END_SECONDS: Final = 0.4
"""How long the orderly end may take: to tell the metrics, and to give the lease up."""
AGAIN_SECONDS: Final = 0.02
LOG_SECONDS: Final = 0.05
NOTHING_CHANGED: Final = "nothing was changed"


class Signals:
    """Tells the clock of the first signal; raises Interrupted if nothing needs to finish."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._is_held = False
        self._is_postponed = False
        self._where = NOTHING_CHANGED
        # Only `hold` and the watching thread take it, never the receiver, which may run while the
        # main thread has it.
        self._lock = threading.Lock()

    def install(self) -> None:
        """Take over all three; from the main thread only."""
        for number in SIGNALS:
            signal.signal(number, self._receive)
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, args=(reading,), name="signals", daemon=True).start()

    def ignore(self) -> None:
        """The report is out and the exit code is known: a signal changes neither any more."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def hold(self) -> None:
        """From here on a first signal is only noted: there is work to finish and to report.

        Raises Interrupted if one came before, and something between swallowed that exception.
        """
        with self._lock:
            number = self._clock.signal_number
            if number is not None and not self._is_held:
                self._is_postponed = False
                raise Interrupted(number, self._where)
            self._is_held = True

    def release(self, where: str) -> None:
        """From here on a first signal ends the process again, with a line that says `where`.

        After a signal nothing changes: what follows the work belongs to its end.
        """
        self._where = where
        self._is_held = self._clock.signal_number is not None

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._clock.signal_number is None:
            self._clock.receive(number)
        elif not self._is_postponed:
            os._exit(128 + number)
        if not self._is_held:
            self._is_postponed = _is_in_the_engine(frame)
            if not self._is_postponed:
                raise Interrupted(number, self._where)

    def _watch(self, reading: int) -> None:
        """End the process if the exception does not end it in time.

        Python runs a receiver between two of its own instructions only, and the main thread may be
        inside a template, or in a write to a terminal that nobody reads. Some libraries also
        swallow whatever is raised in a callback.
        """
        number = os.read(reading, 1)[0]
        main, until = threading.main_thread().ident or 0, time.monotonic() + END_SECONDS
        while time.monotonic() < until:
            time.sleep(AGAIN_SECONDS)
            if self._is_postponed:
                signal.pthread_kill(main, number)
        with self._lock:
            is_ours = signal.getsignal(number) == self._receive
            if self._is_held or not is_ours:
                return
            # A thread that is stuck in a write to stderr may hold the log's lock for good.
            line = threading.Thread(
                target=log.info, args=("%s", Interrupted(number, self._where)), daemon=True
            )
            line.start()
            line.join(LOG_SECONDS)
            os._exit(128 + number)


def _is_in_the_engine(frame: FrameType | None) -> bool:
    """Whether WebAssembly is at work, which may have called back into Python.

    ctypes drops an exception that is raised on the way into such a callback, and the engine then
    goes on with a result that nobody wrote: the process crashes.
    """
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith("wasmtime"):
            return True
        frame = frame.f_back
    return False
