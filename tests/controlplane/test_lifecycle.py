"""The life of an installation: a newer CRD, upgrade, restore, several clusters, and uninstall.

The pages of docs/ describe each. The tests run the pages' own commands, which are about a whole
cluster, so they have a control plane of their own.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.controlplane import own
from tests.controlplane.api import Api, Object
from tests.controlplane.audit import Audit
from tests.controlplane.crd_objects import KIND, pcmc
from tests.controlplane.harness import ControlPlane
from tests.controlplane.pages import Checkout, blocks
from tests.controlplane.plugin import CRD, new_namespace
from tests.controlplane.sync_objects import (
    GENERATED_BY,
    POD_UID,
    condition,
    config_map,
    generated,
    make_config,
    names,
    selecting,
    settle,
    status_of,
)

control_plane, api, deletions = own.control_plane, own.api, own.deletions
PART_OF = "app.kubernetes.io/part-of=podcm-sync"


@pytest.fixture
def checkout(control_plane: ControlPlane, kubeconfig: Path, tmp_path: Path) -> Checkout:
    return Checkout.at(tmp_path / "checkout", control_plane, kubeconfig)


@pytest.fixture(autouse=True)
def nothing_of_another_test(api: Api) -> Iterator[None]:
    """The commands are about a whole cluster, so each test removes what it made."""
    yield
    api.apply_crd(CRD)
    for kind in (KIND, "ConfigMap", "Pod"):
        for found in api.list(kind):
            metadata = found["metadata"]
            if metadata["namespace"].startswith("t-") and metadata["name"] != "kube-root-ca.crt":
                options = {"gracePeriodSeconds": 0} if kind == "Pod" else {}
                api.delete(kind, metadata["namespace"], metadata["name"], **options)


def newer_crd(api: Api, folder: Path) -> None:
    """Install our CRD as a later version may have it: with a field and an operator more."""
    text = CRD.read_text(encoding="utf-8")
    rule = "'DoesNotExist']\n                        fieldPath: .operator"
    assert rule in text
    crd: Any = yaml.safe_load(text.replace(rule, rule.replace("']", "', 'Gt']")))
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["properties"]["maxPods"] = {"type": "integer"}
    path = folder / "newer.yaml"
    path.write_text(yaml.safe_dump(crd), encoding="utf-8")
    api.apply_crd(path)

    def is_served() -> bool:
        """The server drops the field until it has the new schema."""
        body = pcmc({"maxPods": 1}, "default", "probe")
        path = "/apis/podconfig.example.com/v1alpha1/namespaces/default/podconfigmapconfigs"
        code, answer = api.request("POST", path, body, query={"dryRun": "All"})
        return code == 201 and answer["spec"] == {"maxPods": 1}

    api.wait_for(is_served)


def versions(api: Api, namespace: str, config: str) -> dict[str, str]:
    """The resourceVersion of each ConfigMap that a config generated: a write changes it."""
    found = api.list("ConfigMap", namespace, f"{GENERATED_BY}={config}")
    return {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in found}


def labelled(api: Api, namespace: str, name: str, **labels: str) -> None:
    api.patch("Pod", namespace, name, {"metadata": {"labels": labels}})


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"maxPods": 1}, "spec: field `maxPods` is newer than this version of podcm-sync"),
        (
            {
                "podSelector": {
                    "matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]
                }
            },
            (
                'spec.podSelector.matchExpressions[0].operator: operator "Gt" is newer than this '
                "version of podcm-sync"
            ),
        ),
    ],
)
def test_what_a_newer_crd_has_is_left_alone_until_it_goes(  # noqa: PLR0917 - fixtures
    api: Api,
    audit: Audit,
    namespace: str,
    checkout: Checkout,
    tmp_path: Path,
    spec: Object,
    message: str,
) -> None:
    """behavior.md §1: the config's ConfigMaps stay, and the rest of the namespace goes on."""
    for name in ("web-0", "web-1", "db-0"):
        api.make_pod(namespace, name, labels={"app": name.partition("-")[0], "tier": "a"})
    for name in ("web", "db"):
        make_config(api, namespace, name, selecting(app=name) | {"labelsToInclude": ["tier"]})
    checkout.run("podcm-sync -A")
    before, generation = versions(api, namespace, "web"), status_of(api, namespace, "web")
    assert len(before) == 2

    newer_crd(api, tmp_path)
    api.patch(KIND, namespace, "web", {"spec": spec})
    # Each of these would be an update, a create, or a delete.
    labelled(api, namespace, "web-0", tier="b")
    labelled(api, namespace, "web-1", app="other")
    api.make_pod(namespace, "web-2", labels={"app": "web"})
    labelled(api, namespace, "db-0", tier="b")
    report = json.loads(checkout.run("podcm-sync -A -o json", code=3).stdout)
    assert [(each["name"], each["reason"]) for each in report["problems"]] == [("web", "NewerSpec")]
    assert report["problems"][0]["message"] == message
    assert versions(api, namespace, "web") == before
    assert generated(api, namespace, "pod-db-0-from-db-cfg")["data"]["label_tier"] == "b"
    status = status_of(api, namespace, "web")
    assert status["observedGeneration"] == generation["observedGeneration"]
    assert {key: status[key] for key in ("matchedPods", "configMaps", "failures")} == {
        key: generation[key] for key in ("matchedPods", "configMaps", "failures")
    }
    assert [each["type"] for each in status["conditions"]] == ["Ready"]
    ready = condition(status)
    assert (ready["status"], ready["reason"]) == ("False", "NewerSpec")
    assert ready["message"].startswith(message)

    mark = audit.mark()
    checkout.run("podcm-sync -A", code=3)
    assert {event.verb for event in audit.since(mark, namespace=namespace)} <= {"list"}

    # docs/upgrade.md, "Downgrade podcm-sync", with the field removed between its steps.
    listing, preview = blocks("upgrade.md", "Downgrade podcm-sync")
    assert "NewerSpec: spec" in checkout.run(listing).stdout
    older: Object = {"maxPods": None, "podSelector": {"matchExpressions": None}}
    api.patch(KIND, namespace, "web", {"spec": older})
    assert "NewerSpec" not in checkout.run(listing).stdout
    assert "1 to delete" in checkout.run(preview).stdout
    api.apply_crd(CRD)
    checkout.run("podcm-sync -A")
    assert names(api, namespace) == [
        "pod-db-0-from-db-cfg",
        "pod-web-0-from-web-cfg",
        "pod-web-2-from-web-cfg",
    ]


