"""The values of a loop that watches: counters that its threads increase, and gauges read live.

They change between two runs, so they aren't part of a finished run.
"""

import threading
from collections.abc import Callable, Mapping
from itertools import product
from typing import Final

from msgspec import Struct

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.watch import EventType, Restart
from podcm_sync.metrics import histogram, table
from podcm_sync.metrics.histogram import Histogram
from podcm_sync.metrics.samples import Samples

RESOURCES: Final = (paths.PODS, paths.CONFIGS, paths.CONFIG_MAPS)
"""The resources that podcm-sync watches, and all values of the label `resource`."""


class WatchGauges(Struct, frozen=True, kw_only=True):
    """The gauges of the watches as functions, each called for every scrape and push.

    The caller is another thread, so a function must neither block nor raise.
    """

    wanted: Callable[[], Mapping[str, int]]
    """The watches that the scope needs, by resource."""
    open_watches: Callable[[], Mapping[str, int]]
    """The watches that are open, by resource."""
    queue: Callable[[], int]
    """The namespaces whose pass is due. One that waits for a quiet moment doesn't count yet."""
    age: Callable[[], float]
    """The seconds since the last sign of life of the watch that has been silent the longest."""


class WatchMetrics:
    """The counters of the watches. Every method is for any thread, and none blocks for long.

    Each series exists from the start with the value 0, because Prometheus can't see the increase of
    a counter whose first sample is already 1. So the values of labels are those, and no others: any
    other resource is a KeyError.
    """

    def __init__(self) -> None:
        """All counters are 0."""
        self._lock = threading.Lock()
        self._events = dict.fromkeys(product(RESOURCES, EventType), 0)
        self._restarts = dict.fromkeys(product(RESOURCES, Restart), 0)
        self._divergence = dict.fromkeys(RESOURCES, 0)
        self._reactions = histogram.empty(table.REACTION_BUCKETS)

    def event(self, resource: str, event_type: EventType) -> None:
        """A watch of the resource delivered an event."""
        with self._lock:
            self._events[resource, event_type] += 1

    def restarted(self, resource: str, reason: Restart) -> None:
        """A watch of the resource ended, or couldn't be opened, and starts again."""
        with self._lock:
            self._restarts[resource, reason] += 1

    def diverged(self, resource: str) -> None:
        """A full run found an object that the watches had wrong."""
        with self._lock:
            self._divergence[resource] += 1

    def reacted(self, seconds: float) -> None:
        """A write was answered this long after the event that caused it came."""
        with self._lock:
            self._reactions = self._reactions.plus(seconds)

    @property
    def reactions(self) -> Histogram:
        """The reactions so far."""
        return self._reactions

    def counters(self) -> Samples:
        """The values of all counters."""
        with self._lock:
            events, restarts = self._events.copy(), self._restarts.copy()
            divergence = self._divergence.copy()
        return {
            table.WATCH_EVENTS: {
                (resource, str(event_type)): float(count)
                for (resource, event_type), count in events.items()
            },
            table.WATCH_RESTARTS: {
                (resource, str(reason)): float(count)
                for (resource, reason), count in restarts.items()
            },
            table.WATCH_DIVERGENCE: {
                (resource,): float(count) for resource, count in divergence.items()
            },
        }


def gauge_samples(gauges: WatchGauges) -> Samples:
    """The values of all gauges now. A resource that a function doesn't return has 0."""
    wanted, open_watches = gauges.wanted(), gauges.open_watches()
    return {
        table.WATCHES: {(name,): float(wanted.get(name, 0)) for name in RESOURCES},
        table.WATCHES_OPEN: {(name,): float(open_watches.get(name, 0)) for name in RESOURCES},
        table.WATCH_QUEUE: {(): float(gauges.queue())},
        table.WATCH_AGE: {(): gauges.age()},
    }
