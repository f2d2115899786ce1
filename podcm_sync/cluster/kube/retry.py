"""Which requests may be repeated, and when: reads always, writes only where it is sure or safe.

A 429 was never begun, so any verb may be repeated. A lost patch or delete carries preconditions,
so a repeat is at worst a 409 or a 404. A lost create is never repeated (`write` settles it).
"""

import logging
import random
import time
from collections.abc import Callable
from typing import Final

from podcm_sync.cluster.kube.connection import NoAnswerError, Response

log = logging.getLogger(__name__)

ATTEMPTS: Final = 4
BACKOFF_SECONDS: Final = 0.25
MAX_RETRY_AFTER_SECONDS: Final = 30.0
TRANSIENT: Final = frozenset({429, 500, 502, 503, 504})


def repeated(
    send: Callable[[], Response],
    *,
    statuses: frozenset[int] = TRANSIENT,
    repeat_lost: bool = True,
) -> Response:
    """The answer of the first attempt that is neither lost nor of these statuses, or the last's.

    Raises NoAnswerError where the last attempt had no answer, or one was lost and must not be
    repeated.
    """
    for attempt in range(1, ATTEMPTS + 1):
        is_last = attempt == ATTEMPTS
        wait = _backoff(attempt)
        try:
            response = send()
        except NoAnswerError as error:
            if is_last or (error.is_sent and not repeat_lost):
                raise
            log.info("no answer (%s); trying again in %.1f s", error, wait)
        else:
            if is_last or response.status not in statuses:
                return response
            if response.retry_after is not None:
                wait = min(response.retry_after, MAX_RETRY_AFTER_SECONDS)
            log.info("the server answered %d; trying again in %.1f s", response.status, wait)
        time.sleep(wait)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _backoff(attempt: int) -> float:
    """Exponential, with full jitter above the half, so that many clients spread out."""
    longest: float = BACKOFF_SECONDS * 2 ** (attempt - 1)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
