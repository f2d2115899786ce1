"""One API server, raw: bytes out, bytes in, with credentials and within the run's time.

Retries and status codes are the callers' business.
"""

import logging
import math
import signal
import threading
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import urlencode, urlsplit

from msgspec.structs import replace

from podcm_sync import __version__
from podcm_sync.clock import Clock, duration, timed_out
from podcm_sync.cluster.kube.answers import (
    JSON,
    NoAnswerError,
    Response,
    TimedOutError,
    TooLargeError,
    UntrustedError,
)
from podcm_sync.cluster.kube.bounded import Waiting, in_time
from podcm_sync.cluster.kube.config import Target
from podcm_sync.cluster.kube.credentials import Credentials, Login
from podcm_sync.cluster.kube.pace import NotBegunError
from podcm_sync.cluster.kube.proxies import without_user
from podcm_sync.cluster.kube.tally import Tally
from podcm_sync.cluster.kube.transport import Endpoint, Transport
from podcm_sync.errors import ClusterError, Unavailable
from podcm_sync.model.traffic import NO_ANSWER
from podcm_sync.runtime.masking import masker

log = logging.getLogger(__name__)

USER_AGENT: Final = f"podcm-sync/{__version__}"


class Connection:
    """Requests to one API server, from any number of threads."""

    def __init__(
        self,
        load: Callable[[], Target],
        *,
        connections: int,
        request_timeout: float | None,
        clock: Clock | None = None,
        is_leaders: bool = False,
    ) -> None:
        """`load` reads the configuration, and is called again if credentials are refused.

        `connections` are kept open at once; `request_timeout` is in seconds, None for no limit;
        no request outlasts the clock; what a cut connection of a leader has not yet sent is
        dropped, not sent later. Raises InputError or ClusterError, as `config.load` does.
        """
        self.clock = clock or Clock()
        self.connections = connections
        self.tally = Tally()
        self._request_timeout = request_timeout
        self.target = load()
        self._credentials = Credentials(load, self.target, self.clock)
        self._prefix = urlsplit(self.target.server).path.rstrip("/")
        self._drops_unsent = is_leaders
        self._masked = ""
        self._lock = threading.Lock()
        self._endpoint = self._credentials.login().endpoint
        self._transport = self._transport_to(self._endpoint)

    def close(self) -> None:
        """Close the connections that are idle."""
        self._transport.close()

    def request(  # noqa: PLR0913 - an HTTP request has these parts
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str | None = None,
        accept: str = JSON,
        max_bytes: int | None = None,
    ) -> Response:
        """One request and its whole answer, whatever its status.

        A 401 is tried once more with fresh credentials, and a certificate that is not trusted once
        more if the configuration names other CAs by now. Raises NoAnswerError if no whole answer
        came, ClusterError if the server cannot be trusted or there are no credentials,
        NotBegunError for a write if this process does not lead, and TooLargeError for an answer of
        more than `max_bytes`.
        """
        target = self._prefix + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": accept, "User-Agent": USER_AGENT}
        if content_type is not None:
            headers["Content-Type"] = content_type
        request = _Request(method, target, headers, body, max_bytes)
        login = self._credentials.login()
        try:
            response = self._send(request, login)
        except UntrustedError as error:
            # Nothing was sent, so a write may be sent again, too.
            if not self._credentials.renew_trust(login):
                raise self._untrusted(error) from error
            self.tally.repeated()
            login = self._credentials.login()
            response = self._send_trusted(request, login)
        if response.status == 401 and self._credentials.renew(login):
            self.tally.repeated()
            login = self._credentials.login()
            response = self._send_trusted(request, login)
        return response

    def get(  # noqa: PLR0913 - a read has these parts
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        accept: str = JSON,
        *,
        waiting: Waiting | None = None,
        ends_at_signal: bool = False,
        max_bytes: int | None = None,
    ) -> Response:
        """A GET that is over in time, however slowly the server sends. Raises as `request` does.

        `ends_at_signal`: nobody needs the answer any more once a signal came.
        """
        limit, name = self._limit()

        def send() -> Response:
            return self.request("GET", path, query=query, accept=accept, max_bytes=max_bytes)

        def is_cut() -> bool:
            return ends_at_signal and self.clock.signal_number is not None

        def is_over() -> bool:
            return self.clock.left() == 0 or is_cut()

        try:
            # A moment more than the request's own limit, which knows better what went wrong.
            seconds = math.inf if limit is None else limit + 1.0
            return in_time(send, seconds, is_over, waiting)
        except TimeoutError as error:
            why = timed_out(name)
            if is_cut():
                why = f"cut short by {signal.Signals(self.clock.signal_number or 0).name}"
            elif self.clock.left() == 0:
                why = self.clock.why_over()
            raise NoAnswerError(why, is_sent=True) from error

    def _send_trusted(self, request: "_Request", login: Login) -> Response:
        try:
            return self._send(request, login)
        except UntrustedError as error:
            raise self._untrusted(error) from error

    def _send(self, request: "_Request", login: Login) -> Response:
        headers = request.headers
        if login.authorization:
            if login.authorization != self._masked:
                self._masked = login.authorization
                masker.add_header(login.authorization)
            headers = {**headers, "Authorization": login.authorization}
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
            code = "200"
            raise
        except UntrustedError:
            raise
        except NoAnswerError as error:
            # The exchange knows that it was late, but not whose limit that was.
            why = timed_out(name) if isinstance(error, TimedOutError) else str(error)
            if login.endpoint.proxy and not error.is_sent:
                why = f"through the proxy {without_user(login.endpoint.proxy)}: {why}"
            raise NoAnswerError(why, is_sent=error.is_sent) from error
        finally:
            self.tally.sent(request.method, request.target, code)
        path = request.target.partition("?")[0]
        log.debug("%s %s: %d", request.method, path, response.status)
        return response if response.status < 400 else _without_secret(response, login)

    def _untrusted(self, error: UntrustedError) -> ClusterError:
        return ClusterError(
            f"{self.target.description}: the server's certificate is not trusted: {error}; "
            f"check {self.target.authorities_place}",
            reason=Unavailable.CERTIFICATE_UNTRUSTED,
        )

    def _transport_of(self, login: Login) -> Transport:
        """The transport to the login's endpoint: another certificate needs other connections."""
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
        """The seconds that a request may take, or None, and which limit that is, in words.

        It is the request's own limit, or what is left of the run or the lease if that is less.
        """
        if is_write and not self.clock.may_write():
            raise NotBegunError
        left, name = self.clock.limit(is_write=is_write)
        if left is not None and left <= 0:
            raise NoAnswerError(self.clock.why_over(), is_sent=False)
        own = self._request_timeout
        if own is None or (left is not None and left < own):
            return left, name
        return own, f"--request-timeout {duration(own)}"


class _Request(NamedTuple):
    """One request, without credentials."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None
    max_bytes: int | None


def _without_secret(response: Response, login: Login) -> Response:
    """A refusal without the credential, which some gateways repeat in their text."""
    secret = login.authorization.rpartition(" ")[2].encode()
    if not secret or secret not in response.body:
        return response
    return replace(response, body=response.body.replace(secret, b"***"))
