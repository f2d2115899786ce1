"""Events on a PodConfigMapConfig: on what changes, once, and never at the cost of a run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import command
from tests.chaos.proxy import Forward, Proxy
from tests.chaos.rules import Observed, Reply
from tests.controlplane.accounts import account, kubeconfig_of, without
from tests.controlplane.api import Api, Object
from tests.controlplane.crd_objects import KIND
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import (
    INVALID,
    VALID_AGAIN,
    change_config,
    condition,
    config_map,
    make_config,
    status_of,
)
from tests.controlplane.syncing import LATER, NOW, NoWaiting, meddling, sync

NAME = "pod-web-from-mine-cfg"
FAILED = ("Warning", "SomeConfigMapsFailed")
RECOVERED = ("Normal", "Recovered")


def events(api: Api, namespace: str) -> list[Object]:
    """All Events on PodConfigMapConfigs there, in the order in which they were stored."""
    status, found = api.request("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")
    assert status == 200, found
    ours = [each for each in found["items"] if each.get("regarding", {}).get("kind") == KIND]
    return sorted(ours, key=lambda each: int(each["metadata"]["resourceVersion"]))


def said(api: Api, namespace: str) -> list[tuple[str, str]]:
    return [(each["type"], each["reason"]) for each in events(api, namespace)]


def take_the_name(api: Api, namespace: str) -> None:
    """Somebody else's ConfigMap, in the place of ours if need be."""
    if api.get("ConfigMap", namespace, NAME):
        give_it_back(api, namespace)
    api.create(config_map(namespace, NAME, {"my": "own"}))


def give_it_back(api: Api, namespace: str) -> None:
    api.delete("ConfigMap", namespace, NAME)


@pytest.fixture
def failing(api: Api, namespace: str) -> None:
    """A Pod whose ConfigMap's name is taken."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    take_the_name(api, namespace)


def test_a_world_that_flaps_is_told_change_by_change(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """A new kind of failure is one Warning, a recovery one Normal, all else is silence."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    steps: list[tuple[Callable[[], object], list[tuple[str, str]]]] = [
        (lambda: None, []),  # a first success
        (lambda: None, []),
        (lambda: take_the_name(api, namespace), [FAILED]),
        (lambda: None, []),  # the same failure
        (lambda: api.make_pod(namespace, "other"), []),  # another message of the same kind
        (lambda: change_config(api, namespace, INVALID), [("Warning", "InvalidSpec")]),
        (lambda: None, []),
        (lambda: change_config(api, namespace, VALID_AGAIN), [FAILED]),
        (lambda: give_it_back(api, namespace), [RECOVERED]),
        (lambda: None, []),
        (lambda: change_config(api, namespace, {"suspend": True}), []),
    ]
    expected: list[tuple[str, str]] = []
    for act, new in steps:
        act()
        sync(kubeconfig)
        expected += new
        assert said(api, namespace) == expected


@pytest.mark.usefixtures("failing")
def test_an_event_says_what_the_condition_says(api: Api, namespace: str, kubeconfig: Path) -> None:
    before = api.get(KIND, namespace, "mine")
    assert before
    sync(kubeconfig, now=NOW)
    (event,) = events(api, namespace)
    ready = condition(status_of(api, namespace))
    assert event["note"] == ready["message"]
    assert event["reason"] == ready["reason"]
    assert event["regarding"] == {
        "apiVersion": "podconfig.example.com/v1alpha1",
        "kind": KIND,
        "namespace": namespace,
        "name": "mine",
        "uid": before["metadata"]["uid"],
        "resourceVersion": before["metadata"]["resourceVersion"],
    }
    assert event["eventTime"] == NOW.replace("Z", ".000000Z")
    assert event["reportingController"] == "podconfig.example.com/podcm-sync"
    assert event["action"] == "Sync"
    assert event["reportingInstance"]


@pytest.mark.usefixtures("failing")
def test_people_see_it_where_they_look(
    api: Api, control_plane: ControlPlane, namespace: str, kubeconfig: Path
) -> None:
    """By kubectl describe and kubectl events, and no second one after another run."""
    for now in (NOW, LATER):
        sync(kubeconfig, now=now)
    described = control_plane.kubectl(kubeconfig, "describe", "pcmc/mine").stdout
    _, _, shown = described.partition("\nEvents:")
    assert shown.count("SomeConfigMapsFailed") == 1
    assert "Foreign" in shown
    assert "podconfig.example.com/podcm-sync" in shown
    listed = control_plane.kubectl(kubeconfig, "events", "--for=pcmc/mine").stdout
    assert listed.count("SomeConfigMapsFailed") == 1


