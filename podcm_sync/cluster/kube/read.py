"""An API server as a Reader: three lists in the order that makes deleting safe (spec.md §2).

ConfigMaps first and Pods last, so that a ConfigMap whose Pod is not in the later list is really
without it; discovery after them, so that configs that seem to be gone are gone.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.connection import Connection
from podcm_sync.cluster.kube.crd import check_crd
from podcm_sync.cluster.kube.listed import Listed, unseen
from podcm_sync.cluster.kube.listing import Query
from podcm_sync.cluster.kube.lists import ListError, Lists
from podcm_sync.core import shards
from podcm_sync.core.names import is_ours
from podcm_sync.model import decode
from podcm_sync.model.decoder import EITHER, decoder_of
from podcm_sync.model.kept import Kept
from podcm_sync.model.meta import GENERATED_BY_LABEL, NamespacedName
from podcm_sync.model.objects import (
    ALL_NAMESPACES,
    PodConfigMapConfig,
    Scope,
    Snapshot,
)
from podcm_sync.parallel import Work, each

log = logging.getLogger(__name__)

AT_ONCE: Final = 4
"""How many namespaces are listed at once: three quarters of the time of one after the other."""
MAX_APART: Final = 64
"""Up to so many namespaces have their Pods listed apart, and all others none. Beyond, one list of
the whole cluster costs less than so many requests."""


class KubeReader:
    """Lists Pods, configs and generated ConfigMaps; implements `port.Reader`."""

    def __init__(self, connection: Connection, also_for: Sequence[PodConfigMapConfig] = ()) -> None:
        """`also_for` are configs that are not there yet, for which the Pods matter all the same."""
        self._lists = Lists(connection)
        self._also_for = also_for
        self._at_once = min(AT_ONCE, connection.connections)

    def snapshot(self, scope: Scope) -> Snapshot:
        """Every object of the scope; each namespace is a scope of its own.

        Raises ClusterError where the server cannot be reached or trusted, does not accept the
        credentials, or does not know PodConfigMapConfigs.
        """
        try:
            namespaces = self._places(scope)
        except ListError as error:
            return unseen(scope, str(error))
        kept = Kept()
        listed = self._together(namespaces, lambda namespace: self._look_at(namespace, kept))
        check_crd(self._lists, namespaces, listed)
        return listed.snapshot(scope)

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        """Each ConfigMap's name in these namespaces and whether it is ours, from their metadata."""
        places = sorted(namespaces)
        occupied: dict[NamespacedName, bool] = {}
        work = Work(lambda n: self._occupied(places[n]), lambda _, part: occupied.update(part))
        each(range(len(places)), work, self._at_once)
        return occupied

    def _occupied(self, namespace: str) -> dict[NamespacedName, bool]:
        try:
            listing = self._lists.metadata(Query(resource=paths.CONFIG_MAPS, namespace=namespace))
        except ListError as error:
            log.warning("%s; a create may meet an existing ConfigMap", error)
            return {}
        damaged = {problem.namespaced_name: False for problem in listing.problems}
        return damaged | {obj.namespaced_name: is_ours(obj) for obj in listing.items}

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
        try:
            listing = self._lists.metadata(_generated(namespace))
        except ListError as error:
            log.warning("%s; ConfigMaps left to the garbage collector may be gone", error)
            return config_maps
        if listing.nameless:
            return config_maps
        damaged = [problem.namespaced_name for problem in listing.problems]
        return [*damaged, *(obj.namespaced_name for obj in listing.items)]

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
            listing = self._lists.metadata(query)
            if message := listing.nameless.get(ALL_NAMESPACES):
                raise ListError(message)
            namespaces |= listing.nameless.keys()
            namespaces |= {item.namespaced_name.namespace for item in listing.items}
            namespaces |= {problem.namespaced_name.namespace for problem in listing.problems}
        return [name for name in sorted(namespaces) if shards.is_in(name, scope.shard)]

    def _together(self, namespaces: Sequence[str], look: Callable[[str], Listed]) -> Listed:
        """What is listed of these namespaces, some at once, in their order."""
        parts: dict[int, Listed] = {}
        work = Work(lambda index: look(namespaces[index]), parts.__setitem__)
        each(range(len(namespaces)), work, self._at_once if len(namespaces) > 1 else 0)
        together = Listed()
        for _, part in sorted(parts.items()):
            together.add(part)
        return together

    def _look_at(self, namespace: str, kept: Kept) -> Listed:
        """The three lists of one namespace, or of all; a failure makes that scope incomplete."""
        listed = Listed()
        try:
            config_maps = self._lists.complete(
                _generated(namespace),
                lambda response: decoder_of(response.content_type).config_maps(response.body, kept),
            )
            configs = self._lists.complete(
                Query(resource=paths.CONFIGS, namespace=namespace),
                lambda response: decode.configs(response.body),
            )
        except ListError as error:
            # Without all ConfigMaps nothing is known to be ours, without all configs no winner.
            listed.incomplete[namespace] = str(error)
            listed.unplannable.add(namespace)
            return listed
        listed.config_maps += config_maps.items
        listed.configs += configs.items
        for listing in (config_maps, configs):
            listed.problems += listing.problems
            listed.incomplete |= listing.nameless
            listed.unplannable |= listing.nameless.keys()
        kept = kept.only_annotations_of((*listed.configs, *self._also_for))
        places = [namespace]
        if namespace == ALL_NAMESPACES:
            also = {each.namespaced_name.namespace for each in self._also_for}
            places = sorted(listed.namespaces() | also)
        if len(places) > MAX_APART:
            places = [namespace]
        listed.add(self._together(places, lambda place: self._pods(place, kept)))
        return listed

    def _pods(self, namespace: str, kept: Kept) -> Listed:
        listed = Listed()
        query = Query(resource=paths.PODS, namespace=namespace, accept=EITHER)
        try:
            pods = self._lists.complete(
                query, lambda response: decoder_of(response.content_type).pods(response.body, kept)
            )
        except ListError as error:
            listed.incomplete[namespace] = str(error)
            return listed
        listed.pods = pods.items
        listed.problems = pods.problems
        listed.incomplete = pods.nameless
        return listed


def _generated(namespace: str) -> Query:
    """The list of generated ConfigMaps."""
    return Query(
        resource=paths.CONFIG_MAPS,
        namespace=namespace,
        label=GENERATED_BY_LABEL,
        accept=EITHER,
    )