def test_an_older_crd_drops_a_newer_field_as_the_page_warns(
    api: Api, namespace: str, tmp_path: Path
) -> None:
    """That is why docs/upgrade.md removes the fields first."""
    newer_crd(api, tmp_path)
    make_config(api, namespace, "web", {"maxPods": 1})
    api.apply_crd(CRD)

    def is_dropped() -> bool:
        found = api.get(KIND, namespace, "web")
        return found is not None and found["spec"] == {}

    assert api.wait_for(is_dropped)


def test_an_upgrade_by_the_page_writes_nothing_needless(
    api: Api, audit: Audit, namespace: str, checkout: Checkout
) -> None:
    """From an installation of today's manifests."""
    checkout.run("kubectl apply -f crd/ -f deploy/")
    api.make_pod(namespace, "web-0", labels={"app": "web"})
    make_config(api, namespace, "web", selecting(app="web"))
    checkout.run("podcm-sync -A")
    mark = audit.mark()
    for block in blocks("upgrade.md", "Upgrade podcm-sync"):
        # This account is an administrator's, who can't look at podcm-sync's own permissions.
        checkout.run(block)
    checkout.run("podcm-sync -A")
    written = {event.verb for event in audit.since(mark, namespace=namespace)} - {"list", "get"}
    assert written == set()
    checkout.run(f"kubectl delete cronjobs,jobs -n podcm-sync -l {PART_OF}")


