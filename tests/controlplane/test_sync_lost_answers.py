"""An answer that is lost on its way costs nothing: no object twice, none forgotten (§2, §9).

A proxy lets the server do what it is asked, and then cuts the connection.
"""

import json
from pathlib import Path

from tests.chaos.proxy import Forward, Handler, Proxy
from tests.chaos.rules import Observed, Reply
from tests.controlplane.api import Api, path_of
from tests.controlplane.audit import Audit
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import (
    change_config,
    condition,
    config_map,
    generated,
    make_config,
    names,
    status_of,
)
from tests.controlplane.syncing import NoWaiting, Run, sync

NAME = "pod-web-from-mine-cfg"


def losing(method: str, *, times: int = 1) -> Handler:
    """The first answers to that method are lost, though the server did its work."""
    left = [None] * times

    def fault(request: Observed, forward: Forward) -> Reply | None:
        reply = forward()
        if request.method == method and left:
            left.pop()
            return None
        return reply

    return fault


def sync_through(proxy: Proxy, plane: ControlPlane, namespace: str, tmp_path: Path) -> Run:
    path = plane.kubeconfig(tmp_path / "proxied", namespace=namespace, server=proxy.url)
    return sync(path, context=NoWaiting())


def test_a_created_config_map_whose_answer_is_lost_is_found_by_a_get(
    api: Api, control_plane: ControlPlane, audit: Audit, namespace: str, tmp_path: Path
) -> None:
    """behavior.md §9: the get settles a lost answer; §2: it counts as created, exit 0."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    mark = audit.mark()
    with Proxy(control_plane, handler=losing("POST")) as proxy:
        run = sync_through(proxy, control_plane, namespace, tmp_path)
    assert (run.came_to, run.code) == ({NAME: ("created", "Missing")}, 0)
    seen = audit.since(mark, namespace=namespace, user_agent="podcm-sync/")
    asked = [(e.verb, e.code) for e in seen if e.resource == "configmaps" and e.verb != "list"]
    assert asked == [("create", 201), ("get", 200)]
    assert names(api, namespace) == [NAME]
    assert condition(status_of(api, namespace))["status"] == "True"


def test_a_create_that_was_lost_before_the_server_saw_it_is_made_in_the_next_pass(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """§2: never blindly repeated; the namespace gets another whole pass, in the same run."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    dropped: list[Observed] = []

    def fault(request: Observed, forward: Forward) -> Reply | None:
        if request.method == "POST" and not dropped:
            dropped.append(request)
            return None
        return forward()

    with Proxy(control_plane, handler=fault) as proxy:
        run = sync_through(proxy, control_plane, namespace, tmp_path)
    assert (run.came_to, run.code) == ({NAME: ("created", "Missing")}, 0)
    sent = [request.method for request in proxy.requests if request.path.endswith(("maps", NAME))]
    assert sent[2:] == ["POST", "GET", "GET", "GET", "POST"]  # settled, two lists, and made
    assert names(api, namespace) == [NAME]


def test_a_lost_create_that_meets_anothers_object_does_not_claim_it(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """behavior.md §3: foreign, never overwritten, never ours, whatever the lost answer was."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)

    def fault(request: Observed, forward: Forward) -> Reply | None:
        if request.method == "POST":
            # 201, and 409 when the create comes again.
            path = path_of("ConfigMap", namespace)
            api.request("POST", path, config_map(namespace, NAME, {"podName": "web"}))
            forward()
            return None
        return forward()

    with Proxy(control_plane, handler=fault) as proxy:
        run = sync_through(proxy, control_plane, namespace, tmp_path)
    assert (run.came_to, run.code) == ({NAME: ("skipped", "Foreign")}, 3)
    assert generated(api, namespace)["data"] == {"podName": "web"}


def test_an_update_whose_answer_is_lost_is_right_in_the_end(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """behavior.md §2: the repeated patch meets its own work, and the next pass finds it done."""
    api.make_pod(namespace, "web", labels={"app": "web"})
    make_config(api, namespace)
    with Proxy(control_plane) as proxy:
        sync_through(proxy, control_plane, namespace, tmp_path)
    change_config(api, namespace, {"labelsToInclude": ["app"]})
    with Proxy(control_plane, handler=losing("PATCH")) as proxy:
        run = sync_through(proxy, control_plane, namespace, tmp_path)
    assert run.code == 0
    assert generated(api, namespace)["data"]["label_app"] == "web"
    status = status_of(api, namespace)
    assert (status["observedGeneration"], condition(status)["reason"]) == (2, "Synced")


def test_a_delete_whose_answer_is_lost_counts_as_done(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """§3: a repeat has the same preconditions; that it finds the object gone is success."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    with Proxy(control_plane) as proxy:
        sync_through(proxy, control_plane, namespace, tmp_path)
    api.delete("PodConfigMapConfig", namespace, "mine")
    with Proxy(control_plane, handler=losing("DELETE")) as proxy:
        run = sync_through(proxy, control_plane, namespace, tmp_path)
    assert (run.came_to, run.code) == ({NAME: ("deleted", "ConfigGone")}, 0)
    first, second = (json.loads(request.body) for request in proxy.sent("DELETE"))
    assert first == second
    assert first["preconditions"].keys() == {"uid", "resourceVersion"}
    assert names(api, namespace) == []


def test_a_status_whose_answer_is_lost_is_stored_once(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """behavior.md §5: a conflict on a status write is an outcome of this run, and fails nothing."""
    make_config(api, namespace)  # no Pod: the status is the only thing written
    with Proxy(control_plane, handler=losing("PATCH")) as proxy:
        run = sync_through(proxy, control_plane, namespace, tmp_path)
    assert run.code == 0
    assert condition(status_of(api, namespace))["reason"] == "Synced"
    assert len(proxy.sent("PATCH")) == 2


def test_a_create_of_which_nothing_is_ever_known_fails_as_the_apis(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """§7: no sure answer from the API is exit 5, and the status stays unstamped (§5)."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)

    def fault(request: Observed, forward: Forward) -> Reply | None:
        reply = forward()
        is_get = request.path.endswith(NAME)
        return None if request.method == "POST" or is_get else reply

    with Proxy(control_plane, handler=fault) as proxy:
        run = sync_through(proxy, control_plane, namespace, tmp_path)
    assert (run.came_to, run.code) == ({NAME: ("failed", "Unreachable")}, 5)
    assert "observedGeneration" not in status_of(api, namespace)
    assert [one.name for one in proxy.sent("POST")].count("configmaps") == 1
    assert names(api, namespace) == [NAME]
