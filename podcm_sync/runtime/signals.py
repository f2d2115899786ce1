"""Handles SIGINT, SIGTERM, and SIGHUP (docs/design/behavior.md §7).

Until the first write, a signal ends the process within half a second. During writes, the first
signal lets requests under way finish and starts nothing new; a second one ends the process at once.
"""

import logging
import os
import signal
import threading
import time
from types import FrameType
from typing import Final

from podcm_sync.errors import Interrupted
from podcm_sync.runtime.context import RunContext

log = logging.getLogger(__name__)

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
END_SECONDS: Final = 0.4
"""How long an orderly end may take, which exports the metrics and releases the lease."""
RESEND_SECONDS: Final = 0.02
"""How often a postponed signal is sent again, until the template engine has returned."""
LOG_SECONDS: Final = 0.05
NOTHING_CHANGED: Final = "nothing was changed"


class Signals:
    """Reports the first signal to the RunContext, and raises Interrupted if no work must finish."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._is_held = False
        self._is_postponed = False
        self._where = NOTHING_CHANGED
        # Only `hold` and the watching thread take it. The handler must not: it runs in the main
        # thread too, and would wait forever for a lock that this thread holds.
        self._lock = threading.Lock()

    def install(self) -> None:
        """Handle all three signals. Only the main thread may call this."""
        for number in SIGNALS:
            signal.signal(number, self._receive)
        read_end, write_end = os.pipe()
        # The C-level handler writes to it at once, even while no Python code can run.
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, args=(read_end,), name="signals", daemon=True).start()

    def ignore(self) -> None:
        """Ignore signals from now on. The report is printed and the exit code is decided."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def hold(self) -> None:
        """Only note a first signal from now on, because there is work to finish and to report.

        Raises Interrupted if a signal came earlier and some library swallowed the exception.
        """
        with self._lock:
            number = self._context.signal_number
            if number is not None and not self._is_held:
                self._is_postponed = False
                raise Interrupted(number, self._where)
            self._is_held = True

    def release(self, where: str) -> None:
        """Let a first signal end the process again, with a log line that says `where`.

        If a signal came during the work, the hold stays: what follows still finishes that work.
        """
        self._where = where
        self._is_held = self._context.signal_number is not None

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._context.signal_number is None:
            self._context.receive(number)
        elif not self._is_postponed:
            os._exit(128 + number)
        if not self._is_held:
            self._is_postponed = _is_in_engine(frame)
            if not self._is_postponed:
                raise Interrupted(number, self._where)

    def _watch(self, read_end: int) -> None:
        """End the process if the exception doesn't end it in time.

        Python runs a handler only between two of its own instructions. The main thread can be
        inside a template, or in a write to a terminal that nobody reads. Some libraries also
        swallow every exception of a callback.
        """
        number = os.read(read_end, 1)[0]
        main, until = threading.main_thread().ident or 0, time.monotonic() + END_SECONDS
        while time.monotonic() < until:
            time.sleep(RESEND_SECONDS)
            if self._is_postponed:
                signal.pthread_kill(main, number)
        with self._lock:
            is_ours = signal.getsignal(number) == self._receive
            if self._is_held or not is_ours:
                return
            # A thread that is stuck in a write to stderr can hold the log's lock forever, so
            # another thread logs, and this one waits only a moment for it.
            line = threading.Thread(
                target=log.info, args=("%s", Interrupted(number, self._where)), daemon=True
            )
            line.start()
            line.join(LOG_SECONDS)
            os._exit(128 + number)


def _is_in_engine(frame: FrameType | None) -> bool:
    """Whether the frame, or one that called it, is in the template engine.

    The engine calls back into Python through ctypes, which drops an exception raised on the way
    into such a callback. The engine then continues with an uninitialized result, and the process
    crashes.
    """
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith("wasmtime"):
            return True
        frame = frame.f_back
    return False
