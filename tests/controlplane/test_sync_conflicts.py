"""Objects that change between list and write: looked at again, and never overwritten (§2)."""

from pathlib import Path

import pytest

from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.crd_objects import KIND
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import (
    change_config,
    condition,
    config_map,
    generated,
    make_config,
    names,
    status_of,
)
from tests.controlplane.syncing import meddling, sync

NAME = "pod-web-from-mine-cfg"


@pytest.fixture
def other(api: Api) -> str:
    """A second namespace of the test's own."""
    return new_namespace(api)


def lists(audit: Audit, mark: int, namespace: str) -> int:
    """How often the Pods of a namespace were listed."""
    events = audit.since(mark, namespace=namespace, user_agent="podcm-sync/")
    return sum((event.verb, event.resource) == ("list", "pods") for event in events)


@pytest.fixture
def made(api: Api, namespace: str, other: str, kubeconfig: Path) -> None:
    """The same in two namespaces: a ConfigMap in step, and a config that asks for a change."""
    for where in (namespace, other):
        api.make_pod(where, "web", labels={"app": "web"})
        make_config(api, where)
        assert sync(kubeconfig, where).code == 0
        change_config(api, where, {"labelsToInclude": ["app"]})


@pytest.mark.usefixtures("made")
def test_an_update_that_meets_a_newer_version_is_planned_anew_from_new_lists(
    api: Api, audit: Audit, namespace: str, other: str, kubeconfig: Path
) -> None:
    """behavior.md §2: another whole pass, over the namespaces concerned alone."""
    mark = audit.mark()
    theirs = {"metadata": {"labels": {"team": "a"}}, "data": {"phase": "x"}}
    meddle = meddling(namespace, "update", lambda: api.patch("ConfigMap", namespace, NAME, theirs))
    run = sync(kubeconfig, namespace, other, interfere=meddle)
    assert (run.counts, run.code) == ({"updated": 2}, 0)
    after = generated(api, namespace)
    assert after["metadata"]["labels"]["team"] == "a"
    assert (after["data"]["phase"], after["data"]["label_app"]) == ("Pending", "web")
    assert (lists(audit, mark, namespace), lists(audit, mark, other)) == (2, 1)
    assert condition(status_of(api, namespace))["observedGeneration"] == 2


@pytest.mark.usefixtures("made")
def test_what_conflicts_three_times_over_is_reported_as_failed(
    api: Api, audit: Audit, namespace: str, other: str, kubeconfig: Path
) -> None:
    """§2: three passes at most, exit 3; §5: the generation is not stamped as observed."""
    mark = audit.mark()
    count = iter(range(100))

    def meddle() -> object:
        return api.patch("ConfigMap", namespace, NAME, {"data": {"theirs": str(next(count))}})

    run = sync(kubeconfig, namespace, interfere=meddling(namespace, "update", meddle, times=100))
    assert (run.came_to, run.code) == ({NAME: ("failed", "Conflict")}, 3)
    assert next(count) == 3
    assert lists(audit, mark, namespace) == 3
    assert generated(api, namespace)["data"]["theirs"] == "2"
    status = status_of(api, namespace)
    assert (status["observedGeneration"], status["failures"]) == (1, 1)
    assert condition(status)["reason"] == "SomeConfigMapsFailed"
    assert NAME in condition(status)["message"]


@pytest.mark.usefixtures("made")
def test_one_that_is_gone_before_its_update_is_made_anew(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §3: 404 on a patch: created again in the next pass."""
    meddle = meddling(namespace, "update", lambda: api.delete("ConfigMap", namespace, NAME))
    run = sync(kubeconfig, interfere=meddle)
    assert (run.came_to, run.code) == ({NAME: ("created", "Missing")}, 0)
    assert generated(api, namespace)["data"]["label_app"] == "web"


def test_a_create_that_meets_anothers_new_object_leaves_it_alone(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §3: foreign, as soon as it is seen: never overwritten; exit 3."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    foreign = config_map(namespace, NAME, {"podName": "web"})
    run = sync(kubeconfig, interfere=meddling(namespace, "create", lambda: api.create(foreign)))
    assert (run.came_to, run.code) == ({NAME: ("skipped", "Foreign")}, 3)
    assert generated(api, namespace)["data"] == {"podName": "web"}


def test_two_runs_at_once_make_one_object(api: Api, namespace: str, kubeconfig: Path) -> None:
    """§2: the second one's create is a conflict, and its next pass finds all in place."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    run = sync(kubeconfig, interfere=meddling(namespace, "create", lambda: sync(kubeconfig)))
    assert (run.came_to, run.code) == ({NAME: ("unchanged", "InSync")}, 0)
    assert names(api, namespace) == [NAME]
    assert condition(status_of(api, namespace))["reason"] == "Synced"


@pytest.mark.usefixtures("made")
def test_a_delete_does_not_hit_what_has_changed_since_it_was_seen(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """§3: uid and resourceVersion as preconditions: an annotation come late still counts."""
    api.delete(KIND, namespace, "mine")
    keep = {"metadata": {"annotations": {"podconfig.example.com/prune": "disabled"}}}
    meddle = meddling(namespace, "delete", lambda: api.patch("ConfigMap", namespace, NAME, keep))
    run = sync(kubeconfig, interfere=meddle)
    assert (run.came_to, run.code) == ({NAME: ("skipped", "PruneDisabled")}, 0)
    assert names(api, namespace) == [NAME]


@pytest.mark.usefixtures("made")
def test_a_delete_does_not_hit_another_object_of_the_same_name(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §3: what has come in its place is another's."""
    api.delete(KIND, namespace, "mine")

    def meddle() -> None:
        api.delete("ConfigMap", namespace, NAME)
        api.create(config_map(namespace, NAME, {"theirs": "x"}))

    run = sync(kubeconfig, interfere=meddling(namespace, "delete", meddle))
    assert run.code == 0
    assert generated(api, namespace)["data"] == {"theirs": "x"}


@pytest.mark.usefixtures("made")
def test_one_that_is_gone_before_its_delete_counts_as_deleted(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §3: the garbage collector, or a person, was faster."""
    api.delete(KIND, namespace, "mine")
    meddle = meddling(namespace, "delete", lambda: api.delete("ConfigMap", namespace, NAME))
    assert sync(kubeconfig, interfere=meddle).code == 0
    assert names(api, namespace) == []


@pytest.mark.usefixtures("made")
def test_a_status_that_changed_meanwhile_fails_nothing(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """§5: an outcome of this run, not a failure of the ConfigMaps; the next run writes it."""
    newer = {"labelsToInclude": ["app", "b"]}
    meddle = meddling(namespace, "update_status", lambda: change_config(api, namespace, newer))
    run = sync(kubeconfig, interfere=meddle)
    (status,) = run.report.statuses
    assert (str(status.result), str(status.reason), run.code) == ("failed", "Conflict", 0)
    assert status_of(api, namespace)["observedGeneration"] == 1
    assert sync(kubeconfig).code == 0
    assert status_of(api, namespace)["observedGeneration"] == 3
