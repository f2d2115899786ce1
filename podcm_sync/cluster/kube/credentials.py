"""Logins: what goes with each request, renewed in time and by one thread at a time.

client-go reads token files each minute, asks an exec plugin again when its credential expires or is
refused, and makes new connections if the client certificate changed. So does this.
"""

import logging
import math
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace

from podcm_sync.clock import Clock
from podcm_sync.cluster.kube import auth_provider, exec_plugin
from podcm_sync.cluster.kube.config import Target, client_certificate
from podcm_sync.cluster.kube.kubeconfig import Private
from podcm_sync.cluster.kube.transport import Endpoint
from podcm_sync.errors import ClusterError, InputError, RunError, Unavailable

log = logging.getLogger(__name__)

FILE_SECONDS: Final = 50.0
"""How long a token file's or certificate file's content is used. As client-go: a minute, less 10 s.
The kubelet replaces a ServiceAccount's token when a fifth of its time is left."""
FAILED_SECONDS: Final = 60.0
"""How long a failed login counts before an exec plugin is run again."""
TRUST_SECONDS: Final = 10.0
"""How long the CAs read last count although a server's certificate is not of theirs."""

EMPTY: Final = "it is empty"

T = TypeVar("T")


class Login(Private, frozen=True, kw_only=True):
    """What a request needs: where it goes, and its Authorization header ("" for none).

    `expires` is in seconds since 1970.
    """

    endpoint: Endpoint
    authorization: str = ""
    expires: float = math.inf


