"""Retries and rate limits: repeats a read always, and a write only if that is safe.

The server never carries out a request that it answers with 429, so any verb can be repeated. A lost
patch or delete has preconditions, so a repeat is at worst a 409 or 404. A lost create is never
repeated (`writer` settles it).
"""

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from podcm_sync.cluster.kube.apierrors import is_transient
from podcm_sync.cluster.kube.transport import Response, TransportError
from podcm_sync.runtime.context import RunContext

STEP_SECONDS: Final = 0.05


class NotBegunError(Exception):
    """The run ended, or lost its leadership, before this write could begin."""


class RateLimiter:
    """Limits the rate of all writes to a server; callable from any thread."""

    def __init__(self, context: RunContext, qps: float | None = None) -> None:
        """`qps` is the number of writes that can begin in a second; None for no limit."""
        self._context = context
        self._interval = 1 / qps if qps else 0.0
        self._lock = threading.Lock()
        self._next = 0.0
        self._pauses = 0

    def await_turn(self) -> None:
        """Wait until a write can begin. Raises NotBegunError if the run ends first."""
        if self._interval:
            self._wait(self._turn() - time.monotonic())
        # Checked last, because a pause can begin while this thread waits for its turn.
        while self._pauses:
            self._wait(STEP_SECONDS)

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """No write begins within this context: one writer waits because the server is busy."""
        with self._lock:
            self._pauses += 1
        try:
            yield
        finally:
            with self._lock:
                self._pauses -= 1

    def _turn(self) -> float:
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._interval
            return turn

    def _wait(self, seconds: float) -> None:
        if seconds > 0 and not self._context.wait(seconds):
            raise NotBegunError


log = logging.getLogger(__name__)

ATTEMPTS: Final = 4
BACKOFF_SECONDS: Final = 0.25
MAX_RETRY_AFTER_SECONDS: Final = 30.0


def _is_transient_or_lost(last: Response | TransportError) -> bool:
    """Whether to ask again, if asking twice does no harm."""
    return isinstance(last, TransportError) or is_transient(last)


def repeated(
    send: Callable[[], Response],
    context: RunContext,
    *,
    may_repeat: Callable[[Response | TransportError], bool] = _is_transient_or_lost,
    limiter: RateLimiter | None = None,
    on_repeat: Callable[[], None] = lambda: None,
) -> Response:
    """The first answer that doesn't call for a repeat, or the answer of the last attempt.

    The last attempt is the fourth, or the one after which the run has no time for another. Retry
    times back off exponentially with jitter; the server's Retry-After wins over them.
    `may_repeat` judges an answer, and the error that lost the answer to a request that was sent.
    `on_repeat` is called before each attempt after the first.

    Raises TransportError if the last attempt had no answer, or if an answer was lost and
    `may_repeat` returns false. Raises NotBegunError if the run ended before any attempt began.
    """
    attempt = 1
    last: Response | TransportError | None = None
    while True:
        try:
            if limiter is not None:
                limiter.await_turn()
            last = response = send()
        except NotBegunError:
            return _last_result(last)
        except TransportError as error:
            last = error
            is_final = attempt == ATTEMPTS or (error.is_sent and not may_repeat(error))
            if is_final or not _waited(context, _backoff(attempt), error):
                raise
        else:
            if attempt == ATTEMPTS or not may_repeat(response):
                return response
            wait = _backoff(attempt)
            if response.retry_after is not None:
                wait = min(response.retry_after, MAX_RETRY_AFTER_SECONDS)
            is_busy = response.status == 429
            with limiter.pause() if limiter and is_busy else contextlib.nullcontext():
                if not _waited(context, wait, f"the server answered {response.status}"):
                    return response
        attempt += 1
        on_repeat()


def _last_result(last: Response | TransportError | None) -> Response:
    """The answer of the attempt before one that did not begin, or its error.

    Raises NotBegunError if nothing was carried out: no attempt began, or the server was busy.
    """
    if isinstance(last, TransportError):
        raise last
    if last is None or last.status == 429:
        raise NotBegunError
    return last


def _waited(context: RunContext, seconds: float, why: str | TransportError) -> bool:
    """Wait before another attempt. Returns whether there is time for one."""
    remaining = context.remaining()
    if remaining is not None and remaining <= seconds:
        return False
    log.debug("%s; trying again in %.1f s", why, seconds)
    return context.wait(seconds)


def _backoff(attempt: int) -> float:
    """The seconds to wait after an attempt: exponential, with jitter so that clients spread out."""
    longest: float = BACKOFF_SECONDS * 2 ** (attempt - 1)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
