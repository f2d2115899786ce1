"""The values to export: counters add up over the runs of a process, gauges are those of the last.

If a run has no value for a family, the earlier one stays. The Pushgateway does the same on a POST.
"""

import threading
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Final

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

from podcm_sync.metrics import histogram, table
from podcm_sync.metrics.finished_run import FinishedRun
from podcm_sync.metrics.histogram import Histogram
from podcm_sync.metrics.samples import Labels, Samples, of_process, samples, samples_of_pass
from podcm_sync.metrics.scope import MetricScope
from podcm_sync.metrics.table import METRICS, Type
from podcm_sync.metrics.watch import WatchGauges, WatchMetrics, gauge_samples
from podcm_sync.reconcile.report import Report

_OF_RUNS: Final = {row.name for row in METRICS if row.type is Type.GAUGE} - table.OF_PROCESS
"""The gauges that only a process that does runs has."""


class _Shown(Struct, frozen=True, kw_only=True):
    """The exported state. One assignment replaces it, so another thread never reads a mix."""

    samples: Samples = {}
    histograms: Mapping[str, Histogram] = {}
    is_standby: bool = False


class Exposition(Collector):
    """A collector in its own `registry`, without the default metrics of the process."""

    def __init__(self, scope: MetricScope) -> None:
        """Every value gets the scope's label."""
        self._scope = scope.label
        self._shown = _Shown(samples=of_process(scope))
        self._lock = threading.Lock()
        self._watch: tuple[WatchMetrics, WatchGauges] | None = None
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    def restore(self, gauges: Samples) -> None:
        """Export gauges that an earlier process wrote, until a run replaces them."""
        of_runs = {name: gauges[name] for name in gauges.keys() - table.OF_WATCHES}
        self._shown = structs.replace(self._shown, samples=of_runs | self._shown.samples)

    def watch(self, metrics: WatchMetrics, gauges: WatchGauges) -> None:
        """Export the values of this process's watches too, as they are at each scrape or push."""
        self._watch = metrics, gauges

    def add(self, finished: FinishedRun) -> None:
        """Add a finished run: increase the counters, replace the gauges that it has values for."""
        with self._lock:
            before = self._shown
            durations = before.histograms.get(
                table.RUN_DURATION, histogram.empty(table.DURATION_BUCKETS)
            )
            self._shown = structs.replace(
                before,
                samples=before.samples | _added(before.samples, samples(finished)),
                histograms={table.RUN_DURATION: durations.plus(finished.duration_seconds)},
            )

    def passed(self, report: Report, *, is_final: bool) -> None:
        """Add what a pass over one namespace between two runs did. Any thread may call this."""
        with self._lock:
            before = self._shown
            new = _added(before.samples, samples_of_pass(report, is_final=is_final))
            for name in new.keys() & table.OF_NAMESPACES:
                new[name] = _with_namespace(before.samples.get(name, {}), new[name])
            self._shown = structs.replace(before, samples=before.samples | new)

    def leads(self, lease: str, *, is_leading: bool) -> None:
        """Show whether this process leads by this lease. A standby has no gauges of a last run."""
        leader: Samples = {table.LEADER: {(lease,): float(is_leading)}}
        with self._lock:
            remaining = {
                name: values
                for name, values in self._shown.samples.items()
                if is_leading or name not in _OF_RUNS
            }
            self._shown = structs.replace(
                self._shown, samples=remaining | leader, is_standby=not is_leading
            )

    def collect(self) -> Iterator[Metric]:
        """Each family that has values, in the order of the table."""
        shown = self._with_watch()
        for row in METRICS:
            names, scope = (table.SCOPE_LABEL, *row.labels), self._scope
            if row.type is Type.HISTOGRAM:
                if row.name in shown.histograms:
                    yield _histogram(row, shown.histograms[row.name], scope)
                continue
            values = shown.samples.get(row.name)
            if values is None:
                continue
            of_type = CounterMetricFamily if row.type is Type.COUNTER else GaugeMetricFamily
            family = of_type(row.name, row.meaning, labels=names)
            for labels, value in sorted(values.items()):
                family.add_metric((scope, *labels), value)
            yield family

    def _with_watch(self) -> _Shown:
        """The state with the current values of the watches, if there are any."""
        shown = self._shown
        if self._watch is None:
            return shown
        metrics, gauges = self._watch
        live = metrics.counters() | gauge_samples(gauges)
        if shown.is_standby:
            live = {name: values for name, values in live.items() if name not in _OF_RUNS}
        return structs.replace(
            shown,
            samples=shown.samples | live,
            histograms={**shown.histograms, table.REACTION: metrics.reactions},
        )


def _with_namespace(
    before: Mapping[Labels, float], new: Mapping[Labels, float]
) -> dict[Labels, float]:
    """A gauge by namespace with one namespace's new value.

    If there are too many namespaces, one that the last run left out waits for the next run.
    """
    is_full = len(before) >= table.MAX_NAMESPACES
    fitting = {labels: value for labels, value in new.items() if labels in before or not is_full}
    return {**before, **fitting}


def _added(before: Samples, new: Samples) -> Samples:
    """The new gauges, and the counters increased by the new values."""
    added = dict(new)
    for name, values in new.items():
        if table.BY_NAME[name].type is Type.COUNTER:
            earlier = before.get(name, {})
            added[name] = {
                labels: earlier.get(labels, 0.0) + values.get(labels, 0.0)
                for labels in earlier | values
            }
    return added


def _histogram(row: table.Metric, values: Histogram, scope: str) -> HistogramMetricFamily:
    bounds = [*map(floatToGoString, values.bounds), "+Inf"]
    buckets = [
        (bound, float(count))
        for bound, count in zip(bounds, accumulate(values.counts), strict=True)
    ]
    family = HistogramMetricFamily(row.name, row.meaning, labels=(table.SCOPE_LABEL,))
    family.add_metric((scope,), buckets, values.seconds)
    return family
