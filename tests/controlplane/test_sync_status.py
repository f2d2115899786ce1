"""What a PodConfigMapConfig's status says after a run, and when it says something new (§5)."""

from pathlib import Path

import pytest

from tests.controlplane.api import Api, Object
from tests.controlplane.crd_objects import KIND, PENDING
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import (
    FINALIZER,
    INVALID,
    VALID_AGAIN,
    change_config,
    condition,
    config_map,
    make_config,
    selecting,
    status_of,
)
from tests.controlplane.syncing import LATER, NOW, sync


def told(condition: Object) -> Object:
    """A condition without its message, which is for people."""
    assert condition["message"]
    return {key: value for key, value in condition.items() if key != "message"}


def version(api: Api, namespace: str) -> str:
    found = api.get(KIND, namespace, "mine")
    assert found
    return str(found["metadata"]["resourceVersion"])


def test_success_is_this_and_nothing_else(api: Api, namespace: str, kubeconfig: Path) -> None:
    """behavior.md §5, §1: the generation, the counts, and Ready; no other condition."""
    for name in ("a", "b", "other"):
        api.make_pod(namespace, name, labels={"app": "web" if name != "other" else "x"})
    make_config(api, namespace, spec=selecting(app="web"))
    change_config(api, namespace, {"labelsToInclude": ["app"]})
    assert status_of(api, namespace) == {"conditions": [PENDING]}

    assert sync(kubeconfig, now=NOW).code == 0

    status = status_of(api, namespace)
    ready = status.pop("conditions")
    assert status == {"observedGeneration": 2, "matchedPods": 2, "configMaps": 2, "failures": 0}
    assert [told(each) for each in ready] == [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Synced",
            "lastTransitionTime": NOW,
            "observedGeneration": 2,
        }
    ]


def test_kubectl_wait_waits_for_a_run(
    api: Api, control_plane: ControlPlane, namespace: str, kubeconfig: Path
) -> None:
    """§1: kubectl wait --for=condition=Ready pcmc/x works, also where no Pod matches."""

    def wait(timeout: str) -> int:
        words = ("wait", "--for=condition=Ready", "pcmc/mine", f"--timeout={timeout}")
        return control_plane.kubectl(kubeconfig, *words, may_fail=True).returncode

    make_config(api, namespace)
    assert wait("0.1s") == 1
    sync(kubeconfig)
    assert wait("30s") == 0
    change_config(api, namespace, {"labelsToInclude": ["app"]})
    assert wait("0.1s") == 1  # that was about the generation before


def test_an_invalid_spec_is_a_verdict(api: Api, namespace: str, kubeconfig: Path) -> None:
    """behavior.md §5: stamped; Ready=False and Stalled=True, which goes once the spec is fixed."""
    make_config(api, namespace, spec=INVALID)
    run = sync(kubeconfig, now=NOW)
    assert run.code == 3
    status = status_of(api, namespace)
    assert status["observedGeneration"] == 1
    common = {"reason": "InvalidSpec", "lastTransitionTime": NOW, "observedGeneration": 1}
    assert [told(each) for each in status["conditions"]] == [
        {"type": "Ready", "status": "False", **common},
        {"type": "Stalled", "status": "True", **common},
    ]
    for kind in ("Ready", "Stalled"):
        assert "spec.configMapDataTemplate" in condition(status, kind)["message"]

    change_config(api, namespace, VALID_AGAIN)
    assert sync(kubeconfig, now=LATER).code == 0
    status = status_of(api, namespace)
    assert status["observedGeneration"] == 2
    assert [(each["type"], each["reason"]) for each in status["conditions"]] == [
        ("Ready", "Synced")
    ]
    assert condition(status)["lastTransitionTime"] == LATER


def test_failures_are_named_and_not_stamped(api: Api, namespace: str, kubeconfig: Path) -> None:
    """§5: at most three named, then a count; the condition alone has the new generation."""
    names = [f"pod-p{number}-from-mine-cfg" for number in range(5)]
    for number in range(6):
        api.make_pod(namespace, f"p{number}")
    make_config(api, namespace)
    assert sync(kubeconfig, now=NOW).code == 0
    for name in names:
        api.delete("ConfigMap", namespace, name)
        api.create(config_map(namespace, name, {"theirs": "x"}))
    change_config(api, namespace, {"labelsToInclude": ["app"]})

    assert sync(kubeconfig, now=LATER).code == 3

    status = status_of(api, namespace)
    counts = {"observedGeneration": 1, "matchedPods": 6, "configMaps": 1, "failures": 5}
    assert {key: status[key] for key in counts} == counts
    ready = condition(status)
    assert told(ready) == {
        "type": "Ready",
        "status": "False",
        "reason": "SomeConfigMapsFailed",
        "lastTransitionTime": LATER,
        "observedGeneration": 2,
    }
    assert [name in ready["message"] for name in names] == [True] * 3 + [False] * 2
    assert "2 more" in ready["message"]
    assert "rename" in ready["message"]  # what to do


