"""Configs and generated ConfigMaps that change while a loop watches (§10)."""

import time

import pytest

from tests.controlplane import loops, own
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.crd_objects import KIND
from tests.controlplane.loops import (
    NAME,
    QUIET,
    TOOL,
    Loop,
    Requests,
    wait_for_counts,
    wait_for_data,
    wait_for_reason,
    wait_until_ready,
)
from tests.controlplane.sync_objects import (
    GENERATED_BY,
    INVALID,
    VALID_AGAIN,
    change_config,
    condition,
    config_map,
    generated,
    make_config,
    names,
    selecting,
    status_of,
)
from tests.controlplane.test_events import events, said

control_plane, api, deletions = own.control_plane, own.api, own.deletions
loop = pytest.fixture(scope="module")(loops.everywhere)


@pytest.fixture
def requests(loop: Loop, api: Api, audit: Audit, namespace: str) -> Requests:
    """A config for Pods with app=web, and two such Pods; the loop has synced them."""
    for name in ("web", "api"):
        api.make_pod(namespace, name, labels={"app": "web", "v": "1"}, annotations={"note": "n"})
    make_config(api, namespace, spec=selecting(app="web"))
    wait_for_counts(api, namespace, matched=2, config_maps=2)
    assert loop.full_runs == 1
    return Requests(audit, namespace)


OF_API = "pod-api-from-mine-cfg"
BOTH = [OF_API, NAME]


def test_the_first_config_of_a_namespace_lists_it_once(
    loop: Loop, api: Api, audit: Audit, namespace: str
) -> None:
    """Until then no Pods of the namespace were kept."""
    api.make_pod(namespace, "web")
    requests = Requests(audit, namespace)
    make_config(api, namespace)
    wait_for_counts(api, namespace, matched=1, config_maps=1)
    listed = requests.lists()
    assert (listed.count("pods"), listed.count("podconfigmapconfigs")) == (1, 1)
    assert {event.namespace for event in requests.all("list")} == {namespace}
    assert loop.full_runs == 1


def test_a_second_config_is_synced_without_a_list(
    api: Api, namespace: str, requests: Requests
) -> None:
    make_config(api, namespace, "second", selecting(v="1") | {"labelsToInclude": ["v"]})
    wait_for_counts(api, namespace, matched=2, config_maps=2, config="second")
    assert generated(api, namespace, "pod-web-from-second-cfg")["data"]["label_v"] == "1"
    assert requests.lists() == []


def test_a_config_that_includes_another_label_needs_no_list(
    api: Api, namespace: str, requests: Requests
) -> None:
    change_config(api, namespace, {"labelsToInclude": ["v"]})
    wait_for_data(api, namespace, "label_v", "1")
    wait_for_data(api, namespace, "label_v", "1", OF_API)
    wait_until_ready(api, namespace)
    assert requests.lists() == []


def test_a_config_that_includes_another_annotation_lists_the_pods_once(
    api: Api, namespace: str, requests: Requests
) -> None:
    """Annotations that no config includes aren't kept."""
    change_config(api, namespace, {"annotationsToInclude": ["note"]})
    wait_for_data(api, namespace, "annotation_note", "n")
    wait_for_data(api, namespace, "annotation_note", "n", OF_API)
    wait_until_ready(api, namespace)
    assert requests.lists().count("pods") == 1
    assert {event.namespace for event in requests.all("list")} == {namespace}


def test_a_config_that_selects_other_pods_moves_its_config_maps(
    api: Api, namespace: str, requests: Requests
) -> None:
    api.make_pod(namespace, "db", labels={"app": "db"})
    change_config(api, namespace, selecting(app="db"))
    api.wait_for(lambda: names(api, namespace) == ["pod-db-from-mine-cfg"])
    wait_for_counts(api, namespace, matched=1, config_maps=1)
    assert requests.lists() == []


