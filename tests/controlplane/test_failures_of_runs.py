"""Each way in which a whole run fails has a word of its own, and the configs hear nothing of it.

One series of podcm_sync_failures_total and a row of the documents that names it; the condition
stays as it was and there is no Event, since no config has failed.
"""

import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests import command
from tests.chaos.proxy import Forward, Proxy
from tests.chaos.rules import Fault, Observed, Reply, Rule
from tests.command import started, until
from tests.controlplane.accounts import (
    account,
    kubeconfig_of,
    with_server,
    with_user,
    without,
)
from tests.controlplane.api import Api
from tests.controlplane.crd_objects import KIND
from tests.controlplane.harness import ControlPlane
from tests.controlplane.processes import free_ports
from tests.controlplane.sync_objects import condition, make_config, names
from tests.controlplane.test_events import said
from tests.controlplane.test_failures import failed, is_told
from tests.observability.running import value


@pytest.fixture
def work(api: Api, namespace: str) -> None:
    """Three ConfigMaps are to be made."""
    for number in range(3):
        api.make_pod(namespace, f"web-{number}")
    make_config(api, namespace)


def is_left_alone(api: Api, namespace: str) -> bool:
    """Whether the config's status is that of an object which no run has come to."""
    config = api.get(KIND, namespace, "mine")
    assert config
    ready = condition(config["status"])
    return (ready["status"], ready["reason"]) == ("Unknown", "Pending")


def check(api: Api, namespace: str, metrics: Path, way: tuple[str, str], code: int) -> None:
    """One series, no verdict, no Event, one row."""
    assert failed(metrics).keys() == {way}
    assert value(metrics.read_text(encoding="utf-8"), "podcm_sync_last_run_exit_code") == code
    assert is_left_alone(api, namespace)
    assert said(api, namespace) == []
    assert is_told(way[1], code)


def unreachable(kubeconfig: Path) -> Path:
    return with_server(kubeconfig, f"https://127.0.0.1:{free_ports(1)[0]}")


def refused(kubeconfig: Path) -> Path:
    return with_user(kubeconfig, token="not-a-token")  # noqa: S106 - it is nobody's


def without_credentials(kubeconfig: Path) -> Path:
    return with_user(kubeconfig)


def untrusted(kubeconfig: Path) -> Path:
    """The system's CAs have not signed for it."""
    config = yaml.safe_load(kubeconfig.read_text())
    del config["clusters"][0]["cluster"]["certificate-authority"]
    kubeconfig.write_text(yaml.safe_dump(config))
    return kubeconfig


def missing(kubeconfig: Path) -> Path:
    return kubeconfig.with_name("nowhere")


@dataclass(frozen=True)
class Way:
    """What is done to the kubeconfig, and what comes of it."""

    reason: str
    change: Callable[[Path], Path]
    code: int = 5


WAYS = [
    Way("ServerUnreachable", unreachable),
    Way("CertificateUntrusted", untrusted),
    Way("LoginFailed", refused),
    Way("LoginFailed", without_credentials),
    Way("UnusableInput", missing, code=2),
]


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.reason}-{way.change.__name__}")
def test_a_run_that_cannot_begin_has_a_word_for_it(
    api: Api, namespace: str, kubeconfig: Path, tmp_path: Path, way: Way
) -> None:
    metrics = tmp_path / "run.prom"
    changed = way.change(kubeconfig)
    done = command.run("--metrics-file", str(metrics), kubeconfig=changed)
    assert done.code == way.code, done.stderr
    check(api, namespace, metrics, ("run", way.reason), way.code)


