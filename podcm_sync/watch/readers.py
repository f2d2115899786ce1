"""The Readers of a watching loop: from memory for its passes, from lists for its full runs.

A pass over a few Pods reads all that has a say in their ConfigMaps: every config, the ConfigMaps
of their names, and the Pods that own those. If it is in doubt who has a say, it reads the whole
namespace.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from podcm_sync.api.meta import POD_UID_LABEL, NamespacedName
from podcm_sync.api.objects import ConfigMap, Pod
from podcm_sync.cluster.interfaces import Reader
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.snapshot_builder import SnapshotBuilder
from podcm_sync.cluster.object_memory import ListMemory
from podcm_sync.reconcile import names
from podcm_sync.reconcile.bounds import Limits
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.watch.namespace import Namespace
from podcm_sync.watch.store import KINDS, Store

MAX_PAIRS: Final = 20_000
"""Up to so many pairs of Pod and config are planned alone. For more, the whole namespace is, whose
bounds a run checks."""

CheckCrd = Callable[[Collection[str], SnapshotBuilder], object]
"""Marks namespaces incomplete if missing configs could mean that the CRD is being removed."""


class ListingReader:
    """Lists, and lets the store take over what was listed; implements `interfaces.Reader`."""

    def __init__(self, store: Store, reader_with: Callable[[ListMemory | None], Reader]) -> None:
        """`reader_with` makes the Reader that lists, with the memory that it tells."""
        self._store = store
        self._reader_with = reader_with
        self._reader = reader_with(None)

    def snapshot(self, scope: Scope, *, may_defer: bool = False) -> Snapshot:
        """What the inner Reader lists. Raises what it raises."""
        with self._store.listing() as listing:
            snapshot = self._reader_with(listing).snapshot(scope, may_defer=may_defer)
            self._store.replace(snapshot, listing)
        return replace(snapshot, are_configs_lost=self._store.lives.are_configs_lost)

    def namespaces(self) -> Collection[str]:
        """The answer of the inner Reader."""
        return self._reader.namespaces()

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        """The answer of the inner Reader."""
        return self._reader.occupied_names(namespaces)

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        """The answer of the inner Reader."""
        return self._reader.remaining(config_maps)


class StoreReader:
    """One namespace of the store, or a few of its Pods; implements `interfaces.Reader`."""

    def __init__(
        self, store: Store, check_crd: CheckCrd, pods: frozenset[str] | None = None
    ) -> None:
        """`pods` are the only ones to plan for; None for all."""
        self._store = store
        self._check_crd = check_crd
        self._pods = pods
        self.planned = Namespace()
        """What the last snapshot of the whole namespace was made from."""

    def snapshot(self, scope: Scope, *, may_defer: bool = False) -> Snapshot:  # noqa: ARG002 - nothing takes long here
        """What the store has of the scope, which is one namespace."""
        (namespace,) = scope.namespaces or ()
        unsure = self._store.lives.why_unsure(namespace)
        with self._store.locked(namespace) as found:
            part = found or Namespace()
            if part.must_list:
                unsure = "the namespace must be listed first"
            if self._pods is not None and not unsure:
                focused = _focused(scope, part, self._pods)
                if focused is not None:
                    return focused
            # Events of other namespaces don't wait for the rest.
            self.planned = part = part.copied()
        builder = _built(namespace, part, self._store.limits)
        lost = self._store.lives.are_configs_lost
        if unsure:
            builder.incomplete[namespace] = unsure
            builder.unplannable.add(namespace)
        self._check_crd((namespace,), builder)
        return replace(builder.snapshot(scope), are_configs_lost=lost)

    def namespaces(self) -> Collection[str]:
        """The namespaces of the store."""
        return self._store.namespaces()

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        """The names of other people's ConfigMaps that creates have met since the last full run.

        Any other such name is found out by a 409.
        """
        occupied: dict[NamespacedName, bool] = {}
        for namespace in namespaces:
            with self._store.locked(namespace) as part:
                others = () if part is None else tuple(part.others)
            occupied |= {NamespacedName(namespace, name): False for name in others}
        return occupied

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        """Those of which no event has told that they are gone."""
        return [name for name in config_maps if self._exists(name)]

    def _exists(self, name: NamespacedName) -> bool:
        with self._store.locked(name.namespace) as part:
            return part is not None and name.name in part.config_maps


def _built(namespace: str, part: Namespace, limits: Limits) -> SnapshotBuilder:
    """The whole namespace, within the bounds of a run."""
    builder = SnapshotBuilder(limits)
    builder.listed |= {(paths.CONFIGS, namespace), (paths.PODS, namespace)}
    problems = part.problems.values()
    builder.take(paths.CONFIG_MAPS, ((each, 0) for each in part.config_maps.values()), ())
    builder.take(paths.CONFIGS, ((each, 0) for each in part.configs.values()), ())
    builder.take(paths.PODS, ((each, 0) for each in part.pods.values()), ())
    for resource, kind in KINDS.items():
        builder.take(resource, (), [each for each in problems if each.kind == kind])
    return builder


def _focused(scope: Scope, part: Namespace, wanted: Iterable[str]) -> Snapshot | None:
    """What has a say in the ConfigMaps of these Pods; None if that is in doubt."""
    configs = part.configs
    is_doubtful = (
        # Its ConfigMaps may have been anybody's.
        any(kind == "Pod" for kind, _ in part.problems)
        # With such a name, the ConfigMap of another Pod can have the same name.
        or any("-from-" in f"-{name}" for name in configs)
    )
    if is_doubtful:
        return None
    pods: dict[str, Pod] = {}
    config_maps: dict[str, ConfigMap] = {}
    due = [name for name in wanted if name in part.pods]
    while due:
        pod = part.pods[due.pop()]
        if pod.namespaced_name.name in pods:
            continue
        pods[pod.namespaced_name.name] = pod
        if len(pods) * len(configs) > MAX_PAIRS:
            return None
        for name in configs:
            existing = part.config_maps.get(names.config_map_name(pod.namespaced_name.name, name))
            if existing is None or existing.namespaced_name.name in config_maps:
                continue
            config_maps[existing.namespaced_name.name] = existing
            if not _is_owner_known(existing, pod):
                return None
            due += _other_owners(existing, part)
    return Snapshot(
        scope=scope,
        pods=tuple(pods.values()),
        configs=tuple(configs.values()),
        config_maps=tuple(config_maps.values()),
        problems=tuple(part.problems.values()),
    )


def _is_owner_known(config_map: ConfigMap, pod: Pod) -> bool:
    """Whether the Pod of the ConfigMap's label is this one, or one of its owners."""
    uid = config_map.labels.get(POD_UID_LABEL)
    owners = {owner.uid for owner in config_map.owner_references if owner.is_pod}
    return uid in {None, pod.uid} or uid in owners


def _other_owners(config_map: ConfigMap, part: Namespace) -> Iterator[str]:
    """The Pods that own the ConfigMap."""
    for owner in config_map.owner_references:
        pod = part.pods.get(owner.name) if owner.is_pod else None
        if pod is not None and pod.uid == owner.uid:
            yield owner.name
