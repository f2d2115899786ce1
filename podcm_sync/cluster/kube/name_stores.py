"""Stores for metadata-only lists: how many objects each namespace has, and which names exist."""

from collections import Counter
from collections.abc import Iterable

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import PartialObjectMetadata, Problem
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.pager import MAX_PAGE_BYTES
from podcm_sync.reconcile.bounds import Bound, Limits
from podcm_sync.reconcile.names import is_ours


class NamespaceCounts:
    """Counts the objects of each namespace, and the bytes of their metadata.

    Of ConfigMaps, only those that are podcm-sync's count as objects, but the bytes of all count.
    """

    is_done = False
    page_bytes = MAX_PAGE_BYTES

    def __init__(self, resource: str) -> None:
        self.objects: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self._are_config_maps = resource == paths.CONFIG_MAPS

    def note_cut(self) -> None:
        """Nothing: only metadata is listed."""

    def restart(self) -> None:
        """Forget the counts."""
        self.objects.clear()
        self.bytes.clear()

    def take(
        self,
        items: Iterable[PartialObjectMetadata],
        sizes: Iterable[int],
        problems: Iterable[Problem],
    ) -> None:
        """Count the objects and bytes of a page."""
        for item, size in zip(items, sizes, strict=True):
            namespace = item.namespaced_name.namespace
            self.bytes[namespace] += size
            if is_ours(item) or not self._are_config_maps:
                self.objects[namespace] += 1
        self.objects.update(problem.namespaced_name.namespace for problem in problems)


class Names:
    """The names of ConfigMaps, and whether each of them is podcm-sync's."""

    page_bytes = MAX_PAGE_BYTES

    def __init__(self, limits: Limits) -> None:
        self.is_ours: dict[NamespacedName, bool] = {}
        self._limits = limits
        self._bytes = 0

    @property
    def is_done(self) -> bool:
        """Whether there are more names, or more bytes of metadata, than the bounds allow."""
        return (
            len(self.is_ours) > self._limits[Bound.OCCUPIED_NAMES]
            or self._bytes > self._limits[Bound.OCCUPIED_BYTES]
        )

    def note_cut(self) -> None:
        """Nothing: only metadata is listed."""

    def restart(self) -> None:
        """Forget the names."""
        self.is_ours.clear()
        self._bytes = 0

    def take(
        self,
        items: Iterable[PartialObjectMetadata],
        sizes: Iterable[int],
        problems: Iterable[Problem],
    ) -> None:
        """Add the names of a page. An object that doesn't decode isn't ours."""
        self._bytes += sum(sizes)
        self.is_ours |= {problem.namespaced_name: False for problem in problems}
        self.is_ours |= {item.namespaced_name: is_ours(item) for item in items}
