"""A proxy as firms and bastions have them, before the real API server: CONNECT (RFC 9110), SOCKS5.

Whatever it is asked for, it connects to the control plane, so that it can be asked for names that
nobody else could look up; it notes what it was asked for and by whom.
"""

import base64
import socket
from urllib.parse import urlsplit

from tests.controlplane.harness import ControlPlane
from tests.listening import PIECE, Listener, pump

REFUSED = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


class Tunnel(Listener):
    """One proxy; a context manager. `address` is its host and port."""

    def __init__(self, plane: ControlPlane, user: str = "") -> None:
        """`user`, as `name:password`, is who may use it; anybody where it is empty."""
        address = urlsplit(plane.server)
        self._upstream = (str(address.hostname), address.port or 443)
        super().__init__(self._let_through)
        self._user = user
        self.asked: set[str] = set()

    def _let_through(self, near: socket.socket) -> None:
        begin = near.recv(PIECE)
        if self._socks(near) if begin.startswith(b"\x05") else self._http(near, begin):
            with socket.create_connection(self._upstream) as far:
                pump(near, far)

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
