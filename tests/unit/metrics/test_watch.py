"""The values of watches: all there from the start, live, exact, and in every way out."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.exposition import generate_latest

from podcm_sync.cluster.kube.paths import CONFIG_MAPS, CONFIGS, PODS
from podcm_sync.cluster.watch import EventType, Restart
from podcm_sync.metrics import table
from podcm_sync.metrics.exporters import MetricsExporters
from podcm_sync.metrics.exposition import Exposition
from podcm_sync.metrics.scope import MetricScope
from podcm_sync.metrics.table import METRICS, Type
from podcm_sync.metrics.watch import RESOURCES, WatchGauges, WatchMetrics
from tests.observability.running import values
from tests.unit.metrics.test_exporters import finish_run
from tests.unit.metrics.test_exposition import exposed, finished, value
from tests.unit.reconcile.test_report import CREATED, report
from tests.watching import Watching

OF_WATCHES = {row.name for row in METRICS if row.name.startswith("podcm_sync_watch")}
REACTION = "podcm_sync_watch_reaction_seconds"


@pytest.fixture
def watching() -> Watching:
    return Watching()


@pytest.fixture
def exposition(watching: Watching) -> Exposition:
    exposition = exposed()
    exposition.watch(watching.metrics, watching.gauges())
    return exposition


def families(exposition: Exposition) -> set[str]:
    """The names of the families of watches, with the suffix of a counter as in the table."""
    return {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in exposition.registry.collect()
    } & OF_WATCHES


def test_without_a_watch_there_is_none_of_its_values() -> None:
    exposition = exposed()
    exposition.add(finished(("shop",)))
    assert families(exposition) == set()
    assert len(OF_WATCHES) == 8


def test_every_series_is_there_before_anything_happens(exposition: Exposition) -> None:
    """An increase from nothing to 1 is none to Prometheus, and an alert on it stays silent."""
    assert families(exposition) == OF_WATCHES
    for resource in (PODS, CONFIGS, CONFIG_MAPS):
        for event_type in ("ADDED", "MODIFIED", "DELETED"):
            labels = {"resource": resource, "type": event_type}
            assert value(exposition, table.WATCH_EVENTS, **labels) == 0
        for reason in ("ended", "expired", "silent", "refused", "broken"):
            labels = {"resource": resource, "reason": reason}
            assert value(exposition, table.WATCH_RESTARTS, **labels) == 0
        assert value(exposition, table.WATCH_DIVERGENCE, resource=resource) == 0
        assert value(exposition, table.WATCHES, resource=resource) == 1
        assert value(exposition, table.WATCHES_OPEN, resource=resource) == 1
    assert value(exposition, f"{REACTION}_count") == 0


def test_a_label_has_only_values_that_are_known(watching: Watching) -> None:
    with pytest.raises(KeyError):
        watching.metrics.event("secrets", EventType.ADDED)
    assert set(watching.metrics.counters()) == {
        row.name for row in METRICS if row.name in OF_WATCHES and row.type is Type.COUNTER
    }


def test_values_change_between_two_runs(exposition: Exposition, watching: Watching) -> None:
    exposition.add(finished(("shop",)))
    watching.metrics.event(PODS, EventType.MODIFIED)
    watching.metrics.event(PODS, EventType.MODIFIED)
    watching.metrics.restarted(CONFIGS, Restart.SILENT)
    watching.metrics.diverged(CONFIG_MAPS)
    watching.open[PODS] = 0
    watching.waiting, watching.silence = 3, 42.5
    modified = {"resource": PODS, "type": "MODIFIED"}
    assert value(exposition, table.WATCH_EVENTS, **modified) == 2
    silent = {"resource": CONFIGS, "reason": "silent"}
    assert value(exposition, table.WATCH_RESTARTS, **silent) == 1
    assert value(exposition, table.WATCH_DIVERGENCE, resource=CONFIG_MAPS) == 1
    assert value(exposition, table.WATCHES_OPEN, resource=PODS) == 0
    assert value(exposition, table.WATCHES, resource=PODS) == 1
    assert value(exposition, table.WATCH_QUEUE) == 3
    assert value(exposition, table.WATCH_AGE) == 42.5
    assert value(exposition, "podcm_sync_runs_total", result="succeeded") == 1
    exposition.add(finished(("shop",)))
    assert value(exposition, table.WATCH_EVENTS, **modified) == 2


def test_a_resource_without_a_watch_has_none_open(exposition: Exposition) -> None:
    """Before the first list no watch is open, and a function can then return nothing."""
    exposition.watch(
        WatchMetrics(),
        WatchGauges(wanted=dict, open_watches=dict, queue=lambda: 0, age=lambda: 0.0),
    )
    for resource in RESOURCES:
        assert value(exposition, table.WATCHES_OPEN, resource=resource) == 0


def test_reactions_fall_into_cumulative_buckets(exposition: Exposition, watching: Watching) -> None:
    exposition.add(finished(("shop",), 700.0))
    for seconds in (0.0004, 0.007, 0.03, 0.031, 90.0):
        watching.metrics.reacted(seconds)
    bounds = ("0.001", "0.0075", "0.03", "0.05", "60.0", "+Inf")
    buckets = {le: value(exposition, f"{REACTION}_bucket", le=le) for le in bounds}
    assert list(buckets.values()) == [1, 2, 3, 4, 4, 5]
    assert value(exposition, f"{REACTION}_sum") == pytest.approx(90.0684)
    assert value(exposition, "podcm_sync_run_duration_seconds_count") == 1
    assert tuple(sorted(set(table.REACTION_BUCKETS))) == table.REACTION_BUCKETS


def test_a_standby_shows_its_watches_and_no_queue(
    exposition: Exposition, watching: Watching
) -> None:
    """Its store is warm, which a takeover needs, and the passes are the leader's."""
    watching.metrics.event(PODS, EventType.ADDED)
    watching.metrics.reacted(0.01)
    exposition.leads("ns/lease", is_leading=False)
    assert families(exposition) == OF_WATCHES - {table.WATCH_QUEUE}
    assert value(exposition, table.WATCHES_OPEN, resource=PODS) == 1
    assert value(exposition, table.WATCH_EVENTS, resource=PODS, type="ADDED") == 1
    assert value(exposition, f"{REACTION}_count") == 1
    exposition.leads("ns/lease", is_leading=True)
    assert families(exposition) == OF_WATCHES


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Python switches between threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("eager_threads")
def test_no_thread_loses_what_another_counts(watching: Watching) -> None:
    threads, times = 4, 3_000

    def work() -> None:
        for _ in range(times):
            watching.metrics.event(PODS, EventType.ADDED)
            watching.metrics.reacted(0.001)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert watching.metrics.reactions.counts[0] == threads * times
    assert watching.metrics.counters()[table.WATCH_EVENTS][PODS, "ADDED"] == threads * times


