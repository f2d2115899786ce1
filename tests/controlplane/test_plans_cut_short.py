"""`apply` cut short by a signal or its deadline, and begun again: a run's manners (§7)."""

import signal
from pathlib import Path

import pytest

from tests import command
from tests.controlplane.api import Api
from tests.controlplane.sync_objects import condition, make_config, names, status_of

PODS = 12


@pytest.fixture
def plan(api: Api, namespace: str, kubeconfig: Path, tmp_path: Path) -> str:
    """So many ConfigMaps to create."""
    for number in range(PODS):
        api.make_pod(namespace, f"web-{number:02}")
    make_config(api, namespace)
    path = tmp_path / "plan.json"
    assert command.run("--dry-run", "--plan-out", str(path), kubeconfig=kubeconfig).code == 0
    return str(path)


def resumed(kubeconfig: Path, plan: str) -> command.Completed:
    return command.run("apply", plan, kubeconfig=None, env={"KUBECONFIG": str(kubeconfig)})


def test_a_signal_ends_it_in_good_order_and_the_rest_can_still_be_applied(
    api: Api, namespace: str, kubeconfig: Path, plan: str
) -> None:
    """What was done by then is in step, the second time; a third time all of it is: exit 0."""
    words = ("apply", plan, "--qps", "2", "--concurrency", "1")
    with command.started(None, *words, env={"KUBECONFIG": str(kubeconfig)}) as running:
        api.wait_for(lambda: names(api, namespace))
        running.signal(signal.SIGTERM)
        ended = running.end()
    assert ended.code == 128 + signal.SIGTERM
    done = len(names(api, namespace))
    assert 0 < done < PODS
    assert f"Interrupted by signal 15: {done} created" in ended.stdout
    assert condition(status_of(api, namespace))["reason"] == "Pending"

    again = resumed(kubeconfig, plan)
    assert again.code == 0
    assert f"{PODS - done} created, 0 updated, 0 deleted, {done} unchanged" in again.stdout
    assert len(names(api, namespace)) == PODS
    assert condition(status_of(api, namespace))["reason"] == "Synced"
    assert resumed(kubeconfig, plan).code == 0


def test_a_deadline_ends_it_with_5(api: Api, namespace: str, kubeconfig: Path, plan: str) -> None:
    done = command.run(
        "apply",
        plan,
        *("--qps", "2", "--deadline", "3s"),
        kubeconfig=None,
        env={"KUBECONFIG": str(kubeconfig)},
    )
    assert done.code == 5
    assert "Out of time: " in done.stdout
    assert len(names(api, namespace)) < PODS
