"""A TLS proxy before the real API server that makes anything go wrong on the way.

Rules (rules.py) choose a fault by the request; a handler is a function for what only one test does.

It has the API server's own certificate, so a kubeconfig needs only its address. The proxy records
each request when it comes, what was forwarded, and the server's own answer.
"""

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from io import BufferedReader
from typing import Self
from urllib.parse import urlsplit

from tests.chaos.answers import flipped, of_another_state, own_reply, with_items_of
from tests.chaos.rules import NOTHING, OWN, UNANSWERED, Fault, Observed, Reply, Rule
from tests.chaos.streams import Stream
from tests.controlplane.harness import ControlPlane

Forward = Callable[[], Reply]
Handler = Callable[[Observed, Forward], Reply | None]
"""Answers a request, by the server's own answer or another; None cuts the connection instead."""
OF_THE_CONNECTION = {"connection", "content-length", "host", "transfer-encoding"}
PIECES = 20


def no_fault(_: Observed, forward: Forward) -> Reply:
    """The handler that changes nothing."""
    return forward()


class Proxy:
    """One proxy on loopback; a context manager. `begin` gives it other rules."""

    def __init__(
        self, plane: ControlPlane, *rules: Rule, handler: Handler = no_fault, prefix: str = ""
    ) -> None:
        """With a prefix, the server's paths are under `https://host:port/prefix`."""
        self.requests: list[Observed] = []
        self._handler = handler
        self._prefix = prefix
        self.stuck = threading.Event()
        """Set once a request is frozen or swallowed."""
        self.rules: Sequence[Rule] = rules
        self.page_limit: int | None = None
        """The most objects on a page of a list, if less than what a client asks for."""
        self.is_json_only = False
        """Whether the server is asked for JSON even if the client prefers protobuf."""
        self.before: Callable[[Observed], object] = lambda _: None
        """Called with each request before anything else happens to it."""
        self._begun = 0
        """How often `begin` was called."""
        self._streams: set[Stream] = set()
        self._lists_answered = 0
        self._matched = [0] * len(rules)
        self._lock = threading.Lock()
        self._under_way = 0
        self._let_go = threading.Event()
        self._is_closed = False
        self._clients: set[socket.socket] = set()
        self._idle: list[http.client.HTTPSConnection] = []
        self._upstream = str(urlsplit(plane.server).netloc)
        self._client_side = ssl.create_default_context(cafile=str(plane.ca_file))
        self._server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server_side.load_cert_chain(plane.ca_file, plane.ca_file.with_suffix(".key"))
        self._listener = _listener(0)
        self._port: int = self._listener.getsockname()[1]
        self._refuse_until = 0.0
        self.url = f"https://127.0.0.1:{self._port}{prefix}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closed = True
        self._sever()
        self.cut_streams()
        self.settle()
        for upstream in self._idle:
            upstream.close()

    def begin(self, *rules: Rule) -> None:
        """From here on these rules, and nothing seen yet; what was stuck is cut.

        Watches that aren't stuck stay open.
        """
        self.settle()
        with self._lock:
            self.rules, self._matched, self.requests = rules, [0] * len(rules), []
            self._begun += 1
        self.stuck.clear()
        self._let_go.clear()

    def settle(self, seconds: float = 20.0) -> None:
        """Cut what is stuck, and wait until no request is under way, late ones too."""
        self._let_go.set()
        deadline = time.monotonic() + seconds
        while self._under_way or time.monotonic() < self._refuse_until:
            assert time.monotonic() < deadline, f"{self._under_way} requests are still under way"
            time.sleep(0.002)

    def cut_streams(self) -> int:
        """Cut every watch; how many there were."""
        streams = list(self._streams)
        for stream in streams:
            stream.end()
        return len(streams)

    def writes(self) -> list[Observed]:
        """All but the reads."""
        return [request for request in self.requests if request.method != "GET"]

    def sent(self, method: str) -> list[Observed]:
        """The requests of that method."""
        return [request for request in self.requests if request.method == method]

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                plain, _ = self._listener.accept()
            except OSError:  # shut down, to refuse for a while or for good
                self._listener.close()
                while time.monotonic() < self._refuse_until:
                    time.sleep(0.005)
                if not self._is_closed:
                    self._listener = _listener(self._port)
                continue
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _sever(self) -> None:
        """Shut the listener and every connection."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for client in list(self._clients):
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _serve(self, plain: socket.socket) -> None:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError, ValueError, http.client.HTTPException), plain:
            client = self._server_side.wrap_socket(plain, server_side=True)
            with client, client.makefile("rb") as reader:
                self._clients.add(client)
                try:
                    while (request := _read(reader)) and self._handle(request, client):
                        pass
                finally:
                    self._clients.discard(client)

    def _handle(self, request: Observed, client: ssl.SSLSocket) -> bool:
        """Answer a request as the rules want it; whether the connection goes on."""
        self.before(request)
        with self._lock:
            self._under_way += not request.is_watch  # which goes on between tests
            rule = self._rule(request)
            request.fault = rule.fault
            self.requests.append(request)
        try:
            return self._carry_out(rule, request, client)
        finally:
            request.ended = time.monotonic()
            with self._lock:
                self._under_way -= not request.is_watch
                self._lists_answered += request.is_list

    def _rule(self, request: Observed) -> Rule:
        """The first rule that is to be applied; each counts the requests that it matches."""
        chosen = NOTHING
        for index, rule in enumerate(self.rules):
            if rule.matches(request):
                self._matched[index] += 1
                if chosen is NOTHING and rule.is_due(self._matched[index]):
                    chosen = rule
        return chosen

    def _carry_out(self, rule: Rule, request: Observed, client: ssl.SSLSocket) -> bool:
        """Do as the rule says; whether the connection goes on."""
        if request.is_watch and rule.fault not in OWN | UNANSWERED:
            self._watch(rule, request, client)
            return False
        if rule.fault in UNANSWERED:
            self._leave_unanswered(rule, request, client)
            return False
        reply = self._handler(request, lambda: self._reply(rule, request))
        if reply is None:
            return False
        head, body = _encoded(reply, is_chunked=rule.is_chunked or reply.is_chunked)
        if rule.fault is Fault.TRICKLE:
            _trickle(client, head, body, rule)
        else:
            is_cut = rule.fault is Fault.TRUNCATE
            client.sendall(_beginning(head, body, rule.share) if is_cut else head + body)
        return rule.fault is not Fault.TRUNCATE and reply.sent is None

    def _reply(self, rule: Rule, request: Observed) -> Reply:
        """The answer that the client gets, before it is cut or slowed down."""
        if rule.fault is Fault.OTHER_OBJECT and request.is_list:
            return self._forward(request, namespace=rule.namespace)
        if rule.fault in OWN:
            if rule.is_forwarded:
                self._forward(request)
            return own_reply(rule, request)
        if rule.fault is Fault.DELAY:
            self._let_go.wait(rule.seconds)
        reply = self._forward(request)
        match rule.fault:
            case Fault.DUPLICATE:
                second = self._forward(request)
                return second if rule.share >= 0.5 else reply
            case Fault.BYTE_FLIP:
                return flipped(rule, reply)
            case Fault.CHANGED_PAGE if rule.share < 0.5:
                return of_another_state(reply)
            case Fault.CHANGED_PAGE:
                first = replace(request, target=re.sub(r"&continue=[^&]*", "", request.target))
                pages = [self._forward(page, is_json=True) for page in (first, request)]
                return with_items_of(*pages)
            case _:
                return reply

    def _leave_unanswered(self, rule: Rule, request: Observed, client: ssl.SSLSocket) -> None:
        match rule.fault:
            case Fault.REFUSE:
                self._refuse_until = time.monotonic() + rule.seconds
                for other in self.requests:
                    # What is on its way to the server arrives there, but its answer doesn't.
                    if not other.ended and other.fault is Fault.NONE:
                        other.fault = Fault.REFUSE
                self._sever()
            case Fault.LATE:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
                time.sleep(rule.seconds)
            case Fault.HELD:
                before = self._lists_answered
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
                while self._lists_answered == before and not self._let_go.wait(0.001):
                    pass
        is_forwarded = rule.fault in {Fault.LATE, Fault.HELD, Fault.LOSE, Fault.SWALLOW}
        if is_forwarded and not request.is_watch:  # nobody would read a watch
            self._forward(request)
        if rule.fault in {Fault.FREEZE, Fault.SWALLOW}:
            self.stuck.set()
            self._let_go.wait()

    def _watch(self, rule: Rule, request: Observed, client: ssl.SSLSocket) -> None:
        """Pass a watch on as it comes, until either side or the rule ends it."""
        if rule.fault is Fault.DELAY:
            self._let_go.wait(rule.seconds)
        begun = self._begun
        with closing(self._new_upstream(timeout=None)) as upstream:
            target, headers = self._asked(request)
            upstream.request("GET", target, None, headers)
            answer = upstream.getresponse()
            request.codes.append(answer.status)
            stream = Stream(client, upstream.sock, lambda: self._is_closed)
            self._streams.add(stream)
            try:
                stream.pass_on(
                    answer,
                    rule,
                    request,
                    stuck=self.stuck.set,
                    is_let_go=lambda: self._begun != begun,
                )
            finally:
                self._streams.discard(stream)
                stream.end()

    def _forward(self, request: Observed, *, namespace: str = "", is_json: bool = False) -> Reply:
        """The server's own answer; with a namespace, about what is in that one."""
        target, headers = self._asked(request, is_json=is_json)
        if namespace:
            target = re.sub(r"/namespaces/[^/?]+", f"/namespaces/{namespace}", target, count=1)
        if self.page_limit is not None:
            target = re.sub(r"\blimit=\d+", f"limit={self.page_limit}", target)
        with self._upstream_connection() as upstream:
            upstream.request(request.method, target, request.body or None, headers)
            answer = upstream.getresponse()
            body = answer.read()
        request.codes.append(answer.status)
        kept = {k: v for k, v in answer.getheaders() if k.lower() not in OF_THE_CONNECTION}
        return Reply(answer.status, body, kept)

    def _asked(self, request: Observed, *, is_json: bool = False) -> tuple[str, dict[str, str]]:
        """What the server is asked for: its own path, and headers."""
        headers = request.headers
        if is_json or self.is_json_only:
            headers = headers | {"accept": re.sub(r"^[^,]*, *", "", headers["accept"])}
        return request.target.removeprefix(self._prefix), headers

    @contextmanager
    def _upstream_connection(self) -> Iterator[http.client.HTTPSConnection]:
        try:
            upstream = self._idle.pop()
        except IndexError:
            upstream = self._new_upstream(timeout=30.0)
        try:
            yield upstream
        except BaseException:
            upstream.close()
            raise
        self._idle.append(upstream)

    def _new_upstream(self, *, timeout: float | None) -> http.client.HTTPSConnection:
        upstream = http.client.HTTPSConnection(
            self._upstream, context=self._client_side, timeout=timeout
        )
        upstream.connect()
        upstream.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return upstream