@pytest.mark.usefixtures("eager_threads")
def test_a_change_of_the_lead_loses_no_pass(exposition: Exposition) -> None:
    """The thread that renews the Lease reports the lead, and others make passes meanwhile."""
    created = {"verb": "create", "result": "created"}
    is_over = threading.Event()

    def elect() -> None:
        while not is_over.is_set():
            exposition.leads("ns/lease", is_leading=True)

    elector = threading.Thread(target=elect)
    elector.start()
    for _ in range(300):
        exposition.passed(report(CREATED), is_final=False)
    is_over.set()
    elector.join()
    assert value(exposition, "podcm_sync_configmap_operations_total", **created) == 300


def test_a_file_has_them_and_the_next_process_forgets_the_gauges(
    tmp_path: Path, watching: Watching
) -> None:
    """Watches of a process that ended are not open, and its age fires no alert."""
    path = tmp_path / "x.prom"
    exporters = MetricsExporters(MetricScope(label="here"))
    exporters.write_to(path)
    exporters.watch(watching.metrics, watching.gauges())
    finish_run(exporters)
    assert values(path.read_text(encoding="utf-8"), table.WATCHES_OPEN)
    later = MetricsExporters(MetricScope(label="here"))
    later.write_to(path)
    finish_run(later)
    text = path.read_text(encoding="utf-8")
    assert values(text, "podcm_sync_last_run_timestamp_seconds")
    for name in OF_WATCHES:
        assert not values(text, name)


def test_without_an_exporter_nobody_asks_for_the_gauges(watching: Watching) -> None:
    exporters = MetricsExporters(MetricScope(label=""))
    exporters.watch(watching.metrics, watching.gauges())
    finish_run(exporters)
    assert watching.reads == 0


def test_a_page_asks_for_each_gauge_once(exposition: Exposition, watching: Watching) -> None:
    generate_latest(exposition.registry)
    assert watching.reads == 4
