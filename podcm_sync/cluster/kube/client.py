"""Requests to one API server, with credentials and within the run's time; bytes in, bytes out.

Callers decide about status codes and retries. Only a 401 and an untrusted certificate are tried
again here, once, after the credentials or CAs were read again.
"""

import logging
import math
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from msgspec.structs import replace

from podcm_sync import __version__
from podcm_sync.cluster.interfaces import NO_ANSWER, RequestCount, Traffic
from podcm_sync.cluster.kube.client_config import Target
from podcm_sync.cluster.kube.credentials import Credentials, Login
from podcm_sync.cluster.kube.endpoint import Endpoint
from podcm_sync.cluster.kube.proxies import without_user
from podcm_sync.cluster.kube.retry import NotBegunError
from podcm_sync.cluster.kube.stream import Receiver, StreamLimits, stream
from podcm_sync.cluster.kube.transport import (
    JSON,
    Response,
    TimedOutError,
    TooLargeError,
    Transport,
    TransportError,
    UntrustedError,
)
from podcm_sync.errors import ClusterError, Unavailable
from podcm_sync.runtime.context import RunContext, duration, timed_out
from podcm_sync.runtime.masking import masker
from podcm_sync.runtime.workers import Waiting, run_with_timeout

WATCH: Final = "?watch=1&"
"""The beginning of the query of every watch."""
VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class RequestCounter:
    """Counts requests and retries since the last `drain`; callable from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._retries = 0

    def sent(self, method: str, target: str, code: str) -> None:
        """Count one request and its code. A GET with a query counts as a list or a watch."""
        verb = VERBS.get(method) or ("list" if "?" in target else "get")
        if WATCH in target:
            verb = "watch"
        with self._lock:
            self._requests[verb, code] += 1

    def repeated(self) -> None:
        """Count a request that is about to be sent again."""
        with self._lock:
            self._retries += 1

    def drain(self) -> Traffic:
        """The traffic since the last `drain`. Counting begins again at 0."""
        with self._lock:
            requests, retries = self._requests, self._retries
            self._requests, self._retries = Counter(), 0
        return Traffic(
            requests=tuple(
                RequestCount(verb=verb, code=code, count=count)
                for (verb, code), count in sorted(requests.items())
            ),
            retries=retries,
        )


log = logging.getLogger(__name__)

USER_AGENT: Final = f"podcm-sync/{__version__}"


class Connection:
    """Requests to one API server; callable from any thread."""

    def __init__(
        self,
        load: Callable[[], Target],
        *,
        connections: int,
        request_timeout: float | None,
        context: RunContext | None = None,
        is_leaders: bool = False,
    ) -> None:
        """Log in. `load` reads the configuration, again if the server refuses the credentials.

        `connections` is how many requests callers make at the same time. `request_timeout` is in
        seconds, None for no limit; no request outlasts `context`. With `is_leaders`, a connection
        that is cut drops what is still unsent. Raises InputError and ClusterError.
        """
        self.context = context or RunContext()
        self.connections = connections
        self.requests = RequestCounter()
        self._request_timeout = request_timeout
        named = None if request_timeout is None else duration(request_timeout)
        self._timeout_name = f"--request-timeout {named}"
        self.target = load()
        self._credentials = Credentials(load, self.target, self.context)
        self._prefix = urlsplit(self.target.server).path.rstrip("/")
        self._drops_unsent = is_leaders
        self._masked = ""
        self._lock = threading.Lock()
        self._endpoint = self._credentials.login().endpoint
        self._transport = self._transport_to(self._endpoint)

    def close(self) -> None:
        """Close the idle connections."""
        self._transport.close()

    def request(  # noqa: PLR0913 - an HTTP request has these parts
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        content_type: str | None = None,
        accept: str = JSON,
        max_bytes: int | None = None,
    ) -> Response:
        """The whole answer to a request, with any status.

        After a 401 the request is sent once more with new credentials, and after an untrusted
        certificate once more if the configuration names other CAs by now. Raises:

        - TransportError if no whole answer came;
        - ClusterError if the server cannot be trusted, or if there are no credentials;
        - NotBegunError for a write if this process is not the leader;
        - TooLargeError for an answer of more than `max_bytes`.
        """
        headers = {"Accept": accept, "User-Agent": USER_AGENT}
        if content_type is not None:
            headers["Content-Type"] = content_type
        request = _Request(method, self._prefix + path, headers, body, max_bytes)
        return self._logged_in(lambda login: self._send(request, login))

    def get(
        self,
        path: str,
        accept: str = JSON,
        *,
        waiting: Waiting | None = None,
        ends_at_signal: bool = False,
        max_bytes: int | None = None,
    ) -> Response:
        """The answer to a GET, within the run's time however slowly the server sends.

        With `ends_at_signal`, a signal ends the wait, because nobody needs the answer any more.
        Raises what `request` raises.
        """
        limit, name = self._limit()

        def send() -> Response:
            return self.request("GET", path, accept=accept, max_bytes=max_bytes)

        def is_cut() -> bool:
            return ends_at_signal and self.context.signal_number is not None

        def is_over() -> bool:
            return self.context.remaining() == 0 or is_cut()

        try:
            # One second more than the request's own limit, whose error has more detail.
            seconds = math.inf if limit is None else limit + 1.0
            return run_with_timeout(send, seconds, is_over, waiting)
        except TimeoutError as error:
            why = timed_out(name)
            if is_cut():
                why = self.context.why_stopping()
            elif self.context.remaining() == 0:
                why = self.context.cause()
            raise TransportError(why, is_sent=True) from error

    def stream(
        self,
        path: str,
        accept: str,
        receiver: Receiver,
        *,
        limits: StreamLimits,
        is_stopped: Callable[[], bool],
    ) -> Response:
        """The end of a watch, whose bytes go to the receiver, or the refusal of the watch.

        A watch outlives runs, so only `limits` and `is_stopped` end it. It also outlives its
        credentials: as in client-go, the next watch has new ones. Raises what `request` raises,
        and SilentError, StoppedError, and what the receiver raises.
        """
        headers = {"Accept": accept, "User-Agent": USER_AGENT}
        request = _Request("GET", self._prefix + path, headers, None, None)

        def send(login: Login) -> Response:
            counted = _Counted(receiver, lambda: self.requests.sent("GET", request.target, "200"))
            code = NO_ANSWER
            try:
                response = stream(
                    self._transport_of(login).route,
                    request.target,
                    self._headers(request, login),
                    counted,
                    limits=limits,
                    is_stopped=is_stopped,
                )
                code = str(response.status)
            except UntrustedError:
                raise
            except TransportError as error:
                if error.is_sent:
                    raise
                raise _through_proxy(str(error), login, is_sent=False) from error
            finally:
                if not counted.is_open:
                    self.requests.sent("GET", request.target, code)
            return response if response.status < 400 else _without_secret(response, login)

        return self._logged_in(send)

    def _logged_in(self, send: Callable[[Login], Response]) -> Response:
        """The answer to a request, sent again once with new credentials, and once with new CAs."""
        login = self._credentials.login()
        try:
            response = send(login)
        except UntrustedError as error:
            # Nothing was sent, so even a write can be sent again.
            if not self._credentials.renew_trust(login):
                raise self._untrusted(error) from error
            self.requests.repeated()
            login = self._credentials.login()
            response = self._trusted(send, login)
        if response.status == 401 and self._credentials.renew(login):
            self.requests.repeated()
            login = self._credentials.login()
            response = self._trusted(send, login)
        return response

    def _trusted(self, send: Callable[[Login], Response], login: Login) -> Response:
        try:
            return send(login)
        except UntrustedError as error:
            raise self._untrusted(error) from error

    def _headers(self, request: "_Request", login: Login) -> Mapping[str, str]:
        if not login.authorization:
            return request.headers
        if login.authorization != self._masked:
            self._masked = login.authorization
            masker.add_header(login.authorization)
        return {**request.headers, "Authorization": login.authorization}

    def _send(self, request: "_Request", login: Login) -> Response:
        headers = self._headers(request, login)
        limit, name = self._limit(is_write=request.method != "GET")
        code = NO_ANSWER
        try:
            response = self._transport_of(login).exchange(
                request.method,
                request.target,
                headers,
                request.body,
                limit,
                max_bytes=request.max_bytes,
            )
            code = str(response.status)
        except TooLargeError:
            # The answer was a page of a list. The pager asks again for a smaller one.
            code = "200"
            raise
        except UntrustedError:
            # `request` handles it: it must not become a plain TransportError below.
            raise
        except TransportError as error:
            # The exchange knows that it timed out, but not which limit that was.
            why = timed_out(name) if isinstance(error, TimedOutError) else str(error)
            raise _through_proxy(why, login, is_sent=error.is_sent) from error
        finally:
            self.requests.sent(request.method, request.target, code)
        path = request.target.partition("?")[0]
        log.debug("%s %s: %d", request.method, path, response.status)
        return response if response.status < 400 else _without_secret(response, login)

    def _untrusted(self, error: UntrustedError) -> ClusterError:
        return ClusterError(
            f"{self.target.description}: the server's certificate isn't trusted: {error}",
            hint=f"check {self.target.authorities_place}",
            reason=Unavailable.CERTIFICATE_UNTRUSTED,
        )

    def _transport_of(self, login: Login) -> Transport:
        """The transport to the login's endpoint. A new client certificate needs new connections."""
        with self._lock:
            if login.endpoint is not self._endpoint:
                if login.endpoint != self._endpoint:
                    self._transport.close()
                    self._transport = self._transport_to(login.endpoint)
                self._endpoint = login.endpoint
            return self._transport

    def _transport_to(self, endpoint: Endpoint) -> Transport:
        return Transport(replace(endpoint, drops_unsent=self._drops_unsent))

    def _limit(self, *, is_write: bool = False) -> tuple[float | None, str]:
        """The seconds that a request can take (None for no limit), and that limit's name.

        It is `request_timeout`, or the remaining time of the run or leadership if that is less.
        Raises NotBegunError for a write if this process is not the leader, and TransportError if no
        time remains.
        """
        if is_write and not self.context.may_write():
            raise NotBegunError
        remaining, name = self.context.limit(is_write=is_write)
        if remaining is not None and remaining <= 0:
            raise TransportError(self.context.cause(), is_sent=False)
        timeout = self._request_timeout
        if timeout is None or (remaining is not None and remaining < timeout):
            return remaining, name
        return timeout, self._timeout_name


class _Request(NamedTuple):
    """One request, without credentials."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None
    max_bytes: int | None


class _Counted:
    """A Receiver that counts the request once it is accepted: its end can be minutes away."""

    def __init__(self, receiver: Receiver, count: Callable[[], None]) -> None:
        self.is_open = False
        self.take = receiver.take
        self._receiver = receiver
        self._count = count

    def opened(self, content_type: str) -> None:
        self.is_open = True
        self._count()
        self._receiver.opened(content_type)


def _through_proxy(why: str, login: Login, *, is_sent: bool) -> TransportError:
    """The error of a request. It names the proxy unless the server may have seen the request."""
    if login.endpoint.proxy and not is_sent:
        why = f"through the proxy {without_user(login.endpoint.proxy)}: {why}"
    return TransportError(why, is_sent=is_sent)


def _without_secret(response: Response, login: Login) -> Response:
    """A refusal without the credential: some gateways echo the request in their body."""
    secret = login.authorization.rpartition(" ")[2].encode()
    if not secret or secret not in response.body:
        return response
    return replace(response, body=response.body.replace(secret, b"***"))
