"""Pods that come, change, and go while a loop watches (§10): seen at once, without a list."""

import time

import pytest

from tests.controlplane import loops, own
from tests.controlplane.api import Api, Object
from tests.controlplane.audit import Audit
from tests.controlplane.harness import ControlPlane
from tests.controlplane.loops import (
    NAME,
    QUIET,
    Loop,
    Requests,
    wait_for_counts,
    wait_for_data,
    wait_until_ready,
)
from tests.controlplane.sync_objects import (
    FINALIZER,
    POD_UID,
    generated,
    make_config,
    names,
    owner,
    selecting,
    settle,
    status_of,
)

control_plane, api, deletions = own.control_plane, own.api, own.deletions
loop = pytest.fixture(scope="module")(loops.everywhere)


@pytest.fixture
def requests(loop: Loop, api: Api, audit: Audit, namespace: str) -> Requests:
    """A config for Pods with app=web, and one such Pod; the loop has synced both."""
    included: Object = {"labelsToInclude": ["app", "v"], "annotationsToInclude": ["note"]}
    make_config(api, namespace, spec=selecting(app="web") | included)
    api.make_pod(namespace, "web", labels={"app": "web"})
    wait_for_counts(api, namespace, matched=1, config_maps=1)
    assert loop.full_runs == 1
    return Requests(audit, namespace)


def relabel(api: Api, namespace: str, labels: Object, pod: str = "web") -> None:
    api.patch("Pod", namespace, pod, {"metadata": {"labels": labels}})


def test_a_new_pod_gets_its_config_map_and_is_counted(
    api: Api, namespace: str, requests: Requests
) -> None:
    pod = api.make_pod(namespace, "api", labels={"app": "web", "v": "7"})
    name = "pod-api-from-mine-cfg"
    api.wait_for(lambda: api.get("ConfigMap", namespace, name))
    made = generated(api, namespace, name)
    assert made["metadata"]["ownerReferences"] == [owner(pod)]
    assert made["data"]["label_v"] == "7"
    wait_for_counts(api, namespace, matched=2, config_maps=2)
    assert requests.verbs() == [
        ("create", "configmaps"),
        ("patch", "podconfigmapconfigs/status"),
    ]


def test_a_pod_that_no_config_selects_causes_no_request(
    api: Api, namespace: str, requests: Requests
) -> None:
    api.make_pod(namespace, "other", labels={"app": "other"})
    relabel(api, namespace, {"v": "8"}, "other")
    settle(api, namespace, "other")
    time.sleep(QUIET * 1.5)
    assert requests.verbs() == []


def test_a_pod_relabelled_out_of_the_selector_loses_its_config_map_once_it_is_quiet(
    api: Api, namespace: str, requests: Requests
) -> None:
    began = time.monotonic()
    relabel(api, namespace, {"app": "other"})
    api.wait_for(lambda: names(api, namespace) == [])
    assert time.monotonic() - began >= QUIET * 0.9
    wait_for_counts(api, namespace, matched=0, config_maps=0)
    relabel(api, namespace, {"app": "web"})
    api.wait_for(lambda: names(api, namespace) == [NAME])
    wait_for_counts(api, namespace, matched=1, config_maps=1)
    assert requests.lists() == []


def test_a_pod_relabelled_out_and_back_within_the_quiet_time_keeps_its_config_map(
    api: Api, namespace: str, requests: Requests
) -> None:
    uid = generated(api, namespace)["metadata"]["uid"]
    relabel(api, namespace, {"app": "other"})
    relabel(api, namespace, {"app": "web"})
    time.sleep(QUIET * 1.5)
    assert generated(api, namespace)["metadata"]["uid"] == uid
    assert requests.all("delete") == []


def test_included_labels_and_annotations_are_followed_and_others_cause_no_request(
    api: Api, namespace: str, requests: Requests
) -> None:
    relabel(api, namespace, {"v": "1"})
    wait_for_data(api, namespace, "label_v", "1")
    api.patch("Pod", namespace, "web", {"metadata": {"annotations": {"note": "a"}}})
    wait_for_data(api, namespace, "annotation_note", "a")
    relabel(api, namespace, {"v": None})
    wait_for_data(api, namespace, "label_v", None)
    assert requests.verbs() == [("patch", "configmaps")] * 3
    relabel(api, namespace, {"unimportant": "1"})
    api.patch("Pod", namespace, "web", {"metadata": {"annotations": {"other": "b"}}})
    time.sleep(QUIET * 1.5)
    assert requests.verbs() == [("patch", "configmaps")] * 3


def test_the_phase_and_the_node_are_followed(api: Api, namespace: str, requests: Requests) -> None:
    api.patch("Pod", namespace, "web", {"status": {"phase": "Running"}}, "status")
    wait_for_data(api, namespace, "phase", "Running")
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "web"}}
    path = f"/api/v1/namespaces/{namespace}/pods/web/binding"
    status, answer = api.request("POST", path, binding | {"target": {"name": "node-1"}})
    assert status == 201, answer
    wait_for_data(api, namespace, "nodeName", "node-1")
    assert requests.lists() == []


