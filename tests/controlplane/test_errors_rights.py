"""What a missing right costs: that one thing, no more, and it is named (behavior.md §2, §3, §7)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import command
from tests.chaos.proxy import Forward, Proxy
from tests.chaos.rules import Observed, Reply
from tests.controlplane.accounts import LEAST, account, kubeconfig_of, without
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import (
    all_config_maps,
    condition,
    config_map,
    generated,
    made_for,
    make_config,
    names,
    status_of,
)
from tests.controlplane.syncing import NoWaiting, sync

NEW, GONE, WEB = "pod-new-from-mine-cfg", "pod-web-from-gone-cfg", "pod-web-from-mine-cfg"
DONE = {
    NEW: ("created", "Missing"),
    GONE: ("deleted", "ConfigGone"),
    WEB: ("updated", "OutOfSync"),
}


def put_work(api: Api, namespace: str) -> None:
    """One ConfigMap to create, one to delete, one to update."""
    api.make_pod(namespace, "new")
    pod = api.make_pod(namespace, "web")
    make_config(api, namespace)
    api.create(config_map(namespace, WEB, {"a": "b"}, **made_for(pod)))
    api.create(config_map(namespace, GONE, {}, labels=made_for(pod, "gone")["labels"]))


AsAccount = Callable[[dict[str, list[str]]], Path]


@pytest.fixture
def as_account(api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path) -> AsAccount:
    """Rights in the test's namespace → a kubeconfig of a new account with them."""
    return lambda rights: kubeconfig_of(
        control_plane, tmp_path, namespace, account(api, namespace, rights)
    )


@pytest.fixture
def work(api: Api, namespace: str) -> None:
    put_work(api, namespace)


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize(
    ("resource", "full"),
    [
        ("pods", "pods"),
        ("configmaps", "configmaps"),
        ("podconfigmapconfigs", "podconfigmapconfigs.podconfig.example.com"),
    ],
)
def test_without_the_right_to_list_nothing_is_deleted_or_stamped(
    api: Api, as_account: AsAccount, namespace: str, resource: str, full: str
) -> None:
    """§2, §7: exit 5; the one line names the verb, the resource, where, and what to do."""
    kubeconfig = as_account(without("list", resource))
    before = status_of(api, namespace)
    done = command.run(kubeconfig=kubeconfig)
    assert done.code == 5
    error = command.error_of(done)
    assert (
        f"no permission to list {full} in namespace {namespace}: {full} is forbidden: User "
        in error
    )
    assert f' in the namespace "{namespace}"; to see the fix, run doctor' in error
    assert f"system:serviceaccount:{namespace}:tested" in error
    assert GONE in names(api, namespace)
    assert status_of(api, namespace) == before


def test_a_forbidden_namespace_does_not_stop_the_others(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """behavior.md §2: each -n is a scope of its own; the others are synced, pruned and stamped."""
    allowed = new_namespace(api)
    for where in (namespace, allowed):
        put_work(api, where)
    before = names(api, namespace), status_of(api, namespace)
    token = account(api, allowed, LEAST)
    kubeconfig = kubeconfig_of(control_plane, tmp_path, namespace, token)
    for order in ((namespace, allowed), (allowed, namespace)):
        done = command.run(*(f"-n{where}" for where in order), kubeconfig=kubeconfig)
        assert done.code == 5
        assert f"in namespace {namespace}" in command.error_of(done)
        assert (names(api, namespace), status_of(api, namespace)) == before
        assert names(api, allowed) == [NEW, WEB]
        assert condition(status_of(api, allowed))["reason"] == "Synced"


@pytest.mark.usefixtures("work")
def test_rights_in_a_namespace_are_none_in_the_cluster(
    api: Api, as_account: AsAccount, namespace: str
) -> None:
    """behavior.md §2, §7: -A asks for all namespaces at once: exit 5, nothing done."""
    kubeconfig = as_account(LEAST)
    before = all_config_maps(api, namespace)
    done = command.run("-A", kubeconfig=kubeconfig)
    assert done.code == 5
    assert "no permission to list configmaps in all namespaces" in command.error_of(done)
    assert all_config_maps(api, namespace) == before


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize(("verb", "name"), [("create", NEW), ("patch", WEB), ("delete", GONE)])
def test_without_the_right_to_write_that_alone_is_not_done(
    api: Api, as_account: AsAccount, namespace: str, verb: str, name: str
) -> None:
    """behavior.md §3: a refused write fails that object, exit 3; all else is done."""
    kubeconfig = as_account(without(verb, "configmaps"))
    before = api.get("ConfigMap", namespace, name)
    run = sync(kubeconfig)
    assert run.came_to == DONE | {name: ("failed", "Forbidden")}
    assert run.code == 3
    assert f'cannot {verb} resource "configmaps"' in run.message(name)
    assert api.get("ConfigMap", namespace, name) == before
    status = status_of(api, namespace)
    if verb == "delete":  # of a config that is gone: the one that is there has all it asks for
        assert condition(status)["reason"] == "Synced"
    else:
        assert condition(status)["reason"] == "SomeConfigMapsFailed"
        assert "deploy/rbac.yaml" in condition(status)["message"]
        assert "observedGeneration" not in status


@pytest.mark.usefixtures("work")
def test_without_the_right_to_patch_a_status_all_else_is_done(
    api: Api, as_account: AsAccount, namespace: str
) -> None:
    """behavior.md §3: a write that the API refuses: exit 3, and the command names the status."""
    done = command.run(kubeconfig=as_account(without("patch", "podconfigmapconfigs/status")))
    assert done.code == 3
    assert f"✘ status of {namespace}/mine  Forbidden" in done.stdout
    assert "1 created, 1 updated, 1 deleted" in done.stdout
    assert names(api, namespace) == [NEW, WEB]
    assert condition(status_of(api, namespace))["reason"] == "Pending"


@pytest.mark.usefixtures("work")
def test_without_the_right_to_get_a_lost_answer_stays_unknown(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """behavior.md §9, §7: the get settles it; without, exit 5, and the next run finds it done."""
    token = account(api, namespace, without("get", "configmaps"))

    def fault(request: Observed, forward: Forward) -> Reply | None:
        reply = forward()
        return None if request.method == "POST" else reply

    with Proxy(control_plane, handler=fault) as proxy:
        path = control_plane.kubeconfig(
            tmp_path / "proxied", token=token, namespace=namespace, server=proxy.url
        )
        run = sync(path, context=NoWaiting())
    assert run.came_to == DONE | {NEW: ("failed", "Unreachable")}
    assert run.code == 5
    assert generated(api, namespace, NEW)["data"]["podName"] == "new"
    run = sync(kubeconfig_of(control_plane, tmp_path, namespace, token))
    assert (run.counts, run.code) == ({"unchanged": 2}, 0)
