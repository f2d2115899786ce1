"""A wire before the API server that can be cut, both ways or one: nothing ends, nothing arrives.

It works below TLS. What was on its way when it was cut arrives when it is mended, but only on
connections that still stand, as on a real network: an end that has reset its own is deaf.
"""

import select
import socket
import threading
import time
from contextlib import suppress
from socket import SO_ERROR, SOL_SOCKET
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
        self._is_cut = self._is_cut_back = self._is_closed = False
        self.reset = 0
        """How many connections had been reset when the wire was mended."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def cut(self, *, answers_too: bool = True) -> None:
        """From here on no request arrives, and no answer either, unless those are let through."""
        self._is_cut, self._is_cut_back = True, answers_too

    def mend(self) -> None:
        """The wire is whole again."""
        self._is_cut = self._is_cut_back = False

    def _accept(self) -> None:
        with suppress(OSError):
            while not self._is_closed:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with suppress(OSError), near:
            while self._is_cut and not self._is_closed:
                time.sleep(STEP_SECONDS)
            with socket.create_connection(self._upstream) as far:
                for end in (near, far):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pump(near, far)

    def _pump(self, near: socket.socket, far: socket.socket) -> None:
        was_cut = False
        while not self._is_closed:
            if was_cut and not self._is_cut and near.getsockopt(SOL_SOCKET, SO_ERROR):
                self.reset += 1
                return
            was_cut = self._is_cut
            open_ends = [] if was_cut else [near]
            if not self._is_cut_back:
                open_ends.append(far)
            for source in select.select(open_ends, [], [], STEP_SECONDS)[0]:
                if source is near and self._is_cut:
                    continue
                piece = source.recv(PIECE)
                if not piece:
                    return
                (far if source is near else near).sendall(piece)
