"""A run killed at any of its writes leaves what the next run finishes: no write is half a thing."""

import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

from tests.chaos.proxy import Proxy
from tests.chaos.rules import Fault, Rule
from tests.chaos.running import run_once
from tests.chaos.twin import difference
from tests.chaos.world import Intent, World
from tests.command import started, until
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import new_namespace

BEFORE = Intent(variants=(0, 0, 0), is_flipped=False, is_name_taken=True)
AFTER = Intent(variants=(1, 1, 2), is_flipped=True, is_name_taken=True)
WRITE = "POST|PATCH|DELETE"
AT_ONCE = 3


def prepared(control_plane: ControlPlane, api: Api, folder: Path) -> tuple[World, Path]:
    """A world that is in step with one intent and asked for another, and its kubeconfig."""
    world = World.make(api, new_namespace(api))
    world.ask(BEFORE)
    kubeconfig = folder / world.namespace
    control_plane.kubeconfig(kubeconfig, namespace=world.namespace)
    assert run_once(kubeconfig).code == 3  # the name that is taken
    world.remove(["pod-x.y-1-from-all-cfg", "pod-web-0-from-web-cfg"])
    world.perturb(Random(1))  # noqa: S311 - the same for each kill
    world.ask(AFTER)
    return world, kubeconfig


def killed_at(
    control_plane: ControlPlane, world: World, kubeconfig: Path, write: int, fault: Fault
) -> list[str]:
    """Kill a run at that write, run again; the names that were created, over both."""
    rule = Rule(fault, method=WRITE, nth=write, times=None)
    with Proxy(control_plane, rule) as proxy:
        control_plane.kubeconfig(kubeconfig, namespace=world.namespace, server=proxy.url)
        with started(kubeconfig, "--concurrency", "1") as running:
            until(proxy.stuck.is_set, f"write {write}")
            running.signal(signal.SIGKILL)
            assert running.end().code == -signal.SIGKILL
        assert len(proxy.writes()) == write, "one at a time, and none after it"
        killed = proxy.writes()
        proxy.begin()
        again = run_once(kubeconfig)
        assert again.code == 3, again
        return [
            each.body.decode().partition('"name":"')[2].partition('"')[0]
            for each in (*killed, *proxy.writes())
            if each.method == "POST" and 201 in each.codes
        ]


def undisturbed(
    control_plane: ControlPlane, api: Api, folder: Path
) -> tuple[dict[str, Any], Counter[str], int]:
    """The final state, the verbs and the number of writes of a run that nobody kills."""
    world, kubeconfig = prepared(control_plane, api, folder)
    with Proxy(control_plane) as proxy:
        control_plane.kubeconfig(kubeconfig, namespace=world.namespace, server=proxy.url)
        assert run_once(kubeconfig, concurrency=1).code == 3
        verbs = Counter(
            "STATUS" if each.path.endswith("/status") else each.method for each in proxy.writes()
        )
    return world.state(world.config_maps()), verbs, verbs.total()


def sweep(control_plane: ControlPlane, api: Api, folder: Path, fault: Fault) -> None:
    expected, verbs, writes = undisturbed(control_plane, api, folder)
    assert set(verbs) == {"POST", "PATCH", "DELETE", "STATUS"}, "the plan has all four"

    def claim(write: int) -> None:
        world, kubeconfig = prepared(control_plane, api, folder)
        before = world.config_maps()
        created = killed_at(control_plane, world, kubeconfig, write, fault)
        found = world.config_maps()
        assert difference(expected, world.state(found)) == [], f"killed at write {write}"
        world.check_foreign(found)
        assert [name for name, count in Counter(created).items() if count > 1] == []
        remade = [
            name
            for name in before.keys() & found.keys()
            if before[name]["metadata"]["uid"] != found[name]["metadata"]["uid"]
        ]
        assert remade == [], "what was there is patched in place, not created again"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(claim, range(1, writes + 1)))


def test_killed_before_any_write_reaches_the_server(
    control_plane: ControlPlane, api: Api, tmp_path: Path
) -> None:
    """For every n: SIGKILL while the n-th write is on its way; it is never carried out."""
    sweep(control_plane, api, tmp_path, Fault.FREEZE)


def test_killed_after_any_write_and_before_its_answer(
    control_plane: ControlPlane, api: Api, tmp_path: Path
) -> None:
    """For every n: SIGKILL when the n-th write is carried out and its answer not yet there."""
    sweep(control_plane, api, tmp_path, Fault.SWALLOW)
