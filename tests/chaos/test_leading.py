"""A run of a process that does not lead (any more) writes nothing, wherever it has come to."""

import time
from pathlib import Path

import pytest

from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.changes import Result
from podcm_sync.runtime.context import RunContext
from tests.chaos.proxy import Proxy
from tests.chaos.rules import Fault, Rule
from tests.chaos.running import run_once
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import make_config


@pytest.fixture
def work(api: Api, namespace: str) -> None:
    for number in range(3):
        api.make_pod(namespace, f"web-{number}")
    make_config(api, namespace)


def writes(audit: Audit, mark: int, namespace: str) -> list[str]:
    events = audit.since(mark, namespace=namespace, user_agent="podcm-sync/")
    return [f"{each.verb} {each.resource}" for each in events if each.verb not in {"list", "get"}]


@pytest.mark.usefixtures("work")
def test_past_the_renew_deadline_nothing_begins_and_the_report_says_so(
    audit: Audit, namespace: str, kubeconfig: Path
) -> None:
    context, mark = RunContext(), audit.mark()
    context.extend_leadership(begin_by=time.monotonic(), finish_by=time.monotonic() + 60)
    ran = run_once(kubeconfig, context=context)
    assert writes(audit, mark, namespace) == []
    assert ran.code == 5
    assert ran.report is not None
    assert {(each.result, each.reason) for each in ran.report.outcomes} == {
        (Result.SKIPPED, Reason.INTERRUPTED)
    }


def test_past_the_renew_deadline_no_status_is_written_either(
    api: Api, audit: Audit, namespace: str, kubeconfig: Path
) -> None:
    """A signal would leave the time for it. A config without Pods has a status and nothing else."""
    make_config(api, namespace)
    context, mark = RunContext(), audit.mark()
    context.extend_leadership(begin_by=time.monotonic(), finish_by=time.monotonic() + 60)
    ran = run_once(kubeconfig, context=context)
    assert writes(audit, mark, namespace) == []
    assert ran.report is not None
    assert [(each.result, each.reason) for each in ran.report.statuses] == [
        (Result.FAILED, Reason.INTERRUPTED)
    ]


@pytest.mark.usefixtures("work")
def test_who_lost_the_lease_during_its_lists_ends_there(
    audit: Audit, namespace: str, kubeconfig: Path
) -> None:
    context, mark = RunContext(), audit.mark()
    ran = run_once(kubeconfig, context=context, connected=context.end_leadership)
    assert writes(audit, mark, namespace) == []
    assert ran.code == 5
    assert "this process does not lead" in ran.error


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize("fault", [Fault.FREEZE, Fault.SWALLOW])
def test_what_is_under_way_is_cut_with_the_term(
    control_plane: ControlPlane, proxy: Proxy, through: Path, fault: Fault
) -> None:
    """Whatever --request-timeout says: here it is half a minute, and nothing is answered."""
    context = RunContext()

    def lead() -> None:
        context.extend_leadership(begin_by=time.monotonic() + 0.3, finish_by=time.monotonic() + 0.6)

    proxy.begin(Rule(fault, method="POST", times=None))
    ran = run_once(through, context=context, connected=lead)
    # Nobody let go of what is stuck: it ended by itself.
    assert not proxy._let_go.is_set()
    assert ran.code == 5
    assert [each.method for each in proxy.writes()] == ["POST"] * 3
