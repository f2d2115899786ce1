"""Pushes metrics to a Pushgateway by POST, which keeps metrics that this run has no value for.

So a failed run doesn't delete the time of the last success. A push takes a bounded time whatever
the gateway does, and a failure is a PushError.
"""

import base64
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote, urlsplit

from prometheus_client.exposition import pushadd_to_gateway

from podcm_sync import __version__
from podcm_sync.metrics.exposition import Exposition
from podcm_sync.runtime.workers import Work, parallelize

PUSH_SECONDS: Final = 5.0
LEAST_SECONDS: Final = 1.0
"""The time for a push even after the deadline: the metrics must report that the run exceeded it."""
MAX_UNDER_WAY: Final = 3
"""How many pushes can hang. Without a limit, a slow gateway adds a thread after each run."""
MAX_ERROR_BYTES: Final = 200


class PushError(Exception):
    """The gateway did not take the push. The message is one line."""


class Gateway:
    """One Pushgateway, and the group of metrics that podcm-sync pushes to it."""

    def __init__(self, url: str, job: str, scope: str) -> None:
        """`url` can have a user and a password. They are sent, and no message contains them."""
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.name = f"{parts.scheme}://{host}{parts.path}".rstrip("/")
        self._authorization = _basic_auth(parts.username, parts.password)
        self._job = job
        self._key = {"scope": scope}
        self._under_way: set[object] = set()

    def push(self, exposition: Exposition, remaining: float | None) -> None:
        """Push within 5 s, or within `remaining` seconds of the deadline. Raises PushError."""
        if len(self._under_way) >= MAX_UNDER_WAY:
            raise PushError(
                f"nothing was pushed to {self.name}: {MAX_UNDER_WAY} pushes before have not ended"
            )
        seconds = (
            PUSH_SECONDS if remaining is None else max(LEAST_SECONDS, min(remaining, PUSH_SECONDS))
        )
        until = time.monotonic() + seconds
        errors: list[str] = []
        # A socket timeout is for each read, so a gateway that sends byte by byte never reaches it.
        # The push has its own thread, and nobody waits for that longer than `seconds`.
        work = Work(
            lambda _: self._try_push(exposition, seconds),
            lambda _, error: errors.append(error),
            on_abandoned=lambda _: _timeout_message(seconds),
            is_cancelled=lambda: time.monotonic() > until,
        )
        parallelize([0], work, 1)
        if errors[0]:
            raise PushError(f"the Pushgateway {self.name} did not take the metrics: {errors[0]}")

    def _try_push(self, exposition: Exposition, seconds: float) -> str:
        """The error message, or "". It never raises: no failure of a push is one of the run."""
        push = object()
        self._under_way.add(push)
        try:
            pushadd_to_gateway(
                self.name,
                self._job,
                exposition.registry,
                self._key,
                timeout=seconds,
                handler=self._sender,
            )
        except urllib.error.HTTPError as error:
            body = error.read(MAX_ERROR_BYTES).decode(errors="replace")
            return f"HTTP {error.code}: {' '.join(body.split()) or error.reason}"
        except TimeoutError:
            return _timeout_message(seconds)
        except urllib.error.URLError as error:
            is_late = isinstance(error.reason, TimeoutError)
            return _timeout_message(seconds) if is_late else str(error.reason)
        except Exception as error:  # noqa: BLE001 - http.client has many, and none matters more
            return str(error) or type(error).__name__
        finally:
            self._under_way.discard(push)
        return ""

    def _sender(
        self,
        url: str,
        method: str,
        timeout: float | None,
        headers: list[tuple[str, str]],
        data: bytes,
    ) -> Callable[[], None]:
        """The handler for prometheus-client: it returns a function that sends the request."""

        def send() -> None:
            request = urllib.request.Request(  # noqa: S310 - the option takes http and https alone
                url, data=data, method=method, headers=dict(headers)
            )
            request.add_header("User-Agent", f"podcm-sync/{__version__}")
            if self._authorization:
                request.add_unredirected_header("Authorization", self._authorization)
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout):
                pass

        return send


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: urllib turns the POST into a GET, which would look like a success."""

    def redirect_request(self, *_: object) -> None:
        """None, so that the redirect is an HTTPError."""


def _timeout_message(seconds: float) -> str:
    return f"no answer within {seconds:.3g} s"


def _basic_auth(user: str | None, password: str | None) -> str:
    if user is None:
        return ""
    credentials = f"{unquote(user)}:{unquote(password or '')}"
    return "Basic " + base64.b64encode(credentials.encode()).decode()
