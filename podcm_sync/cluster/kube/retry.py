"""Which requests may be repeated, and when: reads always, writes only where it is sure or safe.

A 429 was never begun, so any verb may be repeated. A lost patch or delete carries preconditions,
so a repeat is at worst a 409 or a 404. A lost create is never repeated (`write` settles it).
"""

import contextlib
import logging
import random
from collections.abc import Callable
from typing import Final

from podcm_sync.clock import Clock
from podcm_sync.cluster.kube.answers import NoAnswerError, Response
from podcm_sync.cluster.kube.errors import is_passing
from podcm_sync.cluster.kube.pace import NotBegunError, Pace

log = logging.getLogger(__name__)

ATTEMPTS: Final = 4
BACKOFF_SECONDS: Final = 0.25
MAX_RETRY_AFTER_SECONDS: Final = 30.0


def repeated(  # noqa: PLR0913 - what may be repeated, when, and who is told
    send: Callable[[], Response],
    clock: Clock,
    *,
    may_repeat: Callable[[Response], bool] = is_passing,
    repeat_lost: bool = True,
    pace: Pace | None = None,
    repeats: Callable[[], None] = lambda: None,
) -> Response:
    """The answer of the first attempt that is not lost and need not be repeated, or the last's.

    The last is the fourth, or the one after which the clock leaves no time to wait for another.
    `repeats` is told of each attempt after the first.
    Raises NoAnswerError where it had no answer, or an answer was lost and must not be repeated;
    NotBegunError where the run ended before the pace let anything begin.
    """
    attempt = 1
    last: Response | NoAnswerError | None = None
    while True:
        wait = _backoff(attempt)
        try:
            if pace is not None:
                pace.await_turn()
            last = response = send()
        except NotBegunError:
            return _last_word(last)
        except NoAnswerError as error:
            last = error
            is_final = attempt == ATTEMPTS or (error.is_sent and not repeat_lost)
            if is_final or not _waited(clock, wait, error):
                raise
        else:
            if attempt == ATTEMPTS or not may_repeat(response):
                return response
            if response.retry_after is not None:
                wait = min(response.retry_after, MAX_RETRY_AFTER_SECONDS)
            is_busy = response.status == 429
            with pace.patience() if pace and is_busy else contextlib.nullcontext():
                if not _waited(clock, wait, f"the server answered {response.status}"):
                    return response
        attempt += 1
        repeats()


def _last_word(last: Response | NoAnswerError | None) -> Response:
    """What is known of a write whose next attempt did not begin."""
    if isinstance(last, NoAnswerError):
        raise last
    if last is None or last.status == 429:
        raise NotBegunError
    return last


def _waited(clock: Clock, seconds: float, why: str | NoAnswerError) -> bool:
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
