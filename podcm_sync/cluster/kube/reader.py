"""An API server as a Reader: lists in the order that makes deleting safe.

The order is ConfigMaps, configs, Pods, and then discovery (docs/design/behavior.md §2.1). If a
ConfigMap's Pod or config is missing from a later list, it is gone. Discovery shows that the CRD
itself isn't gone.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from msgspec import structs

from podcm_sync.api import decode_json
from podcm_sync.api.content_type import EITHER, decoder_of
from podcm_sync.api.interner import Interner
from podcm_sync.api.meta import GENERATED_BY_LABEL, NamespacedName
from podcm_sync.api.objects import ConfigMap, Pod, PodConfigMapConfig, T
from podcm_sync.api.page import Page
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.crd import check_crd
from podcm_sync.cluster.kube.list_store import ListStore
from podcm_sync.cluster.kube.listing import Query
from podcm_sync.cluster.kube.name_stores import Names, NamespaceCounts
from podcm_sync.cluster.kube.pager import ListError, Pager
from podcm_sync.cluster.kube.snapshot_builder import SnapshotBuilder, nothing_listed
from podcm_sync.cluster.kube.transport import Response
from podcm_sync.cluster.object_memory import NO_MEMORY, ListMemory
from podcm_sync.errors import ClusterError
from podcm_sync.reconcile import snapshot
from podcm_sync.reconcile.bounds import LIMITS, Bound, Limits, past
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES, Scope, Snapshot
from podcm_sync.runtime.workers import Work, parallelize

log = logging.getLogger(__name__)

PARALLEL_LISTS: Final = 4
"""How many namespaces are listed at the same time. It takes three quarters of the time of one after
the other."""
MAX_POD_LISTS: Final = 64
"""With up to so many namespaces, podcm-sync lists the Pods of each one alone. For more, one list of
the whole cluster costs less than the requests."""
TOO_MANY_NAMES: Final = (
    "namespace %s has too many ConfigMaps to know their names; a create there can meet an existing "
    "one"
)


class KubeReader:
    """Lists Pods, configs, and generated ConfigMaps; implements `interfaces.Reader`."""

    def __init__(
        self,
        connection: Connection,
        also_for: Sequence[PodConfigMapConfig] = (),
        limits: Limits = LIMITS,
        memory: ListMemory = NO_MEMORY,
    ) -> None:
        """`also_for` are configs that aren't in the cluster yet (a preview) but need Pods too."""
        self._pager = Pager(connection)
        self._also_for = also_for
        self._parallel = min(PARALLEL_LISTS, connection.connections)
        self._limits = limits
        self._memory = memory

    def snapshot(self, scope: Scope, *, may_defer: bool = False) -> Snapshot:
        """Every object of the scope. If one namespace fails, only that one is incomplete.

        With `may_defer`, large namespaces beside others can be left to a later pass.

        Raises ClusterError if the server cannot be reached or trusted, refuses the credentials, or
        does not know PodConfigMapConfigs.
        """
        self._pager.begin()
        try:
            namespaces = self._namespaces_to_list(scope)
        except ListError as error:
            return nothing_listed(scope, str(error), error.quoted)
        interner = Interner()
        is_single = len(namespaces) == 1 and namespaces[0] != ALL_NAMESPACES
        builder = SnapshotBuilder(self._limits, may_defer=may_defer and not is_single)
        self._for_each(
            namespaces, lambda namespace: self._list_namespace(namespace, interner, builder)
        )
        check_crd(self._pager, namespaces, builder)
        return builder.snapshot(scope)

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        """The name of each ConfigMap in these namespaces, and whether it is ours.

        One metadata-only list for each namespace. If a list fails or is past its bound, its names
        are missing: a create that meets an existing ConfigMap is then a 409.
        """
        ordered = sorted(namespaces)
        names_of: dict[str, dict[NamespacedName, bool]] = {}

        def add(index: int, names: dict[NamespacedName, bool]) -> None:
            names_of[ordered[index]] = names
            counts = {namespace: len(names) for namespace, names in names_of.items()}
            bounds = Bound.OCCUPIED_NAMES, Bound.RUN_OCCUPIED_NAMES
            for namespace in past(counts, *bounds, self._limits):
                log.warning(TOO_MANY_NAMES, namespace)
                names_of[namespace] = {}

        parallelize(
            range(len(ordered)),
            Work(lambda index: self._occupied(ordered[index]), add),
            self._parallel,
        )
        return {name: is_our for names in names_of.values() for name, is_our in names.items()}

    def _occupied(self, namespace: str) -> dict[NamespacedName, bool]:
        names = Names(self._limits)
        try:
            query = Query(resource=paths.CONFIG_MAPS, namespace=namespace)
            self._pager.metadata(query, names)
        except ListError as error:
            log.warning("%s; a create can conflict with an existing ConfigMap", error)
            return {}
        if names.is_done:
            log.warning(TOO_MANY_NAMES, namespace)
            return {}
        return names.is_ours

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        """The ones that still exist, from one metadata-only list for each of their namespaces."""
        namespaces = sorted({name.namespace for name in config_maps})
        existing: set[NamespacedName] = set()
        work = Work(
            lambda index: self._generated_names(namespaces[index], config_maps),
            lambda _, names: existing.update(names),
        )
        parallelize(range(len(namespaces)), work, self._parallel)
        return existing.intersection(config_maps)

    def _generated_names(
        self, namespace: str, config_maps: Collection[NamespacedName]
    ) -> Collection[NamespacedName]:
        names = Names(self._limits)
        try:
            listing = self._pager.metadata(_generated(namespace), names)
        except ListError as error:
            log.warning("%s; the report can name ConfigMaps that are deleted already", error)
            return config_maps
        # A list past its bound ended early, so the names that it lacks can still exist.
        return config_maps if listing.nameless or names.is_done else names.is_ours

    def _namespaces_to_list(self, scope: Scope) -> Sequence[str]:
        """The namespaces to list one by one; `("",)` lists the whole cluster at once.

        podcm-sync has no permission to list namespaces. So it finds those of a shard by the configs
        and generated ConfigMaps in them, and then lists those again in the safe order. Raises
        ListError if such a list does not complete.
        """
        if scope.namespaces is not None:
            return scope.namespaces
        if scope.shard is None:
            return (ALL_NAMESPACES,)
        return [name for name in sorted(self._with_any()) if snapshot.is_in(name, scope.shard)]

    def _counts(self, query: Query) -> NamespaceCounts:
        """The objects and bytes of each namespace that has such objects. Raises ListError.

        A namespace with an object whose name cannot be read counts too: it must be listed.
        """
        counts = NamespaceCounts(query.resource)
        listing = self._pager.metadata(query, counts)
        if message := listing.nameless.get(ALL_NAMESPACES):
            raise ListError(message, listing.quoted[message])
        counts.objects.update(listing.nameless.keys())
        # The namespaces that the lists to come leave out have no such object at this version.
        self._memory.listed(query.resource, query.namespace, listing.resource_version)
        return counts

    def _for_each(self, namespaces: Sequence[str], task: Callable[[str], None]) -> None:
        """Run the task for each namespace, `PARALLEL_LISTS` at a time."""
        work: Work[None] = Work(lambda index: task(namespaces[index]), lambda _index, _none: None)
        parallelize(range(len(namespaces)), work, self._parallel if len(namespaces) > 1 else 0)

    def _list_namespace(self, namespace: str, interner: Interner, builder: SnapshotBuilder) -> None:
        """The three lists of one namespace, or of all. If one fails, that scope is incomplete."""
        # Without all ConfigMaps ownership is unknown; without all configs the winner of a name is.
        query = _generated(namespace)
        self._list(query, _config_maps(interner), builder, is_needed_to_plan=True)
        if namespace in builder.unplannable:
            return
        query = Query(resource=paths.CONFIGS, namespace=namespace)
        self._list(query, _configs, builder, is_needed_to_plan=True)
        if namespace in builder.unplannable:
            return
        if namespace != ALL_NAMESPACES and builder.leaves_out(namespace):
            return
        interner = interner.only_annotations_of((*builder.configs_in(namespace), *self._also_for))
        self._memory.keeps(namespace, interner.annotations)
        namespaces = [namespace]
        if namespace == ALL_NAMESPACES:
            also = {config.namespaced_name.namespace for config in self._also_for}
            also = {name for name in also if not builder.leaves_out(name)}
            namespaces = sorted(builder.namespaces() | also)
        self._list_pods(namespaces, interner, builder, is_whole_cluster=namespace == ALL_NAMESPACES)

    def _list_pods(
        self,
        namespaces: list[str],
        interner: Interner,
        builder: SnapshotBuilder,
        *,
        is_whole_cluster: bool,
    ) -> None:
        """The Pods of these namespaces, in one list if they are many of the whole cluster."""
        pods = _pods(interner)

        def list_one(namespace: str) -> None:
            query = Query(resource=paths.PODS, namespace=namespace, accept=EITHER)
            self._list(query, pods, builder)

        if not is_whole_cluster or len(namespaces) <= MAX_POD_LISTS:
            self._for_each(namespaces, list_one)
            return
        query = Query(resource=paths.PODS, namespace=ALL_NAMESPACES, accept=EITHER)
        self._list(query, pods, builder, relevant=frozenset(namespaces))

    def _list(
        self,
        query: Query,
        decode_page: Callable[[Response], Page[T]],
        builder: SnapshotBuilder,
        *,
        relevant: frozenset[str] | None = None,
        is_needed_to_plan: bool = False,
    ) -> None:
        """One list. If it brings too much that is dropped, one list for each namespace instead.

        `relevant` are the namespaces whose objects are needed, or None if all can be.
        """
        builder.listed.add((query.resource, query.namespace))
        store = ListStore(builder, query.resource, query.namespace, relevant, self._limits)
        if store.is_done:
            return
        one_by_one: Iterable[str] = ()
        try:
            listing = self._pager.each_page(query, self._remembered(decode_page), store)
            nameless, quoted = listing.nameless, listing.quoted
            if store.is_wasteful:
                log.info("%s: most of it is out of scope; listing namespace by namespace", query)
                store.restart()
                if relevant is not None:
                    one_by_one = relevant
                elif store.was_cut and query.resource == paths.CONFIG_MAPS:
                    one_by_one = self._with_configs()
                    builder.defer_others(one_by_one)
                else:
                    one_by_one = self._non_empty(query, builder)
            else:
                version = listing.resource_version
                self._memory.listed(query.resource, query.namespace, version)
        except ListError as error:
            nameless, quoted = {query.namespace: str(error)}, {str(error): error.quoted}
        builder.incomplete |= nameless
        builder.quoted |= quoted
        if is_needed_to_plan:
            builder.unplannable |= nameless.keys()

        def list_one(namespace: str) -> None:
            narrowed = structs.replace(query, namespace=namespace)
            self._list(narrowed, decode_page, builder, is_needed_to_plan=is_needed_to_plan)

        self._for_each(sorted(one_by_one), list_one)

    def _remembered(
        self, decode_page: Callable[[Response], Page[T]]
    ) -> Callable[[Response], Page[T]]:
        """The decoder, with the remembered object in place of each equal one."""
        if self._memory is NO_MEMORY:
            return decode_page

        def decode(response: Response) -> Page[T]:
            page = decode_page(response)
            return structs.replace(page, items=tuple(map(self._memory.known, page.items)))

        return decode

    def _with_configs(self) -> set[str]:
        """The namespaces that have a config. In the others, a run can only delete."""
        configs = Query(resource=paths.CONFIGS, namespace=ALL_NAMESPACES)
        also = {config.namespaced_name.namespace for config in self._also_for}
        return {*self._counts(configs).objects, *also}

    def _with_any(self) -> set[str]:
        return {*self._with_configs(), *self._counts(_generated(ALL_NAMESPACES)).objects}

    def namespaces(self) -> Collection[str]:
        """Every namespace with a config or a generated ConfigMap. Raises ClusterError."""
        try:
            return self._with_any()
        except ListError as error:
            raise ClusterError(str(error), quoted=error.quoted) from error

    def _non_empty(self, query: Query, builder: SnapshotBuilder) -> Iterable[str]:
        """The namespaces with any such object. Closes those past a bound. Raises ListError."""
        counts = self._counts(query)
        builder.close_over_bound(query.resource, counts.objects, counts.bytes)
        return counts.objects.keys()


def _generated(namespace: str) -> Query:
    """The list of generated ConfigMaps."""
    return Query(
        resource=paths.CONFIG_MAPS,
        namespace=namespace,
        label=GENERATED_BY_LABEL,
        accept=EITHER,
    )


def _config_maps(interner: Interner) -> Callable[[Response], Page[ConfigMap]]:
    return lambda response: decoder_of(response.content_type).config_maps(response.body, interner)


def _configs(response: Response) -> Page[PodConfigMapConfig]:
    return decode_json.configs(response.body)


def _pods(interner: Interner) -> Callable[[Response], Page[Pod]]:
    return lambda response: decoder_of(response.content_type).pods(response.body, interner)
