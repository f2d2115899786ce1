"""Two replicas with --leader-elect that listen: what probes and Prometheus see of each.

One that waits is well, and says nothing of runs that are another's by now.
"""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from podcm_sync.metrics.table import BUILD_INFO, METRICS, OF_PROCESS, Type
from tests.chaos.proxy import Proxy
from tests.chaos.replicas import SHORT, SHORT_RETRY, Replicas, give_up, rules
from tests.chaos.rules import Fault, Rule
from tests.command import until
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import GENERATED_BY, make_config
from tests.observability.running import Listening
from tests.observability.servers import fetch

LISTEN = ("--listen", "127.0.0.1:0")
LONG = ("--lease-duration", "60s", "--renew-deadline", "40s", "--retry-period", "300ms")
GAUGES = {row.name for row in METRICS if row.type is Type.GAUGE} - OF_PROCESS
RUNS = "podcm_sync_runs_total"
LEADER = "podcm_sync_leader"


@pytest.fixture
def replicas(
    control_plane: ControlPlane, api: Api, audit: Audit, namespace: str, tmp_path: Path
) -> Iterator[Replicas]:
    """Two Pods, a config, and a Lease that nobody holds."""
    for name in ("web-0", "web-1"):
        api.make_pod(namespace, name)
    make_config(api, namespace)
    give_up(api, namespace)
    with ExitStack() as stack:
        yield Replicas(control_plane, api, audit, namespace, tmp_path, stack)


def probes(loop: Listening) -> tuple[int, int]:
    """/readyz and /healthz."""
    return loop.status("/readyz"), loop.status("/healthz")


def gauges(loop: Listening) -> set[str]:
    """The names of the gauges that it exports, all of which are of a last run."""
    families = text_string_to_metric_families(fetch(f"{loop.url}/metrics")[1])
    return {each.name for each in families} & GAUGES


def succeeded(loop: Listening) -> float:
    return loop.value(RUNS, result="succeeded") or 0


def test_who_waits_is_ready_and_says_nothing_of_runs_until_it_leads(
    api: Api, namespace: str, replicas: Replicas, control_plane: ControlPlane
) -> None:
    """Then the leader is asked to end in the midst of a write: it is live, and ready no more."""
    replicas.options = (*LONG, *LISTEN)
    proxy = replicas.stack.enter_context(Proxy(control_plane))
    replicas.servers = {"ann": proxy.url}
    for name in ("ann", "ben"):
        replicas.join(name)
    ann = Listening(replicas.start("ann"))
    until(lambda: succeeded(ann), "ann leads")
    assert probes(ann) == (200, 200)
    assert "podcm_sync_last_success_timestamp_seconds" in gauges(ann)
    ben = Listening(replicas.start("ben"))
    until(lambda: ben.status("/readyz") == 200, "ben waits, and is ready")
    assert "waiting to lead" in ben.process.stderr
    assert ben.status("/healthz") == 200
    assert gauges(ben) == set()
    assert BUILD_INFO in fetch(f"{ben.url}/metrics")[1]  # it is there all the same
    lease = {"lease": f"{namespace}/podcm-sync"}
    assert (ann.value(LEADER, **lease), ben.value(LEADER, **lease)) == (1, 0)
    assert succeeded(ben) == 0

    proxy.begin(Rule(Fault.DELAY, method="POST", path="/configmaps$", seconds=60))
    api.delete("ConfigMap", namespace, "pod-web-0-from-mine-cfg")
    until(lambda: any(each.method == "POST" for each in proxy.requests), "ann writes")
    ann.process.signal(signal.SIGTERM)
    until(lambda: ann.status("/readyz") == 503, "ann is ready no more")
    assert fetch(f"{ann.url}/readyz")[1] == "stopping\n"
    assert ann.status("/healthz") == 200
    assert probes(ben) == (200, 200)
    assert succeeded(ben) == 0

    proxy.settle()
    assert ann.process.end().code == 128 + signal.SIGTERM
    until(lambda: succeeded(ben) >= 2, "ben leads, and its metrics move")
    assert probes(ben) == (200, 200)
    assert ben.value("podcm_sync_managed_configmaps", namespace=namespace) == 2
    assert ben.value(LEADER, **lease) == 1
    assert len(api.list("ConfigMap", namespace, GENERATED_BY)) == 2


def test_who_lost_the_lead_takes_back_what_it_said(replicas: Replicas) -> None:
    """A frozen machine: stopped until the other leads. It counts on, and its gauges are gone."""
    replicas.options = (*SHORT, *SHORT_RETRY, *LISTEN)
    for name in ("ann", "ben"):
        replicas.join(name)
    ann = Listening(replicas.start("ann"))
    until(lambda: succeeded(ann), "ann leads")
    ben = Listening(replicas.start("ben"))
    until(lambda: ben.status("/readyz") == 200, "ben waits")
    ann.process.signal(signal.SIGSTOP)
    until(lambda: succeeded(ben), "ben leads")
    ann.process.signal(signal.SIGCONT)
    until(lambda: gauges(ann) == set(), "ann says nothing of its last run")
    assert ann.process.stderr.count("this process no longer leads: ") == 1
    assert probes(ann) == (200, 200)
    assert succeeded(ann) >= 1
    assert gauges(ben) >= {"podcm_sync_last_run_timestamp_seconds", "podcm_sync_configs"}


def test_who_may_not_touch_the_lease_is_live_and_not_ready_until_it_may(
    api: Api, namespace: str, replicas: Replicas
) -> None:
    """A rollout must not go on over replicas that can never lead."""
    replicas.options = (*SHORT, *SHORT_RETRY, *LISTEN)
    replicas.join("ann", [each for each in rules() if "leases" not in each["resources"]])
    ann = Listening(replicas.start("ann"))
    until(lambda: sum(each.code == 403 for each in replicas.events()) >= 3, "it tries again")
    assert probes(ann) == (503, 200)
    assert fetch(f"{ann.url}/readyz")[1] == "no run has gone through yet\n"
    assert gauges(ann) == set()
    assert ann.value(LEADER, lease=f"{namespace}/podcm-sync") == 0
    api.patch("Role", namespace, "ann", {"rules": rules()})
    until(lambda: succeeded(ann), "it leads")
    assert probes(ann) == (200, 200)
