"""`--loop --listen` before the real API server: scraped, probed, and left in peace by the rest."""

import json
import signal
from functools import partial
from pathlib import Path

import pytest

from tests import command
from tests.chaos.proxy import Proxy
from tests.chaos.replicas import give_up
from tests.chaos.rules import Fault, Rule
from tests.command import until
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import config_map, make_config
from tests.observability.running import looping, value
from tests.observability.servers import Prometheus, fetch, promtool
from tests.observability.test_rules import queries


@pytest.fixture
def work(api: Api, namespace: str) -> None:
    """Three Pods and a config, and a foreign ConfigMap that blocks one of the three names."""
    for number in range(3):
        api.make_pod(namespace, f"web-{number}")
    make_config(api, namespace)
    api.create(config_map(namespace, "pod-web-2-from-mine-cfg", {"whose": "others'"}))


@pytest.mark.usefixtures("work")
def test_prometheus_has_what_the_runs_report(
    prometheus: Prometheus, kubeconfig: Path, namespace: str
) -> None:
    """Values of a real Prometheus beside the reports that the same process printed."""
    with looping(kubeconfig, "-o", "json", "--deadline", "60s") as loop:
        prometheus.scrape(loop.url)
        runs = 'podcm_sync_runs_total{result="failed_objects"}'
        until(lambda: (prometheus.value(runs) or 0) >= 3, "three runs")
        assert prometheus.value(f'podcm_sync_managed_configmaps{{namespace="{namespace}"}}') == 2
        assert prometheus.value(f'podcm_sync_configs{{namespace="{namespace}"}}') == 1
        assert prometheus.value(f'podcm_sync_configs_not_ready{{namespace="{namespace}"}}') == 1
        assert prometheus.value(f'podcm_sync_configs_invalid{{namespace="{namespace}"}}') == 0
        created = 'podcm_sync_configmap_operations_total{verb="create", result="created"}'
        assert prometheus.value(created) == 2
        assert prometheus.value('podcm_sync_last_run_failures{reason="Foreign"}') == 1
        assert prometheus.value("sum(podcm_sync_last_run_failures)") == 1
        assert prometheus.value("podcm_sync_last_run_exit_code") == 3
        assert prometheus.value("podcm_sync_run_deadline_seconds") == 60
        assert prometheus.value("podcm_sync_last_success_timestamp_seconds") is None
        assert prometheus.value("podcm_sync_run_duration_seconds_count >= 3") is not None
        loop.process.signal(signal.SIGTERM)
        ended = loop.process.end(5)
    first, *later = map(json.loads, ended.stdout.splitlines())
    assert first["summary"]["created"] == 2
    assert {each["summary"]["created"] for each in later} == {0}


@pytest.mark.usefixtures("work")
def test_every_panel_of_the_dashboard_has_something_to_show(
    prometheus: Prometheus, api: Api, kubeconfig: Path, namespace: str
) -> None:
    """Of a leader with a namespace in which something fails, a shard, and a loop that watches."""
    watched = new_namespace(api)
    make_config(api, watched)
    make_config(api, namespace, "asleep", {"suspend": True})
    give_up(api, namespace)
    leader = ("--leader-elect", "--tolerate-object-failures", "--deadline", "60s")
    shard = ("-A", "--shard", "0/1000", "--policy", "upsert-only")
    with (
        looping(kubeconfig, *leader) as first,
        looping(kubeconfig, *shard) as second,
        looping(kubeconfig, "--watch", "-n", watched, interval="10m") as third,
    ):
        until(lambda: third.status("/readyz") == 200, "it watches")
        api.make_pod(watched, "web")
        prometheus.scrape(first.url, second.url, third.url)
        for query in queries():
            until(partial(prometheus.query, query), query)
        for query in queries(cluster="south") + queries(scope="elsewhere"):
            assert prometheus.query(query) == [], query
        suspended = f'podcm_sync_configs_suspended{{namespace="{namespace}"}}'
        assert prometheus.value(suspended) == 1
        shards = {
            each["scope"]: value for each, value in prometheus.query("podcm_sync_scope_shards")
        }
        assert shards == {"shard-0-of-1000": 1_000}
        leads = prometheus.query("podcm_sync_leader == 1")
        assert [each["lease"] for each, _ in leads] == [f"{namespace}/podcm-sync"]


def test_a_sum_without_a_namespace_doesnt_get_that_of_the_pod(
    prometheus: Prometheus, kubeconfig: Path
) -> None:
    """Prometheus keeps the empty label, so no alert names the namespace of podcm-sync itself."""
    with looping(kubeconfig) as loop:
        prometheus.scrape(loop.url)
        until(lambda: prometheus.query("podcm_sync_configs_invalid"), "a run")
        ((labels, _),) = prometheus.query("podcm_sync_configs_invalid")
        assert "namespace" not in labels
        assert labels["scope"] == "default"


