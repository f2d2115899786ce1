"""The metrics of watches in a real Prometheus and a real Pushgateway."""

from functools import partial
from pathlib import Path

import pytest

from podcm_sync.cluster.interfaces import Traffic
from podcm_sync.cluster.kube.paths import CONFIG_MAPS, CONFIGS, PODS
from podcm_sync.cluster.watch import EventType, Restart
from podcm_sync.metrics.exporters import MetricsExporters
from podcm_sync.metrics.push import Gateway
from podcm_sync.metrics.scope import MetricScope
from tests.command import until
from tests.observability.servers import Prometheus, Pushgateway, fetch, promtool
from tests.observability.watching import exporting
from tests.unit.reconcile.test_report import CREATED, report
from tests.watching import Watching

MODIFIED = f'{{resource="{PODS}", type="MODIFIED"}}'


@pytest.fixture
def watching() -> Watching:
    return Watching()


def finish_run(exporters: MetricsExporters) -> None:
    with exporters.run(Traffic) as recorder:
        recorder(report(CREATED), 0)


def test_prometheus_sees_what_happens_between_two_runs(
    prometheus: Prometheus, watching: Watching
) -> None:
    """The first event, reaction, restart and divergence are increases, for each was 0 before."""
    with exporting(watching) as process:
        finish_run(process.exporters)
        prometheus.scrape(process.url)
        ready = f"count_over_time(podcm_sync_watch_events_total{MODIFIED}[1m]) >= 2"
        until(lambda: prometheus.query(ready), "two scrapes")
        watching.metrics.event(PODS, EventType.MODIFIED)
        watching.metrics.restarted(CONFIGS, Restart.REFUSED)
        watching.metrics.diverged(CONFIG_MAPS)
        for _ in range(100):
            watching.metrics.reacted(0.012)
        watching.open[CONFIGS], watching.waiting, watching.silence = 0, 4, 200.0
        for name in (
            f"podcm_sync_watch_events_total{MODIFIED}",
            f'podcm_sync_watch_restarts_total{{resource="{CONFIGS}", reason="refused"}}',
            f'podcm_sync_watch_divergence_total{{resource="{CONFIG_MAPS}"}}',
        ):
            until(partial(prometheus.query, f"increase({name}[1m]) > 0"), name)
        p99 = (
            "histogram_quantile(0.99, sum by (le)"
            " (rate(podcm_sync_watch_reaction_seconds_bucket[1m])))"
        )
        assert prometheus.value(p99) == pytest.approx(0.015, rel=0.01)
        missing = "podcm_sync_watches - podcm_sync_watches_open > 0"
        assert [each["resource"] for each, _ in prometheus.query(missing)] == [CONFIGS]
        assert prometheus.value("podcm_sync_watch_queue") == 4
        assert prometheus.value("podcm_sync_watch_age_seconds") == 200
        assert prometheus.value('podcm_sync_runs_total{result="succeeded"}') == 1


def test_a_standby_is_scraped_with_its_watches_and_ready(
    prometheus: Prometheus, watching: Watching
) -> None:
    with exporting(watching) as process:
        process.exporters.elect("ns/lease")
        process.exporters.standby(2.0)
        prometheus.scrape(process.url)
        assert fetch(f"{process.url}/readyz")[0] == 200
        assert len(prometheus.query("podcm_sync_watches_open == 1")) == 3
        assert prometheus.query("podcm_sync_watch_queue") == []
        process.exporters.lead()
        until(lambda: prometheus.query("podcm_sync_watch_queue == 0"), "it leads")


def test_a_loop_that_watches_is_ready_after_its_first_full_run(watching: Watching) -> None:
    """Open watches alone have synced nothing yet."""
    with exporting(watching) as process:
        watching.metrics.event(PODS, EventType.ADDED)
        assert fetch(f"{process.url}/readyz")[0] == 503
        assert fetch(f"{process.url}/healthz")[0] == 200
        finish_run(process.exporters)
        process.exporters.idle(600.0)
        assert fetch(f"{process.url}/readyz")[0] == 200
        assert fetch(f"{process.url}/healthz")[0] == 200


def test_the_exposition_passes_promtool(programs: Path, watching: Watching) -> None:
    with exporting(watching) as process:
        finish_run(process.exporters)
        text = fetch(f"{process.url}/metrics")[1]
    assert "podcm_sync_watch_reaction_seconds_bucket" in text
    promtool(programs, "check", "metrics", stdin=text)


def test_each_full_run_pushes_the_values_of_its_end(
    pushgateway: Pushgateway, watching: Watching
) -> None:
    exporters = MetricsExporters(MetricScope(label="all"))
    exporters.push_to(Gateway(pushgateway.url, "podcm-sync", "all"), lambda: None)
    exporters.watch(watching.metrics, watching.gauges())
    finish_run(exporters)
    modified = {"resource": PODS, "type": "MODIFIED"}
    assert pushgateway.value("podcm_sync_watch_events_total", **modified) == 0
    for _ in range(3):
        watching.metrics.event(PODS, EventType.MODIFIED)
    watching.open[PODS], watching.silence = 0, 75.5
    finish_run(exporters)
    assert pushgateway.value("podcm_sync_watch_events_total", **modified) == 3
    assert pushgateway.value("podcm_sync_watches_open", resource=PODS) == 0
    assert pushgateway.value("podcm_sync_watches", resource=PODS) == 1
    assert pushgateway.value("podcm_sync_watch_age_seconds") == 75.5
