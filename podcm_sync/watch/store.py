"""What a watching loop remembers: every namespace, as lists, events, and our own writes have it.

Lists are the truth. An event counts only if it is newer than the list, by its resourceVersion,
which is comparable within one resource. Each listing compares what the events made of the store
with what the lists say (`divergence.py`).
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from msgspec import structs

from podcm_sync.api.meta import GENERATED_BY_LABEL, KIND, NamespacedName
from podcm_sync.api.objects import ConfigMap, Pod, PodConfigMapConfig, Problem
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.watch import EventType, Restart, Watch, WatchEvent
from podcm_sync.reconcile.bounds import BOUNDS, LIMITS, Bound, Limits, closed_by
from podcm_sync.reconcile.snapshot import (
    ALL_NAMESPACES,
    Scope,
    Snapshot,
    by_namespace,
    is_in,
)
from podcm_sync.watch.divergence import Divergences, Key
from podcm_sync.watch.listed import Listing
from podcm_sync.watch.lives import RESOURCES, Lives
from podcm_sync.watch.meter import NO_METER, Meter
from podcm_sync.watch.namespace import WHOLE, Namespace, Touched, named

log = logging.getLogger(__name__)

KINDS: Final = {paths.PODS: "Pod", paths.CONFIGS: KIND, paths.CONFIG_MAPS: "ConfigMap"}
RESOURCE_OF: Final[dict[type, str]] = {
    Pod: paths.PODS,
    PodConfigMapConfig: paths.CONFIGS,
    ConfigMap: paths.CONFIG_MAPS,
}
OnTouched = Callable[[str, Touched, float], None]
"""Called with a namespace, what an event concerns there, and when the event came."""


class Store:
    """Implements `watch.Sink` and `object_memory.WriteMemory`; callable from any thread."""

    def __init__(
        self, scope: Scope, on_touched: OnTouched = lambda *_: None, limits: Limits = LIMITS
    ) -> None:
        self.scope = scope
        self.on_touched = on_touched
        self.meter: Meter = NO_METER
        self.divergences = Divergences(self._count_divergence)
        self.limits = limits
        self._lock = threading.RLock()
        self._namespaces: dict[str, Namespace] = {}
        self.lives = Lives(scope)
        self._starts: dict[Watch, int] = {}
        self._started_by: dict[Watch, float] = {}
        """When the listing began that each start is from, in monotonic seconds."""
        self._have_lists_failed = False
        """Whether the last lists of the scope have nothing."""
        self._listed: dict[tuple[str, str], int] = {}
        """The resourceVersion of the last list of each resource in each namespace ("" for all)."""
        self._listed_at: dict[str, float] = {}
        """When the listing began that each namespace is from, in monotonic seconds."""
        self._listings = 0
        """How many listings are under way."""
        self._newest: dict[str, dict[Key, int]] = {}
        """During a listing: the versions of what changed since it began, by namespace."""

    def _count_divergence(self, resource: str) -> None:
        self.meter.diverged(resource)

    @property
    def needs_lists(self) -> bool:
        """Whether a watch can't go on before the next lists of the scope."""
        with self._lock:
            return self._have_lists_failed or not self._starts.keys() >= set(self.lives.watches)

    def namespaces(self) -> Collection[str]:
        """The namespaces with any object."""
        with self._lock:
            return tuple(self._namespaces)

    @contextmanager
    def locked(self, namespace: str) -> Iterator[Namespace | None]:
        """A namespace that no event changes meanwhile; None if nothing is known of it."""
        with self._lock:
            yield self._namespaces.get(namespace)

    # Sink.

    def start(self, watch: Watch) -> int | None:
        """The resourceVersion of the last lists, from which a watch can start."""
        return self._starts.get(watch)

    def opened(self, watch: Watch) -> None:
        """The watch is open."""
        self.lives.open(watch)

    def bookmark(self, watch: Watch, resource_version: int) -> None:
        """A sign of life."""
        self.lives[watch].hear(resource_version)

    def closed(self, watch: Watch, restart: Restart, message: str) -> None:  # noqa: ARG002 - the Reflector logs it
        """The watch isn't open. Until it is, nothing is deleted in its namespaces."""
        self.lives.close(watch, restart)
        self.meter.restarted(watch.resource, restart)
        self.divergences.forget(watch)
        if restart is Restart.EXPIRED:
            log.info(
                "the watch of %s needs new lists; the next full run begins early", watch.resource
            )
            with self._lock:
                # The next lists can have the same version, if nothing changes meanwhile.
                self._starts.pop(watch, None)

    def take(self, watch: Watch, event: WatchEvent) -> None:
        """Apply an event, and tell whom it concerns."""
        self.meter.event(watch.resource, event.type)
        name = event.obj.namespaced_name
        if self.scope.shard is not None and not is_in(name.namespace, self.scope.shard):
            return
        with self._lock:
            self.lives[watch].hear(event.resource_version)
            touched = self._applied(watch.resource, name, event)
            dropped = self._dropped(name.namespace) if touched is not None else ""
        if touched is not None:
            self.on_touched(name.namespace, touched, event.received)
        if dropped:
            self.on_touched(dropped, WHOLE, event.received)

    def _applied(self, resource: str, name: NamespacedName, event: WatchEvent) -> Touched | None:
        """Under the lock: apply an event, unless the lists or the store have a newer state."""
        key = Key(resource, *name)
        if event.resource_version <= self._version_listed(resource, name.namespace):
            self.divergences.explain(key)
            return None
        part = self._namespaces.get(name.namespace)
        if part is not None and _stored_version(part, key) >= event.resource_version:
            return None
        if self._listings:
            self._newest.setdefault(name.namespace, {})[key] = event.resource_version
        if part is None:
            if resource == paths.PODS or event.type is EventType.DELETED:
                return None
            # Its first config or ConfigMap. No list had a reason to ask for its Pods.
            part = self._namespaces[name.namespace] = Namespace()
        if part.closed is not None:
            return None
        if event.type is EventType.DELETED:
            return part.drop(KINDS[resource], name.name)
        return part.put(event.obj)

    def _dropped(self, namespace: str) -> str:
        """Drop the objects of a namespace if a bound is passed; "" if none is.

        A pass then lists it, and the lists decide whether it is closed.
        """
        part = self._namespaces.get(namespace)
        if part is None:
            return ""
        bound = part.bound_passed(self.limits)
        if bound is None:
            is_small = part.held <= BOUNDS[Bound.RUN_HELD_BYTES].share
            if is_small or self._held_by_large() <= self.limits[Bound.RUN_HELD_BYTES]:
                return ""
            bound = Bound.RUN_HELD_BYTES
            namespace = max(self._namespaces, key=lambda name: self._namespaces[name].held)
        self._namespaces[namespace] = dropped = Namespace()
        dropped.closed = closed_by(bound, self.limits)
        return namespace

    def _held_by_large(self) -> int:
        share = BOUNDS[Bound.RUN_HELD_BYTES].share
        return sum(part.held for part in self._namespaces.values() if part.held > share)

    # WriteMemory.

    def stored(self, obj: ConfigMap | PodConfigMapConfig) -> None:
        """Take in the answer of our own write, so that its event changes nothing."""
        name, version = obj.namespaced_name, _version(obj)
        resource = RESOURCE_OF[type(obj)]
        with self._lock:
            part = self._namespaces.get(name.namespace)
            if part is None or version is None:
                return
            if self._is_past(resource, name, version, part):
                return
            if self._listings:
                newest = self._newest.setdefault(name.namespace, {})
                newest[Key(resource, *name)] = version
            if isinstance(obj, PodConfigMapConfig):
                part.put_config(structs.replace(obj, is_stored=True))
            else:
                part.put_config_map(obj)

    def seen(self, name: NamespacedName, config_map: ConfigMap | None) -> None:
        """After a conflict: what the ConfigMap is by now."""
        with self._lock:
            part = self._namespaces.get(name.namespace)
            if part is None:
                return
            if config_map is None:
                return  # its event says whether it was created again since
            key, version = Key(paths.CONFIG_MAPS, *name), _version(config_map)
            if version is None or _stored_version(part, key) >= version:
                return
            if GENERATED_BY_LABEL not in config_map.labels:
                # No list or event shows it.
                part.drop_config_map(name.name)
                part.others.add(name.name)
            elif not self._is_past(paths.CONFIG_MAPS, name, version, part):
                if self._listings:
                    self._newest.setdefault(name.namespace, {})[key] = version
                part.put_config_map(config_map)

    def _is_past(self, resource: str, name: NamespacedName, version: int, part: Namespace) -> bool:
        """Whether events or lists have told of a later state than this version of an object.

        If the watch is past the version and the object isn't there, it was deleted since.
        """
        stored = _stored_version(part, Key(resource, *name))
        if stored:
            return stored >= version
        told = [life.version for life in self.lives.of(name.namespace, resource)]
        return version <= max([self._version_listed(resource, name.namespace), *told])

    # Lists.

    @contextmanager
    def listing(self) -> Iterator[Listing]:
        """Covers one listing: what changes meanwhile is newer than what it lists, or explained."""
        with self._lock:
            self._listings += 1
        try:
            yield Listing(self._namespaces, time.monotonic())
        finally:
            with self._lock:
                self._listings -= 1
                if not self._listings:
                    self._newest.clear()

    def replace(self, snapshot: Snapshot, listing: Listing) -> None:
        """Take over what was listed, and note where the store had something else.

        The lock is held for one namespace at a time, so that events and passes go on.
        """
        names = snapshot.scope.namespaces
        seen = snapshot.namespaces
        is_rest_known = ALL_NAMESPACES not in snapshot.deferred
        overtaken: list[str] = []
        for namespace, new in _listed_namespaces(snapshot, listing, {*seen, *self.namespaces()}):
            is_deferred = namespace in snapshot.deferred or not (is_rest_known or namespace in seen)
            with self._lock:
                if is_deferred or snapshot.is_incomplete(namespace):
                    self._namespaces.setdefault(namespace, Namespace()).must_list = True
                elif self._put(namespace, new, listing, is_seen=bool(names) or new.needs_pods()):
                    overtaken.append(namespace)
        with self._lock:
            self._note_starts(snapshot, listing)
        # Nobody has planned from the lists and these events together.
        for namespace in overtaken:
            self.on_touched(namespace, WHOLE, time.monotonic())

    def _put(self, namespace: str, new: Namespace, listing: Listing, *, is_seen: bool) -> bool:
        """Under the lock: replace a namespace, but keep what is newer than the lists.

        If the lists had nothing of it (not `is_seen`), nobody asked for its Pods either. Returns
        whether the namespace now has more than the lists.
        """
        if listing.began < self._listed_at.get(namespace, 0.0):
            return False  # a later listing was faster
        self._listed_at[namespace] = listing.began
        for resource in RESOURCES:
            version = listing.version(resource, namespace)
            if version is not None:
                if version < self._version_listed(resource, namespace):
                    self.lives.restart(namespace, resource)
                self._listed[resource, namespace] = version
        old = self._namespaces.get(namespace)
        newer = {
            key
            for key, version in self._newest.get(namespace, {}).items()
            if version > self._version_listed(key.resource, namespace)
        }
        is_kept = is_seen
        new.must_list = not is_seen
        if new.closed is None and old is not None and old.closed is None:
            if not old.must_list and self.lives.were_open(namespace, listing.began):
                self.divergences.note(namespace, old, new, newer)
            for key in newer:
                _carry_over(key, old, new)
            is_kept |= bool(newer)
        elif new.closed is None:
            # The store took nothing of these events.
            new.must_list |= bool(newer)
        if not is_kept:
            self._namespaces.pop(namespace, None)
            return False
        self._namespaces[namespace] = new
        return bool(newer) and new.closed is None

    def _note_starts(self, snapshot: Snapshot, listing: Listing) -> None:
        """Under the lock: the watches of what was listed may start from the oldest of the lists."""
        scope = snapshot.scope.namespaces
        if snapshot.scope == self.scope:
            self._have_lists_failed = ALL_NAMESPACES in snapshot.incomplete
        if ALL_NAMESPACES in snapshot.incomplete:
            return
        versions = list(listing.versions.items())
        # A listing that began later was faster there: the store has its state, maybe an older one.
        later = {name for name, began in self._listed_at.items() if began > listing.began}
        versions += [(key, version) for key, version in self._listed.items() if key[1] in later]
        for watch in self.lives.watches:
            if scope is not None and watch.namespace not in scope:
                continue
            of_watch = [
                version
                for (resource, namespace), version in versions
                if resource == watch.resource and watch.namespace in {namespace, ""}
            ]
            # Without a namespace to list Pods in, another resource's list is as old.
            is_older = watch in self._starts and listing.began < self._started_by[watch]
            if (of_watch or listing.versions) and not is_older:
                self._starts[watch] = min(of_watch or listing.versions.values())
                self._started_by[watch] = listing.began

    def _version_listed(self, resource: str, namespace: str) -> int:
        return self._listed.get((resource, namespace), 0)


