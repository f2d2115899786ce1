"""ConfigMaps of Pods that are gone are left to the garbage collector (behavior.md §3)."""

import json
from pathlib import Path

from tests.chaos.proxy import Forward, Proxy
from tests.chaos.rules import Observed, Reply
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import make_config, names
from tests.controlplane.syncing import sync


def only_the_first_pod(request: Observed, forward: Forward) -> Reply:
    """An access proxy: it answers 200 with the Pods that the identity may see, in JSON."""
    if request.method != "GET" or not request.path.endswith("/pods"):
        return forward()
    request.headers["accept"] = "application/json"
    reply = forward()
    listed = json.loads(reply.body)
    listed["items"] = listed["items"][:1]
    return Reply(200, json.dumps(listed).encode(), {"content-type": "application/json"})


def test_a_filtered_list_of_pods_deletes_nothing_of_running_pods(
    api: Api, namespace: str, kubeconfig: Path, control_plane: ControlPlane, tmp_path: Path
) -> None:
    """Case 19: 19 of 20 were deleted, exit 0, with --max-prune 0."""
    for number in range(5):
        api.make_pod(namespace, f"p{number}")
    make_config(api, namespace)
    assert sync(kubeconfig).counts == {"created": 5}
    before = names(api, namespace)
    with Proxy(control_plane, handler=only_the_first_pod) as proxy:
        proxied = tmp_path / "proxied"
        control_plane.kubeconfig(proxied, namespace=namespace, server=proxy.url)
        run = sync(proxied)
    assert (run.counts, run.code) == ({"skipped": 4, "unchanged": 1}, 0)
    assert len(run.report.left_to_gc) == 4
    assert names(api, namespace) == before
