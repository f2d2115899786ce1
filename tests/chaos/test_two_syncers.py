"""Two who sync one namespace at once, and one who undoes what is synced: no war of writes."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from tests.chaos.proxy import Proxy
from tests.chaos.rules import Fault, Rule
from tests.chaos.running import Ran, run_once
from tests.chaos.twin import difference
from tests.chaos.world import TAKEN, Intent, World
from tests.controlplane.api import Api, Object
from tests.controlplane.audit import Audit
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import GENERATED_BY, POD_UID, owner

SEEDS = range(12)
INTENT = Intent(variants=(1, 0, 0), is_flipped=True, is_name_taken=False)
RIVALS = 2


@pytest.fixture
def proxies(control_plane: ControlPlane) -> Iterator[list[Proxy]]:
    """One for each syncer, so that each has its own delays."""
    with ExitStack() as stack:
        yield [stack.enter_context(Proxy(control_plane)) for _ in range(RIVALS)]


def at_once(kubeconfigs: list[Path]) -> list[Ran]:
    """One run of each syncer, all begun together."""
    ran: list[Ran] = []
    threads = [
        threading.Thread(target=lambda path=path: ran.append(run_once(path)))
        for path in kubeconfigs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ran


def expected_state(control_plane: ControlPlane, api: Api, folder: Path) -> Object:
    """What one undisturbed run brings on a twin."""
    twin = World.make(api, new_namespace(api))
    twin.ask(INTENT)
    path = control_plane.kubeconfig(folder / "twin", namespace=twin.namespace)
    assert run_once(path).code == 0
    return twin.state(twin.config_maps())


def writes(audit: Audit, mark: int, namespace: str) -> list[str]:
    """What podcm-sync wrote there since the mark."""
    events = audit.since(mark, namespace=namespace, user_agent="podcm-sync/")
    return [f"{each.verb} {each.name}" for each in events if each.verb not in {"list", "get"}]


@pytest.mark.usefixtures("quick_retries")
def test_two_syncers_at_once_converge_in_two_runs_and_then_write_nothing(
    control_plane: ControlPlane, api: Api, audit: Audit, tmp_path: Path, proxies: list[Proxy]
) -> None:
    """For each seed of delays: after two runs of both, the third run of both writes nothing."""
    expected = expected_state(control_plane, api, tmp_path)
    for seed in SEEDS:
        rng = Random(seed)  # noqa: S311 - chance that can be had again
        world = World.make(api, new_namespace(api))
        world.ask(INTENT)
        world.perturb(rng)
        kubeconfigs = []
        for index, proxy in enumerate(proxies):
            proxy.begin(*delays(rng))
            path = tmp_path / f"{world.namespace}-{index}"
            kubeconfigs.append(
                control_plane.kubeconfig(path, namespace=world.namespace, server=proxy.url)
            )
        # What the other did first may be a conflict three times over, which is told as one.
        assert {ran.code for ran in at_once(kubeconfigs)} <= {0, 3}, seed
        assert {ran.code for ran in at_once(kubeconfigs)} == {0}, seed
        mark = audit.mark()
        assert {ran.code for ran in at_once(kubeconfigs)} == {0}, seed
        assert writes(audit, mark, world.namespace) == [], seed
        found = world.config_maps()
        assert difference(expected, world.state(found)) == [], seed
        world.check_foreign(found)


def delays(rng: Random) -> list[Rule]:
    """Some requests come late, so that the two mix in another way for each seed."""
    return [
        Rule(Fault.DELAY, nth=rng.randrange(1, 20), seconds=rng.choice((0.01, 0.03, 0.1)))
        for _ in range(6)
    ]


def rewrite(api: Api, world: World, pods: dict[str, Object]) -> None:
    """The Go controller's habit: its two labels alone, and its own owner references.

    Here it also has an owner that is not a controller, a label and an annotation of its own.
    """
    for name, stored in world.config_maps().items():
        pod = pods.get(name.partition("-from-")[0].removeprefix("pod-"))
        if pod is None or name in world.foreign:
            continue
        pcmc_name = name.partition("-from-")[2].removesuffix("-cfg")
        mine = {GENERATED_BY: pcmc_name, POD_UID: pod["metadata"]["uid"]}
        labels = dict.fromkeys(stored["metadata"]["labels"]) | mine | {"theirs": "yes"}
        owners = [{**owner(pod), "blockOwnerDeletion": True}, theirs(world)]
        metadata = {
            "labels": labels,
            "annotations": {"theirs": "too"},
            "ownerReferences": owners,
        }
        api.patch("ConfigMap", world.namespace, name, {"metadata": metadata})


def theirs(world: World) -> Object:
    """An owner that is no Pod and no controller."""
    uid = world.foreign["settings"]["metadata"]["uid"]
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "uid": uid}


def test_what_the_go_controller_rewrites_is_put_right_and_others_things_stay(
    api: Api, audit: Audit, world: World, kubeconfig: Path
) -> None:
    """After each rewriting one run puts ours back, beside theirs; the next writes nothing."""
    world.ask(INTENT)
    assert run_once(kubeconfig).code == 0
    pods = {name: api.get("Pod", world.namespace, name) or {} for name in world.uids}
    for _ in range(3):
        rewrite(api, world, pods)
        assert run_once(kubeconfig).code == 0
        mark = audit.mark()
        assert run_once(kubeconfig).code == 0
        assert writes(audit, mark, world.namespace) == []
        found = world.config_maps()
        world.check_foreign(found)
        made = found[TAKEN]["metadata"]
        assert made["labels"] == {
            GENERATED_BY: "all",
            POD_UID: world.uids["plain"],
            "app.kubernetes.io/managed-by": "podcm-sync",
            "theirs": "yes",
        }
        assert made["annotations"] == {"theirs": "too"}
        assert theirs(world) in made["ownerReferences"]
        (controller,) = [each for each in made["ownerReferences"] if each.get("controller")]
        assert (controller["kind"], controller["uid"]) == ("Pod", world.uids["plain"])