class Credentials:
    """The logins of one connection."""

    def __init__(self, load: Callable[[], Target], target: Target, clock: Clock) -> None:
        """Log in; `load` reads the configuration again, `target` is what it has given first.

        Raises InputError and ClusterError. Without any credentials it raises, too: requests would
        go out as system:anonymous.
        """
        self._load = load
        self._target = target
        self._clock = clock
        self._lock = threading.Lock()
        self._failure: tuple[float, RunError] | None = None
        self._trust_read = -math.inf
        self._token = ""
        self._pair = (b"", b"")
        self._login = self._fresh(is_expired=False)

    def login(self) -> Login:
        """The login for a request that goes out now. Raises ClusterError."""
        with self._lock:
            return self._current()

    def renew(self, refused: Login) -> bool:
        """Log in again after a 401; whether there is another login to try.

        Raises ClusterError. Of several threads with the same login, one does it.
        """
        with self._lock:
            if self._login is refused:
                log.debug("credentials refused; logging in again")
                self._login = self._tried(self._from_start)
            return not _is_same(self._login, refused)

    def renew_trust(self, refused: Login) -> bool:
        """Read the configuration again as its CAs did not sign; whether it now has others.

        A cluster's CA is replaced while a loop goes on. Raises ClusterError.
        """
        with self._lock:
            if self._login.endpoint != refused.endpoint:
                return True
            if time.monotonic() - self._trust_read < TRUST_SECONDS:
                return False
            self._trust_read = time.monotonic()
            self._target = self._tried(self._read_again)
            endpoint = replace(refused.endpoint, ca_data=self._target.authorities)
            self._login = replace(self._login, endpoint=endpoint)
            return endpoint != refused.endpoint

    def _current(self) -> Login:
        if time.time() >= self._login.expires:
            self._login = self._tried(lambda: self._fresh(is_expired=True))
        return self._login

    def _from_start(self) -> Login:
        self._target = self._read_again()
        return self._fresh(is_expired=False)

    def _read_again(self) -> Target:
        target = self._load()
        if target.server != self._target.server:
            raise InputError(
                f"{target.source} now names the server {target.server} in place of "
                f"{self._target.server}: start podcm-sync again"
            )
        return target

    def _tried(self, work: Callable[[], T]) -> T:
        """What the work gives; while a failure is recent, that failure. Under the lock.

        A configuration that cannot be read again is no usage error any more: writes were made.
        """
        if self._failure is not None:
            failed, error = self._failure
            if time.monotonic() - failed < FAILED_SECONDS:
                raise _failed(error) from error
        try:
            result = work()
        except RunError as error:
            self._failure = (time.monotonic(), error)
            raise _failed(error) from error
        self._failure = None
        return result

    def _fresh(self, *, is_expired: bool) -> Login:
        """A new login, as the configuration says. Raises ClusterError and InputError."""
        if is_expired and self._target.user.auth_provider is not None:
            # kubectl may have renewed the token, and stores it there.
            self._target = self._read_again()
        target = self._target
        if not target.is_tls:
            return Login(endpoint=_endpoint(target))
        user, source = target.user, target.source
        certificate, key = self._certificate()
        authorization, expires = self._authorization()
        if user.exec is not None and not (authorization or certificate):
            given = exec_plugin.run(user.exec, target.cluster_info, source, self._clock)
            authorization = f"Bearer {given.token}" if given.token else ""
            certificate, key, expires = given.certificate, given.key, given.expires
        if not (authorization or certificate):
            raise _refused(
                f"authentication failed ({source}): there are no credentials for "
                f"{target.description}: check the user of the context (token, exec plugin or "
                "client certificate)"
            )
        if not (authorization.isascii() and authorization.isprintable()):
            raise _refused(
                f"{target.description}: the token has characters that no header can have"
            )
        if user.token_file or user.client_certificate or user.client_key:
            expires = min(expires, time.time() + FILE_SECONDS)
        return Login(
            endpoint=_endpoint(target, certificate, key),
            authorization=authorization,
            expires=expires,
        )

    def _authorization(self) -> tuple[str, float]:
        """The header that needs no plugin, "" for none, and when it expires."""
        user = self._target.user
        try:
            if user.auth_provider is not None:
                auth_provider.check(user.auth_provider)
            if token := self._static_token():
                return f"Bearer {token}", math.inf
            if user.username:
                pair = f"{user.username}:{user.password}".encode()
                return f"Basic {b64encode(pair).decode('ascii')}", math.inf
            if user.auth_provider is not None:
                token, expires = auth_provider.id_token(user.auth_provider, time.time())
                return f"Bearer {token}", expires
        except ValueError as error:
            raise _refused(f"authentication failed ({self._target.source}): {error}") from None
        return "", math.inf

    def _static_token(self) -> str:
        """The token of `tokenFile`, or what it last had, or else `token`; "" if there is none."""
        user = self._target.user
        if not user.token_file:
            return user.token.strip()
        why = EMPTY
        try:
            # A newline at the end would make the header illegal.
            token = Path(user.token_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            token, why = "", error.strerror or "unknown error"
        except ValueError:
            token, why = "", "it is not text"
        if not token:
            token = self._token or user.token.strip()
            unreadable = f"tokenFile {user.token_file} cannot be read: {why}"
            if token:
                log.warning("%s; using the token before", unreadable)
            elif why != EMPTY:
                raise InputError(f"{self._target.source}: {unreadable}")
        self._token = token
        return token

    def _certificate(self) -> tuple[bytes, bytes]:
        """The client certificate and its key, or the pair before if files are being replaced."""
        try:
            self._pair = client_certificate(self._target.user)
        except ValueError as error:
            message = (
                f"{self._target.source}: the certificates for {self._target.description} cannot "
                f"be used: {error}"
            )
            if not self._pair[0]:
                raise InputError(message) from None
            log.warning("%s; using those before", message)
        return self._pair


def _is_same(one: Login, other: Login) -> bool:
    return (one.authorization, one.endpoint) == (other.authorization, other.endpoint)


def _endpoint(target: Target, certificate: bytes = b"", key: bytes = b"") -> Endpoint:
    return Endpoint(
        server=target.server,
        is_verified=target.is_verified,
        ca_data=target.authorities if target.is_tls else "",
        client_certificate=certificate,
        client_key=key,
        tls_server_name=target.tls_server_name,
        proxy=target.proxy,
        headers=target.headers,
    )


def _refused(message: str) -> ClusterError:
    return ClusterError(message, reason=Unavailable.LOGIN_FAILED)


def _failed(error: RunError) -> ClusterError:
    """The failure of a login, whatever it was at first."""
    return ClusterError(str(error), reason=Unavailable.LOGIN_FAILED, quoted=error.quoted)
