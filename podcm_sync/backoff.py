"""How long to leave alone what failed: twice as long after each failure, up to ten minutes.

The loop and the namespaces of its scope follow the same law.
"""

import random
from typing import Final

JITTER_SHARE: Final = 0.1
"""The part of the interval by which a random delay puts each retry off, at most."""
MAX_BACKOFF_SECONDS: Final = 600.0
MAX_DOUBLINGS: Final = 16


def delay(failures: int, interval: float, first: float) -> float:
    """The seconds until the next attempt, after so many failures in a row.

    After the first failure the next attempt comes `first` seconds later, and from then on 1, 3, 7
    and so on intervals later than that. An interval beyond the maximum stays as it is.
    """
    later = interval * (2.0 ** min(failures - 1, MAX_DOUBLINGS) - 1)
    return min(first + later, max(MAX_BACKOFF_SECONDS, interval))


def jitter(interval: float) -> float:
    """A random delay in seconds, so that many loops that failed at once don't return as one."""
    return random.uniform(0, JITTER_SHARE * interval)  # noqa: S311 - jitter, not a secret
