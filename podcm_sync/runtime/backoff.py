"""How long to wait before a retry: twice as long after each failure, up to ten minutes.

The loop and each namespace of its scope use the same rule (docs/design/behavior.md §7).
"""

import random
from typing import Final

JITTER_SHARE: Final = 0.1
"""The random delay before a retry is at most this share of the interval."""
MAX_BACKOFF_SECONDS: Final = 600.0
MAX_DOUBLINGS: Final = 16
"""Without it, `2.0 ** 1024` would overflow in a long series of failures."""


def delay(failures: int, interval: float, first: float) -> float:
    """The seconds until the next attempt, after this number of failures in a row (1 or more).

    After the first failure, they are `first`. The second failure adds one interval, the third
    three, the fourth seven, and so on. The result is at most ten minutes, or one interval if that
    is longer.
    """
    later = interval * (2.0 ** min(failures - 1, MAX_DOUBLINGS) - 1)
    return min(first + later, max(MAX_BACKOFF_SECONDS, interval))


def jitter(interval: float) -> float:
    """A random delay in seconds. It spreads the retries of loops that failed at the same time."""
    return random.uniform(0, JITTER_SHARE * interval)  # noqa: S311 - jitter, not a secret
