"""A run touches the namespaces that it was told to, and no other (behavior.md §2, §7)."""

from pathlib import Path

import pytest

from tests import command
from tests.controlplane.api import Api, Objects
from tests.controlplane.crd_objects import KIND
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import (
    all_config_maps,
    config_map,
    generated,
    made_for,
    make_config,
    names,
    status_of,
)
from tests.controlplane.syncing import sync

GONE = "pod-gone-from-gone-cfg"


@pytest.fixture
def other(api: Api) -> str:
    """A second namespace of the test's own."""
    return new_namespace(api)


def everything(api: Api, namespace: str) -> tuple[Objects, Objects]:
    return all_config_maps(api, namespace), api.list(KIND, namespace)


@pytest.fixture
def work(api: Api, namespace: str, other: str) -> None:
    """In each of two namespaces, under the same names, one to create, update and delete."""
    for where in (namespace, other):
        pods = [api.make_pod(where, name) for name in ("new", "web")]
        make_config(api, where)
        drifted = config_map(
            where, "pod-web-from-mine-cfg", {"podName": "old"}, **made_for(pods[1])
        )
        api.create(drifted)
        gone = {"metadata": {"name": "gone", "uid": "0-0"}}
        labels = made_for(gone, "gone")["labels"]
        api.create(config_map(where, GONE, {"podName": "gone"}, labels=labels))


def is_synced(api: Api, namespace: str) -> bool:
    wanted = ["pod-new-from-mine-cfg", "pod-web-from-mine-cfg"]
    if names(api, namespace) != wanted:
        return False
    found = [generated(api, namespace, name)["data"] for name in wanted]
    status = status_of(api, namespace)
    return [each["namespace"] for each in found] == [namespace] * 2 and status["configMaps"] == 2


@pytest.mark.usefixtures("work")
def test_other_namespaces_are_not_touched(
    api: Api, namespace: str, other: str, kubeconfig: Path
) -> None:
    """§2: each -n is a scope; nothing outside is created, updated, deleted or stamped."""
    before = everything(api, other)
    run = sync(kubeconfig, namespace)
    assert (run.counts, run.code) == ({"created": 1, "deleted": 1, "updated": 1}, 0)
    assert is_synced(api, namespace)
    assert everything(api, other) == before


@pytest.mark.usefixtures("work")
def test_several_namespaces_are_synced_in_one_run(
    api: Api, namespace: str, other: str, kubeconfig: Path
) -> None:
    """behavior.md §7: -n may be given more than once."""
    done = command.run("-n", namespace, "-n", other, "-v", kubeconfig=kubeconfig)
    assert done.code == 0
    for line in (f"created    {other}/pod-new-from-mine-cfg", f"deleted    {namespace}/{GONE}"):
        assert line in done.stdout
    assert done.stdout.endswith("Done: 2 created, 2 updated, 2 deleted, 0 unchanged\n")
    assert is_synced(api, namespace)
    assert is_synced(api, other)


@pytest.mark.usefixtures("work")
def test_without_n_it_is_the_contexts_namespace(
    api: Api, namespace: str, other: str, kubeconfig: Path
) -> None:
    """behavior.md §7: without either, the context's namespace."""
    before = everything(api, other)
    assert command.run(kubeconfig=kubeconfig).code == 0
    assert is_synced(api, namespace)
    assert everything(api, other) == before


@pytest.mark.usefixtures("work")
def test_a_dry_run_shows_all_of_it_and_changes_nothing(
    api: Api, namespace: str, other: str, kubeconfig: Path
) -> None:
    """behavior.md §6: nothing that writes is even constructed; §7: the exit codes are the same."""
    before = everything(api, namespace), everything(api, other)
    options = ("-n", namespace, "-n", other, "--dry-run", "--diff", "full")
    done = command.run(*options, kubeconfig=kubeconfig)
    assert done.code == 0
    assert "2 to create, 2 to update, 2 to delete, 0 unchanged" in done.stdout
    for line in ("-  podName: old", "-  podName: gone", "+  podName: new"):
        assert f"\n{line}\n" in done.stdout
    assert command.run(*options, "--exit-code", kubeconfig=kubeconfig).code == 1
    assert (everything(api, namespace), everything(api, other)) == before


@pytest.mark.usefixtures("work")
def test_changes_are_told_by_the_exit_code_where_that_is_asked_for(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §7: 1 changes found, only with --exit-code; and 0 once there are none."""
    codes = [command.run("--exit-code", kubeconfig=kubeconfig).code for _ in range(2)]
    assert codes == [1, 0]
    assert is_synced(api, namespace)
