"""Metrics to a Pushgateway, by POST: what a run does not say, as the last success, stays there.

The time it may take is bounded, whatever the gateway does; a failure is a line for the caller.
"""

import base64
import hashlib
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote, urlsplit

from prometheus_client.exposition import pushadd_to_gateway

from podcm_sync import __version__
from podcm_sync.metrics.exposition import Exposition
from podcm_sync.model.objects import Shard
from podcm_sync.parallel import Work, each

PUSH_SECONDS: Final = 5.0
LEAST_SECONDS: Final = 1.0
"""What a push is given even after the run's deadline: that it came is what metrics are for."""
MAX_UNDER_WAY: Final = 3
"""How many pushes may hang: a gateway that trickles would have one more thread after each run."""
MAX_SCOPE: Final = 128
MAX_SAID: Final = 200


class PushError(Exception):
    """The gateway did not take the push; why, in one line."""


class Gateway:
    """One Pushgateway, and the group of metrics there that is ours."""

    def __init__(self, url: str, job: str, scope: str) -> None:
        """`url` may have a user and a password; they are sent, and never said."""
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.name = f"{parts.scheme}://{host}{parts.path}".rstrip("/")
        self._authorization = _basic(parts.username, parts.password)
        self._job = job
        self._key = {"scope": scope}
        self._under_way: set[object] = set()

    def push(self, exposition: Exposition, left: float | None) -> None:
        """Push within 5 s, or what is left of the deadline. Raises PushError."""
        if len(self._under_way) >= MAX_UNDER_WAY:
            raise PushError(
                f"nothing was pushed to {self.name}: {MAX_UNDER_WAY} pushes before have not ended"
            )
        seconds = PUSH_SECONDS if left is None else max(LEAST_SECONDS, min(left, PUSH_SECONDS))
        until = time.monotonic() + seconds
        results: list[str] = []
        # A timeout of sockets is one for each read: a thread that is not waited for bounds them.
        work = Work(
            lambda _: self._pushed(exposition, seconds),
            lambda _, said: results.append(said),
            lost=lambda _: _late(seconds),
            waits_no_longer=lambda: time.monotonic() > until,
        )
        each([0], work, 1)
        if results[0]:
            raise PushError(f"the Pushgateway {self.name} did not take the metrics: {results[0]}")

    def _pushed(self, exposition: Exposition, seconds: float) -> str:
        """What went wrong, or "". Whatever it is, it is no failure of the run."""
        this = object()
        self._under_way.add(this)
        try:
            pushadd_to_gateway(
                self.name,
                self._job,
                exposition.registry,
                self._key,
                timeout=seconds,
                handler=self._sending,
            )
        except urllib.error.HTTPError as error:
            body = error.read(MAX_SAID).decode(errors="replace")
            return f"HTTP {error.code}: {' '.join(body.split()) or error.reason}"
        except TimeoutError:
            return _late(seconds)
        except urllib.error.URLError as error:
            is_late = isinstance(error.reason, TimeoutError)
            return _late(seconds) if is_late else str(error.reason)
        except Exception as error:  # noqa: BLE001 - http.client has many, and none matters more
            return str(error) or type(error).__name__
        finally:
            self._under_way.discard(this)
        return ""

    def _sending(
        self,
        url: str,
        method: str,
        timeout: float | None,
        headers: list[tuple[str, str]],
        data: bytes,
    ) -> Callable[[], None]:
        """The transport that prometheus-client asks for."""

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
    """A POST that is redirected would become a GET, and look like a success."""

    def redirect_request(self, *_: object) -> None:
        """None: the redirect is an error."""


def scope_label(namespaces: tuple[str, ...], shard: Shard | None, *, is_all: bool) -> str:
    """The grouping key of a run's scope: the same for each run, another for each scope.

    From the options alone, so that a run which never learnt its context's namespace has it too.
    """
    if shard is not None:
        return f"shard-{shard.index}-of-{shard.count}"
    if is_all:
        return "all"
    named = ",".join(sorted(namespaces)) or "default"
    if len(named) <= MAX_SCOPE:
        return named
    return f"{named[:MAX_SCOPE]}-{hashlib.sha256(named.encode()).hexdigest()[:8]}"


def _late(seconds: float) -> str:
    return f"no answer within {seconds:.3g} s"


def _basic(user: str | None, password: str | None) -> str:
    if user is None:
        return ""
    credentials = f"{unquote(user)}:{unquote(password or '')}"
    return "Basic " + base64.b64encode(credentials.encode()).decode()
