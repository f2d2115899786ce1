"""The CRD or the API server goes away while a loop watches, and comes back (§2.1, §10)."""

import time
from pathlib import Path

import pytest

from tests.command import until
from tests.controlplane import own
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.conftest import CRD
from tests.controlplane.harness import ControlPlane
from tests.controlplane.loops import (
    NAME,
    QUIET,
    TOOL,
    Requests,
    wait_for_counts,
    wait_for_data,
    watching,
)
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import generated, make_config, names, selecting
from tests.controlplane.test_watch_command import lines

control_plane, api, deletions = own.control_plane, own.api, own.deletions
CRD_NAME = "podconfigmapconfigs.podconfig.example.com"


@pytest.fixture
def config(control_plane: ControlPlane, tmp_path: Path) -> Path:
    return control_plane.kubeconfig(tmp_path / "admins")


def synced(api: Api, namespace: str) -> None:
    make_config(api, namespace, spec=selecting(app="web") | {"labelsToInclude": ["v"]})
    for name in ("web", "api"):
        api.make_pod(namespace, name, labels={"app": "web"})


def test_a_crd_that_is_removed_costs_no_config_map_and_comes_back(
    api: Api, audit: Audit, config: Path
) -> None:
    """Every config arrives as DELETED, as if somebody had deleted them all.

    When the CRD is back, its configs are really gone until somebody restores them. For some
    minutes, nothing is deleted for that (docs/backup.md).
    """
    namespaces = [new_namespace(api), new_namespace(api)]
    for namespace in namespaces:
        synced(api, namespace)
    with watching(config, "-A") as loop:
        for namespace in namespaces:
            wait_for_counts(api, namespace, matched=2, config_maps=2)
        before = {each: names(api, each) for each in namespaces}
        mark = audit.mark()
        api.delete("CustomResourceDefinition", None, CRD_NAME)
        api.wait_for(lambda: api.get("CustomResourceDefinition", None, CRD_NAME) is None)
        for namespace in namespaces:
            api.patch("Pod", namespace, "web", {"metadata": {"labels": {"v": "1"}}})
        time.sleep(QUIET * 4)
        assert {each: names(api, each) for each in namespaces} == before
        deletes = [each for each in audit.since(mark, user_agent=TOOL) if each.verb == "delete"]
        assert deletes == []
        assert len(lines(loop.process, "doesn't have the CRD")) == 2  # passes, and the watch
        runs = loop.full_runs
        api.apply_crd(CRD)
        until(lambda: loop.full_runs > runs, "a full run begins early")
        until(lambda: loop.is_watching, "it watches again")
        time.sleep(QUIET * 2)
        assert {each: names(api, each) for each in namespaces} == before
        for namespace in namespaces:
            make_config(api, namespace, spec=selecting(app="web") | {"labelsToInclude": ["v"]})
        for namespace in namespaces:
            wait_for_data(api, namespace, "label_v", "1")
            wait_for_counts(api, namespace, matched=2, config_maps=2)
            assert names(api, namespace) == before[namespace]
        # What happens now is seen at once.
        requests = Requests(audit, namespaces[0])
        api.patch("Pod", namespaces[0], "web", {"metadata": {"labels": {"v": "2"}}})
        wait_for_data(api, namespaces[0], "label_v", "2")
        assert requests.verbs() == [("patch", "configmaps")]


def test_an_api_server_that_restarts_is_found_again_and_nothing_is_lost(
    api: Api, control_plane: ControlPlane, audit: Audit, config: Path
) -> None:
    namespace = new_namespace(api)
    synced(api, namespace)
    with watching(config, "-n", namespace) as loop:
        wait_for_counts(api, namespace, matched=2, config_maps=2)
        before = generated(api, namespace)["metadata"]["uid"]
        with control_plane.apiserver_ended():
            until(lambda: loop.total("podcm_sync_watches_open") == 0, "it notices")
            time.sleep(QUIET * 3)
        api.patch("Pod", namespace, "web", {"metadata": {"labels": {"v": "1"}}})
        wait_for_data(api, namespace, "label_v", "1")
        until(lambda: loop.is_watching, "it watches again")
        api.patch("Pod", namespace, "web", {"metadata": {"labels": {"v": "2"}}})
        wait_for_data(api, namespace, "label_v", "2")
        wait_for_counts(api, namespace, matched=2, config_maps=2)
        assert generated(api, namespace)["metadata"]["uid"] == before
        assert NAME in names(api, namespace)
