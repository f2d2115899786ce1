"""An API server as a Reader: three lists in the order that makes deleting safe (spec.md §2).

ConfigMaps first and Pods last, so that a ConfigMap whose Pod is not in the later list is really
without it; discovery after them, so that configs that seem to be gone are gone.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from msgspec import structs

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.answers import Response
from podcm_sync.cluster.kube.connection import Connection
from podcm_sync.cluster.kube.crd import check_crd
from podcm_sync.cluster.kube.listed import Listed, Share, unseen
from podcm_sync.cluster.kube.listing import Query
from podcm_sync.cluster.kube.lists import ListError, Lists
from podcm_sync.core import shards
from podcm_sync.core.bounds import LIMITS, Bound, Limits, past
from podcm_sync.core.names import is_ours
from podcm_sync.model import decode
from podcm_sync.model.decoder import EITHER, decoder_of
from podcm_sync.model.kept import Kept
from podcm_sync.model.meta import GENERATED_BY_LABEL, NamespacedName
from podcm_sync.model.objects import (
    ALL_NAMESPACES,
    ConfigMap,
    PartialObjectMetadata,
    Pod,
    PodConfigMapConfig,
    Problem,
    Scope,
    Snapshot,
)
from podcm_sync.model.page import M, Page
from podcm_sync.parallel import Work, each

log = logging.getLogger(__name__)

AT_ONCE: Final = 4
"""How many namespaces are listed at once: three quarters of the time of one after the other."""
MAX_APART: Final = 64
"""Up to so many namespaces have their Pods listed apart, and all others none. Beyond, one list of
the whole cluster costs less than so many requests."""


class KubeReader:
    """Lists Pods, configs and generated ConfigMaps; implements `port.Reader`."""

    def __init__(
        self,
        connection: Connection,
        also_for: Sequence[PodConfigMapConfig] = (),
        limits: Limits = LIMITS,
    ) -> None:
        """`also_for` are configs that are not there yet, for which the Pods matter all the same."""
        self._lists = Lists(connection)
        self._also_for = also_for
        self._at_once = min(AT_ONCE, connection.connections)
        self._limits = limits

    def snapshot(self, scope: Scope) -> Snapshot:
        """Every object of the scope; each namespace is a scope of its own.

        Raises ClusterError where the server cannot be reached or trusted, does not accept the
        credentials, or does not know PodConfigMapConfigs.
        """
        self._lists.begin()
        try:
            namespaces = self._places(scope)
        except ListError as error:
            return unseen(scope, str(error))
        kept = Kept()
        listed = Listed(self._limits)
        self._together(namespaces, lambda namespace: self._look_at(namespace, kept, listed))
        check_crd(self._lists, namespaces, listed)
        return listed.snapshot(scope)

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        """Each ConfigMap's name in these namespaces and whether it is ours, from their metadata."""
        places = sorted(namespaces)
        parts: dict[str, dict[NamespacedName, bool]] = {}

        def keep(index: int, names: dict[NamespacedName, bool]) -> None:
            parts[places[index]] = names
            counts = {place: len(part) for place, part in parts.items()}
            bounds = Bound.OCCUPIED_NAMES, Bound.RUN_OCCUPIED_NAMES
            for place in past(counts, *bounds, self._limits):
                log.warning(
                    "namespace %s has too many ConfigMaps to know their names; a create there may "
                    "meet an existing one",
                    place,
                )
                parts[place] = {}

        each(
            range(len(places)),
            Work(lambda index: self._occupied(places[index]), keep),
            self._at_once,
        )
        return {name: is_our for part in parts.values() for name, is_our in part.items()}

    def _occupied(self, namespace: str) -> dict[NamespacedName, bool]:
        names = _Names(self._limits)
        try:
            query = Query(resource=paths.CONFIG_MAPS, namespace=namespace)
            self._lists.metadata(query, names)
        except ListError as error:
            log.warning("%s; a create may meet an existing ConfigMap", error)
            return {}
        return names.is_ours

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        """Those that still exist, from the metadata of one list for each of their namespaces."""
        places = sorted({name.namespace for name in config_maps})
        existing: set[NamespacedName] = set()
        work = Work(
            lambda n: self._generated_names(places[n], config_maps),
            lambda _, part: existing.update(part),
        )
        each(range(len(places)), work, self._at_once)
        return existing.intersection(config_maps)

    def _generated_names(
        self, namespace: str, config_maps: Collection[NamespacedName]
    ) -> Collection[NamespacedName]:
        names = _Names(self._limits)
        try:
            listing = self._lists.metadata(_generated(namespace), names)
        except ListError as error:
            log.warning("%s; ConfigMaps left to the garbage collector may be gone", error)
            return config_maps
        # Past its bound the list ended early, and what it did not bring may be there.
        return config_maps if listing.nameless or names.is_done else names.is_ours

    def _places(self, scope: Scope) -> Sequence[str]:
        """What is listed apart from the rest. Raises ListError where that cannot be known.

        A shard's namespaces are found where there are configs or generated ConfigMaps at all, as
        there is no right to list namespaces. What is found is listed once more, in the safe order.
        """
        if scope.namespaces is not None:
            return scope.namespaces
        if scope.shard is None:
            return (ALL_NAMESPACES,)
        configs = Query(resource=paths.CONFIGS, namespace=ALL_NAMESPACES)
        namespaces = {each.namespaced_name.namespace for each in self._also_for}
        for query in (_generated(ALL_NAMESPACES), configs):
            namespaces |= self._crowds(query).keys()
        return [name for name in sorted(namespaces) if shards.is_in(name, scope.shard)]

    def _crowds(self, query: Query) -> Mapping[str, int]:
        """The namespaces that have such objects, and how many. Raises ListError."""
        crowds = _Crowds(query.resource)
        listing = self._lists.metadata(query, crowds)
        if message := listing.nameless.get(ALL_NAMESPACES):
            raise ListError(message)
        return crowds.counts | dict.fromkeys(listing.nameless, 1)

    def _together(self, namespaces: Sequence[str], look: Callable[[str], None]) -> None:
        """Look at these namespaces, some at once."""
        work: Work[None] = Work(lambda index: look(namespaces[index]), lambda _index, _none: None)
        each(range(len(namespaces)), work, self._at_once if len(namespaces) > 1 else 0)

    def _look_at(self, namespace: str, kept: Kept, listed: Listed) -> None:
        """The three lists of one namespace, or of all; a failure makes that scope incomplete."""
        # Without all ConfigMaps nothing is known to be ours, without all configs no winner.
        query = _generated(namespace)
        self._list(query, _config_maps(kept), listed, is_needed_to_plan=True)
        if namespace in listed.unplannable:
            return
        query = Query(resource=paths.CONFIGS, namespace=namespace)
        self._list(query, _configs, listed, is_needed_to_plan=True)
        if namespace in listed.unplannable or namespace in listed.closed:
            return
        kept = kept.only_annotations_of((*listed.configs_in(namespace), *self._also_for))
        places = [namespace]
        if namespace == ALL_NAMESPACES:
            also = {each.namespaced_name.namespace for each in self._also_for}
            places = sorted((listed.namespaces() | also) - listed.closed.keys())
        self._list_pods(places, kept, listed, is_whole=namespace == ALL_NAMESPACES)

    def _list_pods(self, places: list[str], kept: Kept, listed: Listed, *, is_whole: bool) -> None:
        """The Pods of these namespaces, in one list if they are many of the whole cluster."""
        pods = _pods(kept)

        def list_one(place: str) -> None:
            query = Query(resource=paths.PODS, namespace=place, accept=EITHER)
            self._list(query, pods, listed)

        if not is_whole or len(places) <= MAX_APART:
            self._together(places, list_one)
            return
        query = Query(resource=paths.PODS, namespace=ALL_NAMESPACES, accept=EITHER)
        self._list(query, pods, listed, relevant=frozenset(places))

    def _list(
        self,
        query: Query,
        decode_page: Callable[[Response], Page[M]],
        listed: Listed,
        *,
        relevant: frozenset[str] | None = None,
        is_needed_to_plan: bool = False,
    ) -> None:
        """One list; namespace by namespace if it brings too much that is dropped.

        `relevant` are the namespaces that matter, None if that is not known.
        """
        store = Share(listed, query.resource, query.namespace, relevant, self._limits)
        places: Iterable[str] = ()
        try:
            nameless = self._lists.complete(query, decode_page, store).nameless
            if store.is_wasteful:
                log.info("%s: too much of it is dropped; listing namespace by namespace", query)
                store.restart()
                places = self._open_places(query, listed) if relevant is None else relevant
        except ListError as error:
            nameless = {query.namespace: str(error)}
        listed.incomplete |= nameless
        if is_needed_to_plan:
            listed.unplannable |= nameless.keys()

        def list_one(place: str) -> None:
            apart = structs.replace(query, namespace=place)
            self._list(apart, decode_page, listed, is_needed_to_plan=is_needed_to_plan)

        self._together(sorted(places), list_one)

    def _open_places(self, query: Query, listed: Listed) -> Iterable[str]:
        """The namespaces to list one by one. Raises ListError if they cannot be known."""
        crowds = self._crowds(query)
        listed.close_crowded(query.resource, crowds)
        return crowds.keys()


