"""What the lists of a run have brought so far, by namespace, until it is a Snapshot.

A namespace that passes a bound is closed: what was read of it is dropped at once, and of what
comes only the configs are noted, for their statuses. If the large namespaces together take too
much memory, the one that takes the most is closed.
"""

import itertools
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import structs

from podcm_sync.cluster.kube import paths
from podcm_sync.core.bounds import BOUNDS, LIMITS, Bound, Limits, closed_by, status_only
from podcm_sync.core.names import is_generated_name, is_ours
from podcm_sync.model.objects import (
    ALL_NAMESPACES,
    Closed,
    ConfigMap,
    PartialObjectMetadata,
    PodConfigMapConfig,
    Problem,
    Scope,
    Snapshot,
)
from podcm_sync.model.page import M

_BOUNDS: Final = {
    paths.PODS: (Bound.PODS, Bound.POD_BYTES),
    paths.CONFIGS: (Bound.CONFIGS, Bound.CONFIG_BYTES),
    paths.CONFIG_MAPS: (Bound.CONFIG_MAPS, Bound.CONFIG_MAP_BYTES),
}
_SHARE: Final = BOUNDS[Bound.RUN_HELD_BYTES].share
_OBJECT_BYTES: Final = 300
_PAIR_BYTES: Final = 60
"""What an object takes, and each pair of its mappings, apart from the texts."""
_COMMON_PAIRS: Final = 50
"""Objects with more pairs than this have keys of their own; other keys recur and are held once."""
_SPEC_FACTOR: Final = 4
"""A decoded spec takes up to so many times its bytes: it has many short texts."""


class _Account:
    """What was read of one namespace; all by resource."""

    def __init__(self) -> None:
        self.objects: dict[str, list[Any]] = {resource: [] for resource in _BOUNDS}
        self.problems: dict[str, list[Problem]] = {resource: [] for resource in _BOUNDS}
        self.bytes: dict[str, int] = dict.fromkeys(_BOUNDS, 0)
        self.held: dict[str, int] = dict.fromkeys(_BOUNDS, 0)
        self.total_held = 0
        self.foreign = 0
        """How many of the ConfigMaps are not podcm-sync's."""

    def count(self, resource: str) -> int:
        foreign = self.foreign if resource == paths.CONFIG_MAPS else 0
        return len(self.objects[resource]) + len(self.problems[resource]) - foreign

    def drop(self, resource: str) -> None:
        self.objects[resource] = []
        self.problems[resource] = []
        self.bytes[resource] = 0
        if resource == paths.CONFIG_MAPS:
            self.foreign = 0
        self.total_held -= self.held[resource]
        self.held[resource] = 0