def test_a_terminating_pod_is_not_counted_and_its_config_map_stays_as_it_is(
    api: Api, namespace: str, requests: Requests
) -> None:
    api.patch("Pod", namespace, "web", {"metadata": {"finalizers": [FINALIZER]}})
    before = generated(api, namespace)
    api.delete("Pod", namespace, "web", gracePeriodSeconds=0)
    relabel(api, namespace, {"v": "late"})
    api.wait_for(lambda: status_of(api, namespace)["matchedPods"] == 0)
    relabel(api, namespace, {"app": "other"})
    time.sleep(QUIET * 1.5)
    assert generated(api, namespace) == before
    assert {verb for verb, _ in requests.verbs()} == {"patch"}
    assert requests.verbs() == [("patch", "podconfigmapconfigs/status")]
    api.patch("Pod", namespace, "web", {"metadata": {"finalizers": None}})
    api.wait_for(lambda: names(api, namespace) == [])  # by the garbage collector
    assert requests.all("delete") == []


def test_the_config_map_of_a_deleted_pod_is_the_garbage_collectors(
    api: Api, namespace: str, requests: Requests
) -> None:
    settle(api, namespace, "web")
    wait_for_counts(api, namespace, matched=0, config_maps=0)
    # If the deletion of the ConfigMap is seen before that of the Pod, it is made once more.
    api.wait_for(lambda: names(api, namespace) == [])
    assert requests.all("delete") == []
    assert len(requests.all("create")) <= 1


def test_a_pod_recreated_under_its_name_gets_its_config_map(
    api: Api, namespace: str, requests: Requests
) -> None:
    """Whether the garbage collector is faster or slower than that."""
    settle(api, namespace, "web")
    pod = api.make_pod(namespace, "web", labels={"app": "web", "v": "new"})

    def is_in_sync() -> bool:
        found = api.get("ConfigMap", namespace, NAME)
        uid = found and found["metadata"]["labels"][POD_UID]
        return bool(uid == pod["metadata"]["uid"])

    api.wait_for(is_in_sync)
    wait_for_counts(api, namespace, matched=1, config_maps=1)
    time.sleep(QUIET * 1.5)
    assert is_in_sync()
    assert generated(api, namespace)["metadata"]["ownerReferences"] == [owner(pod)]
    assert requests.all("delete") == []
    assert requests.lists() == []


def test_a_pod_recreated_while_its_config_map_still_exists_gets_it_in_one_update(
    api: Api, control_plane: ControlPlane, namespace: str, requests: Requests
) -> None:
    uid = generated(api, namespace)["metadata"]["uid"]
    with control_plane.controllers_paused():
        settle(api, namespace, "web")
        pod = api.make_pod(namespace, "web", labels={"app": "web"})
        pod_uid = pod["metadata"]["uid"]

        def is_of_the_new_pod() -> bool:
            return bool(generated(api, namespace)["metadata"]["labels"][POD_UID] == pod_uid)

        api.wait_for(is_of_the_new_pod)
        assert requests.all("patch")[0].resource == "configmaps"
    wait_for_counts(api, namespace, matched=1, config_maps=1)
    assert generated(api, namespace)["metadata"]["uid"] == uid


def test_a_template_follows_what_it_shows(api: Api, namespace: str, requests: Requests) -> None:
    """Its first template makes podcm-sync list the Pods, of which it kept too little, once."""
    template = {"configMapDataTemplate": {"where": "{{.podIP}}/{{.labels.v}}"}}
    make_config(api, namespace, "templated", selecting(app="web") | template)
    name = "pod-web-from-templated-cfg"
    api.wait_for(lambda: api.get("ConfigMap", namespace, name))
    wait_until_ready(api, namespace, "templated")
    assert requests.lists().count("pods") == 1
    mark = len(requests.lists())
    relabel(api, namespace, {"v": "3"})
    wait_for_data(api, namespace, "where", "/3", name)
    ip = {"podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}]}
    api.patch("Pod", namespace, "web", {"status": ip}, "status")
    wait_for_data(api, namespace, "where", "10.1.2.3/3", name)
    assert len(requests.lists()) == mark


def test_a_hundred_pods_at_once_are_all_synced_without_a_list(
    api: Api, namespace: str, requests: Requests
) -> None:
    for number in range(100):
        api.make_pod(namespace, f"p{number}", labels={"app": "web"})
    wait_for_counts(api, namespace, matched=101, config_maps=101)
    assert len(names(api, namespace)) == 101
    creates = requests.all("create")
    assert len(creates) == 100
    assert requests.lists() == []
    # The statuses wait until it is quiet, so there are a few, and not one for each Pod.
    assert len(requests.all("patch")) <= 5
