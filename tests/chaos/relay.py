"""A wire before the API server that can be cut, both ways or one: nothing ends, nothing arrives.

It works below TLS. What was on its way when it was cut arrives when the wire is whole again,
but only on connections that still stand, as on a real network: an end that has reset its own is
deaf.
"""

import select
import socket
import time
from socket import SO_ERROR, SOL_SOCKET
from urllib.parse import urlsplit

from tests.controlplane.harness import ControlPlane
from tests.listening import PIECE, Listener

STEP_SECONDS = 0.02


class Relay(Listener):
    """One wire; a context manager. `url` is its near end."""

    def __init__(self, plane: ControlPlane) -> None:
        address = urlsplit(plane.server)
        self._upstream = (str(address.hostname), address.port or 443)
        super().__init__(self._relay)
        self.url = f"https://{self.address}"
        self._is_cut = self._is_cut_back = False
        self.reset = 0
        """How many connections had been reset when the wire was whole again."""

    def cut(self, *, answers_too: bool = True) -> None:
        """From here on no request arrives, and no answer either, unless those are let through."""
        self._is_cut, self._is_cut_back = True, answers_too

    def restore(self) -> None:
        """The wire is whole again."""
        self._is_cut = self._is_cut_back = False

    def _relay(self, near: socket.socket) -> None:
        while self._is_cut and not self.is_over.is_set():
            time.sleep(STEP_SECONDS)
        with socket.create_connection(self._upstream) as far:
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pump(near, far)

    def _pump(self, near: socket.socket, far: socket.socket) -> None:
        was_cut = False
        while not self.is_over.is_set():
            if was_cut and not self._is_cut and near.getsockopt(SOL_SOCKET, SO_ERROR):
                self.reset += 1
                return
            was_cut = self._is_cut
            open_ends = [] if was_cut else [near]
            if not self._is_cut_back:
                open_ends.append(far)
            for source in _readable(open_ends):
                if source is near and self._is_cut:
                    continue
                piece = source.recv(PIECE)
                if not piece:
                    return
                (far if source is near else near).sendall(piece)


def _readable(ends: list[socket.socket]) -> list[socket.socket]:
    """Those that have something to say, or have ended. `select` takes no descriptor past 1023."""
    poll = select.poll()
    for end in ends:
        poll.register(end, select.POLLIN)
    ready = {descriptor for descriptor, _ in poll.poll(STEP_SECONDS * 1000)}
    return [end for end in ends if end.fileno() in ready]
