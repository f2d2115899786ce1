"""A CronJob's run: pushed to a real Pushgateway, or written for the textfile collector.

Neither ever fails it.
"""

import re
import signal
import stat
import time
from pathlib import Path

import pytest

from tests import command
from tests.chaos.proxy import Proxy
from tests.chaos.rules import Fault, Rule
from tests.command import started, until
from tests.controlplane.api import Api
from tests.controlplane.processes import free_ports
from tests.controlplane.sync_objects import make_config
from tests.listening import Listener, closing
from tests.observability.running import value
from tests.observability.servers import Prometheus, Pushgateway, fetch, promtool

ROOT = Path(__file__).parents[2]
SUCCESS = "podcm_sync_last_success_timestamp_seconds"


@pytest.fixture
def work(api: Api, namespace: str) -> None:
    api.make_pod(namespace, "web")
    make_config(api, namespace)


@pytest.mark.usefixtures("work")
def test_the_last_success_survives_a_failed_run_at_the_pushgateway(
    pushgateway: Pushgateway,
    prometheus: Prometheus,
    proxy: Proxy,
    through: Path,
    namespace: str,
) -> None:
    """Success, failure, success: one group, and Prometheus has what the gateway has."""
    arguments = ("-n", namespace, "--push-gateway", pushgateway.url, "--request-timeout", "1s")
    assert command.run(*arguments, kubeconfig=through).code == 0
    first = pushgateway.value(SUCCESS)
    assert first is not None
    assert pushgateway.value("podcm_sync_last_run_exit_code") == 0
    (group,) = pushgateway.groups()
    assert group["labels"] == {"job": "podcm-sync", "scope": namespace}

    proxy.begin(Rule(Fault.ANSWER, status=503, times=None))
    assert command.run(*arguments, kubeconfig=through).code == 5
    assert pushgateway.value(SUCCESS) == first
    assert pushgateway.value("podcm_sync_last_run_exit_code") == 5
    last = pushgateway.value("podcm_sync_last_run_timestamp_seconds")
    assert last is not None
    assert last > first
    # The gauges of what is there are from the run that saw it.
    managed = {"namespace": namespace}
    assert pushgateway.value("podcm_sync_managed_configmaps", **managed) == 1
    prometheus.scrape(pushgateway.url)
    assert prometheus.value(f'{SUCCESS}{{job="podcm-sync", scope="{namespace}"}}') == first

    proxy.begin()
    assert command.run(*arguments, kubeconfig=through).code == 0
    again = pushgateway.value(SUCCESS)
    assert again is not None
    assert again > last
    assert len(pushgateway.groups()) == 1


@pytest.mark.usefixtures("work")
def test_a_run_that_could_not_begin_is_pushed_too(pushgateway: Pushgateway, tmp_path: Path) -> None:
    """A kubeconfig that is not there: exit 2, and a metric that says so."""
    done = command.run("--push-gateway", pushgateway.url, kubeconfig=tmp_path / "none")
    assert done.code == 2
    assert pushgateway.value("podcm_sync_last_run_exit_code") == 2
    failed = {"kind": "run", "reason": "UnusableInput"}
    assert pushgateway.value("podcm_sync_last_run_failures", **failed) == 1
    assert pushgateway.value(SUCCESS) is None


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 9\r\n\r\nnot\nso...", "HTTP 400: not so..."),
        (b"HTTP/1.1 302 Found\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n", "HTTP 302: Found"),
        (b"not HTTP at all\r\n\r\n", "not HTTP at all"),
        (None, "no answer within 5 s"),
    ],
)
def test_a_gateway_that_does_not_take_it_is_a_warning_and_no_more(
    kubeconfig: Path, reply: bytes | None, why: str
) -> None:
    """Whatever it answers, or where it is slow: one line, and the run's own exit code."""
    with Listener(None if reply is None else closing(reply)) as gateway:
        secret = gateway.url.replace("http://", "http://me:secret@")
        done = command.run("--push-gateway", secret, "--deadline", "8s", kubeconfig=kubeconfig)
    assert done.code == 0
    warnings = [line for line in done.stderr.splitlines() if "warning" in line]
    assert len(warnings) == 1
    assert warnings[0].startswith(
        f"podcm-sync: warning: the Pushgateway {gateway.url} did not take the metrics: "
    )
    assert why in warnings[0]
    assert "secret" not in done.stderr


def test_the_group_of_a_scope_can_be_deleted_as_the_runbook_shows(
    pushgateway: Pushgateway, kubeconfig: Path, namespace: str
) -> None:
    """Two scopes are two groups, and each sample has the scope of its group."""
    for scope in (("-n", namespace), ("-n", namespace, "-n", "other")):
        assert (
            command.run(*scope, "--push-gateway", pushgateway.url, kubeconfig=kubeconfig).code == 0
        )
    both = f"{namespace},other" if namespace < "other" else f"other,{namespace}"
    assert {group["labels"]["scope"] for group in pushgateway.groups()} == {namespace, both}
    for group in pushgateway.groups():
        (sample,) = group[SUCCESS]["metrics"]
        assert sample["labels"]["scope"] == group["labels"]["scope"]
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    (path,) = re.findall(r"curl -X DELETE http://pushgateway.monitoring:9091(\S+)", runbook)
    assert fetch(pushgateway.url + path.replace("SCOPE", both), "DELETE")[0] == 202
    (left,) = pushgateway.groups()
    assert left["labels"]["scope"] == namespace