class Listed:
    """What the lists of a run have brought so far; from any number of threads."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.incomplete: dict[str, str] = {}
        self.unplannable: set[str] = set()
        self.closed: dict[str, Closed] = {}
        self._limits = limits
        self._lock = threading.Lock()
        self._accounts: dict[str, _Account] = {}
        self._large_held = 0
        """What the namespaces hold that hold more than a share each."""

    @property
    def config_maps(self) -> Iterator[ConfigMap]:
        """Those that are podcm-sync's, and without contents those that only have such a name."""
        return self._all(paths.CONFIG_MAPS)

    @property
    def configs(self) -> Iterator[PodConfigMapConfig]:
        """The configs; those of closed namespaces have no spec."""
        return self._all(paths.CONFIGS)

    def configs_in(self, namespace: str) -> Iterable[PodConfigMapConfig]:
        """The configs of one namespace, or of all."""
        if namespace == ALL_NAMESPACES:
            return self.configs
        account = self._accounts.get(namespace)
        return account.objects[paths.CONFIGS] if account else ()

    def namespaces(self) -> set[str]:
        """The open namespaces that have anything that Pods matter to."""
        return {
            namespace
            for namespace, account in self._accounts.items()
            if namespace not in self.closed and any(map(account.count, _BOUNDS))
        }

    def snapshot(self, scope: Scope) -> Snapshot:
        """All of it, for good."""
        self._accounts = dict(sorted(self._accounts.items()))
        return Snapshot(
            scope=scope,
            pods=tuple(self._all(paths.PODS)),
            configs=tuple(self.configs),
            config_maps=tuple(self.config_maps),
            problems=tuple(
                problem
                for resource in _BOUNDS
                for account in self._accounts.values()
                for problem in account.problems[resource]
            ),
            incomplete=self.incomplete,
            unplannable=frozenset(self.unplannable),
            closed=self.closed,
        )

    def _all(self, resource: str) -> Iterator[Any]:
        return itertools.chain.from_iterable(
            account.objects[resource] for account in self._accounts.values()
        )

    def forget(self, resource: str, namespace: str) -> None:
        """Drop what a list has brought that is begun again or did not complete."""
        with self._lock:
            names = list(self._accounts) if namespace == ALL_NAMESPACES else [namespace]
            for account in (self._accounts[name] for name in names if name in self._accounts):
                self._discount(account)
                account.drop(resource)
                self._recount(account)

    def close_crowded(self, resource: str, counts: Mapping[str, int]) -> None:
        """Close the namespaces that have more objects than may be listed."""
        bound, _ = _BOUNDS[resource]
        with self._lock:
            for namespace, count in counts.items():
                if count > self._limits[bound]:
                    self._close(namespace, bound)

    def take(
        self, resource: str, objects: Iterable[tuple[M, int]], problems: Iterable[Problem]
    ) -> tuple[int, int]:
        """Add objects with their bytes, and problems; how many objects and bytes were in vain.

        These are of namespaces that are closed.
        """
        wasted_objects = wasted_bytes = 0
        with self._lock:
            for obj, size in objects:
                if not self._take(resource, obj, size):
                    wasted_objects += 1
                    wasted_bytes += size
            for problem in problems:
                namespace = problem.namespaced_name.namespace
                if namespace not in self.closed:
                    self._account(namespace).problems[resource].append(problem)
                    self._check(namespace, resource)
        return wasted_objects, wasted_bytes

    def _take(self, resource: str, obj: M, size: int) -> bool:
        namespace = obj.namespaced_name.namespace
        is_closed = namespace in self.closed
        if is_closed and not (resource == paths.CONFIGS and self._may_note_configs(namespace)):
            return False
        account = self._account(namespace)
        account.bytes[resource] += size
        if isinstance(obj, ConfigMap) and not is_ours(obj):
            # Only its name matters, if it is one that a ConfigMap of podcm-sync's can have.
            if is_generated_name(obj.namespaced_name.name):
                account.foreign += 1
                stub = _without_contents(obj)
                account.objects[resource].append(stub)
                self._hold(account, resource, held_bytes(stub, size))
        elif is_closed and isinstance(obj, PodConfigMapConfig):
            account.objects[resource].append(status_only(obj))
            self._hold(account, resource, size)
        else:
            account.objects[resource].append(obj)
            self._hold(account, resource, held_bytes(obj, size))
        self._check(namespace, resource)
        return namespace not in self.closed or resource == paths.CONFIGS

    def _account(self, namespace: str) -> _Account:
        account = self._accounts.get(namespace)
        if account is None:
            account = self._accounts[namespace] = _Account()
        return account

    def _hold(self, account: _Account, resource: str, size: int) -> None:
        before = account.total_held
        account.held[resource] += size
        account.total_held = after = before + size
        if after > _SHARE:
            self._large_held += size if before > _SHARE else after

    def _discount(self, account: _Account) -> None:
        if account.total_held > _SHARE:
            self._large_held -= account.total_held

    def _recount(self, account: _Account) -> None:
        if account.total_held > _SHARE:
            self._large_held += account.total_held

    def _check(self, namespace: str, resource: str) -> None:
        """Close the namespace if it is past a bound, or whichever holds the most."""
        account, limits = self._accounts[namespace], self._limits
        count, size = _BOUNDS[resource]
        if account.count(resource) > limits[count]:
            self._close(namespace, count)
        elif account.bytes[resource] > limits[size]:
            self._close(namespace, size)
        elif account.total_held > limits[Bound.HELD_BYTES]:
            self._close(namespace, Bound.HELD_BYTES)
        while self._large_held > limits[Bound.RUN_HELD_BYTES]:
            largest = max(self._accounts, key=lambda name: self._accounts[name].total_held)
            self._close(largest, Bound.RUN_HELD_BYTES)

    def _may_note_configs(self, namespace: str) -> bool:
        return self.closed[namespace].bound not in {Bound.CONFIGS, Bound.CONFIG_BYTES}

    def _close(self, namespace: str, bound: Bound) -> None:
        account = self._account(namespace)
        is_first = namespace not in self.closed
        # Configs that are noted of a closed namespace can be too many as well.
        if is_first or bound in {Bound.CONFIGS, Bound.CONFIG_BYTES}:
            self.closed[namespace] = closed_by(bound, self._limits)
        configs = account.objects[paths.CONFIGS]
        spec_bytes = account.bytes[paths.CONFIGS]
        self._discount(account)
        for resource in _BOUNDS:
            account.drop(resource)
        if is_first and self._may_note_configs(namespace):
            account.objects[paths.CONFIGS] = list(map(status_only, configs))
            account.bytes[paths.CONFIGS] = spec_bytes
            account.held[paths.CONFIGS] = account.total_held = len(configs) * _OBJECT_BYTES
        self._recount(account)


