"""A proxy as firms and bastions have them, before the real API server: CONNECT (RFC 9110), SOCKS5.

Whatever it is asked for, it connects to the control plane, so that it can be asked for names that
nobody else could look up; it notes what it was asked for and by whom.
"""

import base64
import socket
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

from tests.controlplane.harness import ControlPlane

PIECE = 1 << 16
REFUSED = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


class Tunnel:
    """One proxy; a context manager. `address` is its host and port."""

    def __init__(self, plane: ControlPlane, user: str = "") -> None:
        """`user`, as `name:password`, is who may use it; anybody where it is empty."""
        address = urlsplit(plane.server)
        self._upstream = (str(address.hostname), address.port or 443)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._user = user
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: set[str] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with suppress(OSError), near:
            begin = near.recv(PIECE)
            is_let_in = self._socks(near) if begin.startswith(b"\x05") else self._http(near, begin)
            if not is_let_in:
                return
            with socket.create_connection(self._upstream) as far:
                threading.Thread(target=_pump, args=(far, near), daemon=True).start()
                _pump(near, far)

    def _http(self, near: socket.socket, head: bytes) -> bool:
        while b"\r\n\r\n" not in head:
            head += near.recv(PIECE)
        lines = head.decode("ascii").split("\r\n")
        self.asked.add(lines[0].rpartition(" ")[0])
        wanted = base64.b64encode(self._user.encode()).decode()
        if self._user and f"Proxy-Authorization: Basic {wanted}".lower() not in map(
            str.lower, lines
        ):
            near.sendall(REFUSED)
            return False
        near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return True

    def _socks(self, near: socket.socket) -> bool:
        """RFC 1928: no authentication, CONNECT to a name."""
        near.sendall(b"\x05\x00")
        request = near.recv(PIECE)
        assert request[:4] == b"\x05\x01\x00\x03", "a name, to be looked up here"
        name = request[5 : 5 + request[4]].decode("ascii")
        self.asked.add(f"{name}:{int.from_bytes(request[-2:])}")
        near.sendall(b"\x05\x00\x00\x01" + bytes(6))
        return True


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
