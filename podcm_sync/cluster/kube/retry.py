"""Which requests may be repeated, and when: reads always, writes only where it is sure or safe.

A 429 was never begun, so any verb may be repeated. A lost patch or delete carries preconditions,
so a repeat is at worst a 409 or a 404. A lost create is never repeated (`write` settles it).
"""

import logging
import random
from collections.abc import Callable
from typing import Final

from podcm_sync.clock import Clock
from podcm_sync.cluster.kube.connection import NoAnswerError, Response

log = logging.getLogger(__name__)

ATTEMPTS: Final = 4
BACKOFF_SECONDS: Final = 0.25
MAX_RETRY_AFTER_SECONDS: Final = 30.0
TRANSIENT: Final = frozenset({429, 500, 502, 503, 504})


def repeated(
    send: Callable[[], Response],
    clock: Clock,
    *,
    statuses: frozenset[int] = TRANSIENT,
    repeat_lost: bool = True,
) -> Response:
    """The answer of the first attempt that is neither lost nor of these statuses, or the last's.

    The last is the fourth, or the one after which the clock leaves no time to wait for another.
    Raises NoAnswerError where it had no answer, or an answer was lost and must not be repeated.
    """
    attempt = 1
    while True:
        wait = _backoff(attempt)
        try:
            response = send()
        except NoAnswerError as error:
            is_final = attempt == ATTEMPTS or (error.is_sent and not repeat_lost)
            if is_final or not _waited(clock, wait, f"no answer ({error})"):
                raise
        else:
            if attempt == ATTEMPTS or response.status not in statuses:
                return response
            if response.retry_after is not None:
                wait = min(response.retry_after, MAX_RETRY_AFTER_SECONDS)
            if not _waited(clock, wait, f"the server answered {response.status}"):
                return response
        attempt += 1


def _waited(clock: Clock, seconds: float, why: str) -> bool:
    """Wait before another attempt; whether there is still time for it."""
    left = clock.left()
    if left is not None and left <= seconds:
        return False
    log.debug("%s; trying again in %.1f s", why, seconds)
    return clock.wait(seconds)


def _backoff(attempt: int) -> float:
    """Exponential, with full jitter above the half, so that many clients spread out."""
    longest: float = BACKOFF_SECONDS * 2 ** (attempt - 1)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