def dead(found: Object, *, is_owned: bool = True) -> Object:
    """A ConfigMap as a backup has it: of a Pod whose uid no longer exists."""
    kept = {"name", "namespace", "labels", "annotations"}
    kept |= {"ownerReferences"} if is_owned else set()
    metadata = {key: value for key, value in found["metadata"].items() if key in kept}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": found["data"]}


def test_a_restore_converges_in_one_run_although_all_owners_are_dead(
    api: Api, audit: Audit, control_plane: ControlPlane, checkout: Checkout
) -> None:
    """docs/backup.md. Pods get new uids, and the garbage collector is at work meanwhile."""
    namespace = new_namespace(api)
    pods = [f"web-{number}" for number in range(6)]
    for name in pods:
        api.make_pod(namespace, name, labels={"app": "web"})
    make_config(api, namespace, "web", selecting(app="web") | {"labelsToInclude": ["app"]})
    checkout.run("podcm-sync -A")
    (backup,) = blocks("backup.md", "Back up the configs")
    checkout.run(backup)
    saved = {each["metadata"]["name"]: each for each in api.list("ConfigMap", namespace, POD_UID)}
    assert len(saved) == 6

    api.delete(KIND, namespace, "web")
    for name in pods:
        settle(api, namespace, name)
    api.wait_for(lambda: not api.list("ConfigMap", namespace, POD_UID))

    # The last Pod isn't restored.
    for name in pods[:-1]:
        api.make_pod(namespace, name, labels={"app": "web"})
    restore, sync = blocks("backup.md", "Restore the configs")
    with control_plane.controllers_paused():
        # The run sees them before the garbage collector does; and three have lost their owner.
        for number, name in enumerate(sorted(saved)):
            api.create(dead(saved[name], is_owned=number % 2 == 0))
        checkout.run(restore)
        assert condition(status_of(api, namespace, "web"))["reason"] == "Pending"
        done = checkout.run(sync)
        assert "Ready" in done.stdout
    wanted = [f"pod-{name}-from-web-cfg" for name in pods[:-1]]
    uids = {name: (api.get("Pod", namespace, name) or {})["metadata"]["uid"] for name in pods[:-1]}
    for name in pods[:-1]:
        metadata = generated(api, namespace, f"pod-{name}-from-web-cfg")["metadata"]
        assert metadata["labels"][POD_UID] == uids[name]
        assert [each["uid"] for each in metadata["ownerReferences"]] == [uids[name]]

    # The one without a Pod had no owner, so podcm-sync deleted it. The collector deletes no other.
    api.wait_for(lambda: names(api, namespace) == wanted)
    mark = audit.mark()
    checkout.run("podcm-sync -A")
    assert {event.verb for event in audit.since(mark, namespace=namespace)} <= {"list"}
    time.sleep(3)
    assert names(api, namespace) == wanted


def test_a_restore_converges_beside_the_garbage_collector(api: Api, checkout: Checkout) -> None:
    """The collector deletes some of them during the run; it makes them again, in the same run."""
    namespace = new_namespace(api)
    made = [api.make_pod(namespace, f"web-{number}") for number in range(20)]
    make_config(api, namespace, "web", {})
    checkout.run("podcm-sync -A")
    saved = api.list("ConfigMap", namespace, POD_UID)
    for pod in made:
        api.delete("Pod", namespace, pod["metadata"]["name"])
    api.wait_for(lambda: not api.list("ConfigMap", namespace, POD_UID))
    for pod in made:
        api.make_pod(namespace, pod["metadata"]["name"])
    for each in saved:
        api.create(dead(each))
    checkout.run("podcm-sync -A")
    wanted = sorted(each["metadata"]["name"] for each in saved)
    assert names(api, namespace) == wanted
    time.sleep(3)
    assert names(api, namespace) == wanted


