"""Runs over a whole cluster, and runs over one whose CRD is missing or going (behavior.md §2, §6).

The control plane is this module's own: others' namespaces and CRD are none of its business.
"""

import uuid
from contextlib import ExitStack
from pathlib import Path

import pytest

from podcm_sync.reconcile.snapshot import owner
from tests import command
from tests.controlplane import own
from tests.controlplane.api import Api, Objects, path_of
from tests.controlplane.audit import Audit
from tests.controlplane.crd_objects import KIND
from tests.controlplane.deploy_files import apply_rights
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import (
    FINALIZER,
    all_config_maps,
    change_config,
    condition,
    config_map,
    made_for,
    make_config,
    names,
    selecting,
    status_of,
)

ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount"}
CRD_NAME = "podconfigmapconfigs.podconfig.example.com"
CRDS = "CustomResourceDefinition"
INSTALL = "kubectl apply -f crd/podconfigmapconfig_crd.yaml"
MADE = "pod-web-from-mine-cfg"
GONE = "pod-web-from-gone-cfg"


control_plane, api, deletions = own.control_plane, own.api, own.deletions


@pytest.fixture(scope="module")
def kubeconfig(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return control_plane.kubeconfig(tmp_path_factory.mktemp("own") / "kubeconfig")


def make_places(api: Api, kubeconfig: Path) -> list[str]:
    """Two namespaces, in each a ConfigMap in step and one whose config is gone."""
    found = sorted(new_namespace(api) for _ in range(2))
    for where in found:
        pod = api.make_pod(where, "web", labels={"app": "web"})
        make_config(api, where)
        api.create(config_map(where, GONE, {}, labels=made_for(pod, "gone")["labels"]))
    limited = [*(f"--namespace={where}" for where in found), "--max-prune=0"]
    assert command.run(*limited, kubeconfig=kubeconfig).code == 4
    assert [names(api, where) for where in found] == [[GONE, MADE]] * 2
    return found


@pytest.fixture
def places(api: Api, kubeconfig: Path) -> list[str]:
    """The only two namespaces in which a run has anything to do."""
    for config in api.list(KIND):
        api.delete(KIND, config["metadata"]["namespace"], config["metadata"]["name"])
    assert command.run("-A", kubeconfig=kubeconfig).code == 0
    return make_places(api, kubeconfig)


def config_maps(api: Api, places: list[str]) -> list[Objects]:
    return [all_config_maps(api, where) for where in places]


def test_all_namespaces_in_one_run(
    api: Api, control_plane: ControlPlane, kubeconfig: Path, places: list[str]
) -> None:
    """§7, §2: -A; the Pods of namespaces with configs; and a second run writes nothing."""
    change_config(api, places[0], selecting(app="none"))
    api.make_pod(places[1], "new")
    done = command.run("-A", kubeconfig=kubeconfig)
    assert (done.code, done.stderr.count("\n")) == (0, 1)
    assert done.stdout.endswith("Done: 1 created, 0 updated, 3 deleted, 1 unchanged\n")
    assert names(api, places[0]) == []
    assert names(api, places[1]) == ["pod-new-from-mine-cfg", MADE]
    for where in places:
        assert condition(status_of(api, where))["status"] == "True"

    audit = Audit(control_plane.audit_log)
    mark = audit.mark()
    assert command.run("-A", kubeconfig=kubeconfig).code == 0
    events = audit.since(mark, user_agent="podcm-sync/")
    seen = [(event.verb, event.resource, event.namespace) for event in events]
    assert seen[:2] == [("list", "configmaps", ""), ("list", "podconfigmapconfigs", "")]
    # Some at once, so in no certain order.
    assert sorted(seen[2:]) == sorted(("list", "pods", where) for where in places)


def test_configs_reach_no_further_than_their_namespace(
    api: Api, kubeconfig: Path, places: list[str]
) -> None:
    """behavior.md §1: it selects Pods of its own namespace, though another has the same names."""
    api.delete(KIND, places[0], "mine")
    assert command.run("-A", kubeconfig=kubeconfig).code == 0
    assert [names(api, where) for where in places] == [[], [MADE]]


def test_when_the_last_config_is_gone_so_are_its_config_maps(
    api: Api, kubeconfig: Path, places: list[str]
) -> None:
    """behavior.md §2: an empty list with the CRD in place is the truth."""
    for where in places:
        api.delete(KIND, where, "mine")
    assert command.run("-A", kubeconfig=kubeconfig).code == 0
    assert [names(api, where) for where in places] == [[], []]


COUNT = 4


def shards(api: Api) -> dict[int, list[str]]:
    """Two namespaces for each shard, with a Pod and a config in each."""
    found: dict[int, list[str]] = {index: [] for index in range(COUNT)}
    while any(len(names) < 2 for names in found.values()):
        name = f"s-{uuid.uuid4().hex[:8]}"
        if len(names := found[owner(name, COUNT)]) < 2:
            names.append(new_namespace(api, name))
            api.make_pod(name, "web")
            make_config(api, name)
    return found


@pytest.mark.usefixtures("places")
def test_four_shards_at_once_do_all_of_the_work_and_each_its_own(
    api: Api, control_plane: ControlPlane, tmp_path: Path
) -> None:
    """As an Indexed Job starts them. The audit log tells their users apart."""
    audit, namespaces = Audit(control_plane.audit_log), shards(api)
    users = [f"shard-{index}" for index in range(COUNT)]
    for user in users:
        api.create({**ACCOUNT, "metadata": {"name": user, "namespace": "default"}})
        _allow(api, user)

    def started(stack: ExitStack, index: int) -> command.Running:
        token = api.service_account_token("default", users[index])
        path = control_plane.kubeconfig(tmp_path / users[index], token=token)
        env = {"JOB_COMPLETION_INDEX": str(index), "PODCM_SYNC_SHARDS": str(COUNT)}
        return stack.enter_context(command.started(path, "-A", env=env))

    mark = audit.mark()
    with ExitStack() as stack:
        for running in [started(stack, index) for index in range(COUNT)]:
            assert running.end().code == 0, running.stdout + running.stderr
        for index, its_own in namespaces.items():
            for where in its_own:
                assert names(api, where) == [MADE]
                assert condition(status_of(api, where))["status"] == "True"
            events = audit.since(mark, user=f"system:serviceaccount:default:{users[index]}")
            touched = {event.namespace for event in events} - {""}
            assert set(its_own) <= touched
            assert {owner(name, COUNT) for name in touched} == {index}
        mark = audit.mark()
        assert started(stack, 0).end().code == 0
        assert {event.verb for event in audit.since(mark, user_agent="podcm-sync/")} <= {
            *("list", "get")
        }


def _allow(api: Api, account: str) -> None:
    """The rights of deploy/rbac.yaml."""
    (role,) = (each for each in apply_rights(api) if each["kind"] == "ClusterRole")
    api.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": account},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": role["metadata"]["name"],
            },
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "default"}],
        }
    )


