"""Which watches are open and alive. What nothing keeps up to date must lead to no deletion."""

import logging
import math
import time
from collections.abc import Collection, Mapping
from typing import Final

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.watch import Restart, Watch
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES, Scope

log = logging.getLogger(__name__)

RESOURCES: Final = (paths.CONFIG_MAPS, paths.CONFIGS, paths.PODS)
SILENT_SECONDS: Final = 150.0
"""A watch without any sign of life for so long doesn't count as open. The server sends a bookmark
every minute; a Reflector ends a silent watch after two."""
LOST_SECONDS: Final = 600.0
"""If a CRD is removed and created again, it is empty. For so long, nothing is deleted because its
config is gone, because restoring the configs takes time."""


class Life:
    """One watch: whether it is open, and when it last gave a sign of life (monotonic seconds)."""

    def __init__(self) -> None:
        self.is_open = False
        self.opened = self.heard = time.monotonic()
        self.version = 0
        """The last resourceVersion that it told."""

    def open(self) -> None:
        """The server accepted the watch."""
        self.is_open, self.opened, self.heard = True, time.monotonic(), time.monotonic()

    def hear(self, resource_version: int) -> None:
        """The watch told everything up to this version."""
        self.heard = time.monotonic()
        self.version = max(self.version, resource_version)


class Lives:
    """The watches of a scope."""

    def __init__(self, scope: Scope) -> None:
        self._lost_at = -math.inf
        """When the CRD was last missing, in monotonic seconds."""
        self._lives = {watch: Life() for watch in watches_of(scope)}
        self._scope = scope
        self._is_announced = False

    def __getitem__(self, watch: Watch) -> Life:
        return self._lives[watch]

    def open(self, watch: Watch) -> None:
        """The server accepted a watch. Once all are open for the first time, the log says so."""
        self._lives[watch].open()
        if not self._is_announced and self.open_watches() == self.wanted_watches():
            self._is_announced = True
            log.info("watching Pods, configs, and generated ConfigMaps: %s", self._scope)

    @property
    def watches(self) -> Collection[Watch]:
        """All of them, open or not."""
        return self._lives.keys()

    def open_watches(self) -> Mapping[str, int]:
        """How many watches of each resource are open."""
        return self._counted(is_open=True)

    def wanted_watches(self) -> Mapping[str, int]:
        """How many watches of each resource there should be."""
        return self._counted(is_open=False)

    def age(self) -> float:
        """The seconds since the last sign of life of the watch that was silent the longest."""
        oldest = min((life.heard for life in self._lives.values()), default=time.monotonic())
        return time.monotonic() - oldest

    def of(self, namespace: str, resource: str = "") -> list[Life]:
        """The watches that tell of this namespace, and of this resource if one is given."""
        return [
            life
            for watch, life in self._lives.items()
            if watch.namespace in {ALL_NAMESPACES, namespace} and resource in {"", watch.resource}
        ]

    @property
    def are_configs_lost(self) -> bool:
        """Whether the CRD was missing less than LOST_SECONDS ago."""
        return time.monotonic() - self._lost_at < LOST_SECONDS

    def close(self, watch: Watch, restart: Restart) -> None:
        """The watch isn't open any more, or couldn't be opened."""
        self._lives[watch].is_open = False
        # A gateway can answer 404 too, so only discovery begins this time.
        if watch.resource == paths.CONFIGS and restart is Restart.MISSING and self.are_configs_lost:
            self.note_lost()

    def note_lost(self) -> None:
        """Discovery doesn't offer the CRD, or is about to offer it no more."""
        self._lost_at = time.monotonic()

    def restart(self, namespace: str, resource: str) -> None:
        """The server's versions are lower than before: etcd was restored from a backup."""
        for life in self.of(namespace, resource):
            life.version = 0

    def why_unsure(self, namespace: str) -> str:
        """Why what is remembered of a namespace may be old; "" if events keep it up to date."""
        now = time.monotonic()
        for watch, life in self._lives.items():
            if watch.namespace not in {ALL_NAMESPACES, namespace}:
                continue
            if not life.is_open:
                return f"the watch of {watch.resource} isn't open"
            if now - life.heard > SILENT_SECONDS:
                return f"the watch of {watch.resource} has been silent for {now - life.heard:.0f} s"
        return ""

    def were_open(self, namespace: str, since: float) -> bool:
        """Whether all watches of the namespace have been open since then."""
        return all(life.is_open and life.opened <= since for life in self.of(namespace))

    def _counted(self, *, is_open: bool) -> dict[str, int]:
        counts = dict.fromkeys(RESOURCES, 0)
        for watch, life in self._lives.items():
            counts[watch.resource] += life.is_open or not is_open
        return counts


def watches_of(scope: Scope) -> tuple[Watch, ...]:
    """The watches of a scope: of its namespaces, or of the whole cluster, for a shard too."""
    namespaces = (ALL_NAMESPACES,) if scope.namespaces is None else scope.namespaces
    return tuple(Watch(resource, namespace) for namespace in namespaces for resource in RESOURCES)