@pytest.mark.usefixtures("work")
def test_so_has_a_cluster_without_the_crd(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """As the API server answers where it is not; the real thing is in test_sync_cluster.py."""
    metrics = tmp_path / "run.prom"

    def fault(request: Observed, forward: Forward) -> Reply:
        is_of_crd = request.path.startswith("/apis/podconfig.example.com")
        return Reply(404, b"404 page not found\n") if is_of_crd else forward()

    with Proxy(control_plane, handler=fault) as proxy:
        path = control_plane.kubeconfig(tmp_path / "k", namespace=namespace, server=proxy.url)
        done = command.run("--metrics-file", str(metrics), kubeconfig=path)
    assert done.code == 5
    check(api, namespace, metrics, ("run", "CRDMissing"), 5)


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize("resource", ["pods", "configmaps", "podconfigmapconfigs"])
def test_so_has_a_right_to_list_that_is_missing(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path, resource: str
) -> None:
    metrics = tmp_path / "run.prom"
    token = account(api, namespace, without("list", resource))
    kubeconfig = kubeconfig_of(control_plane, tmp_path, namespace, token)
    done = command.run("--metrics-file", str(metrics), kubeconfig=kubeconfig)
    assert done.code == 5
    assert failed(metrics) == {("api", "Incomplete"): 1}
    check(api, namespace, metrics, ("api", "Incomplete"), 5)


@pytest.mark.usefixtures("work")
def test_so_has_a_plan_that_nobody_reviewed(
    api: Api, namespace: str, kubeconfig: Path, tmp_path: Path
) -> None:
    """Nothing is written then, and so nothing of a status either."""
    metrics = tmp_path / "run.prom"
    other = f"--expect-plan=sha256:{64 * '0'}"
    done = command.run(other, "--metrics-file", str(metrics), kubeconfig=kubeconfig)
    assert done.code == 4, done.stderr
    assert failed(metrics) == {("run", "PlanMismatch"): 1}
    assert names(api, namespace) == []
    assert is_told("PlanMismatch", 4)


@pytest.mark.usefixtures("work")
def test_so_has_a_report_that_nobody_can_read(
    api: Api, namespace: str, kubeconfig: Path, tmp_path: Path
) -> None:
    """The work is done all the same, and the config in step."""
    metrics = tmp_path / "run.prom"
    words = ("--kubeconfig", str(kubeconfig), "--metrics-file", str(metrics))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*command.PROGRAM, *words], stdout=full, check=False)
    assert done.returncode == 5
    assert failed(metrics) == {("run", "ReportUnwritten"): 1}
    config = api.get(KIND, namespace, "mine")
    assert config
    assert condition(config["status"])["reason"] == "Synced"
    assert said(api, namespace) == []
    assert is_told("ReportUnwritten", 5)


@pytest.mark.usefixtures("work")
def test_so_has_a_deadline_that_comes_too_soon(
    api: Api, namespace: str, kubeconfig: Path, tmp_path: Path
) -> None:
    """One write in two seconds, and three to do; the config has no verdict until all is done."""
    metrics = tmp_path / "run.prom"
    words = ("--qps", "0.5", "--deadline", "3s", "--metrics-file", str(metrics))
    done = command.run(*words, kubeconfig=kubeconfig)
    assert done.code == 5
    check(api, namespace, metrics, ("api", "Interrupted"), 5)


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_signal_is_a_result_of_its_own(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path, method: str
) -> None:
    """During the lists there is no failure at all; during the writes some are left undone."""
    metrics = tmp_path / "run.prom"
    rule = Rule(Fault.DELAY, method=method, path="/configmaps$", seconds=60)
    words = ("--concurrency", "1", "--metrics-file", str(metrics))
    with Proxy(control_plane, rule) as proxy:
        path = control_plane.kubeconfig(tmp_path / "k", namespace=namespace, server=proxy.url)
        with started(path, *words) as running:
            until(lambda: proxy.sent(method), "it is under way")
            running.signal(signal.SIGTERM)
            if method == "POST":
                proxy.settle()
            assert running.end().code == 128 + signal.SIGTERM
    text = metrics.read_text(encoding="utf-8")
    assert value(text, "podcm_sync_runs_total", result="interrupted") == 1
    assert value(text, "podcm_sync_last_run_exit_code") == 143
    assert failed(metrics) == ({("api", "Interrupted"): 2} if method == "POST" else {})
    assert len(names(api, namespace)) == (1 if method == "POST" else 0)
    assert is_left_alone(api, namespace)
    assert said(api, namespace) == []
    assert is_told("Interrupted", 143)
