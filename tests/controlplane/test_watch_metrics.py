"""What a watching loop exports, beside what it did (operations.md, metrics)."""

import time
from pathlib import Path

import pytest

from tests.command import until
from tests.controlplane.api import Api
from tests.controlplane.loops import (
    QUIET,
    Loop,
    wait_for_counts,
    wait_for_data,
    watching,
)
from tests.controlplane.sync_objects import config_map, make_config, names, selecting
from tests.observability.running import looping

EVENTS = "podcm_sync_watch_events_total"
REACTIONS = "podcm_sync_watch_reaction_seconds"
OPERATIONS = "podcm_sync_configmap_operations_total"


@pytest.fixture
def config(api: Api, namespace: str) -> None:
    make_config(api, namespace, spec=selecting(app="web") | {"labelsToInclude": ["v"]})


@pytest.mark.usefixtures("config")
def test_events_reactions_and_operations_are_counted_and_the_queue_gets_empty(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    with watching(kubeconfig) as loop:
        for resource in ("pods", "configmaps", "podconfigmapconfigs.podconfig.example.com"):
            assert loop.value("podcm_sync_watches", resource=resource) == 1
            assert loop.value("podcm_sync_watches_open", resource=resource) == 1
        assert loop.total(f"{REACTIONS}_count") == 0
        for number in range(3):
            api.make_pod(namespace, f"p{number}", labels={"app": "web", "v": "0"})
        wait_for_counts(api, namespace, matched=3, config_maps=3)
        api.patch("Pod", namespace, "p0", {"metadata": {"labels": {"v": "1"}}})
        wait_for_data(api, namespace, "label_v", "1", "pod-p0-from-mine-cfg")
        api.patch("Pod", namespace, "p1", {"metadata": {"labels": {"app": "other"}}})
        wait_for_counts(api, namespace, matched=2, config_maps=2)
        until(lambda: loop.value("podcm_sync_watch_queue") == 0, "nothing is due")
        until(lambda: loop.value(OPERATIONS, verb="delete", result="deleted") == 1, "deleted")
        assert loop.value(OPERATIONS, verb="create", result="created") == 3
        assert loop.value(OPERATIONS, verb="update", result="updated") == 1
        assert loop.value(EVENTS, resource="pods", type="ADDED") == 3
        assert loop.value(EVENTS, resource="pods", type="MODIFIED") == 2
        # A deletion isn't a reaction: it waits on purpose.
        assert loop.total(f"{REACTIONS}_count") == 4
        mean = loop.total(f"{REACTIONS}_sum") / 4
        assert 0 < mean < 2
        assert loop.total("podcm_sync_watch_divergence_total") == 0
        assert loop.total("podcm_sync_watch_restarts_total") == 0
        assert loop.total("podcm_sync_runs_total") == 1
        managed = loop.value("podcm_sync_managed_configmaps", namespace=namespace)
        assert managed == 2
        assert loop.status("/healthz") == 200
        assert loop.total("podcm_sync_watch_age_seconds") < 60


@pytest.mark.usefixtures("config")
def test_failures_of_passes_are_counted(api: Api, namespace: str, kubeconfig: Path) -> None:
    with watching(kubeconfig) as loop:
        api.create(config_map(namespace, "pod-web-from-mine-cfg", {"my": "own"}))
        api.make_pod(namespace, "web", labels={"app": "web"})

        def foreign() -> float | None:
            name = "podcm_sync_failures_total"
            return loop.value(name, kind="blocking", reason="Foreign")

        until(lambda: (foreign() or 0) >= 1, "it failed")
        time.sleep(QUIET * 1.5)
        assert loop.value("podcm_sync_configs_not_ready", namespace=namespace) == 1
        assert loop.total("podcm_sync_runs_total") == 1


@pytest.mark.usefixtures("config")
def test_it_is_ready_only_after_its_first_full_run_and_well_in_the_pause(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """The pause of ten minutes is the default one."""
    for number in range(100):
        api.make_pod(namespace, f"p{number}", labels={"app": "web"})
    with looping(kubeconfig, "--watch", "--qps", "50", interval="10m") as listening:
        loop = Loop(listening.process)
        statuses: list[int] = []
        while not statuses or statuses[-1] != 200:
            statuses.append(loop.status("/readyz"))
            is_done = len(names(api, namespace)) == 100
            time.sleep(0.05)
        assert statuses[0] == 503
        assert set(statuses) == {503, 200}
        assert is_done
        until(lambda: loop.is_watching, "it watches")
        assert loop.status("/healthz") == 200
        assert loop.full_runs == 1
