"""Shows on a terminal that podcm-sync works, from two seconds on, so that it doesn't seem to hang.

It is one line on stderr that counts the seconds. A log line erases it first.
"""

import os
import sys
import threading
import time
from types import TracebackType
from typing import Final, Self

from podcm_sync.cli import logs

FIRST_SECONDS: Final = 2.0
NEXT_SECONDS: Final = 1.0


class SignOfLife:
    """Shows `doing` and the seconds until `stop`; nothing without a terminal or with JSON logs."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._stopped = threading.Event()
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        # A dumb terminal can't erase a line.
        if sys.stderr.isatty() and not logs.is_json() and os.environ.get("TERM") != "dumb":
            threading.Thread(target=self._run, name="sign-of-life", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Erase the line for good."""
        self._stopped.set()
        logs.status_line.erase()

    def _run(self) -> None:
        seconds = FIRST_SECONDS
        while not self._stopped.wait(seconds):
            waited = time.monotonic() - self._began
            line = f"podcm-sync: {self._doing} ({waited:.0f} s)"
            # `stop` can come between the wait and this line: then nothing must stay on the screen.
            logs.status_line.show(line, unless=self._stopped.is_set)
            seconds = NEXT_SECONDS
