"""Lists that break, expire or are turned away: started again, or else nothing is deleted (§2)."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from podcm_sync.cluster.kube import pager
from tests.chaos.proxy import Forward, Handler, Proxy, no_fault
from tests.chaos.rules import Observed, Reply
from tests.controlplane.api import Api, Object
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import (
    change_config,
    condition,
    make_config,
    names,
    selecting,
    status_of,
)
from tests.controlplane.syncing import NoWaiting, Run, sync

LISTS = ["configmaps", "podconfigmapconfigs", "pods"]
INCONSISTENT = "the-token-that-mixes-two-states"

SyncThrough = Callable[[Handler], tuple[Run, Proxy]]


@pytest.fixture
def context() -> NoWaiting:
    return NoWaiting()


@pytest.fixture
def sync_through(
    control_plane: ControlPlane,
    namespace: str,
    tmp_path: Path,
    context: NoWaiting,
    monkeypatch: pytest.MonkeyPatch,
) -> SyncThrough:
    """Syncs through a proxy, in pages of two."""
    monkeypatch.setattr(pager, "PAGE_SIZE", 2)

    def run(fault: Handler) -> tuple[Run, Proxy]:
        with Proxy(control_plane, handler=fault) as proxy:
            path = tmp_path / "proxied"
            control_plane.kubeconfig(path, namespace=namespace, server=proxy.url)
            return sync(path, context=context), proxy

    return run


@pytest.fixture
def pages(api: Api, namespace: str, kubeconfig: Path) -> None:
    """Three pages of everything: 5 Pods, 5 configs, 5 ConfigMaps, one of which is to be deleted."""
    for number in range(5):
        api.make_pod(namespace, f"p{number}", labels={"n": str(number)})
        make_config(api, namespace, f"c{number}", selecting(n=str(number)))
    assert sync(kubeconfig).counts == {"created": 5}
    change_config(api, namespace, selecting(n="none"), "c4")
    change_config(api, namespace, {"labelsToInclude": ["n"]}, "c3")


def is_list(request: Observed, resource: str) -> bool:
    return request.method == "GET" and request.path.endswith(f"/{resource}")


def expired() -> Reply:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {"continue": INCONSISTENT},
        "status": "Failure",
        "message": "The provided continue parameter is too old to display a consistent list.",
        "reason": "Expired",
        "code": 410,
    }
    return Reply(410, json.dumps(status).encode(), {"Content-Type": "application/json"})


def expiring(resource: str, times: int) -> Handler:
    """So many times the second page of that list is refused."""
    left = [None] * times

    def fault(request: Observed, forward: Forward) -> Reply:
        if is_list(request, resource) and "continue" in request.parameters and left:
            left.pop()
            return expired()
        return forward()

    return fault


def breaking(resource: str, broken: Callable[[Reply], Reply], times: int) -> Handler:
    """So many times a page of that list is broken, but for the first."""
    left = [None] * times

    def fault(request: Observed, forward: Forward) -> Reply:
        reply = forward()
        if is_list(request, resource) and "continue" in request.parameters and left:
            left.pop()
            return broken(reply)
        return reply

    return fault


def half_sent(reply: Reply) -> Reply:
    return Reply(200, reply.body, reply.headers, sent=len(reply.body) // 2)


def half_of_its_chunks(reply: Reply) -> Reply:
    return Reply(200, reply.body, reply.headers, sent=len(reply.body) // 2, is_chunked=True)


def halved(reply: Reply) -> Reply:
    """Half a body that claims to be whole, as from a proxy that lost its upstream."""
    return Reply(200, reply.body[: len(reply.body) // 2], reply.headers)


def of_another_kind(reply: Reply) -> Reply:
    return Reply(200, b"<html>Sign in to this network</html>", {"Content-Type": "text/html"})


def in_trouble(reply: Reply) -> Reply:
    return Reply(503, b"etcd has no leader", {"Content-Type": "text/plain"})


def statuses(api: Api, namespace: str) -> list[Object]:
    return [status_of(api, namespace, f"c{number}") for number in range(5)]


def assert_done(api: Api, namespace: str, run: Run) -> None:
    """All of it: four kept, of which one changed, and one deleted."""
    assert (run.counts, run.code) == ({"deleted": 1, "unchanged": 3, "updated": 1}, 0)
    assert names(api, namespace) == [f"pod-p{n}-from-c{n}-cfg" for n in range(4)]
    assert [condition(each)["observedGeneration"] for each in statuses(api, namespace)] == (
        [1, 1, 1, 2, 2]
    )


@pytest.mark.usefixtures("pages")
def test_the_lists_come_in_the_order_that_makes_deleting_safe(
    api: Api, namespace: str, sync_through: SyncThrough
) -> None:
    """behavior.md §2: ConfigMaps by their label, configs, Pods; paged; never resourceVersion=0."""
    run, proxy = sync_through(no_fault)
    listed = [r for r in proxy.sent("GET") if any(is_list(r, resource) for resource in LISTS)]
    assert [r.path.rpartition("/")[2] for r in listed] == [
        resource for resource in LISTS for _ in range(3)
    ]
    for request in listed:
        assert request.parameters["limit"] == "2"
        assert "resourceVersion" not in request.parameters
    selectors = {r.path.rpartition("/")[2]: r.parameters.get("labelSelector") for r in listed}
    assert selectors == {
        "configmaps": "podconfig.example.com/generated-by-pcmc",
        "podconfigmapconfigs": None,
        "pods": None,
    }
    assert_done(api, namespace, run)


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize("resource", LISTS)
def test_an_expired_list_is_begun_anew_without_the_inconsistent_token(
    api: Api, namespace: str, sync_through: SyncThrough, resource: str
) -> None:
    """§2: a 410 restarts that list from its first page; nothing is seen twice or missed."""
    run, proxy = sync_through(expiring(resource, times=1))
    assert all(request.parameters.get("continue") != INCONSISTENT for request in proxy.requests)
    assert sum(is_list(request, resource) for request in proxy.requests) == 2 + 3
    assert_done(api, namespace, run)
    assert sum(each["matchedPods"] for each in statuses(api, namespace)) == 4


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize("resource", LISTS)
def test_a_list_that_always_expires_deletes_nothing_and_stamps_nothing(
    api: Api, namespace: str, sync_through: SyncThrough, resource: str
) -> None:
    """behavior.md §2: begun a bounded number of times; then the scope is incomplete, exit 5."""
    before = statuses(api, namespace)
    run, proxy = sync_through(expiring(resource, times=1000))
    assert (run.code, list(run.report.incomplete)) == (5, [namespace])
    assert resource in run.report.incomplete[namespace]
    assert sum(is_list(request, resource) for request in proxy.requests) < 20
    assert all(request.parameters.get("continue") != INCONSISTENT for request in proxy.requests)
    assert "pod-p4-from-c4-cfg" in names(api, namespace)
    assert proxy.sent("DELETE") == []
    assert statuses(api, namespace) == before


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize("resource", LISTS)
@pytest.mark.parametrize("broken", [half_sent, half_of_its_chunks, in_trouble])
def test_a_list_that_breaks_once_is_asked_for_again(
    api: Api,
    namespace: str,
    sync_through: SyncThrough,
    resource: str,
    broken: Callable[[Reply], Reply],
) -> None:
    """behavior.md §2: a list that completes after all makes its scope complete."""
    run, _ = sync_through(breaking(resource, broken, times=1))
    assert_done(api, namespace, run)


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize("resource", LISTS)
@pytest.mark.parametrize(
    "broken", [half_sent, half_of_its_chunks, halved, of_another_kind, in_trouble]
)
def test_a_list_that_stays_broken_deletes_nothing_and_stamps_nothing(
    api: Api,
    namespace: str,
    sync_through: SyncThrough,
    resource: str,
    broken: Callable[[Reply], Reply],
) -> None:
    """behavior.md §2: a list that did not complete: no delete, no status, exit 5."""
    before = statuses(api, namespace)
    run, proxy = sync_through(breaking(resource, broken, times=1000))
    assert (run.code, list(run.report.incomplete)) == (5, [namespace])
    assert resource in run.report.incomplete[namespace]
    assert proxy.sent("DELETE") == []
    assert "pod-p4-from-c4-cfg" in names(api, namespace)
    assert statuses(api, namespace) == before


@pytest.mark.usefixtures("pages")
def test_a_server_that_is_too_busy_is_given_the_time_it_asks_for(
    api: Api, namespace: str, sync_through: SyncThrough, context: NoWaiting
) -> None:
    """behavior.md §2: 429 with Retry-After, to reads and to writes alike; nothing is done twice."""
    turned_away: list[str] = []

    def fault(request: Observed, forward: Forward) -> Reply:
        if request.path.endswith("-cfg") and request.method not in turned_away:
            turned_away.append(request.method)
            return Reply(429, b"later", {"Retry-After": "7"})
        return forward()

    run, _ = sync_through(fault)
    assert turned_away == ["PATCH", "DELETE"]
    assert context.waits == [7.0, 7.0]
    assert_done(api, namespace, run)
