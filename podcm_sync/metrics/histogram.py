"""A histogram of seconds, immutable, so that another thread never reads a mix."""

from bisect import bisect_left

from msgspec import Struct, structs


class Histogram(Struct, frozen=True):
    """How often something took how long. `bounds` are upper bounds in seconds, ascending.

    `counts` has one count for each bound, not cumulative, and a last one for values beyond all
    bounds. `seconds` is the sum of all values.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    seconds: float = 0.0

    def plus(self, seconds: float) -> "Histogram":
        """The histogram with one more value."""
        # A bucket includes its upper bound: the label `le` means "less than or equal".
        bucket = bisect_left(self.bounds, seconds)
        counts = (*self.counts[:bucket], self.counts[bucket] + 1, *self.counts[bucket + 1 :])
        return structs.replace(self, counts=counts, seconds=self.seconds + seconds)


def empty(bounds: tuple[float, ...]) -> Histogram:
    """A histogram of these bounds, without any value."""
    return Histogram(bounds, (0,) * (len(bounds) + 1))
