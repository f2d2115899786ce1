"""A small world in a namespace of its own: what is wanted there, and what chaos makes of it.

What a run must end in is taken from an undisturbed run on a twin namespace, and compared by name;
never computed here.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.chaos.twin import plain_state
from tests.controlplane.api import Api, Object, path_of
from tests.controlplane.crd_objects import KIND, pcmc
from tests.controlplane.sync_objects import GENERATED_BY, POD_UID, config_map

PODS = {
    "web-0": {"app": "web", "tier": "front"},
    "web-1": {"app": "web", "tier": "front"},
    "web-2": {"app": "web", "tier": "back"},
    "db-0": {"app": "db", "tier": "back"},
    "x.y-1": {"app": "odd"},
    "plain": {},
}
ANNOTATIONS = {"example.com/note": 'a "quoted" note\nwith ünïcode'}
SPECS: dict[str, tuple[Object | None, ...]] = {
    "all": (
        {},
        {"labelsToInclude": ["app", "tier"], "annotationsToInclude": ["example.com/note"]},
    ),
    "web": (
        {"podSelector": {"matchLabels": {"app": "web"}}, "labelsToInclude": ["tier"]},
        {"podSelector": {"matchLabels": {"app": "web", "tier": "front"}}},
        None,
    ),
    "front": (
        {"podSelector": {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}},
        {"podSelector": {"matchLabels": {"app": "nobody"}}},
        {"podSelector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}},
    ),
}
"""Each config's variants; None: the config is not there."""
FLIPPED = {"db-0": ("back", "front"), "web-2": ("back", "front")}
"""Pods whose label `tier` changes."""
TAKEN = "pod-plain-from-all-cfg"
"""A name that is wanted, and now and then somebody else's."""
FOREIGN = {
    "settings": {},
    "pod-web-0-from-nobody-cfg": {},
    "half-ours": {"labels": {GENERATED_BY: "all"}},
    "pod-half-from-all-cfg": {"labels": {GENERATED_BY: "all"}},
    "pod-kept-from-gone-cfg": {
        "labels": {GENERATED_BY: "gone", POD_UID: "0"},
        "annotations": {"podconfig.example.com/prune": "disabled"},
    },
}
"""Nobody's to touch: not ours, or ours and told to stay."""


@dataclass(frozen=True)
class Intent:
    """What is asked for in a world, and all that its final state depends on."""

    variants: tuple[int, ...]
    is_flipped: bool
    is_name_taken: bool

    @staticmethod
    def random(rng: Random) -> "Intent":
        return Intent(
            variants=tuple(rng.randrange(len(variants)) for variants in SPECS.values()),
            is_flipped=rng.random() < 0.5,
            is_name_taken=rng.random() < 0.3,
        )