def test_each_cluster_is_asked_by_its_context(
    api: Api, control_plane: ControlPlane, namespace: str, checkout: Checkout
) -> None:
    """docs/clusters.md; both contexts lead to the one cluster of the test."""
    make_config(api, namespace, "web", {})
    config: Any = yaml.safe_load(checkout.kubeconfig.read_text(encoding="utf-8"))
    (context,) = config["contexts"]
    config["contexts"] = [context | {"name": name} for name in ("prod-eu", "prod-us")]
    config["current-context"] = ""
    checkout.kubeconfig.write_text(yaml.safe_dump(config), encoding="utf-8")
    (block,) = blocks("clusters.md", "Check all clusters from one place")
    printed = checkout.run(block).stdout
    assert printed.count("== prod-") == 2
    assert printed.count(f"\n{namespace}") == 2


def test_on_openshift_the_pod_has_no_fixed_user(api: Api, checkout: Checkout) -> None:
    """docs/openshift.md, under PodSecurity `restricted`, which would warn."""
    (block,) = blocks("openshift.md", "Install it")
    done = checkout.run(block)
    assert "would violate" not in done.stderr
    found = api.get("CronJob", "podcm-sync", "podcm-sync") or {}
    spec = found["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    checkout.run(f"kubectl delete cronjobs,jobs -n podcm-sync -l {PART_OF}")


def test_an_uninstall_by_the_page_leaves_what_it_should_and_nothing_else(
    api: Api, namespace: str, checkout: Checkout
) -> None:
    checkout.run("kubectl apply -f crd/ -f deploy/")
    for name in ("web-0", "web-1"):
        api.make_pod(namespace, name, labels={"app": "web"})
    make_config(api, namespace, "web", selecting(app="web"))
    checkout.run("podcm-sync -A")
    owned = ["pod-web-0-from-web-cfg", "pod-web-1-from-web-cfg"]
    labels = {GENERATED_BY: "web", POD_UID: ""}
    api.create(config_map(namespace, "pod-gone-from-web-cfg", {}, labels=labels))
    api.create(config_map(namespace, "foreign", {}))

    (stop,) = blocks("uninstall.md", "Stop the runs")
    checkout.run(stop)
    assert api.list("CronJob", "podcm-sync") == []
    assert api.list("Pod", "podcm-sync") == []
    assert names(api, namespace) == ["foreign", "pod-gone-from-web-cfg", *owned]

    (save,) = blocks("uninstall.md", "Save the configs")
    checkout.run(save)
    saved: Any = yaml.safe_load((checkout.folder / "pcmc-backup.yaml").read_text())
    assert [each["metadata"]["name"] for each in saved["items"]] == ["web"]

    keep, delete = blocks("uninstall.md", "Decide about the generated ConfigMaps")
    checkout.run(keep)
    assert names(api, namespace) == ["foreign", *owned]

    own_objects, team, crd = blocks("uninstall.md", "Delete podcm-sync")
    checkout.run(own_objects)
    checkout.run(team.replace("-n shop", f"-n {namespace}"))
    checkout.run(crd)
    assert api.get("Namespace", None, "podcm-sync") is None
    assert names(api, namespace) == ["foreign", *owned]
    # With its Pod, a ConfigMap goes: nobody has to know that it was podcm-sync's.
    settle(api, namespace, "web-1")
    api.wait_for(lambda: names(api, namespace) == ["foreign", owned[0]])

    (check,) = blocks("uninstall.md", "Check that nothing is left")
    done = checkout.run(check)
    assert done.stderr.count("No resources found") == 2
    assert done.stdout.split()[-4:][:2] == [namespace, owned[0]]
    checkout.run(delete)
    assert names(api, namespace) == ["foreign"]
    assert checkout.run(check).stderr.count("No resources found") == 3
