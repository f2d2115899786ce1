"""Limits on deletions while a loop watches (§6, §10): they count since the last full run."""

import time
from functools import partial
from pathlib import Path

import pytest

from tests.command import until
from tests.controlplane.api import Api, Object
from tests.controlplane.audit import Audit
from tests.controlplane.loops import (
    QUIET,
    Loop,
    Requests,
    wait_for_counts,
    wait_for_reason,
    watching,
)
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import (
    PRUNE,
    condition,
    make_config,
    names,
    selecting,
    status_of,
)


def synced(api: Api, namespace: str, pods: int = 5) -> None:
    """Pods with app=web, and a config for them."""
    for number in range(pods):
        api.make_pod(namespace, f"p{number}", labels={"app": "web"})
    make_config(api, namespace, spec=selecting(app="web"))


def config_map_of(number: int) -> str:
    return f"pod-p{number}-from-mine-cfg"


def leave(api: Api, namespace: str, *numbers: int) -> None:
    """Relabel these Pods out of the selector."""
    for number in numbers:
        labels: Object = {"labels": {"app": "other"}}
        api.patch("Pod", namespace, f"p{number}", {"metadata": labels})


def is_gone(api: Api, namespace: str, number: int) -> bool:
    return config_map_of(number) not in names(api, namespace)


def leave_one_by_one(api: Api, namespace: str, *numbers: int) -> None:
    """Each is deleted by a pass of its own."""
    for number in numbers:
        leave(api, namespace, number)
        api.wait_for(partial(is_gone, api, namespace, number))


def test_deletions_of_several_passes_count_together_until_the_full_run(
    api: Api, audit: Audit, namespace: str, kubeconfig: Path
) -> None:
    synced(api, namespace)
    with watching(kubeconfig, "--max-prune", "1", interval="9s") as loop:
        wait_for_counts(api, namespace, matched=5, config_maps=5)
        requests = Requests(audit, namespace)
        leave_one_by_one(api, namespace, 0)
        leave(api, namespace, 1)
        wait_for_reason(api, namespace, "PruneBlocked")
        assert config_map_of(1) in names(api, namespace)
        assert loop.full_runs == 1
        assert requests.lists() == []
        assert "max-prune" in loop.process.stderr
        # The full run counts what was deleted before it too, and the next one counts from 0.
        until(lambda: loop.full_runs == 2, "the second full run")
        assert config_map_of(1) in names(api, namespace)
        api.wait_for(lambda: config_map_of(1) not in names(api, namespace))
        assert len(requests.all("delete")) == 2


def test_a_pass_past_the_limit_deletes_nothing_and_does_the_rest(
    api: Api, audit: Audit, namespace: str, kubeconfig: Path
) -> None:
    synced(api, namespace)
    with watching(kubeconfig, "--max-prune", "2"):
        wait_for_counts(api, namespace, matched=5, config_maps=5)
        requests = Requests(audit, namespace)
        leave(api, namespace, 0, 1, 2)
        api.make_pod(namespace, "new", labels={"app": "web"})
        wait_for_reason(api, namespace, "PruneBlocked")
        assert "pod-new-from-mine-cfg" in names(api, namespace)
        assert len(names(api, namespace)) == 6
        assert requests.all("delete") == []
        # One comes back, so only two are due.
        api.patch("Pod", namespace, "p0", {"metadata": {"labels": {"app": "web"}}})
        wait_for_counts(api, namespace, matched=4, config_maps=4)
        assert len(requests.all("delete")) == 2


def test_the_total_counts_over_namespaces_and_passes(
    api: Api, audit: Audit, namespace: str, kubeconfig: Path
) -> None:
    """The namespace that deletes most doesn't count."""
    namespaces = [namespace, new_namespace(api), new_namespace(api)]
    for each in namespaces:
        synced(api, each, 4)
    scope = [word for each in namespaces for word in ("-n", each)]
    with watching(kubeconfig, *scope, "--max-prune-total", "1"):
        for each in namespaces:
            wait_for_counts(api, each, matched=4, config_maps=4)
        requests = [Requests(audit, each) for each in namespaces]
        leave_one_by_one(api, namespaces[0], 0, 1, 2)
        leave_one_by_one(api, namespaces[1], 0)
        leave(api, namespaces[2], 0)
        wait_for_reason(api, namespaces[2], "PruneBlocked")
        leave(api, namespaces[1], 1)
        wait_for_reason(api, namespaces[1], "PruneBlocked")
        assert [len(each.all("delete")) for each in requests] == [3, 1, 0]


def test_upsert_only_creates_and_updates_and_never_deletes(
    api: Api, audit: Audit, namespace: str, kubeconfig: Path
) -> None:
    synced(api, namespace, 2)
    with watching(kubeconfig, "--policy", "upsert-only"):
        wait_for_counts(api, namespace, matched=2, config_maps=2)
        requests = Requests(audit, namespace)
        leave(api, namespace, 0)
        api.make_pod(namespace, "new", labels={"app": "web"})
        wait_for_counts(api, namespace, matched=2, config_maps=2)
        time.sleep(QUIET * 1.5)
        assert len(names(api, namespace)) == 3
        assert requests.all("delete") == []
        assert condition(status_of(api, namespace))["status"] == "True"


def test_prune_disabled_keeps_a_config_map_while_it_has_the_annotation(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    synced(api, namespace, 2)
    note: Object = {"metadata": {"annotations": {PRUNE: "disabled"}}}
    with watching(kubeconfig):
        wait_for_counts(api, namespace, matched=2, config_maps=2)
        api.patch("ConfigMap", namespace, config_map_of(0), note)
        leave(api, namespace, 0, 1)
        api.wait_for(lambda: names(api, namespace) == [config_map_of(0)])
        note["metadata"]["annotations"][PRUNE] = None
        api.patch("ConfigMap", namespace, config_map_of(0), note)
        api.wait_for(lambda: names(api, namespace) == [])


@pytest.mark.parametrize("limit", ["0", "10%"])
def test_a_limit_of_nothing_holds_in_passes(
    api: Api, audit: Audit, namespace: str, kubeconfig: Path, limit: str
) -> None:
    synced(api, namespace, 5)
    with watching(kubeconfig, "--max-prune", limit) as loop:
        wait_for_counts(api, namespace, matched=5, config_maps=5)
        requests = Requests(audit, namespace)
        leave(api, namespace, 0, 1)
        wait_for_reason(api, namespace, "PruneBlocked")
        assert requests.all("delete") == []
        assert isinstance(loop, Loop)
