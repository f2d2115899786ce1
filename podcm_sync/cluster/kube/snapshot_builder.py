"""Collects the lists of a run by namespace, within the bounds of docs/design/behavior.md §2.6.

If a namespace passes a bound, it is closed: its objects are dropped at once. Of the objects that
still come, only the configs are noted, for their statuses. If the large namespaces together take
too much memory, the one that takes the most is closed.
"""

import itertools
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import structs

from podcm_sync.api.finding import Quote
from podcm_sync.api.objects import (
    ConfigMap,
    PartialObjectMetadata,
    Pod,
    PodConfigMapConfig,
    Problem,
)
from podcm_sync.api.page import M
from podcm_sync.cluster.kube import paths
from podcm_sync.reconcile.bounds import BOUNDS, LIMITS, Bound, Limits, closed_by, status_only
from podcm_sync.reconcile.names import is_generated_name, is_ours
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES, Closed, Scope, Snapshot

_BOUNDS: Final = {
    paths.PODS: (Bound.PODS, Bound.POD_BYTES),
    paths.CONFIGS: (Bound.CONFIGS, Bound.CONFIG_BYTES),
    paths.CONFIG_MAPS: (Bound.CONFIG_MAPS, Bound.CONFIG_MAP_BYTES),
}
_SHARE: Final = BOUNDS[Bound.RUN_HELD_BYTES].share
_OBJECT_COST: Final = 3 * 1024
"""To list one more object takes about as long as to list this many more bytes."""
_OBJECT_BYTES: Final = 300
"""Memory that an object takes, without its strings."""
_PAIR_BYTES: Final = 60
"""Memory that each pair of an object's mappings takes, without its strings."""
_COMMON_PAIRS: Final = 50
"""Up to so many pairs of an object, keys recur from object to object and are held only once."""
_SPEC_FACTOR: Final = 4
"""A decoded spec takes up to this many times its bytes, because it has many short strings."""


class _Account:
    """The objects that were read of one namespace, and what they cost, by resource.

    `bytes` counts the API server's answers, `held` and `total_held` the memory of the objects.
    """

    def __init__(self) -> None:
        self.objects: dict[str, list[Any]] = {resource: [] for resource in _BOUNDS}
        self.problems: dict[str, list[Problem]] = {resource: [] for resource in _BOUNDS}
        self.bytes: dict[str, int] = dict.fromkeys(_BOUNDS, 0)
        self.held: dict[str, int] = dict.fromkeys(_BOUNDS, 0)
        self.total_held = 0
        self.listed = 0
        """The bytes of all answers about it, dropped ones included."""
        self.foreign = 0
        """The number of ConfigMaps that aren't podcm-sync's."""

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


