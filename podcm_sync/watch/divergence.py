"""Where the lists of a full run and the store disagree although the watches were open.

An event that is still under way explains a difference: it comes soon after the lists. What nothing
explains is a divergence: something is wrong with a watch, or with this program.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from podcm_sync.api.objects import ConfigMap
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.watch import Watch
from podcm_sync.reconcile.names import is_ours
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES
from podcm_sync.watch.namespace import Namespace

log = logging.getLogger(__name__)

GRACE_SECONDS: Final = 10.0
"""How long an event may be under way after the list that has its object."""


class Key(NamedTuple):
    """One object of one resource."""

    resource: str
    namespace: str
    name: str


class Divergences:
    """The differences that no event has explained so far; callable from any thread."""

    def __init__(self, on_diverged: Callable[[str], None] = lambda _: None) -> None:
        """`on_diverged` is called with the resource of each divergence."""
        self.on_diverged = on_diverged
        self._lock = threading.Lock()
        self._open: dict[Key, float] = {}
        """When the lists showed each difference, in monotonic seconds."""

    def note(self, namespace: str, old: Namespace, new: Namespace, newer: Collection[Key]) -> None:
        """Note the differences between the store and the lists, except objects that changed since.

        Pods are compared only if they were listed, and the same of their annotations is kept.
        """
        with self._lock:
            now = time.monotonic()
            found = {key: now for key in _different(namespace, old, new) if key not in newer}
            self._open |= found

    def explain(self, key: Key) -> None:
        """An event came late that the lists have already."""
        if self._open:
            with self._lock:
                self._open.pop(key, None)

    def forget(self, watch: Watch) -> None:
        """A watch ended. It may begin again after the lists, without the events before them."""
        if self._open:
            with self._lock:
                self._open = {
                    key: since
                    for key, since in self._open.items()
                    if key.resource != watch.resource
                    or watch.namespace not in {ALL_NAMESPACES, key.namespace}
                }

    def settle(self) -> int:
        """Count and log the differences that nothing has explained in time; how many."""
        if not self._open:
            return 0
        with self._lock:
            limit = time.monotonic() - GRACE_SECONDS
            due = [key for key, since in self._open.items() if since <= limit]
            for key in due:
                del self._open[key]
        for key in due:
            log.warning(
                "the watch missed a change of %s %s/%s; the lists corrected it",
                key.resource,
                key.namespace,
                key.name,
            )
            self.on_diverged(key.resource)
        return len(due)


def _different(namespace: str, old: Namespace, new: Namespace) -> Iterator[Key]:
    pairs: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
        (paths.CONFIG_MAPS, old.config_maps, new.config_maps),
        (paths.CONFIGS, old.configs, new.configs),
    ]
    if old.kept == new.kept and not new.must_list:
        pairs.append((paths.PODS, old.pods, new.pods))
    for resource, before, after in pairs:
        for name in before.keys() | after.keys():
            # The lists hold the store's own object where the two are equal.
            one, other = before.get(name), after.get(name)
            if one is other or one == other:
                continue
            # A shard doesn't list a namespace that only has such ConfigMaps.
            if any(obj is not None and not _is_anothers(obj) for obj in (one, other)):
                yield Key(resource, namespace, name)


def _is_anothers(obj: object) -> bool:
    return isinstance(obj, ConfigMap) and not is_ours(obj)