def test_a_suspended_config_is_left_alone_until_it_is_resumed(
    api: Api, namespace: str, requests: Requests
) -> None:
    change_config(api, namespace, {"suspend": True, "labelsToInclude": ["v"]})
    time.sleep(QUIET * 0.2)
    api.make_pod(namespace, "late", labels={"app": "web"})
    api.patch("Pod", namespace, "web", {"metadata": {"labels": {"app": "other"}}})
    time.sleep(QUIET * 1.5)
    assert requests.verbs() == []
    assert names(api, namespace) == BOTH
    change_config(api, namespace, {"suspend": False})
    api.wait_for(lambda: names(api, namespace) == [OF_API, "pod-late-from-mine-cfg"])
    wait_for_counts(api, namespace, matched=2, config_maps=2)
    wait_for_data(api, namespace, "label_v", "1", OF_API)
    assert requests.lists() == []


def test_a_deleted_config_loses_its_config_maps_once_it_is_quiet_and_discovery_was_asked(
    api: Api, namespace: str, requests: Requests
) -> None:
    began = time.monotonic()
    api.delete(KIND, namespace, "mine")
    api.wait_for(lambda: names(api, namespace) == [])
    assert time.monotonic() - began >= QUIET * 0.9
    # Once a pass: the prompt one creates what another config may get by now.
    assert requests.discovery() == 2
    assert sorted(requests.verbs()) == [
        *[("delete", "configmaps")] * 2,
        *[("get", resource) for resource in ("podconfigmapconfigs", "pods") for _ in range(2)],
    ]


def test_a_config_recreated_under_its_name_keeps_its_config_maps(
    api: Api, namespace: str, requests: Requests
) -> None:
    uids = [generated(api, namespace, name)["metadata"]["uid"] for name in BOTH]
    api.delete(KIND, namespace, "mine")
    make_config(api, namespace, spec=selecting(app="web"))
    wait_for_counts(api, namespace, matched=2, config_maps=2)
    assert [generated(api, namespace, name)["metadata"]["uid"] for name in BOTH] == uids
    assert requests.all("delete") == []


def test_an_invalid_config_is_told_within_seconds_and_fixed_as_fast(
    api: Api, namespace: str, requests: Requests
) -> None:
    change_config(api, namespace, INVALID)
    wait_for_reason(api, namespace, "InvalidSpec")
    assert condition(status_of(api, namespace), "Stalled")["status"] == "True"
    api.wait_for(lambda: said(api, namespace) == [("Warning", "InvalidSpec")])
    assert names(api, namespace) == BOTH
    change_config(api, namespace, VALID_AGAIN | {"labelsToInclude": ["v"]})
    wait_for_data(api, namespace, "label_v", "1")
    wait_until_ready(api, namespace)
    api.wait_for(lambda: ("Normal", "Recovered") in said(api, namespace))
    assert requests.all("delete") == []


def test_a_template_that_fails_on_one_pod_is_told_and_recovers_with_the_pod(
    api: Api, namespace: str, requests: Requests
) -> None:
    change_config(api, namespace, {"configMapDataTemplate": {"x": '{{ required "r" .labels.r }}'}})
    wait_for_reason(api, namespace, "SomeConfigMapsFailed")
    assert status_of(api, namespace)["failures"] == 2
    for name in ("web", "api"):
        api.patch("Pod", namespace, name, {"metadata": {"labels": {"r": name}}})
    wait_for_data(api, namespace, "x", "web")
    wait_for_counts(api, namespace, matched=2, config_maps=2)
    api.wait_for(lambda: [each["reason"] for each in events(api, namespace)][-1] == "Recovered")
    assert requests.all("delete") == []


def test_a_deleted_config_map_is_put_back(api: Api, namespace: str, requests: Requests) -> None:
    api.delete("ConfigMap", namespace, NAME)
    api.wait_for(lambda: names(api, namespace) == BOTH)
    time.sleep(QUIET * 1.5)
    assert requests.verbs() == [("create", "configmaps")]