class SnapshotBuilder:
    """The objects of a run's lists so far. `take` and `drop` are callable from any thread.

    The lists also fill `incomplete` (namespace → why) and `unplannable`.
    """

    def __init__(self, limits: Limits = LIMITS, *, may_defer: bool = False) -> None:
        """With `may_defer`, namespaces with long lists are left to a later pass."""
        self.deferred: set[str] = set()
        self.may_defer = may_defer
        self.listed: set[tuple[str, str]] = set()
        """The resource and namespace ("" for all) of each list that was made, or failed."""
        self._only: frozenset[str] | None = None
        self.incomplete: dict[str, str] = {}
        self.quoted: dict[str, tuple[Quote, ...]] = {}
        self.unplannable: set[str] = set()
        self.closed: dict[str, Closed] = {}
        self._limits = limits
        self._lock = threading.Lock()
        self._accounts: dict[str, _Account] = {}
        self._large_held = 0
        """The memory of the large namespaces: those that hold more than a share each."""
        self._large_listed = 0
        """The bytes of answers about the large namespaces: those with more than a share each."""

    @property
    def config_maps(self) -> Iterator[ConfigMap]:
        """The ConfigMaps that are podcm-sync's, and stubs of those that only have such a name."""
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
        """The open namespaces with any config or ConfigMap: only there are Pods needed."""
        return {
            namespace
            for namespace, account in self._accounts.items()
            if not self.leaves_out(namespace) and any(map(account.count, _BOUNDS))
        }

    def snapshot(self, scope: Scope) -> Snapshot:
        """The snapshot of everything taken, sorted by namespace. Call it once, at the end."""
        self._accounts = dict(sorted(self._accounts.items()))
        self._note_unlisted()
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
            quoted=self.quoted,
            unplannable=frozenset(self.unplannable),
            closed=self.closed,
            deferred=frozenset(self.deferred)
            if self._only is None
            else frozenset({*self.deferred, ALL_NAMESPACES}),
        )

    def leaves_out(self, namespace: str) -> bool:
        """Whether the namespace's objects are dropped, because it is closed or deferred."""
        return namespace in self.closed or self._is_deferred(namespace)

    def defer_others(self, namespaces: Iterable[str]) -> None:
        """Defer all namespaces but these, whatever they are."""
        self._only = frozenset(namespaces)

    def _is_deferred(self, namespace: str) -> bool:
        assert namespace != ALL_NAMESPACES, "a list of the cluster is never left out"
        is_other = self._only is not None and namespace not in self._only
        return is_other or namespace in self.deferred

    def _note_unlisted(self) -> None:
        """Mark namespaces incomplete if a list was forgotten: what it lacks is not gone."""
        for resource in (paths.CONFIGS, paths.PODS):
            if (resource, ALL_NAMESPACES) in self.listed:
                continue
            for namespace in self.namespaces():
                if (resource, namespace) not in self.listed:
                    message = f"the {resource} of namespace {namespace} were not listed"
                    self.incomplete.setdefault(namespace, message)

    def _all(self, resource: str) -> Iterator[Any]:
        return itertools.chain.from_iterable(
            account.objects[resource] for account in self._accounts.values()
        )

    def drop(self, resource: str, namespace: str) -> None:
        """Drop the objects of a list that begins again or did not complete."""
        with self._lock:
            names = list(self._accounts) if namespace == ALL_NAMESPACES else [namespace]
            for account in (self._accounts[name] for name in names if name in self._accounts):
                self._subtract_if_large(account)
                account.drop(resource)
                self._add_if_large(account)

    def close_over_bound(
        self, resource: str, counts: Mapping[str, int], sizes: Mapping[str, int]
    ) -> None:
        """Close the namespaces whose number of objects, or whose bytes, are past the bound."""
        with self._lock:
            for bound, spent in zip(_BOUNDS[resource], (counts, sizes), strict=True):
                for namespace, amount in spent.items():
                    if amount > self._limits[bound]:
                        self._close(namespace, bound)

    def take(
        self, resource: str, objects: Iterable[tuple[M, int]], problems: Iterable[Problem]
    ) -> tuple[int, int]:
        """Add objects, each with its bytes in the answer, and problems.

        Returns how many objects and bytes were wasted, because their namespace is closed.
        """
        wasted_objects = wasted_bytes = 0
        with self._lock:
            for obj, size in objects:
                if not self._take(resource, obj, size):
                    wasted_objects += 1
                    wasted_bytes += size
            for problem in problems:
                namespace = problem.namespaced_name.namespace
                if not self.leaves_out(namespace):
                    self._account(namespace).problems[resource].append(problem)
                    self._check(namespace, resource)
        return wasted_objects, wasted_bytes

    def _take(self, resource: str, obj: M, size: int) -> bool:
        """Add one object; whether it was of use. Under the lock."""
        namespace = obj.namespaced_name.namespace
        if self._is_deferred(namespace):
            return False
        is_closed = namespace in self.closed
        if is_closed and not (resource == paths.CONFIGS and self._may_note_configs(namespace)):
            return False
        account = self._account(namespace)
        account.bytes[resource] += size
        if isinstance(obj, ConfigMap) and not is_ours(obj):
            # Only its name can matter. The stub is for `explain`, and a forger gains nothing.
            if is_generated_name(obj.namespaced_name.name):
                account.foreign += 1
                stub = without_contents(obj)
                account.objects[resource].append(stub)
                self._hold(account, resource, held_bytes(stub, size))
        elif is_closed and isinstance(obj, PodConfigMapConfig):
            account.objects[resource].append(status_only(obj))
            self._hold(account, resource, size)
        else:
            account.objects[resource].append(obj)
            self._hold(account, resource, held_bytes(obj, size))
        self._check(namespace, resource)
        self._note_listed(namespace, size)
        if namespace in self.deferred:
            return False
        return namespace not in self.closed or resource == paths.CONFIGS

    def note_cut(self, namespace: str) -> None:
        """Note that a page of one namespace was cut because its objects are large."""
        with self._lock:
            if self.may_defer and not self.leaves_out(namespace):
                self._defer(namespace)

    def _note_listed(self, namespace: str, size: int) -> None:
        """Count bytes of answers. Defer a large namespace once all of them have had their turn."""
        if not self.may_defer or self.leaves_out(namespace):
            return
        account, share = self._account(namespace), BOUNDS[Bound.RUN_FIRST_LISTED].share
        before, cost = account.listed, size + _OBJECT_COST
        account.listed = after = before + cost
        if after > share:
            self._large_listed += cost if before > share else after
            # In a list of one namespace, only that namespace's pages are wasted.
            limit = self._limits[Bound.RUN_FIRST_LISTED] if self._only is None else 0
            if self._large_listed > limit:
                self._defer(namespace)

    def _defer(self, namespace: str) -> None:
        # Its bytes stay in the count, since the time is spent.
        account = self._account(namespace)
        self.deferred.add(namespace)
        self._subtract_if_large(account)
        for resource in _BOUNDS:
            account.drop(resource)

    def _account(self, namespace: str) -> _Account:
        account = self._accounts.get(namespace)
        if account is None:
            account = self._accounts[namespace] = _Account()
        return account

    def _hold(self, account: _Account, resource: str, size: int) -> None:
        """Charge memory to a namespace. Once it is large, all that it holds counts for the run."""
        before = account.total_held
        account.held[resource] += size
        account.total_held = after = before + size
        if after > _SHARE:
            self._large_held += size if before > _SHARE else after

    def _subtract_if_large(self, account: _Account) -> None:
        if account.total_held > _SHARE:
            self._large_held -= account.total_held

    def _add_if_large(self, account: _Account) -> None:
        if account.total_held > _SHARE:
            self._large_held += account.total_held

    def _check(self, namespace: str, resource: str) -> None:
        """Close the namespace if it is past a bound, and the largest ones while the run is."""
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
        """Whether the configs of a closed namespace are noted: not if they are too many."""
        return self.closed[namespace].bound not in {Bound.CONFIGS, Bound.CONFIG_BYTES}

    def _close(self, namespace: str, bound: Bound) -> None:
        account = self._account(namespace)
        is_first = namespace not in self.closed
        # The configs that are noted of a closed namespace can pass their own bound later.
        if is_first or bound in {Bound.CONFIGS, Bound.CONFIG_BYTES}:
            self.closed[namespace] = closed_by(bound, self._limits)
        configs = account.objects[paths.CONFIGS]
        spec_bytes = account.bytes[paths.CONFIGS]
        self._subtract_if_large(account)
        for resource in _BOUNDS:
            account.drop(resource)
        if is_first and self._may_note_configs(namespace):
            account.objects[paths.CONFIGS] = list(map(status_only, configs))
            account.bytes[paths.CONFIGS] = spec_bytes
            account.held[paths.CONFIGS] = account.total_held = len(configs) * _OBJECT_BYTES
        self._add_if_large(account)


