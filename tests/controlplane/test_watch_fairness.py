"""One namespace that changes all the time doesn't slow the others down (§10, Passes)."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.controlplane import own
from tests.controlplane.api import Api, Object
from tests.controlplane.harness import ControlPlane
from tests.controlplane.loops import wait_for_counts, watching
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import generated, make_config, selecting

control_plane, api, deletions = own.control_plane, own.api, own.deletions
OTHERS = 50
ROUNDS = 40
FACTOR = 6.0
LEAST = 0.1
"""Seconds: on a busy machine, a single reaction can take as long without anybody's fault."""
EXPENSIVE: Object = {
    "configMapDataTemplate": {
        "x": '{{ range $i := until 400 }}{{ printf "%d-%s" $i $.labels.v | sha256sum }}{{ end }}'
    }
}


@contextmanager
def patched_all_the_time(api: Api, namespace: str, rate: float) -> Iterator[list[int]]:
    """A Pod's label changes so many times a second."""
    is_over, count = threading.Event(), [0]

    def patch() -> None:
        while not is_over.wait(1 / rate):
            count[0] += 1
            api.patch("Pod", namespace, "web", {"metadata": {"labels": {"v": str(count[0])}}})

    threads = [threading.Thread(target=patch) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield count
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def reactions(api: Api, namespaces: list[str], value: str) -> list[float]:
    """Seconds from the answer to a Pod's change until its ConfigMap shows it, one by one."""
    found = []
    for namespace in namespaces:
        api.patch("Pod", namespace, "web", {"metadata": {"labels": {"v": value}}})
        began = time.monotonic()
        while generated(api, namespace)["data"].get("label_v") != value:
            assert time.monotonic() < began + 10
            time.sleep(0.002)
        found.append(time.monotonic() - began)
    return found


@pytest.fixture
def config(control_plane: ControlPlane, tmp_path: Path) -> Path:
    return control_plane.kubeconfig(tmp_path / "admins")


def test_the_reaction_of_others_stays_within_a_small_factor(api: Api, config: Path) -> None:
    namespaces = [new_namespace(api) for _ in range(OTHERS)]
    spec = selecting(app="web") | {"labelsToInclude": ["v"]}
    for namespace in namespaces:
        make_config(api, namespace, spec=spec)
        api.make_pod(namespace, "web", labels={"app": "web", "v": "0"})
    hostile = namespaces.pop()
    api.patch("PodConfigMapConfig", hostile, "mine", {"spec": EXPENSIVE})
    with watching(config, "-A") as loop:
        for namespace in namespaces:
            wait_for_counts(api, namespace, matched=1, config_maps=1)
        calm = reactions(api, namespaces[:ROUNDS], "1")
        with patched_all_the_time(api, hostile, rate=100.0) as count:
            time.sleep(1)
            hurried = reactions(api, namespaces[:ROUNDS], "2")
            assert count[0] > 100
        before, during = statistics.median(calm), statistics.median(hurried)
        assert during <= max(FACTOR * before, LEAST)
        assert max(hurried) < 2
        # It is served too, in its turn.
        last = api.get("Pod", hostile, "web")
        assert last
        value = last["metadata"]["labels"]["v"]
        api.wait_for(lambda: generated(api, hostile)["data"]["label_v"] == value)
        assert loop.full_runs == 1