@dataclass
class World:
    """A namespace with Pods, configs and foreign ConfigMaps, asked for an intent."""

    api: Api
    namespace: str
    uids: dict[str, str] = field(default_factory=dict)
    foreign: dict[str, Object] = field(default_factory=dict)
    intent: Intent | None = None

    @staticmethod
    def make(api: Api, namespace: str) -> "World":
        """A new world in an empty namespace; nothing is asked for yet."""
        world = World(api, namespace)
        for name in PODS:
            world.make_pod(name)
        for name, metadata in FOREIGN.items():
            made = api.create(config_map(namespace, name, {"whose": "others'"}, **metadata))
            world.foreign[name] = made
        return world

    def make_pod(self, name: str) -> None:
        pod = self.api.make_pod(
            self.namespace, name, labels=PODS[name], annotations=ANNOTATIONS, node_name="node-1"
        )
        self.uids[name] = pod["metadata"]["uid"]

    def ask(self, intent: Intent) -> None:
        """Bring configs, labels and the taken name to what the intent says."""
        before, self.intent = self.intent, intent
        for index, (name, specs) in enumerate(SPECS.items()):
            old = specs[before.variants[index]] if before else None
            new = specs[intent.variants[index]]
            if new == old:
                continue
            if new is None:
                self.api.delete(KIND, self.namespace, name)
            elif old is None:
                self.api.create(pcmc(new, self.namespace, name))
            else:
                self._replace(name, new)
        for name in FLIPPED:
            self._label(name)
        if intent.is_name_taken and TAKEN not in self.foreign:
            self.remove([TAKEN])
            taken = config_map(self.namespace, TAKEN, {"whose": "others'"})
            self.foreign[TAKEN] = self.api.create(taken)
        if not intent.is_name_taken and TAKEN in self.foreign:
            del self.foreign[TAKEN]
            self.remove([TAKEN])

    def _replace(self, name: str, spec: Object) -> None:
        """The config with another spec: the same object, in its next generation."""
        stored = self.api.get(KIND, self.namespace, name)
        assert stored
        path = path_of(KIND, self.namespace, name)
        status, answer = self.api.request("PUT", path, {**stored, "spec": spec})
        assert status == 200, answer

    def perturb(self, rng: Random) -> None:
        """Drift, deletions, leftovers, and rarely a Pod recreated under its name."""
        ours = sorted(self.config_maps().keys() - self.foreign.keys())
        for name in rng.sample(ours, k=min(len(ours), rng.randrange(4))):
            self._spoil(name, rng)
        self.remove(rng.sample(ours, k=min(len(ours), rng.choice((0, 0, 1, 2)))))
        for number in range(rng.choice((0, 0, 1, 2))):
            name = f"pod-ghost-{number}-from-{rng.choice(['all', 'web', 'gone'])}-cfg"
            labels = {GENERATED_BY: "all", POD_UID: f"ghost-{number}"}
            body = config_map(self.namespace, name, {"podName": "ghost"}, labels=labels)
            assert self.api.request("POST", self._path(), body)[0] in {201, 409}
        if rng.random() < 0.05:
            again = rng.choice(sorted(PODS))
            self.api.delete("Pod", self.namespace, again, gracePeriodSeconds=0)
            self.make_pod(again)
            if again in FLIPPED:
                self._label(again)

    def _label(self, pod: str) -> None:
        """The label that the intent wants on a Pod."""
        assert self.intent
        labels = {"tier": FLIPPED[pod][self.intent.is_flipped]}
        self.api.patch("Pod", self.namespace, pod, {"metadata": {"labels": labels}})

    def _spoil(self, name: str, rng: Random) -> None:
        """Drift in what is ours."""
        patch = rng.choice(
            (
                {"data": {"podName": "spoilt"}},
                {"data": {"added": "by others", "phase": None}},
                {"binaryData": {"bytes": "AAECAw=="}},
                {"metadata": {"labels": {GENERATED_BY: "another"}}},
                {"metadata": {"labels": {POD_UID: "another"}}},
                {"metadata": {"ownerReferences": None}},
            )
        )
        # The garbage collector may have been here first.
        self.api.request(
            "PATCH", self._path(name), patch, content_type="application/merge-patch+json"
        )

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            self.api.request("DELETE", self._path(name))

    def config_maps(self) -> dict[str, Any]:
        """All ConfigMaps as they are stored, but the one that every namespace has."""
        found = {obj["metadata"]["name"]: obj for obj in self.api.list("ConfigMap", self.namespace)}
        found.pop("kube-root-ca.crt", None)
        return found

    def check_foreign(self, found: dict[str, Any]) -> None:
        """What is not ours is there bit for bit, resourceVersion and all."""
        for name, made in self.foreign.items():
            expected = {key: made[key] for key in made if key not in {"kind", "apiVersion"}}
            assert found.get(name) == expected, f"{name} was touched: {json.dumps(found.get(name))}"

    def state(self, found: dict[str, Any]) -> dict[str, Any]:
        """All that is wanted here and what its configs say, free of what differs from a twin."""
        configs = self.api.list(KIND, self.namespace)
        return plain_state(self.namespace, self.uids, found, configs)

    def _path(self, name: str = "") -> str:
        return path_of("ConfigMap", self.namespace, name)
