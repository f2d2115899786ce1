"""A config with a field that this version doesn't know changes nothing (§1, a newer CRD).

None of its ConfigMaps is written or deleted, whatever else is in the namespace.
"""

import copy
import re
from collections.abc import Iterable

from hypothesis import assume, given
from hypothesis import strategies as st

from podcm_sync.api.meta import KIND
from podcm_sync.api.objects import PodConfigMapConfig
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.names import label_value, may_come_from
from podcm_sync.sync import Policy, run
from tests.builders import GENERATED_BY, NOW, Json, manifest
from tests.laws.worlds import EVERYWHERE, World, is_ours, worlds

PLACES = st.sampled_from(["spec", "podSelector", "requirement", "operator"])


def newer(config: PodConfigMapConfig, place: str) -> Json:
    """The config as a newer CRD stores it, with a field or an operator of its own."""
    raw = copy.deepcopy(manifest(config))
    requirement = {"key": "app", "operator": "Exists"}
    match place:
        case "spec":
            raw["spec"]["maxPods"] = 3
        case "podSelector":
            raw["spec"]["podSelector"]["matchFields"] = []
        case "requirement":
            raw["spec"]["podSelector"]["matchExpressions"] = [requirement | {"ignoreCase": True}]
        case _:
            raw["spec"]["podSelector"]["matchExpressions"] = [requirement | {"operator": "Gt"}]
    return raw


def is_its_own(raw: Json, config: PodConfigMapConfig) -> bool:
    """Whether a stored ConfigMap was made by the config, by its label and its name."""
    metadata = raw["metadata"]
    namespace, name = config.namespaced_name
    return (
        raw["kind"] == "ConfigMap"
        and is_ours(raw)
        and metadata["namespace"] == namespace
        and metadata["labels"][GENERATED_BY] == label_value(name)
        and may_come_from(metadata["name"], name)
    )


@given(world=worlds(), place=PLACES, data=st.data())
def test_a_newer_field_never_writes_or_deletes_a_config_map_of_its_config(
    world: World, place: str, data: st.DataObject
) -> None:
    configs = [
        each
        for each in world.objects
        if isinstance(each, PodConfigMapConfig) and each.spec and not each.terminating
    ]
    assume(configs)
    config = data.draw(st.sampled_from(configs))
    others = tuple(each for each in world.objects if each is not config)
    cluster = World(objects=(*others, newer(config, place))).cluster()
    before = cluster.dump()
    report = run(EVERYWHERE, cluster, cluster, Policy(concurrency=1), now=NOW)

    def own(stored: Iterable[Json]) -> list[Json]:
        return [raw for raw in stored if is_its_own(raw, config)]

    assert own(cluster.dump().values()) == own(before.values())
    if not config.suspend:
        # A Pod that doesn't decode can have the config's name.
        mine = [
            each
            for each in report.problems
            if (each.kind, each.namespaced_name) == (KIND, config.namespaced_name)
        ]
        assert [each.reason for each in mine] == [Reason.NEWER_SPEC]
        assert re.search("newer than this version", mine[0].message)
        (status,) = [
            each.update.desired
            for each in report.statuses
            if each.update.namespaced_name == config.namespaced_name
        ]
        assert status.observed_generation == config.status.observed_generation
        assert [each.status for each in status.conditions if each.type == "Ready"] == ["False"]
        assert "Stalled" not in {each.type for each in status.conditions}
