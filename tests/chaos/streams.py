"""A watch on its way through the proxy, and what a rule does to it after so many bytes."""

import http.client
import select
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress

from tests.chaos.rules import OF_STREAMS, Fault, Observed, Rule
from tests.watches import error

STEP_SECONDS = 0.02
PIECE = 1 << 16
LAST_CHUNK = b"0\r\n\r\n"


class Stream:
    """One watch. It ends if the client, the server, the proxy, or the rule ends it."""

    def __init__(
        self, client: ssl.SSLSocket, upstream: socket.socket, is_closed: Callable[[], bool]
    ) -> None:
        """`is_closed` tells whether the proxy is."""
        self._client = client
        self._upstream = upstream
        self._is_closed = is_closed
        self._is_over = threading.Event()
        # A client of a watch sends nothing, so whatever comes from it is its end.
        self._poll = select.poll()
        self._poll.register(client, select.POLLIN)
        threading.Thread(target=self._guard, name="stream", daemon=True).start()

    def end(self) -> None:
        """Cut both sides."""
        self._is_over.set()
        for side in (self._client, self._upstream):
            with suppress(OSError):
                # Not the method of ssl: it would let the other thread go on without TLS.
                socket.socket.shutdown(side, socket.SHUT_RDWR)

    def pass_on(
        self,
        answer: http.client.HTTPResponse,
        rule: Rule,
        request: Observed,
        *,
        stuck: Callable[[], None],
        is_let_go: Callable[[], bool],
    ) -> None:
        """Pass the answer on, and do as the rule says once `rule.after` bytes have passed.

        `stuck` is called if the stream falls silent; once `is_let_go`, it is cut.
        """
        kept = [f"{k}: {v}\r\n" for k, v in answer.getheaders() if k.lower() == "content-type"]
        head = f"HTTP/1.1 {answer.status} Some\r\n{''.join(kept)}Transfer-Encoding: chunked\r\n\r\n"
        self._client.sendall(head.encode("latin-1"))
        if rule.fault in OF_STREAMS and self._is_passed(answer, request, rule.after):
            match rule.fault:
                case Fault.STREAM_CUT:
                    return
                case Fault.STREAM_SILENT:
                    stuck()
                    while not (self._is_over.wait(STEP_SECONDS) or is_let_go()):
                        pass
                    return
                case Fault.STREAM_EXPIRED:
                    is_protobuf = "protobuf" in answer.headers.get("Content-Type", "")
                    message = "too old resource version: 1 (2)"
                    self._send(error(410, "Expired", message, is_protobuf=is_protobuf))
                    self._client.sendall(LAST_CHUNK)
                    return
                case Fault.STREAM_PAUSE:
                    self._is_over.wait(rule.seconds)
                case Fault.STREAM_GARBLED if answer.read1(1):
                    self._send(b"\xff")
        self._is_passed(answer, request, None)
        self._client.sendall(LAST_CHUNK)

    def _is_passed(
        self, answer: http.client.HTTPResponse, request: Observed, size: int | None
    ) -> bool:
        """Pass so many bytes on, or all; whether they came before the answer's end."""
        while size is None or request.passed < size:
            piece = answer.read1(PIECE if size is None else min(PIECE, size - request.passed))
            if not piece:
                return False
            self._send(piece)
            request.passed += len(piece)
        return True

    def _send(self, piece: bytes) -> None:
        self._client.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))

    def _guard(self) -> None:
        """End the stream with its client or the proxy: a read of the server would wait on."""
        while not self._is_over.is_set():
            if self._is_closed() or self._poll.poll(STEP_SECONDS * 1000):
                self.end()
