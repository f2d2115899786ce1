"""Worlds: small clusters in which much goes wrong at once, and what may be asked of them.

Names collide (`a` + `b-from-c`, `a-from-b` + `c`), are too long, or are alike up to their end;
configs are suspended, invalid, unreadable or going; ConfigMaps are ours, foreign, stale, drifted,
immutable or going. One or two namespaces, up to five Pods, four configs and six ConfigMaps.
"""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap, Pod, PodConfigMapConfig, PodConfigMapConfigStatus
from podcm_sync.reconcile.names import config_map_name, label_value
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from tests.builders import (
    GENERATED_BY,
    MANAGED_BY,
    PCMC_NAME,
    POD_UID,
    Json,
    Object,
    condition,
    config_map,
    manifest,
    owner,
    pcmc,
    pod,
)
from tests.fakes import FakeCluster

NAMESPACES = ("one", "two")
PODS = ("a", "a-from-b", "x", "x-from-a", "p" * 250)
CONFIGS = ("c", "b-from-c", "b", "a-from-b", "n" * 63 + ".long")
TIMES = ("", "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z")
EVERYWHERE = Scope(namespaces=None)


@dataclass(frozen=True)
class World:
    """What is in a cluster before a run."""

    objects: tuple[Object | Json, ...]

    def cluster(self) -> FakeCluster:
        """A new cluster with these objects in it."""
        return FakeCluster(*self.objects)

    def snapshot(self) -> Snapshot:
        """What a run's lists bring."""
        return self.cluster().snapshot(EVERYWHERE)

    def plus(self, *objects: Object | Json) -> "World":
        """This world with more in it."""
        return World(objects=(*self.objects, *objects))


def is_ours(raw: Json) -> bool:
    """Whether a stored ConfigMap is podcm-sync's, by the words of behavior.md §3."""
    metadata = raw["metadata"]
    has_both = {GENERATED_BY, POD_UID} <= set(metadata.get("labels") or {})
    return has_both and re.fullmatch(r"pod-.+-cfg", metadata["name"]) is not None


def outline(cluster: FakeCluster) -> dict[tuple[str, NamespacedName], Json]:
    """All that is stored, without what another course of the same events gives other values."""
    stored = cluster.dump()
    for raw in stored.values():
        for key in ("uid", "resourceVersion", "creationTimestamp"):
            raw["metadata"].pop(key, None)
        for each in (raw.get("status") or {}).get("conditions", ()):
            each.pop("lastTransitionTime", None)
    return stored


