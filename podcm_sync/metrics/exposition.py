"""The values that are shown: counters add up over the runs of a process, gauges are the last ones.

A family that a run says nothing of stays as it was, as the Pushgateway does it with a POST.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from msgspec import Struct, structs
from prometheus_client.core import (
    CollectorRegistry,
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from podcm_sync.core.ended import Ended
from podcm_sync.metrics import table
from podcm_sync.metrics.samples import Samples, build_info, samples
from podcm_sync.metrics.table import METRICS, Type


class _Shown(Struct, frozen=True, kw_only=True):
    """One state; whoever reads it sees one run's end whole, or the next's."""

    samples: Samples = {}
    durations: tuple[int, ...] = (0,) * (len(table.DURATION_BUCKETS) + 1)
    """Runs in each bucket alone; the last has those beyond all bounds."""
    seconds: float = 0.0


class Exposition(Collector):
    """What Prometheus sees, as a registry of its own."""

    def __init__(self) -> None:
        self._shown = _Shown(samples=build_info())
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    def keep(self, gauges: Samples) -> None:
        """Gauges from before this process; a run's own replace them."""
        self._shown = structs.replace(self._shown, samples=gauges | self._shown.samples)

    def add(self, ended: Ended) -> None:
        """A run has ended."""
        before, new = self._shown, samples(ended)
        for name, values in tuple(new.items()):
            if table.BY_NAME[name].type is Type.COUNTER:
                earlier = before.samples.get(name, {})
                new[name] = {
                    labels: earlier.get(labels, 0.0) + values.get(labels, 0.0)
                    for labels in earlier | values
                }
        bucket = bisect_left(table.DURATION_BUCKETS, ended.duration_seconds)
        durations = list(before.durations)
        durations[bucket] += 1
        self._shown = _Shown(
            samples=before.samples | new,
            durations=tuple(durations),
            seconds=before.seconds + ended.duration_seconds,
        )

    def stand_by(self) -> None:
        """Another replica is at work: what this one last saw is no longer said."""
        is_gauge = {row.name for row in METRICS if row.type is Type.GAUGE}
        kept = {
            name: values
            for name, values in self._shown.samples.items()
            if name not in is_gauge - {table.BUILD_INFO}
        }
        self._shown = structs.replace(self._shown, samples=kept)

    def collect(self) -> Iterator[Metric]:
        """Every family that there is something to say of, in the table's order."""
        shown = self._shown
        for row in METRICS:
            values = shown.samples.get(row.name)
            if values is None:
                continue
            match row.type:
                case Type.HISTOGRAM:
                    yield _histogram(row, shown)
                case Type.COUNTER:
                    counter = CounterMetricFamily(row.name, row.meaning, labels=row.labels)
                    for labels, value in sorted(values.items()):
                        counter.add_metric(labels, value)
                    yield counter
                case Type.GAUGE:
                    gauge = GaugeMetricFamily(row.name, row.meaning, labels=row.labels)
                    for labels, value in sorted(values.items()):
                        gauge.add_metric(labels, value)
                    yield gauge


def _histogram(row: table.Metric, shown: _Shown) -> HistogramMetricFamily:
    bounds = [*map(floatToGoString, table.DURATION_BUCKETS), "+Inf"]
    buckets = [
        (bound, float(count))
        for bound, count in zip(bounds, accumulate(shown.durations), strict=True)
    ]
    return HistogramMetricFamily(row.name, row.meaning, buckets=buckets, sum_value=shown.seconds)