def held_bytes(obj: Pod | PodConfigMapConfig | ConfigMap | PartialObjectMetadata, size: int) -> int:
    """The memory in bytes that an object takes, estimated; `size` is its bytes in the answer.

    A string takes up to four times its UTF-8, and 50 bytes more.
    """
    if isinstance(obj, PodConfigMapConfig):
        return _OBJECT_BYTES + _SPEC_FACTOR * size
    if isinstance(obj, PartialObjectMetadata):
        return _OBJECT_BYTES + _mapping_bytes(obj.labels)
    held = _OBJECT_BYTES + _mapping_bytes(obj.labels) + _mapping_bytes(obj.annotations)
    if isinstance(obj, Pod):
        return held + len(obj.template_fields)
    held += _mapping_bytes(obj.data) + _mapping_bytes(obj.binary_data)
    # Others can add any number of owner references; the first one is in `_OBJECT_BYTES`.
    return held + sum(
        _OBJECT_BYTES
        + sum(map(_text_bytes, (owner.api_version, owner.kind, owner.name, owner.uid)))
        for owner in obj.owner_references[1:]
    )


def without_contents(config_map: ConfigMap) -> ConfigMap:
    """What is kept of a ConfigMap that only has such a name."""
    return structs.replace(config_map, annotations={}, owner_references=(), data={}, binary_data={})


def _mapping_bytes(mapping: Mapping[str, str]) -> int:
    size = _PAIR_BYTES * len(mapping) + sum(map(_text_bytes, mapping.values()))
    if len(mapping) > _COMMON_PAIRS:
        size += sum(map(_text_bytes, mapping))
    return size


_text_bytes: Final = str.__sizeof__


def nothing_listed(scope: Scope, message: str, quoted: tuple[Quote, ...]) -> Snapshot:
    """A snapshot in which all namespaces are incomplete and unplannable, for this reason."""
    builder = SnapshotBuilder()
    builder.incomplete[ALL_NAMESPACES] = message
    builder.quoted[message] = quoted
    builder.unplannable.add(ALL_NAMESPACES)
    return builder.snapshot(scope)
