"""One API server, raw: bytes out, bytes in, from the `kubernetes` package's own connection pool.

Retries, redirects and status codes are the callers' business, so all of the pool's own are off.
"""

import logging
import math
import re
import signal
import time
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode

import urllib3

from podcm_sync import __version__
from podcm_sync.clock import Clock, duration, timed_out
from podcm_sync.cluster.kube.answers import JSON, NoAnswerError, Response
from podcm_sync.cluster.kube.bounded import Waiting, in_time
from podcm_sync.cluster.kube.client import client, proxy_of
from podcm_sync.cluster.kube.config import Target
from podcm_sync.cluster.kube.credentials import Credentials
from podcm_sync.cluster.kube.exchange import exchange_pool
from podcm_sync.cluster.kube.pace import NotBegunError
from podcm_sync.cluster.kube.sockets import drop_unsent
from podcm_sync.cluster.kube.tally import Tally
from podcm_sync.cluster.kube.tls import share_one_context
from podcm_sync.errors import ClusterError, InputError, Unavailable
from podcm_sync.model.traffic import NO_ANSWER

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
        """`load` reads the configuration, and is called again where credentials are refused.

        `connections` are kept open at once; `request_timeout` is in seconds, None for no limit;
        no request outlasts the clock; what a cut connection of a leader has not yet sent is
        dropped, not sent later. Raises InputError or ClusterError, as `config.load` does.
        """
        self.clock = clock or Clock()
        self.connections = connections
        self.tally = Tally()
        self._request_timeout = request_timeout
        self.target = load()
        package = client(self.target, connections)
        self._credentials = Credentials(load, self.target, package, self.clock)
        host = self.target.configuration.host
        self._prefix = (urllib3.util.parse_url(host).path or "").rstrip("/")
        manager = package.rest_client.pool_manager
        self._proxy = proxy_of(manager)
        if is_leaders:
            drop_unsent(manager)
        try:
            share_one_context(manager, self.target.configuration)
            self._pool = exchange_pool(manager, host)
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
            raise InputError(
                f"{self.target.source}: the certificates for {self.target.description} cannot be "
                f"used: {error}"
            ) from error

    def request(  # noqa: PLR0913 - an HTTP request has these parts
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str | None = None,
        accept: str = JSON,
    ) -> Response:
        """One request and its whole answer, whatever its status.

        A 401 is tried once more with fresh credentials. Raises NoAnswerError where no whole answer
        came, ClusterError where the server is not to be trusted or there are no credentials,
        NotBegunError for a write where this process does not lead.
        """
        target = self._prefix + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
        if content_type is not None:
            headers["Content-Type"] = content_type
        if self.target.impersonate is not None:
            headers["Impersonate-User"] = self.target.impersonate
        authorization = self._credentials.header()
        response = self._send(method, target, body, headers, authorization)
        if response.status == 401 and self._credentials.renew(authorization):
            self.tally.repeated()
            response = self._send(method, target, body, headers, self._credentials.header())
        return response

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        accept: str = JSON,
        *,
        waiting: Waiting | None = None,
        ends_at_signal: bool = False,
    ) -> Response:
        """A GET that is over in time, however slowly the server sends. Raises as `request` does.

        `ends_at_signal`: nobody needs the answer any more once a signal came.
        """
        limit, name = self._limit()

        def send() -> Response:
            return self.request("GET", path, query=query, accept=accept)

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

    def _send(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: dict[str, str],
        authorization: str | None,
    ) -> Response:
        if authorization is not None:
            headers = {**headers, "Authorization": authorization}
        limit, name = self._limit(is_write=method != "GET")
        began = time.monotonic()
        code = NO_ANSWER
        try:
            response = self._pool.exchange(method, target, headers, body, limit)
            code = str(response.status)
        except NoAnswerError as error:
            # The exchange knows that it was late, but not whose limit that was.
            if limit is None or time.monotonic() - began < limit:
                raise
            raise NoAnswerError(timed_out(name), is_sent=error.is_sent) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if limit is not None and time.monotonic() - began >= limit:
                raise NoAnswerError(timed_out(name), is_sent=False) from error
            raise self._not_connected(error) from error
        finally:
            self.tally.sent(method, target, code)
        log.debug("%s %s: %d", method, target.partition("?")[0], response.status)
        return response

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

    def _not_connected(self, error: Exception) -> Exception:
        """What a connection that could not be made means: no trust, or nothing sent."""
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return ClusterError(
                f"{self.target.description}: the server's certificate is not trusted: "
                f"{_reason(error)}; check certificate-authority-data in the kubeconfig",
                reason=Unavailable.CERTIFICATE_UNTRUSTED,
            )
        through = f"through the proxy {self._proxy}: " if self._proxy else ""
        return NoAnswerError(through + _reason(error), is_sent=False)


def _reason(error: Exception) -> str:
    """The innermost cause, freed of how the pool calls its connections."""
    text = " ".join(str(error.args[-1] if error.args else error).split())
    return re.sub(r"^\w+\(host=[^)]*\): ", "", text) or type(error).__name__
