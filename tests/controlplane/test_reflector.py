"""Watches of a real API server: events come at once, and after each end the watch goes on."""

import time
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles

import pytest

from podcm_sync.api.objects import ConfigMap, Pod, PodConfigMapConfig
from podcm_sync.cluster.kube import paths, reflector, watch_receiver
from podcm_sync.cluster.kube.reflector import Timing
from podcm_sync.cluster.watch import EventType, Restart, Watch, WatchEvent
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.watch.lives import watches_of
from tests.chaos.plugin import Plugin
from tests.chaos.proxy import Proxy
from tests.chaos.relay import Relay
from tests.chaos.rules import Fault, Rule
from tests.controlplane.accounts import LISTS, account, kubeconfig_of
from tests.controlplane.api import Api
from tests.controlplane.crd_objects import KIND, pcmc
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import GENERATED_BY, config_map
from tests.controlplane.watching import QUICK, USUAL, ListingSink, await_truth, reflecting

WATCHES = {resource: ["list", "watch"] for resource in LISTS}
RBAC = "rbac.authorization.k8s.io"


@pytest.fixture
def sink(api: Api) -> ListingSink:
    return ListingSink(api)


@pytest.fixture
def pods(namespace: str) -> Watch:
    return Watch(paths.PODS, namespace)


def test_events_of_all_three_resources_arrive(
    api: Api, kubeconfig: Path, namespace: str, sink: ListingSink
) -> None:
    watches = watches_of(Scope(namespaces=(namespace,)))
    with reflecting(kubeconfig, sink, watches):
        sink.wait("opened", 3)
        api.make_pod(namespace, "web", labels={"app": "web"}, annotations={"note": "ü"})
        api.create(config_map(namespace, "foreign", {"a": "b"}))
        api.create(config_map(namespace, "ours", {"a": "b"}, labels={GENERATED_BY: "mine"}))
        api.create(pcmc({"labelsToInclude": ["app"]}, namespace, "mine"))
        api.patch("Pod", namespace, "web", {"status": {"phase": "Running"}}, "status")
        # It isn't deleted, but it is no generated ConfigMap any more.
        api.patch("ConfigMap", namespace, "ours", {"metadata": {"labels": {GENERATED_BY: None}}})
        api.delete(KIND, namespace, "mine")
        events = [event for _, event in sink.wait("event", 6)]
    of = {kind: [e for e in events if isinstance(e.obj, kind)] for kind in (Pod, ConfigMap)}
    configs = [event for event in events if isinstance(event.obj, PodConfigMapConfig)]
    assert [event.type for event in of[Pod]] == [EventType.ADDED, EventType.MODIFIED]
    assert [event.type for event in of[ConfigMap]] == [EventType.ADDED, EventType.DELETED]
    assert [event.type for event in configs] == [EventType.ADDED, EventType.DELETED]
    pod = of[Pod][1].obj
    assert isinstance(pod, Pod)
    assert (pod.labels, pod.annotations, pod.phase) == ({"app": "web"}, {"note": "ü"}, "Running")
    assert b"serviceAccountName" in pod.template_fields
    assert {str(event.obj.namespaced_name) for event in of[ConfigMap]} == {f"{namespace}/ours"}
    assert all(sink.is_true(watch) for watch in watches)
    assert sink.lists == 3


def test_an_event_is_there_at_once(
    api: Api, kubeconfig: Path, namespace: str, sink: ListingSink, pods: Watch
) -> None:
    """Beside the time of the PATCH that it is about, which is the floor of any reaction."""
    api.make_pod(namespace, "web")
    answered: dict[int, tuple[float, float]] = {}
    with reflecting(kubeconfig, sink, [pods]):
        sink.wait("opened")
        for number in range(100):
            began = time.monotonic()
            change = {"metadata": {"annotations": {"number": str(number)}}}
            version = api.patch("Pod", namespace, "web", change)["metadata"]["resourceVersion"]
            answered[int(version)] = (began, time.monotonic())
        events: list[WatchEvent] = [event for _, event in sink.wait("event", 100)]
    late = sorted(1000 * (e.received - answered[e.resource_version][1]) for e in events)
    trips = [1000 * (end - began) for began, end in answered.values()]
    print(
        f"\nevent after the PATCH's answer: median {median(late):.2f} ms, "
        f"p99 {quantiles(late, n=100)[98]:.2f} ms; the PATCH: median {median(trips):.2f} ms"
    )
    assert median(late) < max(5.0, median(trips))


