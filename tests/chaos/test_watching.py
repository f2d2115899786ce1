"""A watching loop and faults: what one test each has found, with full runs far apart."""

from pathlib import Path

from tests.chaos.proxy import Proxy
from tests.chaos.rules import Fault, Rule
from tests.command import started, until
from tests.controlplane.api import Api, Object
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import change_config, make_config, names

WATCHING = ("--loop", "--watch", "--interval", "10m")


def test_a_namespace_that_failed_once_is_listed_again_before_the_next_full_run_is_due(
    api: Api, namespace: str, proxy: Proxy, through: Path
) -> None:
    """Its Pods can't be listed at first, and later a watch of it needs new lists."""
    other = new_namespace(api)
    for where in (namespace, other):
        api.make_pod(where, "web")
        make_config(api, where)
    proxy.begin(Rule(Fault.ANSWER, path=f"/{namespace}/pods$", query="limit=", status=403))
    with started(through, *WATCHING, "-n", namespace, "-n", other) as running:
        until(lambda: ours(api, namespace, "web") and ours(api, other, "web"), "both are in sync")
        proxy.begin(Rule(Fault.ANSWER, path=f"/{namespace}/", query="watch=1", status=410))
        proxy.cut_streams()
        api.make_pod(namespace, "new")
        until(lambda: ours(api, namespace, "new"), "it reacts", 60.0)
        assert "Traceback" not in running.stderr


def test_while_the_watch_of_pods_is_late_nothing_is_deleted_by_the_past(
    api: Api, namespace: str, proxy: Proxy, through: Path
) -> None:
    """The config selects the Pod all the time, but by what the watches tell it doesn't."""
    api.make_pod(namespace, "web", labels={"app": "web"})
    make_config(api, namespace, spec=selecting("web", "db"))
    proxy.begin(Rule(Fault.STREAM_PAUSE, path="/pods$", query="watch=1", seconds=8.0))
    with started(through, *WATCHING, "-n", namespace) as running:
        until(lambda: ours(api, namespace, "web"), "it is in sync")
        until(lambda: Fault.STREAM_PAUSE in [each.fault for each in proxy.requests], "it waits")
        api.patch("Pod", namespace, "web", {"metadata": {"labels": {"app": "db"}}})
        change_config(api, namespace, selecting("db"))
        until(lambda: looks(proxy, "web") > 1, "passes look at the Pod")
        assert ours(api, namespace, "web")
        api.patch("Pod", namespace, "web", {"metadata": {"labels": {"app": "web"}}})
        until(lambda: not ours(api, namespace, "web"), "it knows the Pod again")
        assert "Traceback" not in running.stderr
    assert sum(each.method == "DELETE" for each in proxy.requests) == 1


def selecting(*apps: str) -> Object:
    """A spec that selects Pods with one of these labels."""
    expression = {"key": "app", "operator": "In", "values": list(apps)}
    return {"podSelector": {"matchExpressions": [expression]}}


def looks(proxy: Proxy, pod: str) -> int:
    return sum(
        each.method == "GET" and each.path.endswith(f"/pods/{pod}") for each in proxy.requests
    )


def ours(api: Api, namespace: str, pod: str) -> bool:
    return f"pod-{pod}-from-mine-cfg" in names(api, namespace)
