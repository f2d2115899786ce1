"""The Authorization header, asked for seldom and by one thread at a time.

Asking costs more than a request, and an expired exec token would start one plugin run per thread:
so a header is kept for some seconds, and a failure for a while, under one lock.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import urlsplit

from podcm_sync.clock import Clock
from podcm_sync.cluster.kube.config import Target, authenticated
from podcm_sync.errors import ClusterError, RunError, Unavailable

log = logging.getLogger(__name__)

HEADER_SECONDS: Final = 5.0
"""How long a header is used before the package is asked again (in-cluster tokens are re-read each
minute, exec tokens when they expire)."""
FAILED_SECONDS: Final = 60.0
"""How long a failed authentication counts before an exec plugin is run again."""

T = TypeVar("T")


class Credentials:
    """The credentials of one connection."""

    def __init__(self, load: Callable[[], Target], target: Target, clock: Clock) -> None:
        """`load` reads the configuration again; `target` has the one to begin with."""
        self._load = load
        self._target = target
        self._configuration = target.configuration
        self._clock = clock
        self._is_tls = urlsplit(target.configuration.host).scheme == "https"
        self._lock = threading.Lock()
        self._kept: tuple[float, str | None] | None = None
        self._failure: tuple[float, RunError] | None = None

    def header(self) -> str | None:
        """The Authorization header; None only for client certificates and plain HTTP.

        Raises ClusterError where there is neither: the request would go out as system:anonymous.
        """
        with self._lock:
            if self._kept is not None and time.monotonic() - self._kept[0] < HEADER_SECONDS:
                return self._kept[1]
            header = self._tried(
                lambda: authenticated(self._ask, "renewing the credentials", self._clock)
            )
            if header is None and self._is_tls and not self._target.configuration.cert_file:
                raise ClusterError(
                    f"authentication failed ({self._target.source}): there are no credentials for "
                    f"{self._target.description}: check the user of the context (token, exec "
                    "plugin or client certificate)",
                    reason=Unavailable.LOGIN_FAILED,
                )
            self._kept = (time.monotonic(), header)
            return header

    def renew(self, refused: str | None) -> bool:
        """Read the configuration anew after a 401; whether there is another header to try."""
        with self._lock:
            if self._kept is not None and self._kept[1] == refused:
                log.debug("credentials refused; reading them anew")
                self._configuration = self._tried(self._load).configuration
                self._kept = None
        return self.header() != refused

    def _ask(self) -> str | None:
        # This renews an expired token, and reads a token's file again.
        setting = self._configuration.auth_settings().get("BearerToken")
        header = setting and setting["value"]
        if not header:
            return None
        # A token file's trailing newline would make the header illegal.
        header = header.strip()
        if header.lower() == "bearer":  # an empty token, which would be system:anonymous
            return None
        if not (header.isascii() and header.isprintable()):
            raise ClusterError(
                f"{self._target.description}: the token has characters that no header can have",
                reason=Unavailable.LOGIN_FAILED,
            )
        return header

    def _tried(self, authenticate: Callable[[], T]) -> T:
        """What authentication gives; while a failure is fresh, that failure. Under the lock."""
        if self._failure is not None:
            failed, error = self._failure
            if time.monotonic() - failed < FAILED_SECONDS:
                raise _failed(error) from error
        try:
            result = authenticate()
        except RunError as error:
            self._failure = (time.monotonic(), error)
            # A kubeconfig that cannot be read again is no usage error any more: writes were made.
            raise _failed(error) from error
        self._failure = None
        return result


def _failed(error: RunError) -> ClusterError:
    """The failure of a login, whatever it was at first."""
    return ClusterError(str(error), reason=Unavailable.LOGIN_FAILED, quoted=error.quoted)
