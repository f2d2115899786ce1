"""One namespace as a watching loop remembers it, and what an event there concerns.

An event that changes nothing that a run reads concerns nothing. If it is in doubt whom an event
concerns, it concerns the whole namespace.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from podcm_sync.api.meta import KIND
from podcm_sync.api.objects import ConfigMap, Pod, PodConfigMapConfig, Problem, T
from podcm_sync.api.template_fields import NO_FIELDS
from podcm_sync.cluster.kube.snapshot_builder import held_bytes, without_contents
from podcm_sync.reconcile.bounds import Bound, Limits
from podcm_sync.reconcile.desired import is_active, spec_findings
from podcm_sync.reconcile.names import is_generated_name, is_ours
from podcm_sync.reconcile.selector import Matcher, compile_selector
from podcm_sync.reconcile.snapshot import Closed

MAX_REQUIREMENTS: Final = 500
"""With more requirements than this in a namespace's selectors, every Pod counts as selected: to
check them for each event would cost more than the passes."""


class Touched(Struct, frozen=True, kw_only=True):
    """What an event concerns. A pass over the whole namespace always follows once it is quiet."""

    pods: frozenset[str] = frozenset()
    """The Pods whose ConfigMaps can need a write at once."""
    is_whole: bool = False
    """Whether the ConfigMaps of every Pod can need a write at once."""


QUIET: Final = Touched()
"""Only statuses or deletions can be due, which have time until the namespace is quiet."""
WHOLE: Final = Touched(is_whole=True)


class Namespace:
    """The objects of one namespace by name, as the lists, events, and answers so far have them."""

    def __init__(self) -> None:
        self.pods: dict[str, Pod] = {}
        self.configs: dict[str, PodConfigMapConfig] = {}
        self.config_maps: dict[str, ConfigMap] = {}
        self.problems: dict[tuple[str, str], Problem] = {}
        """By kind and name."""
        self.others: set[str] = set()
        """Names of other people's ConfigMaps, which creates have met."""
        self.kept: frozenset[str] | None = frozenset()
        """The annotations that the Pods have here; None for all, and the fields for templates."""
        self.must_list = True
        """Whether something is missing here that only a list can show."""
        self.closed: Closed | None = None
        """Why the namespace was closed; then it has no objects, and events don't count."""
        self.held = 0
        """The memory that the objects take, in bytes."""
        self._matchers: list[Matcher] | None = None
        """Those of the active configs. None if they must be put together again."""
        self._compiled: dict[str, tuple[PodConfigMapConfig, int, Matcher | None]] = {}
        """By name: a config, the number of its requirements, and its matcher if it is active."""

    def objects(self) -> Iterator[Pod | PodConfigMapConfig | ConfigMap]:
        """Every object."""
        yield from self.pods.values()
        yield from self.configs.values()
        yield from self.config_maps.values()

    def get(self, kind: str, name: str) -> Pod | PodConfigMapConfig | ConfigMap | Problem | None:
        """The object of this kind and name, or the Problem in its place."""
        objects: dict[str, Mapping[str, Pod | PodConfigMapConfig | ConfigMap]] = {
            "Pod": self.pods,
            KIND: self.configs,
            "ConfigMap": self.config_maps,
        }
        return self.problems.get((kind, name)) or objects[kind].get(name)

    def put(self, obj: Pod | PodConfigMapConfig | ConfigMap | Problem) -> Touched | None:
        """An object was created or changed by another client."""
        match obj:
            case Pod():
                return self.put_pod(obj)
            case PodConfigMapConfig():
                return self.put_config(obj)
            case ConfigMap():
                return self.put_config_map(obj)
            case Problem():
                return self.put_problem(obj)

    def copied(self) -> "Namespace":
        """The namespace as it is now, which no later event changes."""
        copy = Namespace()
        copy.pods, copy.configs = self.pods.copy(), self.configs.copy()
        copy.config_maps, copy.problems = self.config_maps.copy(), self.problems.copy()
        copy.kept = self.kept
        return copy

    def needs_pods(self) -> bool:
        """Whether the lists of a cluster include the Pods of this namespace."""
        if self.configs or self.problems or self.closed is not None:
            return True
        return any(map(is_ours, self.config_maps.values()))

    def weigh(self) -> None:
        """Compute the memory of all objects again."""
        self.held = sum(map(_held, self.objects()))

    def bound_passed(self, limits: Limits) -> Bound | None:
        """The bound of a run that the namespace is past by now."""
        counts = {
            Bound.PODS: len(self.pods),
            Bound.CONFIGS: len(self.configs),
            Bound.CONFIG_MAPS: len(self.config_maps),
            Bound.HELD_BYTES: self.held,
        }
        return next((bound for bound, count in counts.items() if count > limits[bound]), None)

    def slim(self, pod: Pod) -> Pod:
        """The Pod of an event with only what this namespace keeps of its Pods."""
        if self.kept is None:
            return pod
        annotations = {key: pod.annotations[key] for key in self.kept if key in pod.annotations}
        return replace(pod, annotations=annotations, template_fields=NO_FIELDS)

    def put_pod(self, pod: Pod) -> Touched | None:
        """A Pod was created or changed."""
        name, new = pod.namespaced_name.name, self.slim(pod)
        was_problem = self.problems.pop(("Pod", name), None) is not None
        old = self.pods.get(name)
        if old == new:
            return WHOLE if was_problem else None
        self.pods[name] = new
        self._weigh_change(old, new)
        if was_problem:
            return WHOLE
        if self._selects(new) and not new.terminating:
            return Touched(pods=frozenset({name}))
        was_selected = old is not None and self._selects(old)
        return QUIET if was_selected or self._selects(new) else None

    def drop_pod(self, name: str) -> Touched | None:
        """A Pod was deleted."""
        if self.problems.pop(("Pod", name), None) is not None:
            self.pods.pop(name, None)
            return WHOLE
        old = self.pods.pop(name, None)
        self._weigh_change(old, None)
        if old is None:
            return None
        # A ConfigMap that no config wants any more stays as long as its Pod is terminating.
        return QUIET if old.terminating or self._selects(old) else None

    def put_config(self, config: PodConfigMapConfig) -> Touched | None:
        """A config was created or changed."""
        name = config.namespaced_name.name
        was_problem = self.problems.pop((KIND, name), None) is not None
        old = self.configs.get(name)
        if old == config:
            return WHOLE if was_problem else None
        self.configs[name] = config
        self._weigh_change(old, config)
        if old is not None and not was_problem and _intent(old) == _intent(config):
            seen, now = (old.generation, old.status), (config.generation, config.status)
            return QUIET if seen != now else None
        self._matchers = None
        if not self._keeps_enough_for(config):
            self.must_list = True
        return WHOLE

    def drop_config(self, name: str) -> Touched | None:
        """A config was deleted."""
        was_problem = self.problems.pop((KIND, name), None) is not None
        old = self.configs.pop(name, None)
        self._weigh_change(old, None)
        self._matchers = None
        self._compiled.pop(name, None)
        # Another config may get names that this one had.
        return WHOLE if old is not None or was_problem else None

    def put_config_map(self, config_map: ConfigMap) -> Touched | None:
        """A ConfigMap was created or changed by another client."""
        name = config_map.namespaced_name.name
        was_problem = self.problems.pop(("ConfigMap", name), None) is not None
        if not is_ours(config_map):
            if not is_generated_name(name):
                return None
            config_map = without_contents(config_map)
        old = self.config_maps.get(name)
        self.config_maps[name] = config_map
        self._weigh_change(old, config_map)
        self.others.discard(name)
        if old is not None and replace(old, resource_version=config_map.resource_version) == (
            config_map
        ):
            return None
        return WHOLE if was_problem else self._owners_of(config_map)

    def drop_config_map(self, name: str) -> Touched | None:
        """A ConfigMap was deleted, or lost the label that the watch selects by."""
        self.others.discard(name)
        was_problem = self.problems.pop(("ConfigMap", name), None) is not None
        old = self.config_maps.pop(name, None)
        self._weigh_change(old, None)
        if was_problem:
            return WHOLE
        return self._owners_of(old) if old is not None else None

    def put_problem(self, problem: Problem) -> Touched:
        """An object doesn't decode any more."""
        kind, name = problem.kind, problem.namespaced_name.name
        self.drop(kind, name)
        self.problems[kind, name] = problem
        return WHOLE

    def drop(self, kind: str, name: str) -> Touched | None:
        """An object of this kind was deleted."""
        match kind:
            case "Pod":
                return self.drop_pod(name)
            case "ConfigMap":
                return self.drop_config_map(name)
            case _:
                return self.drop_config(name)

    def _owners_of(self, config_map: ConfigMap) -> Touched:
        """The Pods that a ConfigMap belongs to. Without one, it can only be deleted."""
        names = {owner.name for owner in config_map.owner_references if owner.is_pod}
        pods = frozenset(name for name in names if name in self.pods)
        return Touched(pods=pods) if pods else QUIET

    def _keeps_enough_for(self, config: PodConfigMapConfig) -> bool:
        """Whether the Pods have everything that the config includes or its templates can read."""
        if self.kept is None or config.spec is None:
            return True
        is_templated = bool(config.spec.config_map_data_template)
        return not is_templated and self.kept.issuperset(config.spec.annotations_to_include)

    def _selects(self, pod: Pod) -> bool:
        """Whether an active config selects the Pod."""
        if self._matchers is None:
            self._matchers = self._all_matchers()
        return any(matches(pod.labels) for matches in self._matchers)

    def _all_matchers(self) -> list[Matcher]:
        """Only what changed is compiled: this happens while no other event counts."""
        for name, config in self.configs.items():
            known = self._compiled.get(name)
            if known is None or _intent(known[0]) != _intent(config):
                self._compiled[name] = _compile(config)
        compiled = [self._compiled[name] for name in self.configs]
        if sum(count for _, count, _ in compiled) > MAX_REQUIREMENTS:
            return [lambda _: True]
        return [matcher for _, _, matcher in compiled if matcher is not None]

    def _weigh_change(
        self,
        old: Pod | PodConfigMapConfig | ConfigMap | None,
        new: Pod | PodConfigMapConfig | ConfigMap | None,
    ) -> None:
        self.held += (_held(new) if new is not None else 0) - (_held(old) if old is not None else 0)


def named(objects: Iterable[T]) -> dict[str, T]:
    """Objects of one namespace by name."""
    return {obj.namespaced_name.name: obj for obj in objects}


def _compile(config: PodConfigMapConfig) -> tuple[PodConfigMapConfig, int, Matcher | None]:
    if config.spec is None or not is_active(config):
        return config, 0, None
    selector = config.spec.pod_selector
    count = len(selector.match_labels) + len(selector.match_expressions)
    # Past the limit it doesn't matter: every Pod counts as selected then.
    if count > MAX_REQUIREMENTS or spec_findings(config):
        return config, count, None
    return config, count, compile_selector(selector)


def _intent(config: PodConfigMapConfig) -> tuple[object, ...]:
    """What a config asks for, without its status and versions."""
    return (
        config.uid,
        config.creation_timestamp,
        config.terminating,
        config.suspend,
        config.spec,
        config.spec_error,
    )


def _held(obj: Pod | PodConfigMapConfig | ConfigMap) -> int:
    size = len(msgspec.msgpack.encode(obj.spec)) if isinstance(obj, PodConfigMapConfig) else 0
    return held_bytes(obj, size)
