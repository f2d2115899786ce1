"""What podcm-sync deletes, and what it leaves as it is because somebody or something holds it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.controlplane.api import Api, Object
from tests.controlplane.crd_objects import KIND
from tests.controlplane.sync_objects import (
    FINALIZER,
    INVALID,
    MANAGED_BY,
    PRUNE,
    all_config_maps,
    change_config,
    generated,
    make_config,
    names,
    selecting,
    settle,
)
from tests.controlplane.syncing import sync

NAME = "pod-web-from-mine-cfg"
HELD = {"metadata": {"finalizers": [FINALIZER]}}


@pytest.fixture
def made(api: Api, namespace: str, kubeconfig: Path) -> Object:
    """The ConfigMap of Pod web and config mine, which selects app=web."""
    api.make_pod(namespace, "web", labels={"app": "web"})
    make_config(api, namespace, spec=selecting(app="web"))
    assert sync(kubeconfig).code == 0
    return generated(api, namespace)


def config_gone(api: Api, namespace: str) -> None:
    api.delete(KIND, namespace, "mine")


def config_going(api: Api, namespace: str) -> None:
    """It has a deletionTimestamp, and somebody's finalizer."""
    api.patch(KIND, namespace, "mine", HELD)
    api.delete(KIND, namespace, "mine")


def not_selected(api: Api, namespace: str) -> None:
    change_config(api, namespace, selecting(app="other"))


def pod_gone(api: Api, namespace: str) -> None:
    """Without the garbage collector, which would take the ConfigMap along."""
    settle(api, namespace, "web", propagationPolicy="Orphan")


CAUSES: dict[str, Callable[[Api, str], None]] = {
    "ConfigGone": config_gone,
    "NotSelected": not_selected,
    "PodGone": pod_gone,
}


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.usefixtures("made")
def test_one_that_nothing_desires_is_deleted(
    api: Api, namespace: str, kubeconfig: Path, cause: str
) -> None:
    """behavior.md §3: the config is gone or no longer selects the Pod, or the Pod is gone."""
    CAUSES[cause](api, namespace)
    run = sync(kubeconfig)
    assert (run.came_to, run.code) == ({NAME: ("deleted", cause)}, 0)
    assert names(api, namespace) == []


def test_a_config_that_is_being_deleted_counts_as_gone(
    api: Api, namespace: str, kubeconfig: Path, made: Object
) -> None:
    """behavior.md §3: deletionTimestamp; what it had is deleted, and its status is not written."""
    config_going(api, namespace)
    before = api.get(KIND, namespace, "mine")
    assert sync(kubeconfig).came_to == {NAME: ("deleted", "ConfigGone")}
    assert names(api, namespace) == []
    assert api.get(KIND, namespace, "mine") == before


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.usefixtures("made")
def test_prune_disabled_keeps_it_from_being_deleted(
    api: Api, namespace: str, kubeconfig: Path, cause: str
) -> None:
    """behavior.md §3: never deleted by us; an intended skip, so that nothing fails."""
    disabled = {"metadata": {"annotations": {PRUNE: "disabled"}}}
    api.patch("ConfigMap", namespace, NAME, disabled)
    CAUSES[cause](api, namespace)
    before = generated(api, namespace)
    run = sync(kubeconfig)
    assert (run.came_to, run.code) == ({NAME: ("skipped", "PruneDisabled")}, 0)
    assert generated(api, namespace) == before


