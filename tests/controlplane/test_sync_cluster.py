"""Runs over a whole cluster, and runs over one whose CRD is missing or going (spec §2, §6).

The control plane is this module's own: others' namespaces and CRD are none of its business.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane import command
from tests.controlplane.api import Api, Objects, path_of
from tests.controlplane.audit import Audit
from tests.controlplane.crd_objects import KIND
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import CRD, new_namespace
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

CRD_NAME = "podconfigmapconfigs.podconfig.example.com"
CRDS = "CustomResourceDefinition"
INSTALL = "kubectl apply -f crd/podconfigmapconfig_crd.yaml"
MADE = "pod-web-from-mine-cfg"
GONE = "pod-web-from-gone-cfg"


@pytest.fixture(scope="module")
def own_plane(
    control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """Asks for the session's too, which skips or fails where there can be none."""
    plane = ControlPlane.start(tmp_path_factory.mktemp("own-control-plane"))
    yield plane
    plane.stop()


@pytest.fixture(scope="module")
def own(own_plane: ControlPlane) -> Api:
    """The admin of a cluster with the CRD."""
    api = Api(own_plane.server, own_plane.ca_file, own_plane.admin_token)
    api.apply_crd(CRD)
    return api


@pytest.fixture(scope="module")
def kubeconfig(own_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return own_plane.kubeconfig(tmp_path_factory.mktemp("own") / "kubeconfig")


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
def places(own: Api, kubeconfig: Path) -> list[str]:
    """The only two namespaces in which a run has anything to do."""
    for config in own.list(KIND):
        own.delete(KIND, config["metadata"]["namespace"], config["metadata"]["name"])
    assert command.run("-A", kubeconfig=kubeconfig).code == 0
    return make_places(own, kubeconfig)


def config_maps(api: Api, places: list[str]) -> list[Objects]:
    return [all_config_maps(api, where) for where in places]


def test_all_namespaces_in_one_run(
    own: Api, own_plane: ControlPlane, kubeconfig: Path, places: list[str]
) -> None:
    """Spec §7, §2: -A; the Pods of namespaces with configs; and a second run writes nothing."""
    change_config(own, places[0], selecting(app="none"))
    own.make_pod(places[1], "new")
    done = command.run("-A", kubeconfig=kubeconfig)
    assert (done.code, done.stderr.count("\n")) == (0, 1)
    assert done.stdout.endswith("Done: 1 created, 0 updated, 3 deleted, 1 unchanged\n")
    assert names(own, places[0]) == []
    assert names(own, places[1]) == ["pod-new-from-mine-cfg", MADE]
    for where in places:
        assert condition(status_of(own, where))["status"] == "True"

    audit = Audit(own_plane.audit_log)
    mark = audit.mark()
    assert command.run("-A", kubeconfig=kubeconfig).code == 0
    events = audit.since(mark, user_agent="podcm-sync/")
    seen = [(event.verb, event.resource, event.namespace) for event in events]
    assert seen[:2] == [("list", "configmaps", ""), ("list", "podconfigmapconfigs", "")]
    # Some at once, so in no certain order.
    assert sorted(seen[2:]) == sorted(("list", "pods", where) for where in places)


def test_configs_reach_no_further_than_their_namespace(
    own: Api, kubeconfig: Path, places: list[str]
) -> None:
    """Spec §1: it selects Pods of its own namespace, though another has the same names."""
    own.delete(KIND, places[0], "mine")
    assert command.run("-A", kubeconfig=kubeconfig).code == 0
    assert [names(own, where) for where in places] == [[], [MADE]]


def test_when_the_last_config_is_gone_so_are_its_config_maps(
    own: Api, kubeconfig: Path, places: list[str]
) -> None:
    """Spec §2: an empty list with the CRD in place is the truth."""
    for where in places:
        own.delete(KIND, where, "mine")
    assert command.run("-A", kubeconfig=kubeconfig).code == 0
    assert [names(own, where) for where in places] == [[], []]


@pytest.fixture(scope="module")
def going(own: Api, kubeconfig: Path) -> list[str]:
    """The CRD is being deleted; somebody's finalizer on one config keeps both from going.

    All other configs have gone already: in the second namespace there is none any more.
    """
    places = make_places(own, kubeconfig)
    own.patch(KIND, places[0], "mine", {"metadata": {"finalizers": [FINALIZER]}})
    own.delete(CRDS, None, CRD_NAME)
    own.wait_for(lambda: len(own.list(KIND)) == 1)
    (held,) = own.list(KIND)
    assert (held["metadata"]["namespace"], held["metadata"]["name"]) == (places[0], "mine")
    assert "deletionTimestamp" in held["metadata"]
    return places


def test_while_the_crd_is_going_nothing_is_deleted_for_configs_that_seem_gone(
    own: Api, kubeconfig: Path, going: list[str]
) -> None:
    """Spec §2: its list is 200 and empty; the scope is incomplete, exit 5, one line."""
    before = config_maps(own, going)
    done = command.run("-n", going[1], kubeconfig=kubeconfig)
    assert done.code == 5
    assert "is being removed" in command.error_of(done)
    assert INSTALL in command.error_of(done)
    assert config_maps(own, going) == before


def test_while_the_crd_is_going_that_is_said_once(kubeconfig: Path, going: list[str]) -> None:
    """Spec §7: errors: one line that says what failed."""
    done = command.run("-A", "--dry-run", kubeconfig=kubeconfig)
    assert done.code == 5
    assert "is being removed" in command.error_of(done)


def test_while_the_crd_is_going_nothing_is_deleted_for_the_config_that_is_held(
    own: Api, kubeconfig: Path, going: list[str]
) -> None:
    """Spec §2, §6: it has a deletionTimestamp because its CRD has one: nobody deleted it."""
    own.delete("ConfigMap", going[0], GONE)  # its config has long been gone, which is noticed
    before = config_maps(own, going)
    done = command.run("-n", going[0], kubeconfig=kubeconfig)
    assert config_maps(own, going) == before
    assert done.code == 5
    assert "is being removed" in command.error_of(done)


@pytest.fixture(scope="module")
def absent(own: Api, going: list[str]) -> list[str]:
    """The CRD is gone, and what was made is still there."""
    own.patch(KIND, going[0], "mine", {"metadata": {"finalizers": None}})
    own.wait_for(lambda: own.request("GET", path_of(KIND, None))[0] == 404)
    return going


@pytest.mark.parametrize("options", [["-A"], ["-A", "--dry-run"], []])
def test_without_the_crd_nothing_is_deleted(
    own: Api, kubeconfig: Path, absent: list[str], options: list[str]
) -> None:
    """Spec §6: no CRD: exit 5, and one line that says how to install it."""
    before = config_maps(own, absent)
    assert any(made["metadata"]["name"] == MADE for made in before[1])
    done = command.run(*(options or ["-n", absent[1]]), kubeconfig=kubeconfig)
    assert (done.code, done.stdout) == (5, "")
    assert "does not know PodConfigMapConfigs" in command.error_of(done)
    assert INSTALL in command.error_of(done)
    assert config_maps(own, absent) == before