def test_the_server_ends_a_watch_and_nothing_is_missed(
    api: Api, kubeconfig: Path, namespace: str, sink: ListingSink, pods: Watch
) -> None:
    with reflecting(kubeconfig, sink, [pods], QUICK):
        sink.wait("opened")
        for number in range(40):
            api.make_pod(namespace, f"p{number}")
            time.sleep(0.08)
        await_truth(sink, pods, wait=api.wait_for)
        sink.wait("opened", 4)
    names = [str(event.obj.namespaced_name) for event in sink.events]
    assert names == [f"{namespace}/p{number}" for number in range(40)]
    assert set(sink.restarts) == {Restart.ENDED}
    assert sink.lists == 1


def test_a_bookmark_moves_the_version(
    api: Api, *, kubeconfig: Path, namespace: str, sink: ListingSink, pods: Watch, proxy: Proxy
) -> None:
    """The server sends one two seconds before it ends a watch."""
    other = namespace + "-other"
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    kubeconfig.write_text(kubeconfig.read_text().replace(api._server, proxy.url))
    with reflecting(kubeconfig, sink, [pods], Timing(life=(4, 4))):
        sink.wait("opened")
        listed = sink.start(pods)
        assert listed is not None
        # Another namespace's Pod, which the watch itself doesn't tell of.
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        api.request("POST", f"/api/v1/namespaces/{other}/serviceaccounts", account)
        api.make_pod(other, "web")
        ((_, version),) = sink.wait("bookmark")
        sink.wait("opened", 2)
    assert version > listed
    first, second = (int(one.parameters["resourceVersion"]) for one in proxy.requests[-2:])
    assert first == listed
    assert second >= version


def test_a_version_that_is_too_old_needs_a_new_list(
    api: Api, kubeconfig: Path, namespace: str, sink: ListingSink
) -> None:
    """The API server's own ERROR event."""
    configs = Watch(paths.CONFIGS, namespace)
    api.create(pcmc({}, namespace, "mine"))
    sink._versions[configs], sink.objects[configs] = 1, {}
    with reflecting(kubeconfig, sink, [configs]):
        sink.wait("opened", 2)
        await_truth(sink, configs, wait=api.wait_for)
    ((_, restart, message),) = sink.of("closed")
    assert restart is Restart.EXPIRED
    assert "410 Expired: too old resource version: 1 " in message
    assert sink.lists == 1


def test_a_server_that_was_restored_from_a_backup_is_silent_until_the_next_list(
    api: Api, kubeconfig: Path, namespace: str, sink: ListingSink, pods: Watch
) -> None:
    """It accepts a version that is still to come, and tells nothing of what comes before it."""
    listed = sink.start(pods)
    assert listed is not None
    sink._versions[pods] = listed + 1_000_000
    with reflecting(kubeconfig, sink, [pods], Timing(silence=1.0)):
        sink.wait("opened")
        api.make_pod(namespace, "web")
        sink.wait("closed")
        assert sink.events == []
        sink._versions[pods] = listed  # the next full run
        sink.wait("event")
    assert set(sink.restarts) == {Restart.SILENT}