@pytest.mark.usefixtures("failing")
def test_a_dry_run_tells_nobody(api: Api, namespace: str, kubeconfig: Path) -> None:
    assert sync(kubeconfig, dry_run=True).code == 3
    done = command.run("--dry-run", "--events", kubeconfig=kubeconfig)
    assert done.code == 3
    assert said(api, namespace) == []


@pytest.mark.usefixtures("failing")
def test_the_option_turns_them_off(api: Api, namespace: str, kubeconfig: Path) -> None:
    assert command.run("--no-events", kubeconfig=kubeconfig).code == 3
    assert said(api, namespace) == []
    env = {"PODCM_SYNC_EVENTS": "false"}
    give_it_back(api, namespace)
    assert command.run(kubeconfig=kubeconfig, env=env).code == 0
    assert said(api, namespace) == []


@pytest.mark.parametrize("code", [3, 0])
@pytest.mark.usefixtures("failing")
def test_a_missing_right_costs_one_line_and_nothing_else(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path, code: int
) -> None:
    token = account(api, namespace, without("create", "events"))
    kubeconfig = kubeconfig_of(control_plane, tmp_path, namespace, token)
    tolerant = ["--tolerate-object-failures"] * (code == 0)
    done = command.run(*tolerant, kubeconfig=kubeconfig)
    assert done.code == code
    (warning,) = [line for line in done.stderr.splitlines() if "warning" in line]
    assert f"no Event SomeConfigMapsFailed on {namespace}/mine" in warning
    assert "podcm-sync rbac" in warning
    assert "--no-events" in warning
    assert said(api, namespace) == []
    assert condition(status_of(api, namespace))["reason"] == "SomeConfigMapsFailed"
    # The change is stored, so later runs, with the right or without, do not make it up.
    again = command.run(*tolerant, kubeconfig=kubeconfig)
    assert (again.code, "warning" in again.stderr) == (code, False)


@pytest.mark.usefixtures("failing")
def test_an_event_whose_answer_is_lost_is_there_once(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """The repeat has the same name, and meets itself."""
    lost: list[Observed] = []

    def fault(request: Observed, forward: Forward) -> Reply | None:
        reply = forward()
        if request.path.endswith("/events") and not lost:
            lost.append(request)
            return None
        return reply

    with Proxy(control_plane, handler=fault) as proxy:
        path = control_plane.kubeconfig(tmp_path / "proxied", namespace=namespace, server=proxy.url)
        run = sync(path, context=NoWaiting())
        sent = [each for each in proxy.sent("POST") if each.path.endswith("/events")]
    assert run.code == 3
    assert [each.body for each in sent] == [lost[0].body] * 2
    assert said(api, namespace) == [FAILED]


@pytest.mark.usefixtures("failing")
def test_a_status_that_is_not_stored_is_told_by_the_run_that_stores_it(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """Somebody changes the config between the lists and the status."""

    def touch() -> None:
        api.patch(KIND, namespace, "mine", {"metadata": {"labels": {"a": "b"}}})

    run = sync(kubeconfig, interfere=meddling(namespace, "update_status", touch))
    assert [str(each.reason) for each in run.report.statuses] == ["Conflict"]
    assert said(api, namespace) == []
    sync(kubeconfig)
    assert said(api, namespace) == [FAILED]


@pytest.mark.usefixtures("failing")
def test_an_event_that_is_refused_changes_neither_report_nor_code(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    def fault(request: Observed, forward: Forward) -> Reply:
        if request.path.endswith("/events"):
            return Reply(500, b'{"kind": "Status", "apiVersion": "v1", "message": "no"}')
        return forward()

    with Proxy(control_plane, handler=fault) as proxy:
        path = control_plane.kubeconfig(tmp_path / "proxied", namespace=namespace, server=proxy.url)
        run = sync(path, context=NoWaiting())
    assert run.code == 3
    assert len([each for each in proxy.sent("POST") if each.path.endswith("/events")]) == 4
    assert said(api, namespace) == []