def test_an_edited_config_map_is_restored(api: Api, namespace: str, requests: Requests) -> None:
    api.patch("ConfigMap", namespace, NAME, {"data": {"phase": "edited", "mine": "too"}})
    wait_for_data(api, namespace, "phase", "Pending")
    wait_for_data(api, namespace, "mine", None)
    api.patch("ConfigMap", namespace, NAME, {"metadata": {"ownerReferences": None}})
    api.wait_for(lambda: generated(api, namespace)["metadata"].get("ownerReferences"))
    api.patch("ConfigMap", namespace, NAME, {"metadata": {"annotations": {"of": "others"}}})
    time.sleep(QUIET * 1.5)
    assert requests.verbs() == [("patch", "configmaps")] * 2
    assert generated(api, namespace)["metadata"]["annotations"] == {"of": "others"}


def test_a_config_map_without_its_label_is_foreign_and_tried_only_once(
    api: Api, namespace: str, requests: Requests
) -> None:
    api.patch("ConfigMap", namespace, NAME, {"metadata": {"labels": {GENERATED_BY: None}}})
    wait_for_reason(api, namespace, "SomeConfigMapsFailed")
    assert "Foreign" in condition(status_of(api, namespace))["message"]
    time.sleep(QUIET * 2.5)
    creates = [event.code for event in requests.all("create") if event.resource == "configmaps"]
    assert creates == [409]
    assert requests.all("delete") == []
    # It has its label again: seen, and ours.
    labels = {"labels": {GENERATED_BY: "mine"}}
    api.patch("ConfigMap", namespace, NAME, {"metadata": labels})
    wait_for_counts(api, namespace, matched=2, config_maps=2)
    assert requests.lists() == []


def test_a_foreign_config_map_in_the_way_is_tried_only_once(
    api: Api, namespace: str, requests: Requests
) -> None:
    """Other people's ConfigMaps aren't watched, so the next full run finds out that it is gone."""
    api.create(config_map(namespace, "pod-new-from-mine-cfg", {"my": "own"}))
    api.make_pod(namespace, "new", labels={"app": "web"})
    wait_for_reason(api, namespace, "SomeConfigMapsFailed")
    api.wait_for(lambda: said(api, namespace) == [("Warning", "SomeConfigMapsFailed")])
    for value in ("1", "2", "3"):
        api.patch("Pod", namespace, "web", {"metadata": {"labels": {"v": value}}})
        time.sleep(QUIET * 0.5)
    time.sleep(QUIET)
    refused = [event for event in requests.all("create") if event.code == 409]
    assert len(refused) == 1
    assert generated(api, namespace, "pod-new-from-mine-cfg")["data"] == {"my": "own"}


def test_what_another_client_edited_is_deleted_in_that_version(
    api: Api, namespace: str, requests: Requests
) -> None:
    """A look shows that nothing needs it, although another client wrote it last."""
    note = {"annotations": {"of": "others"}}
    api.patch("ConfigMap", namespace, NAME, {"metadata": note})
    time.sleep(QUIET * 0.3)
    for name in ("web", "api"):
        api.patch("Pod", namespace, name, {"metadata": {"labels": {"app": "other"}}})
    api.wait_for(lambda: names(api, namespace) == [])
    wait_for_counts(api, namespace, matched=0, config_maps=0)
    assert sorted(event.name for event in requests.all("delete")) == [OF_API, NAME]


def test_another_clients_config_map_of_our_form_is_judged_by_the_full_run_alone(
    api: Api, namespace: str, requests: Requests
) -> None:
    labels = {GENERATED_BY: "mine", "podconfig.example.com/pod-uid": "0-0"}
    api.create(config_map(namespace, "pod-old-from-mine-cfg", {"a": "b"}, labels=labels))
    time.sleep(QUIET * 2)
    assert "pod-old-from-mine-cfg" in names(api, namespace)
    assert requests.all("delete") == []


def test_the_tool_is_known_by_its_user_agent(audit: Audit, requests: Requests) -> None:
    """Or else each check above for the absence of requests could not fail."""
    assert audit.since(0, user_agent=TOOL)
    assert requests.all() == []