@pytest.mark.usefixtures("made")
def test_prune_disabled_does_not_keep_it_from_being_updated(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §3: the annotation is about deleting alone, and stays."""
    api.patch("ConfigMap", namespace, NAME, {"metadata": {"annotations": {PRUNE: "disabled"}}})
    api.patch("Pod", namespace, "web", {"status": {"phase": "Running"}}, "status")
    assert sync(kubeconfig).came_to == {NAME: ("updated", "OutOfSync")}
    after = generated(api, namespace)
    assert after["data"]["phase"] == "Running"
    assert after["metadata"]["annotations"] == {PRUNE: "disabled"}


@pytest.mark.parametrize("cause", ["in step", "drifted", "NotSelected", "PodGone"])
def test_a_suspended_config_and_what_it_has_stay_exactly_as_they_are(
    api: Api, namespace: str, kubeconfig: Path, made: Object, cause: str
) -> None:
    """behavior.md §1: none created, updated or deleted, and the status neither; exit 0."""
    change_config(api, namespace, {"suspend": True})
    api.make_pod(namespace, "new", labels={"app": "web"})
    if cause == "drifted":
        drift = {"data": {"phase": None, "x": "y"}, "metadata": {"labels": {MANAGED_BY: "x"}}}
        api.patch("ConfigMap", namespace, NAME, drift)
    elif cause in CAUSES:
        CAUSES[cause](api, namespace)
    before = all_config_maps(api, namespace), api.list(KIND, namespace)
    run = sync(kubeconfig)
    assert run.counts.keys() <= {"skipped"}
    assert run.code == 0
    assert (all_config_maps(api, namespace), api.list(KIND, namespace)) == before


@pytest.mark.usefixtures("made")
def test_a_suspended_config_that_is_deleted_holds_nothing_any_more(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §3: the config is gone, whatever it said."""
    change_config(api, namespace, {"suspend": True})
    config_gone(api, namespace)
    assert sync(kubeconfig).came_to == {NAME: ("deleted", "ConfigGone")}


@pytest.mark.usefixtures("made")
def test_a_resumed_config_catches_up(api: Api, namespace: str, kubeconfig: Path) -> None:
    """behavior.md §1: suspend is about what it says now."""
    change_config(api, namespace, {"suspend": True})
    api.make_pod(namespace, "new", labels={"app": "web"})
    assert sync(kubeconfig).counts == {"skipped": 1}
    change_config(api, namespace, {"suspend": False})
    run = sync(kubeconfig)
    assert (run.counts, run.code) == ({"created": 1, "unchanged": 1}, 0)


@pytest.mark.parametrize("cause", ["drifted", "NotSelected", "PodGone"])
def test_what_an_invalid_config_has_stays_as_it_is(
    api: Api, namespace: str, kubeconfig: Path, made: Object, cause: str
) -> None:
    """§3: where the desired state cannot be computed, no update and no delete; exit 3."""
    change_config(api, namespace, INVALID)
    api.make_pod(namespace, "new", labels={"app": "web"})
    if cause == "drifted":
        api.patch("ConfigMap", namespace, NAME, {"data": {"phase": None}})
    else:
        CAUSES[cause](api, namespace)
    before = all_config_maps(api, namespace)
    run = sync(kubeconfig)
    assert (run.came_to, run.code) == ({NAME: ("skipped", "ConfigInvalid")}, 3)
    assert all_config_maps(api, namespace) == before


@pytest.mark.parametrize("cause", ["drifted", "ConfigGone", "NotSelected"])
@pytest.mark.parametrize("held_by", ["finalizer", "grace period"])
def test_a_terminating_pod_keeps_what_it_has_and_gets_nothing_new(
    api: Api, namespace: str, kubeconfig: Path, cause: str, held_by: str
) -> None:
    """behavior.md §3: while the Pod is terminating its ConfigMap stays; the Pod ends it."""
    node = "node-1" if held_by == "grace period" else None
    api.make_pod(namespace, "web", labels={"app": "web"}, node_name=node)
    make_config(api, namespace, spec=selecting(app="web"))
    assert sync(kubeconfig).code == 0
    if held_by == "finalizer":
        api.patch("Pod", namespace, "web", HELD)
    api.delete("Pod", namespace, "web")
    (pod,) = api.list("Pod", namespace)
    assert "deletionTimestamp" in pod["metadata"]
    if cause == "drifted":
        api.patch("Pod", namespace, "web", {"status": {"phase": "Failed"}}, "status")
    else:
        CAUSES[cause](api, namespace)
    make_config(api, namespace, "newer", selecting(app="web"))
    before = all_config_maps(api, namespace)
    run = sync(kubeconfig)
    assert set(run.came_to.values()) == {("skipped", "PodTerminating")}
    assert run.code == 0
    assert all_config_maps(api, namespace) == before


@pytest.mark.parametrize("cause", ["drifted", "ConfigGone", "NotSelected"])
@pytest.mark.usefixtures("made")
def test_a_config_map_that_is_being_deleted_is_left_alone_until_it_is_gone(
    api: Api, namespace: str, kubeconfig: Path, cause: str
) -> None:
    """behavior.md §3: an intended skip; once it is gone, a desired one is created again."""
    api.patch("ConfigMap", namespace, NAME, HELD)
    api.delete("ConfigMap", namespace, NAME)
    if cause == "drifted":
        api.patch("Pod", namespace, "web", {"status": {"phase": "Failed"}}, "status")
    else:
        CAUSES[cause](api, namespace)
    before = generated(api, namespace)
    assert "deletionTimestamp" in before["metadata"]
    run = sync(kubeconfig)
    assert (run.came_to, run.code) == ({NAME: ("skipped", "ConfigMapTerminating")}, 0)
    assert generated(api, namespace) == before
    api.patch("ConfigMap", namespace, NAME, {"metadata": {"finalizers": None}})
    run = sync(kubeconfig)
    assert (run.counts, run.code) == ({"created": 1} if cause == "drifted" else {}, 0)
