"""A wire before the API server that can be cut: nothing ends, nothing arrives, in neither way.

It works below TLS. What was on its way when it was cut arrives when it is mended, but only on
connections that still stand, as on a real network: an end that has reset its own is deaf.
"""

import selectors
import socket
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

from tests.controlplane.harness import ControlPlane

STEP_SECONDS = 0.02
PIECE = 1 << 16


class Relay:
    """One wire; a context manager. `url` is its near end."""

    def __init__(self, plane: ControlPlane) -> None:
        address = urlsplit(plane.server)
        self._upstream = (str(address.hostname), address.port or 443)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._is_whole = threading.Event()
        self._is_whole.set()
        self._is_closed = False
        self.reset = 0
        """How many connections had been reset when the wire was mended."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closed = True
        self._is_whole.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def cut(self) -> None:
        """From here on nothing arrives."""
        self._is_whole.clear()

    def mend(self) -> None:
        """The wire is whole again."""
        self._is_whole.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while not self._is_closed:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with suppress(OSError), near:
            self._is_whole.wait()
            with socket.create_connection(self._upstream) as far, selectors.DefaultSelector() as on:
                for end in (near, far):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                on.register(near, selectors.EVENT_READ, far)
                on.register(far, selectors.EVENT_READ, near)
                self._pump(on, near)

    def _pump(self, on: selectors.DefaultSelector, near: socket.socket) -> None:
        while not self._is_closed:
            due = on.select(STEP_SECONDS)
            if not self._is_whole.is_set():
                self._is_whole.wait()
                if near.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    self.reset += 1
                    return
            for key, _ in due:
                source = key.fileobj
                assert isinstance(source, socket.socket)
                piece = source.recv(PIECE)
                if not piece:
                    return
                key.data.sendall(piece)