def test_what_a_guard_held_back_is_not_stamped(api: Api, namespace: str, kubeconfig: Path) -> None:
    """§5: PruneBlocked; it names what is still there, and the option that lets it go."""
    for name in ("a", "b"):
        api.make_pod(namespace, name, labels={"name": name})
    make_config(api, namespace)
    assert sync(kubeconfig, now=NOW).code == 0
    change_config(api, namespace, selecting(name="a"))
    assert sync(kubeconfig, now=LATER, max_prune=("0",)).code == 4
    status = status_of(api, namespace)
    assert (status["observedGeneration"], status["matchedPods"]) == (1, 1)
    ready = condition(status)
    assert told(ready) == {
        "type": "Ready",
        "status": "False",
        "reason": "PruneBlocked",
        "lastTransitionTime": LATER,
        "observedGeneration": 2,
    }
    assert "pod-b-from-mine-cfg" in ready["message"]
    assert "--max-prune 1" in ready["message"]


def test_others_conditions_survive(api: Api, namespace: str, kubeconfig: Path) -> None:
    """behavior.md §5: conditions of other types stay, whatever becomes of ours."""
    make_config(api, namespace)
    theirs = {
        "type": "example.com/Audited",
        "status": "Unknown",
        "reason": "InProgress",
        "message": "",
        "lastTransitionTime": "2026-01-02T03:04:05Z",
        "observedGeneration": 7,
    }
    status: Object = {"status": {"conditions": [theirs, PENDING]}}
    api.patch(KIND, namespace, "mine", status, "status")
    for spec in ({}, INVALID, VALID_AGAIN):
        change_config(api, namespace, spec)
        sync(kubeconfig)
        status = status_of(api, namespace)
        assert condition(status, "example.com/Audited") == theirs
        assert condition(status)["observedGeneration"] == status["observedGeneration"]


def test_a_transition_time_moves_only_with_its_status(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §5: another reason, message or generation alone is no transition."""
    make_config(api, namespace)
    sync(kubeconfig, now=NOW)
    api.make_pod(namespace, "web")
    change_config(api, namespace, {"labelsToInclude": ["app"]})
    sync(kubeconfig, now=LATER)
    status = status_of(api, namespace)
    assert (status["observedGeneration"], status["matchedPods"]) == (2, 1)
    assert condition(status)["lastTransitionTime"] == NOW
    change_config(api, namespace, INVALID)
    sync(kubeconfig, now=LATER)
    assert condition(status_of(api, namespace))["lastTransitionTime"] == LATER


@pytest.mark.parametrize("spec", [{}, INVALID, selecting(app="none")])
def test_an_equal_status_is_not_written(
    api: Api, namespace: str, kubeconfig: Path, spec: Object
) -> None:
    """behavior.md §5: the same version after another run, at another time."""
    api.make_pod(namespace, "web")
    api.make_pod(namespace, "taken")
    api.create(config_map(namespace, "pod-taken-from-mine-cfg"))  # one fails each time
    make_config(api, namespace, spec=spec)
    sync(kubeconfig, now=NOW)
    before = version(api, namespace)
    sync(kubeconfig, now=LATER)
    assert version(api, namespace) == before


def test_a_status_that_another_changed_is_put_right(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §5: a level-triggered run compares with what is stored."""
    make_config(api, namespace)
    sync(kubeconfig)
    before = status_of(api, namespace)
    wrong: Object = {"matchedPods": 9, "failures": None, "observedGeneration": 9}
    api.patch(KIND, namespace, "mine", {"status": wrong}, "status")
    assert sync(kubeconfig, now=LATER).code == 0
    assert status_of(api, namespace) == before


def test_pods_on_their_way_out_are_not_counted(api: Api, namespace: str, kubeconfig: Path) -> None:
    """behavior.md §3, §5: nothing new is made for them, and the verdict is Synced without them."""
    api.make_pod(namespace, "web")
    api.make_pod(namespace, "going")
    api.patch("Pod", namespace, "going", {"metadata": {"finalizers": [FINALIZER]}})
    api.delete("Pod", namespace, "going")
    make_config(api, namespace)
    assert sync(kubeconfig).code == 0
    status = status_of(api, namespace)
    assert (status["matchedPods"], status["configMaps"]) == (1, 1)
    assert condition(status)["reason"] == "Synced"
