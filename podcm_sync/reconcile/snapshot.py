"""The Snapshot that a pass plans from, and the Scope of namespaces that it covers.

A scope can be one shard of all namespaces. Rendezvous hashing gives each namespace exactly one
shard: the one with the greatest hash over both. If you add a shard, namespaces move to it, and none
moves between the others.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from podcm_sync.api.finding import Quote
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap, Pod, PodConfigMapConfig, Problem

T = TypeVar("T", Pod, PodConfigMapConfig, ConfigMap)
Named = TypeVar("Named", Pod, PodConfigMapConfig, ConfigMap, Problem)


ALL_NAMESPACES: Final = ""
"""Stands for every namespace, as client-go's `metav1.NamespaceAll` does."""


class Shard(Struct, frozen=True, kw_only=True):
    """One of `count` parts of all namespaces, counted from 0; `is_in` tells which ones it has."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


class Scope(Struct, frozen=True, kw_only=True):
    """The namespaces of a run. None means every namespace of the cluster, or of the shard."""

    namespaces: tuple[str, ...] | None
    shard: Shard | None = None

    def __str__(self) -> str:
        if self.namespaces is None and self.shard is not None:
            return f"the namespaces of shard {self.shard}"
        if self.namespaces is None:
            return "all namespaces"
        noun = "namespace" if len(self.namespaces) == 1 else "namespaces"
        return f"{noun} {', '.join(self.namespaces)}"


class Closed(Struct, frozen=True, kw_only=True):
    """Why a run leaves a namespace alone: the name of the bound that it passed, and a sentence."""

    bound: str
    message: str


class Snapshot(Struct, frozen=True, kw_only=True):
    """Every object of the scope, and the namespaces where some may be missing.

    `incomplete` maps a namespace (or ALL_NAMESPACES) to the list that failed and why: nothing is
    deleted there. In the namespaces of `unplannable` a list of configs or ConfigMaps failed, so
    creates and updates aren't safe either.
    """

    scope: Scope
    pods: tuple[Pod, ...]
    configs: tuple[PodConfigMapConfig, ...]
    config_maps: tuple[ConfigMap, ...]
    problems: tuple[Problem, ...] = ()
    incomplete: dict[str, str] = {}
    quoted: dict[str, tuple[Quote, ...]] = {}
    """What the messages of `incomplete` quote, by message; of others that is not known."""
    unplannable: frozenset[str] = frozenset()
    read_only: dict[NamespacedName, str] = {}
    """ConfigMaps in manifests outside `generated/`, with their file: they can't be deleted."""
    has_garbage_collector: bool = True
    """Whether something deletes ConfigMaps with the Pods that own them: true except for files."""
    are_configs_lost: bool = False
    """Whether the CRD was missing a short time ago, so that somebody may still restore configs."""
    closed: dict[str, Closed] = {}
    """Namespaces past a bound. The snapshot has none of their objects but configs without spec."""
    deferred: frozenset[str] = frozenset()
    """Namespaces that need much work, so a later pass plans them. The snapshot has nothing of
    them. ALL_NAMESPACES stands for every other namespace of which it has nothing."""

    @property
    def namespaces(self) -> set[str]:
        """The namespaces of which this snapshot has anything."""
        listed: Iterable[Iterable[Pod | PodConfigMapConfig | ConfigMap | Problem]]
        listed = (self.pods, self.configs, self.config_maps, self.problems)
        names = {obj.namespaced_name.namespace for objects in listed for obj in objects}
        return names | self.closed.keys() | self.incomplete.keys()

    def is_incomplete(self, namespace: str) -> bool:
        """Whether a list that covers this namespace failed: then nothing is deleted there."""
        return namespace in self.incomplete or ALL_NAMESPACES in self.incomplete

    def is_plannable(self, namespace: str) -> bool:
        """Whether it is known here which ConfigMaps exist and which config wins a name."""
        return not (
            namespace in self.unplannable
            or ALL_NAMESPACES in self.unplannable
            or namespace in self.closed
        )


def by_namespace(objects: Iterable[T]) -> dict[str, list[T]]:
    """Group objects by namespace, each group in the order given."""
    groups: dict[str, list[T]] = {}
    for obj in objects:
        groups.setdefault(obj.namespaced_name.namespace, []).append(obj)
    return groups


def within(snapshot: Snapshot, scope: Scope) -> Snapshot:
    """The part of a snapshot that concerns these namespaces; the scope names them."""
    names = frozenset(scope.namespaces or ())
    or_all = names | {ALL_NAMESPACES}

    def part(objects: Iterable[Named]) -> tuple[Named, ...]:
        return tuple(obj for obj in objects if obj.namespaced_name.namespace in names)

    return replace(
        snapshot,
        scope=scope,
        pods=part(snapshot.pods),
        configs=part(snapshot.configs),
        config_maps=part(snapshot.config_maps),
        problems=part(snapshot.problems),
        incomplete={name: why for name, why in snapshot.incomplete.items() if name in or_all},
        unplannable=snapshot.unplannable & or_all,
        closed={name: why for name, why in snapshot.closed.items() if name in names},
        deferred=snapshot.deferred & or_all,
    )


def without(snapshot: Snapshot, namespaces: frozenset[str]) -> Snapshot:
    """The snapshot without these namespaces, which are deferred to a later pass."""

    def rest(objects: Iterable[Named]) -> tuple[Named, ...]:
        return tuple(obj for obj in objects if obj.namespaced_name.namespace not in namespaces)

    return replace(
        snapshot,
        pods=rest(snapshot.pods),
        configs=rest(snapshot.configs),
        config_maps=rest(snapshot.config_maps),
        problems=rest(snapshot.problems),
        deferred=snapshot.deferred | namespaces,
    )


def joined(first: Snapshot, second: Snapshot) -> Snapshot:
    """The snapshot of both, which have no namespace in common."""
    assert not first.namespaces & second.namespaces
    return replace(
        first,
        scope=Scope(namespaces=(*(first.scope.namespaces or ()), *(second.scope.namespaces or ()))),
        pods=first.pods + second.pods,
        configs=first.configs + second.configs,
        config_maps=first.config_maps + second.config_maps,
        problems=first.problems + second.problems,
        incomplete=first.incomplete | second.incomplete,
        quoted=first.quoted | second.quoted,
        unplannable=first.unplannable | second.unplannable,
        closed=first.closed | second.closed,
    )


MAX_SHARDS: Final = 1_000


def parse_shard(text: str) -> Shard:
    """Parse `INDEX/COUNT`, where INDEX counts from 0 as in an Indexed Job. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    if found is None:
        raise ValueError(f"{text!r} isn't a shard; write INDEX/COUNT, such as 0/4")
    index, count = int(found[1]), int(found[2])
    if not 1 <= count <= MAX_SHARDS:
        raise ValueError(f"{text!r} has {count} shards; use 1 to {MAX_SHARDS}")
    if index >= count:
        raise ValueError(f"{text!r} isn't a shard; those of {count} are 0 to {count - 1}")
    return Shard(index=index, count=count)


def is_in(namespace: str, shard: Shard) -> bool:
    """Whether the shard has this namespace."""
    return owner(namespace, shard.count) == shard.index


def owner(namespace: str, count: int) -> int:
    """The index of the one shard of so many that has this namespace."""
    return max(range(count), key=lambda index: _weight(namespace, index))


def _weight(namespace: str, index: int) -> bytes:
    # A namespace's name has no `/`, so no two pairs hash the same text.
    return hashlib.sha256(f"{namespace}/{index}".encode()).digest()
