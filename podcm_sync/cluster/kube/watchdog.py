"""Ends what takes too long, from outside: a socket's own timeout is for each read, not for all.

It also costs each of them two turns at the interpreter's lock more than to wait without one: a
tenth of a first sync's time, with 32 threads that take turns.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

STEP_SECONDS: Final = 0.02
"""How late an end may come."""


class Watchdog:
    """Watches any number of sockets, from a thread that sleeps while there are none."""

    def __init__(self) -> None:
        self._watched: dict[object, tuple[float, Callable[[], Any]]] = {}
        self._is_needed = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def watching(self, sock: Callable[[], Any], at: float) -> Iterator[None]:
        """Shut the socket down at this monotonic time, if the block has not ended by then.

        What waits there for it comes back at once: with nothing received, or with an OSError.
        `sock` gives the one of that time, None while there is none.
        """
        if self._thread is None:
            self._begin()
        this = object()
        self._watched[this] = (at, sock)
        if not self._is_needed.is_set():  # a look costs nothing, to set it takes a lock
            self._is_needed.set()
        try:
            yield
        finally:
            del self._watched[this]

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
                self._thread.start()

    def _watch(self) -> None:
        while True:
            self._is_needed.wait()
            while self._watched:
                now = time.monotonic()
                with contextlib.suppress(RuntimeError):  # it changed while it was looked at
                    for at, sock in tuple(self._watched.values()):
                        if now >= at:
                            _shut_down(sock())
                time.sleep(STEP_SECONDS)
            self._is_needed.clear()
            if self._watched:  # one came in between
                self._is_needed.set()


def _shut_down(sock: Any) -> None:
    sock = getattr(sock, "socket", sock)  # urllib3's TLS within TLS is no socket, but has one
    if sock is None:
        return
    with contextlib.suppress(OSError):  # it may be closed already
        # Not an SSLSocket's own, which would take its state from under who is reading.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
