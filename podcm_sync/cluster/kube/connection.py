"""One API server, raw: bytes out, bytes in, with credentials and within the run's time.

Retries and status codes are the callers' business.
"""

import logging
import math
import signal
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

from podcm_sync import __version__
from podcm_sync.clock import Clock, duration, timed_out
from podcm_sync.cluster.kube.answers import (
    JSON,
    NoAnswerError,
    Response,
    TimedOutError,
    UntrustedError,
)
from podcm_sync.cluster.kube.bounded import Waiting, in_time
from podcm_sync.cluster.kube.config import Target
from podcm_sync.cluster.kube.credentials import Credentials
from podcm_sync.cluster.kube.pace import NotBegunError
from podcm_sync.cluster.kube.proxies import Proxy, proxy_of
from podcm_sync.cluster.kube.tally import Tally
from podcm_sync.cluster.kube.tls import check_files
from podcm_sync.cluster.kube.transport import Endpoint, Transport
from podcm_sync.errors import ClusterError, InputError, Unavailable
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
        self._credentials = Credentials(load, self.target, self.clock)
        self._prefix = urlsplit(self.target.configuration.host).path.rstrip("/")
        self._proxy = proxy_of(self.target)
        try:
            check_files(self.target.configuration)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{self.target.source}: the certificates for {self.target.description} cannot be "
                f"used: {error}"
            ) from error
        endpoint = _endpoint(self.target, self._proxy, drops_unsent=is_leaders)
        self._transport = Transport(endpoint)

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
    ) -> Response:
        """One request and its whole answer, whatever its status.

        A 401 is tried once more with fresh credentials. Raises NoAnswerError where no whole answer
        came, ClusterError where the server is not to be trusted or there are no credentials,
        NotBegunError for a write where this process does not lead.
        """
        target = self._prefix + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": accept, "User-Agent": USER_AGENT}
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
            masker.add_header(authorization)
            headers = {**headers, "Authorization": authorization}
        limit, name = self._limit(is_write=method != "GET")
        code = NO_ANSWER
        try:
            response = self._transport.exchange(method, target, headers, body, limit)
            code = str(response.status)
        except UntrustedError as error:
            raise ClusterError(
                f"{self.target.description}: the server's certificate is not trusted: {error}; "
                "check certificate-authority-data in the kubeconfig",
                reason=Unavailable.CERTIFICATE_UNTRUSTED,
            ) from error
        except TimedOutError as error:
            # The exchange knows that it was late, but not whose limit that was.
            raise NoAnswerError(timed_out(name), is_sent=error.is_sent) from error
        except NoAnswerError as error:
            if error.is_sent or not self._proxy.url:
                raise
            through = f"through the proxy {self._proxy.shown}: {error}"
            raise NoAnswerError(through, is_sent=False) from error
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


def _endpoint(target: Target, proxy: Proxy, *, drops_unsent: bool) -> Endpoint:
    configuration = target.configuration
    ca_data = configuration.ca_cert_data or ""
    return Endpoint(
        server=configuration.host,
        is_verified=bool(configuration.verify_ssl),
        ca_file=configuration.ssl_ca_cert or "",
        ca_data=ca_data if isinstance(ca_data, str) else ca_data.decode("ascii"),
        client_certificate_file=configuration.cert_file or "",
        client_key_file=configuration.key_file or "",
        tls_server_name=configuration.tls_server_name or "",
        proxy=proxy.url,
        no_proxy=proxy.no_proxy,
        drops_unsent=drops_unsent,
    )
