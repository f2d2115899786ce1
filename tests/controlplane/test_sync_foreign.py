"""Whose a ConfigMap is: others' objects are never touched, and a name has one holder (§3)."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.controlplane.api import Api, Object
from tests.controlplane.crd_objects import KIND
from tests.controlplane.sync_objects import (
    GENERATED_BY,
    INVALID,
    MANAGED_BY,
    POD_UID,
    change_config,
    condition,
    config_map,
    generated,
    make_config,
    names,
    owner,
    selecting,
    status_of,
)
from tests.controlplane.syncing import Run, sync

NAME = "pod-web-from-mine-cfg"
UID = "00000000-0000-4000-8000-000000000000"
NOT_OURS: dict[str, dict[str, str]] = {
    "no labels": {},
    "others' labels": {"app": "web", MANAGED_BY: "Helm"},
    "managed-by alone": {MANAGED_BY: "podcm-sync"},
    "generated-by alone": {GENERATED_BY: "mine"},
    "pod-uid alone": {POD_UID: UID},
}


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("labels", NOT_OURS)
def test_anothers_config_map_of_a_desired_name_stays_bit_for_bit(
    api: Api, namespace: str, kubeconfig: Path, labels: str, *, dry_run: bool
) -> None:
    """behavior.md §3: foreign: skipped and blocking, reported; §2: and a dry run tells the same."""
    pod = api.make_pod(namespace, "web")
    api.make_pod(namespace, "other")
    make_config(api, namespace)
    # As near to ours as can be.
    near = {"labels": NOT_OURS[labels], "ownerReferences": [owner(pod)]}
    foreign = api.create(config_map(namespace, NAME, {"podName": "web"}, **near))

    run = sync(kubeconfig, dry_run=dry_run)

    assert run.came_to == {
        NAME: ("skipped", "Foreign"),
        "pod-other-from-mine-cfg": ("created", "Missing"),
    }
    assert run.code == 3
    assert generated(api, namespace) == foreign
    assert names(api, namespace) == ([NAME] if dry_run else ["pod-other-from-mine-cfg", NAME])
    if not dry_run:
        status = status_of(api, namespace)
        assert condition(status)["reason"] == "SomeConfigMapsFailed"
        assert NAME in condition(status)["message"]
        assert "observedGeneration" not in status


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("pod-web-from-mine-cfg", {GENERATED_BY: "mine"}),
        ("pod-web-from-mine-cfg", {POD_UID: UID}),
        ("pod-web-from-mine-cfg", {MANAGED_BY: "podcm-sync"}),
        ("settings", {GENERATED_BY: "mine", POD_UID: UID}),
        ("pod-web-from-mine", {GENERATED_BY: "mine", POD_UID: UID}),
        ("web-from-mine-cfg", {GENERATED_BY: "mine", POD_UID: UID}),
        ("pod--cfg", {GENERATED_BY: "mine", POD_UID: UID}),
    ],
)
def test_anothers_config_map_that_nothing_desires_is_never_deleted(
    api: Api, namespace: str, kubeconfig: Path, name: str, labels: dict[str, str]
) -> None:
    """behavior.md §3: ours has both labels and a name of the form pod-…-cfg."""
    labels = labels | {MANAGED_BY: "podcm-sync"}
    foreign = api.create(config_map(namespace, name, {"a": "b"}, labels=labels))
    run = sync(kubeconfig)
    assert (run.came_to, run.code) == ({}, 0)
    assert generated(api, namespace, name) == foreign


def test_ours_by_both_labels_and_the_name_is_deleted(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §3: else the test above would say nothing."""
    labels = {GENERATED_BY: "mine", POD_UID: UID}
    api.create(config_map(namespace, NAME, {"a": "b"}, labels=labels))
    assert sync(kubeconfig).came_to == {NAME: ("deleted", "PodGone")}
    assert names(api, namespace) == []


SHARED = "pod-a-from-b-from-c-cfg"
PODS = {"c": "a-from-b", "b-from-c": "a"}  # config → the Pod with which it gives that name


@pytest.fixture
def two_pods(api: Api, namespace: str) -> None:
    for name in PODS.values():
        api.make_pod(namespace, name, labels={"name": name})


def make_in_order(api: Api, namespace: str, *configs: str) -> None:
    """Each a second older than the next, since creationTimestamp counts whole seconds."""
    seconds: list[str] = []
    for name in configs:
        api.wait_for(lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") not in seconds)
        made = make_config(api, namespace, name, selecting(name=PODS[name]))
        seconds.append(made["metadata"]["creationTimestamp"])


def name_conflicts(run: Run) -> dict[str, str]:
    """Config → what is said of the ConfigMap that it cannot have."""
    return {
        each.change.pcmc_name: each.message
        for each in run.report.outcomes
        if each.reason == "NameTaken"
    }


@pytest.mark.usefixtures("two_pods")
@pytest.mark.parametrize(("older", "newer"), [("c", "b-from-c"), ("b-from-c", "c")])
def test_of_two_pairs_with_one_name_the_older_config_has_it(
    api: Api, namespace: str, kubeconfig: Path, older: str, newer: str
) -> None:
    """behavior.md §3: by creationTimestamp; the other is blocked, and told who has it; exit 3."""
    make_in_order(api, namespace, older, newer)
    for _ in range(2):
        run = sync(kubeconfig)
        assert run.code == 3
        assert generated(api, namespace, SHARED)["data"]["podName"] == PODS[older]
        assert list(name_conflicts(run)) == [newer]
        said = condition(status_of(api, namespace, newer))
        for text in (name_conflicts(run)[newer], said["message"]):
            assert {older, PODS[older]} <= set(re.findall(r"[a-z-]+", text))
        assert (said["status"], said["reason"]) == ("False", "SomeConfigMapsFailed")
        assert condition(status_of(api, namespace, older))["reason"] == "Synced"
    assert run.counts == {"unchanged": 1, "skipped": 1}

    api.delete(KIND, namespace, older)
    run = sync(kubeconfig)
    assert (run.counts, run.code) == ({"updated": 1}, 0)
    assert generated(api, namespace, SHARED)["data"]["podName"] == PODS[newer]


@pytest.mark.usefixtures("two_pods")
@pytest.mark.parametrize("spec", [{"suspend": True}, INVALID], ids=["suspended", "invalid"])
def test_a_config_that_stands_still_holds_the_name_that_it_has(
    api: Api, namespace: str, kubeconfig: Path, spec: Object
) -> None:
    """behavior.md §3: suspended and invalid configs still hold the names they have."""
    make_config(api, namespace, "c", selecting(name=PODS["c"]))
    assert sync(kubeconfig).code == 0
    before = generated(api, namespace, SHARED)
    change_config(api, namespace, spec, "c")
    make_config(api, namespace, "b-from-c", selecting(name=PODS["b-from-c"]))
    run = sync(kubeconfig)
    assert run.code == 3
    assert list(name_conflicts(run)) == ["b-from-c"]
    assert f"{KIND} c," in name_conflicts(run)["b-from-c"]
    assert generated(api, namespace, SHARED) == before