FAULTS = {
    "cut before it": (Rule(Fault.CUT, query="watch=1"), {Restart.BROKEN}),
    "cut after the head": (Rule(Fault.STREAM_CUT, query="watch=1"), {Restart.BROKEN}),
    "cut in an event": (Rule(Fault.STREAM_CUT, query="watch=1", after=700), {Restart.BROKEN}),
    "silent": (Rule(Fault.STREAM_SILENT, query="watch=1", after=100), {Restart.SILENT}),
    "never answered": (Rule(Fault.FREEZE, query="watch=1"), {Restart.SILENT}),
    "a pause": (Rule(Fault.STREAM_PAUSE, query="watch=1", after=10, seconds=0.5), set()),
    "a delay": (Rule(Fault.DELAY, query="watch=1", seconds=0.5), set()),
    "expired": (Rule(Fault.STREAM_EXPIRED, query="watch=1"), {Restart.EXPIRED}),
    "damaged": (Rule(Fault.STREAM_GARBLED, query="watch=1", after=8), {Restart.EXPIRED}),
    # The length of a frame becomes 65,000 bytes.
    "too long": (Rule(Fault.STREAM_GARBLED, query="watch=1", after=2), {Restart.BROKEN}),
    "a page": (Rule(Fault.HTML, query="watch=1", status=200), {Restart.BROKEN}),
    "an empty object": (
        Rule(Fault.ANSWER, query="watch=1", status=200, body=b"{}\n"),
        {Restart.EXPIRED},
    ),
    "a part of one": (
        Rule(Fault.ANSWER, query="watch=1", status=200, body=b"{}"),
        {Restart.BROKEN},
    ),
    "nothing": (Rule(Fault.EMPTY, query="watch=1"), {Restart.ENDED}),
    "a balancer": (Rule(Fault.BALANCER, query="watch=1", status=502), {Restart.BROKEN}),
    "busy": (Rule(Fault.ANSWER, query="watch=1", status=429), {Restart.BROKEN}),
    "gone": (Rule(Fault.ANSWER, query="watch=1", status=410), {Restart.EXPIRED}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_happens_on_the_way_nothing_is_missed(
    api: Api, *, through: Path, proxy: Proxy, namespace: str, sink: ListingSink, name: str
) -> None:
    rule, restarts = FAULTS[name]
    watches = watches_of(Scope(namespaces=(namespace,)))
    api.make_pod(namespace, "before")
    for watch in watches:
        sink.start(watch)
    api.make_pod(namespace, "missed")
    proxy.begin(*(rule_of(rule, watch) for watch in watches))
    is_silent = restarts == {Restart.SILENT}
    timing = Timing(head=1.0, silence=1.0) if is_silent else USUAL
    with reflecting(through, sink, watches, timing):
        api.create(config_map(namespace, "ours", {"a": "b"}, labels={GENERATED_BY: "mine"}))
        api.create(pcmc({}, namespace, "mine"))
        api.make_pod(namespace, "web")
        api.delete("Pod", namespace, "before", gracePeriodSeconds=0)
        await_truth(sink, *watches, wait=api.wait_for)
        api.wait_for(lambda: restarts <= set(sink.restarts))
        # Also those that missed nothing.
        api.wait_for(lambda: all(map(sink.is_open, watches)))
    assert any(request.fault is rule.fault for request in proxy.requests)


def rule_of(rule: Rule, watch: Watch) -> Rule:
    """The rule for the first request of this watch."""
    return replace(rule, path=f"/{watch.resource.partition('.')[0]}$")


def test_a_connection_that_is_dead_is_noticed(
    api: Api, control_plane: ControlPlane, namespace: str, sink: ListingSink, tmp_path: Path
) -> None:
    """Half-open: neither side learns of it. What was missed comes with the next watch."""
    watches = watches_of(Scope(namespaces=(namespace,)))
    with Relay(control_plane) as relay:
        path = control_plane.kubeconfig(tmp_path / "relayed", server=relay.url)
        with reflecting(path, sink, watches, Timing(head=1.0, silence=1.5)):
            sink.wait("opened", 3)
            api.make_pod(namespace, "first")
            sink.wait("event")
            relay.cut()
            api.make_pod(namespace, "missed")
            sink.wait("closed", 3)
            relay.restore()
            await_truth(sink, *watches, wait=api.wait_for)
    assert Restart.SILENT in sink.restarts
    assert set(sink.restarts) <= {Restart.SILENT, Restart.BROKEN}
    assert sink.lists == 3


def test_a_token_that_expires_between_watches_is_renewed(
    api: Api,
    *,
    through: Path,
    proxy: Proxy,
    namespace: str,
    sink: ListingSink,
    pods: Watch,
    tmp_path: Path,
) -> None:
    """A watch outlives its token, as with client-go. The next one logs in again."""
    rights = {"pods": ["list", "watch"]}
    first, later = account(api, namespace, rights), api.service_account_token(namespace, "tested")
    plugin = Plugin(tmp_path / "plugin", first=first, later=later)
    plugin.into(through)
    with reflecting(through, sink, [pods], Timing(life=(2, 2))):
        sink.wait("opened")
        proxy.begin(Rule(Fault.ANSWER, status=401, token=first, times=None))
        api.make_pod(namespace, "a")
        sink.wait("event")
        sink.wait("opened", 2)
        api.make_pod(namespace, "b")
        sink.wait("event", 2)
    assert plugin.runs == 2
    assert set(sink.restarts) == {Restart.ENDED}


def test_a_permission_that_comes_and_goes(
    api: Api,
    *,
    control_plane: ControlPlane,
    namespace: str,
    sink: ListingSink,
    pods: Watch,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It says once what to do, and goes on from where it was."""
    monkeypatch.setattr(reflector, "MAX_BACKOFF_SECONDS", 0.6)
    path = kubeconfig_of(control_plane, tmp_path, namespace, account(api, namespace, WATCHES))
    with reflecting(path, sink, [pods], QUICK):
        sink.wait("opened")
        binding = api.get("RoleBinding", namespace, "tested")
        assert binding is not None
        api.delete("RoleBinding", namespace, "tested")
        api.wait_for(lambda: sink.restarts.count(Restart.REFUSED) >= 3)
        api.make_pod(namespace, "missed")
        del binding["metadata"]["resourceVersion"], binding["metadata"]["uid"]
        api.create(binding)
        sink.wait("event")
    assert sink.lists == 1
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"no permission to watch pods in namespace {namespace}: ")
    assert warnings[0].endswith("to see the fix, run doctor with the same options")


def test_a_namespace_that_comes_and_goes(
    api: Api, kubeconfig: Path, namespace: str, sink: ListingSink
) -> None:
    """A watch of a namespace that doesn't exist waits for it."""
    name = f"{namespace}-later"
    watches = watches_of(Scope(namespaces=(name,)))
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    with reflecting(kubeconfig, sink, watches):
        sink.wait("opened", 3)
        for count in (1, 2):
            api.create(made)
            api.request("POST", f"/api/v1/namespaces/{name}/serviceaccounts", account)
            api.make_pod(name, "web")
            api.create(pcmc({}, name, "mine"))
            await_truth(sink, *watches, wait=api.wait_for)
            assert [event.type for event in sink.events].count(EventType.ADDED) == 2 * count
            api.delete("Namespace", None, name)
            api.wait_for(lambda: api.get("Namespace", None, name) is None, timeout=60)
            await_truth(sink, *watches, wait=api.wait_for)
            assert [event.type for event in sink.events].count(EventType.DELETED) == 2 * count
    assert sink.restarts == []


def test_the_whole_cluster_in_three_watches(
    api: Api, kubeconfig: Path, namespace: str, sink: ListingSink
) -> None:
    watches = watches_of(Scope(namespaces=None))
    with reflecting(kubeconfig, sink, watches):
        sink.wait("opened", 3)
        api.make_pod(namespace, "web")
        await_truth(sink, *watches, wait=api.wait_for)
        began = time.monotonic()
    assert time.monotonic() - began < 1.0


@pytest.fixture(autouse=True)
def quick_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first retry after a tenth of a second, and half of an event waits for half of one."""
    monkeypatch.setattr(reflector, "BACKOFF_SECONDS", 0.1)
    monkeypatch.setattr(watch_receiver, "REST_SECONDS", 0.5)
