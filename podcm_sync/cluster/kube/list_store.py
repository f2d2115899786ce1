"""One list of a run on its way into the SnapshotBuilder, and when it needs no more pages."""

from collections.abc import Collection, Iterable

from podcm_sync.api.objects import Problem
from podcm_sync.api.page import M
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.snapshot_builder import SnapshotBuilder
from podcm_sync.reconcile.bounds import LIMITS, Bound, Limits
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES


class ListStore:
    """Takes the pages of one list into a builder; implements `listing.Store`."""

    def __init__(
        self,
        builder: SnapshotBuilder,
        resource: str,
        namespace: str,
        relevant: Collection[str] | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        """`relevant` are the namespaces whose objects are needed; None for all namespaces."""
        self._builder = builder
        self._resource = resource
        self._namespace = namespace
        self._relevant = relevant
        self._limits = limits
        self._wasted_objects = 0
        self._wasted_bytes = 0
        self.was_cut = False
        """Whether a page of a list of all namespaces was cut, so that large ones can be deferred.
        """

    @property
    def page_bytes(self) -> int:
        """The most bytes of a page. Of single namespaces, several lists are in memory at once."""
        limit = self._limits[Bound.PAGE_BYTES]
        return limit if self._namespace == ALL_NAMESPACES else limit // 2

    def note_cut(self) -> None:
        """Note a page that was cut because it is too large."""
        if self._namespace == ALL_NAMESPACES:
            self.was_cut = self._builder.may_defer
        else:
            self._builder.note_cut(self._namespace)

    @property
    def is_wasteful(self) -> bool:
        """Whether a list of all namespaces has brought too much that was dropped.

        A page that was cut shows that some namespace has large objects. Namespace by namespace, a
        run can leave that one to a later pass.
        """
        return self._namespace == ALL_NAMESPACES and (
            self.was_cut
            or self._wasted_objects > self._limits[Bound.WASTED_OBJECTS]
            or self._wasted_bytes > self._limits[Bound.WASTED_BYTES]
        )

    @property
    def is_done(self) -> bool:
        """Whether the list needs no more pages: it is wasteful, or its namespace is closed."""
        if self._namespace in self._builder.deferred:
            return True
        closed = self._builder.closed.get(self._namespace)
        if closed is None or self._namespace == ALL_NAMESPACES:
            return self.is_wasteful
        # The configs of a closed namespace are listed to the end, for their statuses.
        too_many_configs = closed.bound in {Bound.CONFIGS, Bound.CONFIG_BYTES}
        return self._resource != paths.CONFIGS or too_many_configs

    def restart(self) -> None:
        """Drop all pages of this list."""
        self._builder.drop(self._resource, self._namespace)

    def take(self, items: Iterable[M], sizes: Iterable[int], problems: Iterable[Problem]) -> None:
        """Add the objects of a page, with the bytes of each in the answer, and its problems."""
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
        objects, size = self._builder.take(self._resource, wanted, problems)
        self._wasted_objects += objects
        self._wasted_bytes += size