class _Crowds:
    """How many objects each namespace has; of ConfigMaps, how many are podcm-sync's."""

    is_done = False

    def __init__(self, resource: str) -> None:
        self.counts: Counter[str] = Counter()
        self._are_config_maps = resource == paths.CONFIG_MAPS

    def restart(self) -> None:
        """Count again."""
        self.counts.clear()

    def take(
        self, items: Iterable[PartialObjectMetadata], _sizes: object, problems: Iterable[Problem]
    ) -> None:
        """Count a page."""
        self.counts.update(
            item.namespaced_name.namespace
            for item in items
            if is_ours(item) or not self._are_config_maps
        )
        self.counts.update(problem.namespaced_name.namespace for problem in problems)


class _Names:
    """The names of ConfigMaps, and whether each of them is podcm-sync's."""

    def __init__(self, limits: Limits) -> None:
        self.is_ours: dict[NamespacedName, bool] = {}
        self._most = limits[Bound.OCCUPIED_NAMES]

    @property
    def is_done(self) -> bool:
        """Whether there are too many."""
        return len(self.is_ours) > self._most

    def restart(self) -> None:
        """Drop all of them."""
        self.is_ours.clear()

    def take(
        self, items: Iterable[PartialObjectMetadata], _sizes: object, problems: Iterable[Problem]
    ) -> None:
        """Add a page's."""
        self.is_ours |= {problem.namespaced_name: False for problem in problems}
        self.is_ours |= {item.namespaced_name: is_ours(item) for item in items}


def _generated(namespace: str) -> Query:
    """The list of generated ConfigMaps."""
    return Query(
        resource=paths.CONFIG_MAPS,
        namespace=namespace,
        label=GENERATED_BY_LABEL,
        accept=EITHER,
    )


def _config_maps(kept: Kept) -> Callable[[Response], Page[ConfigMap]]:
    return lambda response: decoder_of(response.content_type).config_maps(response.body, kept)


def _configs(response: Response) -> Page[PodConfigMapConfig]:
    return decode.configs(response.body)


def _pods(kept: Kept) -> Callable[[Response], Page[Pod]]:
    return lambda response: decoder_of(response.content_type).pods(response.body, kept)