def _listener(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port), backlog=64)


def _read(reader: BufferedReader) -> Observed | None:
    """The next request of a connection; None at its end."""
    line = reader.readline().split()
    if len(line) != 3:
        return None
    headers = {key.lower(): value for key, value in http.client.parse_headers(reader).items()}
    body = reader.read(int(headers.get("content-length") or 0))
    kept = {key: value for key, value in headers.items() if key not in OF_THE_CONNECTION}
    return Observed(method=line[0].decode(), target=line[1].decode(), headers=kept, body=body)


def _encoded(reply: Reply, *, is_chunked: bool) -> tuple[bytes, bytes]:
    """Head and body as they go over the wire; an API server sends long lists in chunks."""
    length, body = f"Content-Length: {len(reply.body)}", reply.body[: reply.sent]
    if is_chunked:
        half = len(body) // 2
        parts = [part for part in (body[:half], body[half:]) if part]
        chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts]
        length, body = "Transfer-Encoding: chunked", b"".join(chunks)
        if reply.sent is None:
            body += b"0\r\n\r\n"
    lines = [f"{key}: {value}\r\n" for key, value in reply.headers.items()]
    head = f"HTTP/1.1 {reply.status} Some\r\n{''.join(lines)}{length}\r\n\r\n"
    return head.encode("latin-1"), body


def _beginning(head: bytes, body: bytes, share: float) -> bytes:
    """As much of an answer as the share says: half of it is the whole head."""
    if share < 0.5:
        return head[: int(len(head) * share * 2)]
    return head + body[: int(len(body) * (share - 0.5) * 2)]


def _trickle(client: ssl.SSLSocket, head: bytes, body: bytes, rule: Rule) -> None:
    """Send the head in pieces, or where the share is over a half the body; the rest at once."""
    before, slowly, after = (b"", head, body) if rule.share <= 0.5 else (head, body, b"")
    client.sendall(before)
    size = len(slowly) // PIECES + 1
    for start in range(0, len(slowly), size):
        client.sendall(slowly[start : start + size])
        time.sleep(rule.seconds / PIECES)
    client.sendall(after)