@pytest.mark.usefixtures("work")
def test_requests_are_counted_as_the_audit_log_has_them(
    kubeconfig: Path, audit: Audit, tmp_path: Path
) -> None:
    """One run's lists, creates and patches by verb and code; the server's own log is the judge."""
    path = tmp_path / "run.prom"
    mark = audit.mark()
    done = command.run("--metrics-file", str(path), kubeconfig=kubeconfig)
    assert done.code == 3
    seen = [event.verb for event in audit.since(mark, user_agent="podcm-sync/")]
    assert {"list", "create", "patch"} <= set(seen)
    text = path.read_text(encoding="utf-8")
    codes = {"list": "200", "get": "200", "create": "201", "patch": "200", "delete": "200"}
    for verb, code in codes.items():
        counted = value(text, "podcm_sync_api_requests_total", verb=verb, code=code)
        assert counted == seen.count(verb)


def test_the_exposition_passes_promtool(programs: Path, kubeconfig: Path) -> None:
    with looping(kubeconfig) as loop:
        until(lambda: loop.value("podcm_sync_last_run_exit_code") == 0, "a run")
        status, text, headers = fetch(f"{loop.url}/metrics")
        promtool(programs, "check", "metrics", stdin=text)
    assert (status, headers["Content-Type"]) == (
        200,
        "text/plain; version=0.0.4; charset=utf-8",
    )


def test_whoever_asks_for_openmetrics_gets_it(kubeconfig: Path) -> None:
    with looping(kubeconfig) as loop:
        accept = "application/openmetrics-text; version=1.0.0"
        _, text, headers = fetch(f"{loop.url}/metrics", Accept=accept)
    assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")


def test_a_server_that_is_away_from_the_beginning(proxy: Proxy, through: Path) -> None:
    """Alive, for it tries; not ready, since nothing was synced; then the server comes."""
    proxy.begin(Rule(Fault.ANSWER, status=503, times=None))
    arguments = ("--request-timeout", "1s")
    with looping(through, *arguments) as loop:
        run = {"kind": "run", "reason": "ServerUnreachable"}
        failed = {"result": "incomplete"}

        def failures() -> float:
            api = loop.value("podcm_sync_runs_total", **failed) or 0
            return api + (loop.value("podcm_sync_failures_total", **run) or 0)

        until(lambda: failures() >= 1, "a failed run")
        assert loop.status("/healthz") == 200
        assert loop.status("/readyz") == 503
        assert loop.value("podcm_sync_last_run_exit_code") == 5
        assert loop.value("podcm_sync_last_success_timestamp_seconds") is None
        assert loop.value("podcm_sync_api_requests_total", verb="list", code="503")
        assert loop.value("podcm_sync_api_retries_total")
        proxy.begin()
        until(lambda: loop.status("/readyz") == 200, "it is ready")
        assert loop.status("/healthz") == 200
        assert loop.value("podcm_sync_last_success_timestamp_seconds")
        # Away once more: ready all the same, and the last success stays as it was.
        success = loop.value("podcm_sync_last_success_timestamp_seconds")
        before = failures()
        proxy.begin(Rule(Fault.REFUSE, times=None))
        until(lambda: failures() > before, "another failure")
        assert loop.status("/readyz") == 200
        later = loop.value("podcm_sync_last_success_timestamp_seconds")
        assert success is not None
        assert later is not None
        assert later >= success
        loop.process.signal(signal.SIGTERM)
        ended = loop.process.end(10)
    assert ended.code == 128 + signal.SIGTERM
    assert "Traceback" not in ended.stderr


def test_nothing_else_is_served_and_nothing_is_logged(kubeconfig: Path) -> None:
    with looping(kubeconfig) as loop:
        until(lambda: loop.status("/readyz") == 200, "it is ready")
        for path in ("/", "/metrics/", "/metrics/x", "/favicon.ico", "/../etc/passwd", "/debug"):
            assert loop.status(path) == 404, path
        assert loop.status("/metrics?name[]=up") == 200
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"):
            status, _, headers = fetch(f"{loop.url}/metrics", method)
            assert (status, headers["Allow"]) == (405, "GET, HEAD"), method
        status, body, headers = fetch(f"{loop.url}/healthz", "HEAD")
        assert (status, body, headers["Content-Length"]) == (200, "", "3")
        assert headers["Server"] == "podcm-sync"
        said = loop.process.stderr
    assert "GET" not in said
    assert "Traceback" not in said


def test_a_port_in_use_is_said_in_a_line(kubeconfig: Path) -> None:
    with looping(kubeconfig) as loop:
        address = loop.url.removeprefix("http://")
        done = command.run("--loop", "--listen", address, kubeconfig=kubeconfig)
    assert done.code == 2
    error = command.error_of(done)
    assert error == (f"cannot listen on {address}: address already in use; choose another address")