@pytest.fixture(scope="module")
def going(api: Api, kubeconfig: Path) -> list[str]:
    """The CRD is being deleted; somebody's finalizer on one config keeps both from going.

    All other configs have gone already: in the second namespace there is none any more.
    """
    places = make_places(api, kubeconfig)
    api.patch(KIND, places[0], "mine", {"metadata": {"finalizers": [FINALIZER]}})
    api.delete(CRDS, None, CRD_NAME)
    api.wait_for(lambda: len(api.list(KIND)) == 1)
    (held,) = api.list(KIND)
    assert (held["metadata"]["namespace"], held["metadata"]["name"]) == (places[0], "mine")
    assert "deletionTimestamp" in held["metadata"]
    return places


def test_while_the_crd_is_going_nothing_is_deleted_for_configs_that_seem_gone(
    api: Api, kubeconfig: Path, going: list[str]
) -> None:
    """behavior.md §2: its list is 200 and empty; the scope is incomplete, exit 5, one line."""
    before = config_maps(api, going)
    done = command.run("-n", going[1], kubeconfig=kubeconfig)
    assert done.code == 5
    assert "is being removed" in command.error_of(done)
    assert INSTALL in command.advice_of(done)
    assert config_maps(api, going) == before


def test_while_the_crd_is_going_that_is_said_once(kubeconfig: Path, going: list[str]) -> None:
    """behavior.md §7: errors: one line that says what failed."""
    done = command.run("-A", "--dry-run", kubeconfig=kubeconfig)
    assert done.code == 5
    assert "is being removed" in command.error_of(done)


def test_while_the_crd_is_going_nothing_is_deleted_for_the_config_that_is_held(
    api: Api, kubeconfig: Path, going: list[str]
) -> None:
    """behavior.md §2, §6: it has a deletionTimestamp because its CRD has one: nobody deleted it."""
    api.delete("ConfigMap", going[0], GONE)  # its config has long been gone, which is noticed
    before = config_maps(api, going)
    done = command.run("-n", going[0], kubeconfig=kubeconfig)
    assert config_maps(api, going) == before
    assert done.code == 5
    assert "is being removed" in command.error_of(done)


@pytest.fixture(scope="module")
def absent(api: Api, going: list[str]) -> list[str]:
    """The CRD is gone, and what was made is still there."""
    api.patch(KIND, going[0], "mine", {"metadata": {"finalizers": None}})
    api.wait_for(lambda: api.request("GET", path_of(KIND, None))[0] == 404)
    return going


@pytest.mark.parametrize("options", [["-A"], ["-A", "--dry-run"], []])
def test_without_the_crd_nothing_is_deleted(
    api: Api, kubeconfig: Path, absent: list[str], options: list[str]
) -> None:
    """behavior.md §6: no CRD: exit 5, and one line that says how to install it."""
    before = config_maps(api, absent)
    assert any(made["metadata"]["name"] == MADE for made in before[1])
    done = command.run(*(options or ["-n", absent[1]]), kubeconfig=kubeconfig)
    assert (done.code, done.stdout) == (5, "")
    assert "doesn't have the CRD of PodConfigMapConfigs" in command.error_of(done)
    assert INSTALL in command.advice_of(done)
    assert config_maps(api, absent) == before
