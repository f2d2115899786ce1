"""What users and other clients do in one world, by seed; each request may meet any state of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.chaos.world import ANNOTATIONS, PODS, SPECS, World
from tests.controlplane.api import Object, path_of
from tests.controlplane.crd_objects import KIND, pcmc
from tests.controlplane.sync_objects import GENERATED_BY, INVALID, POD_UID, PRUNE, config_map

MERGE = "application/merge-patch+json"
LABELS: tuple[Object, ...] = (
    {"app": "web", "tier": "front"},
    {"app": "web", "tier": "back"},
    {"app": "db", "tier": None},
    {"app": None, "tier": "front"},
)
NOTES: tuple[Object, ...] = ({"example.com/note": "other"}, {"example.com/note": None}, ANNOTATIONS)
TEMPLATE: Object = {"configMapDataTemplate": {"greeting": "hello {{ .name }}"}}
SPOILT: tuple[Object, ...] = (
    {"data": {"podName": "spoilt"}},
    {"data": {"added": "by others", "phase": None}},
    {"metadata": {"labels": {GENERATED_BY: "another"}}},
    {"metadata": {"labels": {GENERATED_BY: None}}},
    {"metadata": {"labels": {POD_UID: "another"}}},
    {"metadata": {"ownerReferences": None}},
    {"metadata": {"annotations": {PRUNE: "disabled"}}},
    {"metadata": {"annotations": {PRUNE: None}}},
    {"metadata": {"annotations": {"others": "note"}}},
)


@dataclass
class Users:
    """They know which names were somebody else's at any time (`others`), and what they did."""

    world: World
    rng: Random
    others: set[str] = field(default_factory=set)
    did: list[str] = field(default_factory=list)

    def act(self, count: int, longest_pause: float) -> None:
        """Do so many things, with pauses in between or none."""
        acts: dict[Callable[[], str], int] = {
            self._label: 5,
            self._annotate: 2,
            self._make_pod: 3,
            self._remove_pod: 2,
            self._end_pod: 1,
            self._replace_pod: 2,
            self._edit_config: 3,
            self._suspend: 1,
            self._invalidate: 1,
            self._remove_config: 1,
            self._spoil: 4,
            self._remove_config_map: 3,
            self._take_name: 2,
            self._give_name_back: 1,
            self._leave_behind: 1,
        }
        for _ in range(count):
            (act,) = self.rng.choices(list(acts), list(acts.values()))
            self.did.append(f"{time.monotonic():.3f} {act.__name__.strip('_')} {act()}")
            if self.rng.random() < 0.7:
                time.sleep(self.rng.uniform(0, longest_pause))

    def _pod(self) -> str:
        return self.rng.choice(sorted(PODS))

    def _config(self) -> str:
        return self.rng.choice(sorted(SPECS))

    def _patch(self, kind: str, name: str, body: Object) -> str:
        path = path_of(kind, self.world.namespace, name)
        status, _ = self.world.api.request("PATCH", path, body, content_type=MERGE)
        return f"{name} {body}: {status}"

    def _delete(self, kind: str, name: str, body: Object | None = None) -> str:
        path = path_of(kind, self.world.namespace, name)
        status, _ = self.world.api.request("DELETE", path, body)
        return f"{name}: {status}"

    def _label(self) -> str:
        return self._patch("Pod", self._pod(), {"metadata": {"labels": self.rng.choice(LABELS)}})

    def _annotate(self) -> str:
        notes = self.rng.choice(NOTES)
        return self._patch("Pod", self._pod(), {"metadata": {"annotations": notes}})

    def _make_pod(self, name: str = "") -> str:
        name = name or self._pod()
        if self.world.api.get("Pod", self.world.namespace, name) is not None:
            return f"{name}: it is there"
        self.world.make_pod(name)
        return name

    def _remove_pod(self, name: str = "") -> str:
        return self._delete("Pod", name or self._pod(), {"gracePeriodSeconds": 0})

    def _end_pod(self) -> str:
        """It is terminating for the rest of the time, because it waits for its node."""
        return self._delete("Pod", self._pod())

    def _replace_pod(self) -> str:
        name = self._pod()
        return f"{self._remove_pod(name)}, {self._make_pod(name)}"

    def _edit_config(self) -> str:
        """Another spec, or a new config."""
        name, world = self._config(), self.world
        spec = self.rng.choice([spec for spec in SPECS[name] if spec is not None])
        if self.rng.random() < 0.15:
            spec = {**spec, **TEMPLATE}
        if world.api.get(KIND, world.namespace, name) is None:
            world.api.create(pcmc(spec, world.namespace, name))
            return f"{name} is new: {spec}"
        path = path_of(KIND, world.namespace, name)
        while True:
            stored = world.api.get(KIND, world.namespace, name)
            assert stored is not None
            status, _ = world.api.request("PUT", path, {**stored, "spec": spec})
            if status != 409:  # the status was written in between
                return f"{name} {spec}: {status}"

    def _suspend(self) -> str:
        return self._patch(KIND, self._config(), {"spec": {"suspend": self.rng.random() < 0.5}})

    def _invalidate(self) -> str:
        return self._patch(KIND, self._config(), {"spec": INVALID})

    def _remove_config(self) -> str:
        return self._delete(KIND, self._config())

    def _generated(self) -> str | None:
        """The name of a ConfigMap that isn't a foreign one."""
        names = sorted(self.world.config_maps().keys() - self.world.foreign.keys())
        return self.rng.choice(names) if names else None

    def _spoil(self) -> str:
        name, patch = self._generated(), self.rng.choice(SPOILT)
        if name is None:
            return "nothing"
        if GENERATED_BY in patch.get("metadata", {}).get("labels", {}):
            self.others.add(name)
        return self._patch("ConfigMap", name, patch)

    def _remove_config_map(self) -> str:
        name = self._generated()
        return "nothing" if name is None else self._delete("ConfigMap", name)

    def _take_name(self) -> str:
        """A name that is or may be wanted becomes somebody else's, if they are quick enough."""
        name = f"pod-{self._pod()}-from-{self._config()}-cfg"
        if name in self.world.foreign:
            return f"{name}: it is taken"
        self.world.remove([name])
        made = config_map(self.world.namespace, name, {"whose": "others'"})
        status, answer = self.world.api.request(
            "POST", path_of("ConfigMap", self.world.namespace), made
        )
        if status == 201:
            self.world.foreign[name] = answer
            self.others.add(name)
        return f"{name}: {status}"

    def _give_name_back(self) -> str:
        taken = sorted(self.world.foreign.keys() & self.others)
        if not taken:
            return "nothing"
        name = self.rng.choice(taken)
        del self.world.foreign[name]
        return self._delete("ConfigMap", name)

    def _leave_behind(self) -> str:
        """Something of ours that nothing wants, as another podcm-sync would leave it."""
        name = f"pod-{self._pod()}-from-{self.rng.choice(['gone', self._config()])}-cfg"
        labels = {GENERATED_BY: "gone", POD_UID: "gone"}
        body = config_map(self.world.namespace, name, {"podName": "gone"}, labels=labels)
        status, _ = self.world.api.request("POST", path_of("ConfigMap", self.world.namespace), body)
        return f"{name}: {status}"