class Share:
    """Where the pages of one list go: into what was listed, namespace by namespace."""

    def __init__(
        self,
        listed: Listed,
        resource: str,
        namespace: str,
        relevant: Collection[str] | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        """`relevant` are the namespaces whose objects matter; None is all of them."""
        self._listed = listed
        self._resource = resource
        self._namespace = namespace
        self._relevant = relevant
        self._limits = limits
        self._wasted_objects = 0
        self._wasted_bytes = 0

    @property
    def is_wasteful(self) -> bool:
        """Whether a list of all namespaces brings too much that is dropped."""
        return self._namespace == ALL_NAMESPACES and (
            self._wasted_objects > self._limits[Bound.WASTED_OBJECTS]
            or self._wasted_bytes > self._limits[Bound.WASTED_BYTES]
        )

    @property
    def is_done(self) -> bool:
        """Whether nothing more is needed of the list."""
        why = self._listed.closed.get(self._namespace)
        if why is None or self._namespace == ALL_NAMESPACES:
            return self.is_wasteful
        return self._resource != paths.CONFIGS or why.bound in {Bound.CONFIGS, Bound.CONFIG_BYTES}

    def restart(self) -> None:
        """Drop what this list has brought."""
        self._listed.forget(self._resource, self._namespace)

    def take(self, items: Iterable[M], sizes: Iterable[int], problems: Iterable[Problem]) -> None:
        """Add a page's objects with their bytes in the answer, and its problems."""
        wanted: list[tuple[M, int]] = []
        for item, size in zip(items, sizes, strict=True):
            if self._relevant is None or item.namespaced_name.namespace in self._relevant:
                wanted.append((item, size))
            else:
                self._wasted_objects += 1
                self._wasted_bytes += size
        if self._relevant is not None:
            problems = [
                problem
                for problem in problems
                if problem.namespaced_name.namespace in self._relevant
            ]
        objects, size = self._listed.take(self._resource, wanted, problems)
        self._wasted_objects += objects
        self._wasted_bytes += size


def held_bytes(obj: M, size: int) -> int:
    """About what an object takes in memory; `size` is its bytes in the answer.

    A text takes up to four times its UTF-8, and a short one 50 bytes more.
    """
    if isinstance(obj, PodConfigMapConfig):
        return _OBJECT_BYTES + _SPEC_FACTOR * size
    if isinstance(obj, PartialObjectMetadata):
        return _OBJECT_BYTES + _mapping_bytes(obj.labels)
    held = _OBJECT_BYTES + _mapping_bytes(obj.labels) + _mapping_bytes(obj.annotations)
    if isinstance(obj, ConfigMap):
        held += _mapping_bytes(obj.data) + _mapping_bytes(obj.binary_data)
    # Others' owner references, of which an object can have any number.
    return held + sum(
        _OBJECT_BYTES
        + sum(map(_text_bytes, (owner.api_version, owner.kind, owner.name, owner.uid)))
        for owner in obj.owner_references[1:]
    )


def _without_contents(config_map: ConfigMap) -> ConfigMap:
    return structs.replace(config_map, annotations={}, owner_references=(), data={}, binary_data={})


def _mapping_bytes(mapping: Mapping[str, str]) -> int:
    size = _PAIR_BYTES * len(mapping) + sum(map(_text_bytes, mapping.values()))
    if len(mapping) > _COMMON_PAIRS:
        size += sum(map(_text_bytes, mapping))
    return size


_text_bytes: Final = str.__sizeof__


def unseen(scope: Scope, message: str) -> Snapshot:
    """A snapshot of which nothing is known but why."""
    listed = Listed()
    listed.incomplete[ALL_NAMESPACES] = message
    listed.unplannable.add(ALL_NAMESPACES)
    return listed.snapshot(scope)
