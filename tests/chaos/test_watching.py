"""A watching loop and faults: what one test each has found, with full runs far apart."""

from pathlib import Path

from tests.chaos.proxy import Proxy
from tests.chaos.rules import Fault, Rule
from tests.command import started, until
from tests.controlplane.api import Api
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import make_config, names

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


def ours(api: Api, namespace: str, pod: str) -> bool:
    return f"pod-{pod}-from-mine-cfg" in names(api, namespace)
