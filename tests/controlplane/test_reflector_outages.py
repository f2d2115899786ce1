"""Watches of an API server whose CRD is removed, or that ends and comes back; on its own plane."""

from pathlib import Path

import pytest

from podcm_sync.cluster.kube import paths, reflector
from podcm_sync.cluster.watch import EventType, Restart, Watch
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.watch.lives import watches_of
from tests.controlplane import own
from tests.controlplane.api import Api
from tests.controlplane.crd_objects import KIND, pcmc
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import CRD
from tests.controlplane.sync_objects import GENERATED_BY, config_map
from tests.controlplane.watching import ListingSink, await_truth, reflecting

control_plane, api, deletions = own.control_plane, own.api, own.deletions
CRD_NAME = "podconfigmapconfigs.podconfig.example.com"


@pytest.fixture(autouse=True)
def quick_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector, "BACKOFF_SECONDS", 0.1)
    monkeypatch.setattr(reflector, "MAX_BACKOFF_SECONDS", 1.0)


def test_a_crd_that_is_removed_and_comes_back(
    api: Api, kubeconfig: Path, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each config arrives as DELETED, so only discovery tells that the CRD is gone."""
    sink, configs = ListingSink(api), Watch(paths.CONFIGS, namespace)
    api.create(pcmc({}, namespace, "mine"))
    with reflecting(kubeconfig, sink, [configs]):
        sink.wait("opened")
        api.delete("CustomResourceDefinition", None, CRD_NAME)
        ((_, event),) = [one for one in sink.wait("event") if one[1].type is EventType.DELETED]
        assert event.obj.namespaced_name.name == "mine"
        api.wait_for(lambda: Restart.MISSING in sink.restarts)
        api.apply_crd(CRD)
        api.create(pcmc({}, namespace, "again"))
        api.wait_for(lambda: sink.objects[configs].keys() == {f"{namespace}/again"})
        await_truth(sink, configs, wait=api.wait_for)
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    # While a CRD comes back, the API server can answer 429.
    (warning,) = [each for each in warnings if "storage is (re)initializing" not in each]
    assert "doesn't have the CRD of PodConfigMapConfigs" in warning
    assert "kubectl apply -f crd/" in warning


def test_an_api_server_that_ends_and_comes_back(
    control_plane: ControlPlane, api: Api, kubeconfig: Path, namespace: str
) -> None:
    """Its own watch cache begins again, so the version can be too old for it."""
    sink, watches = ListingSink(api), watches_of(Scope(namespaces=(namespace,)))
    with reflecting(kubeconfig, sink, watches):
        sink.wait("opened", 3)
        for number in range(5):
            api.make_pod(namespace, f"p{number}")
        sink.wait("event", 5)
        with control_plane.apiserver_ended():
            sink.wait("closed", 3)
        api.make_pod(namespace, "later")
        api.create(config_map(namespace, "ours", {"a": "b"}, labels={GENERATED_BY: "mine"}))
        api.create(pcmc({}, namespace, "mine"))
        await_truth(sink, *watches, wait=api.wait_for)
        api.wait_for(lambda: all(map(sink.is_open, watches)))
    print("\n", [f"{watch.resource} {restart}: {why}" for watch, restart, why in sink.of("closed")])
    assert api.get(KIND, namespace, "mine")
