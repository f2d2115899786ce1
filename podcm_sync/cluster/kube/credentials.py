"""Logins: the credentials of each request, renewed in time, and by one thread at a time.

As client-go does, it reads token files again every minute, and runs an exec plugin again if its
credential expires or is refused. A new client certificate makes new connections.
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

from podcm_sync.cluster.kube import auth_provider, exec_plugin
from podcm_sync.cluster.kube.client_config import Target, client_certificate
from podcm_sync.cluster.kube.endpoint import Endpoint
from podcm_sync.cluster.kube.kubeconfig import Private
from podcm_sync.errors import ClusterError, InputError, RunError, Unavailable
from podcm_sync.runtime.context import RunContext

log = logging.getLogger(__name__)

FILE_SECONDS: Final = 50.0
"""How long the content of a token file or certificate file is used: a minute less 10 s, as in
client-go. The kubelet replaces a ServiceAccount's token when a fifth of its lifetime is left."""
FAILED_SECONDS: Final = 60.0
"""How long a failed login counts before podcm-sync tries it again. Otherwise each of many threads
would wait for the same plugin to hang."""
TRUST_SECONDS: Final = 10.0
"""How long podcm-sync doesn't read CAs again, although they didn't sign a server's certificate."""

EMPTY: Final = "it is empty"

T = TypeVar("T")


class Login(Private, frozen=True, kw_only=True):
    """An endpoint and an Authorization header ("" for none) for requests.

    `expires` is in seconds since 1970, infinite if the login doesn't expire.
    """

    endpoint: Endpoint
    authorization: str = ""
    expires: float = math.inf


class Credentials:
    """The logins of one connection; callable from any thread."""

    def __init__(self, load: Callable[[], Target], target: Target, context: RunContext) -> None:
        """Log in to `target`. `load` reads the configuration again later.

        Raises InputError and ClusterError, also if there are no credentials: requests without any
        would be those of system:anonymous.
        """
        self._load = load
        self._target = target
        self._context = context
        self._lock = threading.Lock()
        self._failure: tuple[float, RunError] | None = None
        self._trust_read = -math.inf
        self._token = ""
        self._pair = (b"", b"")
        self._login = self._log_in(is_expired=False)

    def login(self) -> Login:
        """The login for a request that begins now, renewed if it expired. Raises ClusterError."""
        with self._lock:
            return self._current()

    def renew(self, refused: Login) -> bool:
        """Log in again after a 401. Returns whether there is another login to try.

        If several threads had the same login refused, only one of them logs in. Raises
        ClusterError.
        """
        with self._lock:
            if self._login is refused:
                log.debug("credentials refused; logging in again")
                self._login = self._attempt(self._log_in_from_start)
            return not _is_same(self._login, refused)

    def renew_trust(self, refused: Login) -> bool:
        """Read the CAs again after an untrusted certificate. Returns whether they differ now.

        A cluster's CA can be replaced while a loop runs. Raises ClusterError.
        """
        with self._lock:
            if self._login.endpoint != refused.endpoint:
                return True
            if time.monotonic() - self._trust_read < TRUST_SECONDS:
                return False
            self._trust_read = time.monotonic()
            self._target = self._attempt(self._read_again)
            endpoint = replace(refused.endpoint, ca_data=self._target.authorities)
            self._login = replace(self._login, endpoint=endpoint)
            return endpoint != refused.endpoint

    def _current(self) -> Login:
        if time.time() >= self._login.expires:
            self._login = self._attempt(lambda: self._log_in(is_expired=True))
        return self._login

    def _log_in_from_start(self) -> Login:
        self._target = self._read_again()
        return self._log_in(is_expired=False)

    def _read_again(self) -> Target:
        target = self._load()
        if target.server != self._target.server:
            raise InputError(
                f"{target.source} now has the server {target.server} instead of "
                f"{self._target.server}",
                hint="restart podcm-sync",
            )
        return target

    def _attempt(self, work: Callable[[], T]) -> T:
        """The result of a login step, or its failure while that is recent. Under the lock.

        Raises ClusterError for any failure. A configuration that cannot be read again is not a
        usage error (exit 2), because podcm-sync may have written already.
        """
        if self._failure is not None:
            failed_at, error = self._failure
            if time.monotonic() - failed_at < FAILED_SECONDS:
                raise _failed(error) from error
        try:
            result = work()
        except RunError as error:
            self._failure = (time.monotonic(), error)
            raise _failed(error) from error
        self._failure = None
        return result

    def _log_in(self, *, is_expired: bool) -> Login:
        """A new login by the configuration. Raises ClusterError and InputError."""
        if is_expired and self._target.user.auth_provider is not None:
            # kubectl stores a renewed token in the kubeconfig.
            self._target = self._read_again()
        target = self._target
        if not target.is_tls:
            # As in client-go, no credential goes over plain HTTP.
            return Login(endpoint=_endpoint(target))
        user, source = target.user, target.source
        certificate, key = self._certificate()
        authorization, expires = self._authorization()
        if user.exec is not None and not (authorization or certificate):
            credential = exec_plugin.run(user.exec, target.cluster_info, source, self._context)
            authorization = f"Bearer {credential.token}" if credential.token else ""
            certificate, key = credential.certificate, credential.key
            expires = credential.expires
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
        """The Authorization header that needs no plugin ("" for none), and when it expires.

        In this order: a token file or token, a user name and password, `oidc`.
        """
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
        """The token of `tokenFile`, or else its last content, or else `token`; "" for none.

        Raises InputError if the file cannot be read and there is no other token.
        """
        user = self._target.user
        if not user.token_file:
            return user.token.strip()
        why = EMPTY
        try:
            # A line break at the end of the file isn't allowed in a header.
            token = Path(user.token_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            token, why = "", error.strerror or "unknown error"
        except ValueError:
            token, why = "", "it is not text"
        if not token:
            token = self._token or user.token.strip()
            unreadable = f"tokenFile {user.token_file} cannot be read: {why}"
            if token:
                log.warning("%s; using the earlier token", unreadable)
            elif why != EMPTY:
                raise InputError(f"{self._target.source}: {unreadable}")
        self._token = token
        return token

    def _certificate(self) -> tuple[bytes, bytes]:
        """The client certificate and its key (PEM), both empty for none.

        If the files are being replaced and don't fit, it is the last pair that did.
        """
        try:
            self._pair = client_certificate(self._target.user)
        except ValueError as error:
            message = (
                f"{self._target.source}: the certificates for {self._target.description} cannot "
                f"be used: {error}"
            )
            if not self._pair[0]:
                raise InputError(message) from None
            log.warning("%s; using the earlier ones", message)
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
    """The failure of a login as a ClusterError, with the text of the original error."""
    return ClusterError(
        str(error), reason=Unavailable.LOGIN_FAILED, hint=error.hint, quoted=error.quoted
    )
