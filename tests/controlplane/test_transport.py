"""What goes over the wire: to whom, with which credentials, how many at once (§2, §7, §9)."""

import json
import threading
from pathlib import Path

import pytest

from podcm_sync import __version__
from tests import command
from tests.chaos.proxy import Forward, Proxy
from tests.chaos.rules import Observed, Reply
from tests.controlplane.api import Api
from tests.controlplane.crd_objects import pcmc
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import make_config, names


def proxied(plane: ControlPlane, proxy: Proxy, folder: Path, namespace: str) -> Path:
    return plane.kubeconfig(folder / "proxied", namespace=namespace, server=proxy.url)


@pytest.fixture
def work(api: Api, namespace: str) -> None:
    for number in range(12):
        api.make_pod(namespace, f"p{number}")
    make_config(api, namespace)


@pytest.mark.usefixtures("work")
def test_every_request_says_who_asks_and_what_is_understood(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """behavior.md §7: the kubeconfig's token with each one, over TLS; §9: and our user agent."""
    with Proxy(control_plane) as proxy:
        done = command.run(kubeconfig=proxied(control_plane, proxy, tmp_path, namespace))
    assert done.code == 0, done.stderr
    assert {request.method for request in proxy.requests} == {"GET", "POST", "PATCH"}
    for request in proxy.requests:
        assert request.headers["authorization"] == f"Bearer {control_plane.admin_token}"
        assert request.headers["user-agent"] == f"podcm-sync/{__version__}"
        assert "application/json" in request.headers["accept"]
    types = {request.method: request.headers.get("content-type") for request in proxy.requests}
    assert types == {
        "GET": None,
        "POST": "application/json",
        "PATCH": "application/merge-patch+json",
    }
    assert control_plane.admin_token not in done.stdout + done.stderr


@pytest.mark.usefixtures("work")
def test_the_token_is_not_shown_with_all_that_v_shows(
    control_plane: ControlPlane, kubeconfig: Path
) -> None:
    """behavior.md §7: requests are in the log with -v; credentials never are."""
    done = command.run("-vv", kubeconfig=kubeconfig)
    assert done.code == 0
    assert "/configmaps" in done.stderr
    assert control_plane.admin_token not in done.stdout + done.stderr


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize("prefix", ["/k8s/clusters/c-1", "/k8s/clusters/c-1/"])
def test_a_path_in_the_servers_address_is_kept(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path, prefix: str
) -> None:
    """behavior.md §7: kubectl's habits: https://host/prefix, as multi-cluster gateways have it."""
    bare = prefix.rstrip("/")
    with Proxy(control_plane, prefix=bare) as proxy:
        path = proxied(control_plane, proxy, tmp_path, namespace)
        path.write_text(path.read_text().replace(proxy.url, proxy.url.removesuffix(bare) + prefix))
        assert command.run(kubeconfig=path).code == 0
    assert all(request.path.startswith(f"{bare}/api") for request in proxy.requests)
    assert len(names(api, namespace)) == 12


@pytest.mark.usefixtures("work")
def test_writes_are_as_many_at_once_as_is_said_and_no_more(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """behavior.md §2: bounded concurrency: with 3, all four rounds of 3 are under way together."""
    together = threading.Barrier(3)
    lock = threading.Lock()
    under_way: list[int] = [0]
    most: list[int] = [0]

    def fault(request: Observed, forward: Forward) -> Reply:
        if request.method != "POST":
            return forward()
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        together.wait(timeout=20)  # three at a time, or else this breaks
        reply = forward()
        with lock:
            under_way[0] -= 1
        return reply

    with Proxy(control_plane, handler=fault) as proxy:
        path = proxied(control_plane, proxy, tmp_path, namespace)
        assert command.run("--concurrency", "3", kubeconfig=path).code == 0
    assert most == [3]
    assert len(names(api, namespace)) == 12


LOADED = """
import sys
from podcm_sync.__main__ import run
try:
    code = run(sys.argv[1:])
except SystemExit as end:
    code = end.code
heavy = [name for name in ("kubernetes", "urllib3", "rich") if name in sys.modules]
print("LOADED", code, heavy)
"""


@pytest.mark.parametrize("option", ["--help", "-h", "--version", "--nonsense"])
def test_help_and_usage_load_nothing_of_a_run(option: str) -> None:
    """behavior.md §7: what needs no server does not wait for the package that talks to one."""
    done = command.python("-c", LOADED, option)
    code = 2 if option == "--nonsense" else 0
    assert done.stdout.splitlines()[-1] == f"LOADED {code} []"


def test_manifests_need_no_kubernetes_package(tmp_path: Path) -> None:
    """behavior.md §8: --from works without a cluster, and loads nothing that talks to one."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}
    (tmp_path / "cluster.yaml").write_text(
        "\n---\n".join(json.dumps(obj) for obj in (pod, pcmc({}, "shop")))
    )
    done = command.python("-c", LOADED, "--from", str(tmp_path))
    assert done.stdout.splitlines()[-1] == "LOADED 0 []", done.stderr
    assert "shop/mine  1 created" in done.stdout