def status_facts(report: Report) -> list[object]:
    """What a report says of statuses; a prediction of one and the fact are of different types."""
    return [
        (status.update, status.result, status.reason, status.message) for status in report.statuses
    ]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any world."""
    spaces = draw(st.sampled_from([NAMESPACES[:1], NAMESPACES[:1], NAMESPACES]))
    places = st.sampled_from(spaces)
    pods = draw(_several(st.tuples(places, st.sampled_from(PODS)), 5))
    configs = draw(_several(st.tuples(places, st.sampled_from(CONFIGS)), 4))
    drawn_pods = [draw(_pods(namespace, name)) for namespace, name in pods]
    drawn_configs = [draw(_configs(namespace, name)) for namespace, name in configs]
    maps: dict[NamespacedName, Object | Json] = {}
    for _ in range(draw(st.integers(1, 6))):
        namespace = draw(places)
        here = [
            each
            for each in drawn_pods
            if isinstance(each, Pod) and each.namespaced_name.namespace == namespace
        ]
        makers = [name for space, name in configs if space == namespace]
        made = draw(_config_maps(namespace, here, makers))
        maps[made.namespaced_name] = _undecodable(made) if draw(_seldom) else made
    return World(objects=(*drawn_pods, *drawn_configs, *maps.values()))


@st.composite
def rivalries(draw: st.DrawFn) -> World:
    """Worlds in which two pairs of Pod and config give one name, and one of them may have it."""
    pods = [pod(name, namespace="one", terminating=draw(st.booleans())) for name in PODS[:2]]
    configs = [
        pcmc(
            name,
            namespace="one",
            created=draw(st.sampled_from(TIMES)),
            suspend=draw(_sometimes),
            labels=draw(st.sampled_from([[], ["app"]])),
        )
        for name in CONFIGS[:2]
    ]
    maps: tuple[Object, ...] = ()
    if draw(st.booleans()):
        old = [pod(name, namespace="one", uid=f"old-{name}") for name in PODS[:2]]
        made_for = draw(st.sampled_from([*pods, *old]))
        is_first = made_for.namespaced_name.name == PODS[0]
        change = draw(st.sampled_from(CHANGES[:4]))
        maps = (config_map(made_for=made_for, made_by=CONFIGS[is_first], **change),)
    return World(objects=(*pods, *configs, *maps))


_seldom = st.integers(0, 15).map(lambda number: number == 15)
_sometimes = st.integers(0, 7).map(lambda number: number == 7)
_values = st.sampled_from(["", "web", "api"])
_texts = st.sampled_from(["", "x", "two\nlines\n", "\x1b[2J\x00\u202e", "yes", "é" * 400])


def _several(names: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[Sequence[Any]]:
    some = st.lists(names, min_size=1, max_size=most, unique=True)
    return _seldom.flatmap(lambda is_none: st.just([]) if is_none else some)


def _pods(namespace: str, name: str) -> st.SearchStrategy[Object | Json]:
    whole = st.builds(
        pod,
        st.just(name),
        namespace=st.just(namespace),
        labels=st.dictionaries(st.sampled_from(["app", "team/x"]), _values),
        annotations=st.dictionaries(st.sampled_from(["note", "Team/y"]), _texts),
        node_name=st.sampled_from(["", "node-a"]),
        phase=st.sampled_from(["Pending", "Running", "Succeeded"]),
        terminating=_sometimes,
    )
    return st.tuples(whole, _seldom).map(lambda x: _undecodable(x[0]) if x[1] else x[0])


def _configs(namespace: str, name: str) -> st.SearchStrategy[Object | Json]:
    selectors = st.sampled_from(
        [
            {},
            {},
            {"match_labels": {"app": "web"}},
            {"match_expressions": [("app", "NotIn", ["web"])]},
            {"match_expressions": [("team/x", "Exists", [])]},
        ]
    )
    flaws = st.sampled_from([*[{}] * 12, {"match_labels": {"a b": "c"}}, {"spec_error": "garbage"}])
    statuses = st.sampled_from(
        [
            PodConfigMapConfigStatus(),
            PodConfigMapConfigStatus(
                conditions=(condition(status="Unknown", reason="Pending", generation=None),)
            ),
            PodConfigMapConfigStatus(
                observed_generation=1,
                conditions=(
                    condition("example.com/Audited"),
                    condition(status="False"),
                    condition("Stalled"),
                ),
            ),
        ]
    )

    def made(parts: tuple[Json, Json, PodConfigMapConfigStatus, str, int, bool, bool]) -> Object:
        selector, flaw, status, created, generation, suspend, terminating = parts
        return pcmc(
            name,
            namespace=namespace,
            labels=["app", "team/x"][: generation - 1],
            annotations=["note", "Team/y"][: generation - 1],
            created=created,
            generation=generation,
            status=status,
            suspend=suspend,
            terminating=terminating,
            **(selector | flaw),
        )

    whole = st.tuples(
        selectors,
        flaws,
        statuses,
        st.sampled_from(TIMES),
        st.integers(1, 3),
        _sometimes,
        _sometimes,
    ).map(made)
    return st.tuples(whole, _seldom).map(lambda x: _undecodable(x[0]) if x[1] else x[0])


@st.composite
def _config_maps(
    draw: st.DrawFn, namespace: str, pods: Sequence[Pod], configs: Sequence[str]
) -> ConfigMap:
    """One that was made some time, by a config and for a Pod that may be gone or others now."""
    strangers = [pod(name, namespace=namespace, uid=f"old-{name[:9]}") for name in PODS]
    is_strange = not pods or draw(_sometimes)
    made_for = draw(st.sampled_from(strangers if is_strange else pods))
    made_by = draw(st.sampled_from(CONFIGS if not configs or draw(_sometimes) else configs))
    changes: Json = {"labels": {GENERATED_BY: label_value(made_by)}}
    if len(made_by) > 63:
        changes["annotations"] = {PCMC_NAME: made_by}
    if draw(_seldom):
        changes["labels"][GENERATED_BY] = label_value(draw(st.sampled_from(CONFIGS)))
    for change in draw(st.lists(st.sampled_from(CHANGES), max_size=2)):
        for key, value in change.items():
            both = isinstance(value, dict) and key in changes
            changes[key] = {**changes[key], **value} if both else value
    name = config_map_name(made_for.namespaced_name.name, made_by)
    return config_map(
        "settings" if draw(_seldom) else name, made_for=made_for, made_by=made_by, **changes
    )


CHANGES: tuple[Json, ...] = (
    {},
    {},
    {"data": {}},
    {"more_data": {"phase": "OutOfSync", "added": "x"}},
    {"binary_data": {"blob": "AAE="}},
    {"immutable": True},
    {"terminating": True},
    {"owners": []},
    {"owners": [owner("team", uid="uid-t", kind="Team", controller=False)]},
    {"owners": [owner("web", uid="uid-d", kind="Deployment")]},
    {"annotations": {"podconfig.example.com/prune": "disabled"}},
    {"annotations": {"note": "mine"}},
    {"annotations": {PCMC_NAME: "another"}},
    {"labels": {"team": "blue"}},
    {"labels": {MANAGED_BY: None}},
    {"labels": {POD_UID: None}},
    {"labels": {GENERATED_BY: None}},
    {"labels": {GENERATED_BY: None, POD_UID: None, MANAGED_BY: None}},
)
"""What may have become of a ConfigMap since it was made; two of them at a time."""


def _undecodable(obj: Object) -> Json:
    """The object with something in it that cannot be read; its name and labels can."""
    raw = copy.deepcopy(manifest(obj))
    match obj:
        case Pod():
            raw["spec"] = {"nodeName": 5}
        case PodConfigMapConfig():
            raw["metadata"]["generation"] = "many"
        case ConfigMap():
            raw["data"] = {"number": 5}
    return raw