def _listed_namespaces(
    snapshot: Snapshot, listing: Listing, names: Collection[str]
) -> Iterator[tuple[str, Namespace]]:
    """Each namespace of the scope as the lists have it; `names` are all that there can be."""
    pods, configs = by_namespace(snapshot.pods), by_namespace(snapshot.configs)
    config_maps = by_namespace(snapshot.config_maps)
    problems: dict[str, list[Problem]] = {}
    for problem in snapshot.problems:
        problems.setdefault(problem.namespaced_name.namespace, []).append(problem)
    for name in names if snapshot.scope.namespaces is None else snapshot.scope.namespaces:
        new = Namespace()
        new.must_list = False
        new.kept = listing.kept.get(name, listing.kept.get(ALL_NAMESPACES, frozenset()))
        new.closed = snapshot.closed.get(name)
        if new.closed is None:
            new.pods = named(pods.get(name, ()))
            new.configs = named(configs.get(name, ()))
            new.config_maps = named(config_maps.get(name, ()))
            new.problems = {
                (each.kind, each.namespaced_name.name): each for each in problems.get(name, ())
            }
            new.weigh()
        yield name, new


def _carry_over(key: Key, old: Namespace, new: Namespace) -> None:
    """Put into the new namespace what the old one has, or doesn't have, of an object."""
    kind = KINDS[key.resource]
    new.drop(kind, key.name)
    obj = old.get(kind, key.name)
    if obj is not None:
        new.put(obj)
    new.must_list |= kind == "Pod" and old.kept != new.kept


def _version(obj: ConfigMap | PodConfigMapConfig) -> int | None:
    """The object's resourceVersion as a number; None if it is none."""
    return int(obj.resource_version) if obj.resource_version.isdecimal() else None


def _stored_version(part: Namespace, key: Key) -> int:
    """The version of the object that is stored; 0 for none, and for a Pod, which has none."""
    objects: Mapping[str, ConfigMap | PodConfigMapConfig]
    match key.resource:
        case paths.CONFIGS:
            objects = part.configs
        case paths.CONFIG_MAPS:
            objects = part.config_maps
        case _:
            return 0
    existing = objects.get(key.name)
    return (_version(existing) or 0) if existing is not None else 0
