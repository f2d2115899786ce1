"""An API server as a Reader: three lists in the order that makes deleting safe (spec.md §2).

ConfigMaps first and Pods last, so that a ConfigMap whose Pod is not in the later list is really
without it; discovery after them, so that configs that seem to be gone are gone.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.answers import Response
from podcm_sync.cluster.kube.connection import Connection
from podcm_sync.cluster.kube.crd import check_crd
from podcm_sync.cluster.kube.listed import Listed, unseen
from podcm_sync.cluster.kube.lists import ListError, Lists, Query
from podcm_sync.core import shards
from podcm_sync.core.names import is_ours
from podcm_sync.errors import DecodeError
from podcm_sync.model import decode
from podcm_sync.model.decoder import EITHER, decoder_of
from podcm_sync.model.kept import Kept
from podcm_sync.model.meta import GENERATED_BY_LABEL, NamespacedName
from podcm_sync.model.objects import (
    ALL_NAMESPACES,
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
        query = Query(resource=paths.CONFIG_MAPS, namespace=namespace)
        try:
            objects = self._lists.metadata(query)
        except ListError as error:
            log.warning("%s; a create may meet an existing ConfigMap", error)
            return {}
        return {obj.namespaced_name: is_ours(obj) for obj in objects}

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
        names = {each.namespaced_name for each in self._also_for}
        for query in (_generated(ALL_NAMESPACES), configs):
            names |= {obj.namespaced_name for obj in self._lists.metadata(query)}
        namespaces = sorted({name.namespace for name in names})
        return [name for name in namespaces if shards.is_in(name, scope.shard)]

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
        configs = Query(resource=paths.CONFIGS, namespace=namespace)
        try:
            self._collect(
                _generated(namespace),
                lambda response: decoder_of(response.content_type).config_maps(response.body, kept),
                listed.config_maps,
                listed.problems,
            )
            self._collect(
                configs,
                lambda response: decode.configs(response.body),
                listed.configs,
                listed.problems,
            )
        except ListError as error:
            # Without all ConfigMaps nothing is known to be ours, without all configs no winner.
            listed.incomplete[namespace] = str(error)
            listed.unplannable.add(namespace)
            return listed
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

        try:
            self._collect(
                Query(resource=paths.PODS, namespace=namespace, accept=EITHER),
                lambda response: decoder_of(response.content_type).pods(response.body, kept),
                listed.pods,
                listed.problems,
            )
        except ListError as error:
            listed.incomplete[namespace] = str(error)
        return listed

    def _collect(
        self,
        query: Query,
        decode_page: Callable[[Response], Page[M]],
        items: list[M],
        problems: list[Problem],
    ) -> None:
        """Decode, reduce, drop: a page is gone before the next one comes."""
        item_count, problem_count = len(items), len(problems)

        def restart() -> None:
            del items[item_count:], problems[problem_count:]

        def page(response: Response) -> str:
            page = decode_page(response)
            items.extend(page.items)
            problems.extend(page.problems)
            if any(not problem.namespaced_name.name for problem in page.problems):
                raise DecodeError("an object on it has no readable name")
            return page.continue_token

        self._lists.complete(query, page, restart)


def _generated(namespace: str) -> Query:
    """The list of generated ConfigMaps."""
    return Query(
        resource=paths.CONFIG_MAPS,
        namespace=namespace,
        label_selector=GENERATED_BY_LABEL,
        accept=EITHER,
    )
