"""Ports on loopback that do one thing with each connection, and what most of them do."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

Serve = Callable[[socket.socket], object]
PIECE = 1 << 16


class Listener:
    """One port; a context manager. Each connection has a thread, and is closed after `serve`.

    None leaves connections open and says nothing on them.
    """

    def __init__(self, serve: Serve | None, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"
        self.connections = 0
        self.is_over = threading.Event()
        self._serve: Serve = serve or (lambda _: self.is_over.wait())

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        # Closing alone does not wake the thread that accepts.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._once, args=(connection,), daemon=True).start()

    def _once(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._serve(connection)


def closing(answer: bytes) -> Serve:
    """Answer one request with this, and hang up."""

    def serve(connection: socket.socket) -> None:
        connection.recv(100_000)
        connection.sendall(answer)

    return serve


def tunneling(port: int, note: Callable[[bytes], object]) -> Serve:
    """Be a proxy that lets a CONNECT (RFC 9110) through to this port, whatever it asks for."""

    def serve(near: socket.socket) -> None:
        note(near.recv(100_000))
        near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", port)) as far:
            pump(near, far)

    return serve


def pump(near: socket.socket, far: socket.socket) -> None:
    """Pass bytes on, both ways, until the near end has no more to say."""
    threading.Thread(target=_pass_on, args=(far, near), daemon=True).start()
    _pass_on(near, far)


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