def test_a_gateway_that_is_away_is_a_warning(kubeconfig: Path) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    done = command.run("--push-gateway", url, kubeconfig=kubeconfig)
    assert done.code == 0
    assert "Connection refused" in done.stderr


@pytest.mark.usefixtures("work")
def test_the_file_is_whole_readable_by_others_and_passes_promtool(
    programs: Path, kubeconfig: Path, tmp_path: Path
) -> None:
    path = tmp_path / "podcm-sync.prom"
    done = command.run("--metrics-file", str(path), kubeconfig=kubeconfig)
    assert done.code == 0
    text = path.read_text(encoding="utf-8")
    promtool(programs, "check", "metrics", stdin=text)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert value(text, "podcm_sync_runs_total", result="succeeded") == 1
    created = {"verb": "create", "result": "created"}
    assert value(text, "podcm_sync_configmap_operations_total", **created) == 1
    left = {each.name for each in tmp_path.iterdir()}
    assert left == {"podcm-sync.prom", "kubeconfig"}


@pytest.mark.usefixtures("work")
def test_the_last_success_survives_a_failed_run_in_the_file(
    proxy: Proxy, through: Path, namespace: str, tmp_path: Path
) -> None:
    path = tmp_path / "podcm-sync.prom"
    arguments = ("--metrics-file", str(path), "--request-timeout", "1s")
    assert command.run(*arguments, kubeconfig=through).code == 0
    first = value(path.read_text(encoding="utf-8"), SUCCESS)
    proxy.begin(Rule(Fault.ANSWER, status=503, times=None))
    assert command.run(*arguments, kubeconfig=through).code == 5
    text = path.read_text(encoding="utf-8")
    assert first is not None
    assert value(text, SUCCESS) == first
    assert value(text, "podcm_sync_last_run_exit_code") == 5
    assert value(text, "podcm_sync_managed_configmaps", namespace=namespace) == 1


def test_a_file_of_somebody_elses_and_a_folder_that_is_not_there_are_warnings(
    kubeconfig: Path, tmp_path: Path
) -> None:
    """A wrong path costs nobody a file, and no run its exit code."""
    other = tmp_path / "passwd"
    other.write_text("root:x:0:0\n", encoding="utf-8")
    done = command.run("--metrics-file", str(other), kubeconfig=kubeconfig)
    assert done.code == 0
    assert f"{other} has other content than metrics, and stays" in done.stderr
    assert other.read_text(encoding="utf-8") == "root:x:0:0\n"
    nowhere = tmp_path / "no" / "folder.prom"
    done = command.run("--metrics-file", str(nowhere), kubeconfig=kubeconfig)
    assert done.code == 0
    assert f"{nowhere} cannot be written: No such file or directory" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--listen", ":0"), "--listen requires --loop"),
        (("--loop", "--listen", "8080"), "isn't an address to listen on"),
        (("--dry-run", "--metrics-file", "x.prom"), "--dry-run can't be combined with"),
        (
            ("--loop", "--leader-elect", "--metrics-file", "x.prom"),
            "--metrics-file can't be combined with --leader-elect",
        ),
        (("--loop", "--lease-name", "mine"), "--lease-name requires --leader-elect"),
        (
            ("--loop", "--lease-duration", "5s"),
            "--lease-duration requires --leader-elect",
        ),
        (
            ("--dry-run", "--push-gateway", "http://gateway:9091"),
            "--dry-run can't be combined with",
        ),
        (("--push-gateway", "gateway:9091"), "isn't a URL; write http://pushgateway:9091"),
        (("--push-gateway", "file:///etc/passwd"), "isn't a URL; write"),
        (("--push-gateway", "http://[::1"), "isn't a URL; write"),
        (("--push-gateway", "http://gateway:99999"), "isn't a URL; write"),
        (("--loop", "--listen", ":65536"), "isn't an address to listen on"),
        (("--loop", "--listen", "::1:8080"), "isn't an address to listen on"),
        (("--loop", "--listen", "é:8080"), "isn't an address to listen on"),
        (("--loop", "--listen", f"{'e' * 70}:8080"), "cannot listen on"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(arguments: tuple[str, ...], why: str) -> None:
    done = command.run(*arguments, kubeconfig=None)
    assert done.code == 2
    assert why in command.error_of(done)


def test_a_signal_while_it_waits_for_the_server_is_told(
    pushgateway: Pushgateway, proxy: Proxy, through: Path
) -> None:
    proxy.begin(Rule(Fault.FREEZE, times=None))
    with started(through, "--push-gateway", pushgateway.url) as running:
        assert proxy.stuck.wait(20)
        running.signal(signal.SIGTERM)
        assert running.end(10).code == 128 + signal.SIGTERM
    assert pushgateway.value("podcm_sync_runs_total", result="interrupted") == 1
    until(lambda: pushgateway.value("podcm_sync_last_run_exit_code") == 143, "the exit code")


def test_a_slow_gateway_costs_a_run_a_bounded_time(kubeconfig: Path) -> None:
    """Its own five seconds, where there is no deadline; generous here, as nothing is timed."""
    began = time.monotonic()
    with Listener(None) as gateway:
        done = command.run("--push-gateway", gateway.url, kubeconfig=kubeconfig)
    assert done.code == 0
    assert "no answer within 5 s" in done.stderr
    assert time.monotonic() - began < 40
