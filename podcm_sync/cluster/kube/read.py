"""An API server as a Reader: three lists in the order that makes deleting safe (spec.md §2).

ConfigMaps first and Pods last, so that a ConfigMap whose Pod is not in the later list is really
without it; discovery after them, so that configs that seem to be gone are gone.
"""

import logging
from collections.abc import Callable, Collection, Iterable

import msgspec

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.connection import Connection
from podcm_sync.cluster.kube.lists import INSTALL, NAMES_ONLY, ListError, Lists, Query
from podcm_sync.core.names import label_value
from podcm_sync.errors import DecodeError
from podcm_sync.model import decode
from podcm_sync.model.meta import GENERATED_BY_LABEL, PLURAL, NamespacedName
from podcm_sync.model.objects import (
    ALL_NAMESPACES,
    ConfigMap,
    Pod,
    PodConfigMapConfig,
    Problem,
    Scope,
    Snapshot,
)

log = logging.getLogger(__name__)


class _Resource(msgspec.Struct):
    name: str
    verbs: tuple[str, ...] = ()


class _Resources(msgspec.Struct):
    resources: tuple[_Resource, ...] = ()


class _Listed:
    """What the lists of a run have brought so far."""

    def __init__(self) -> None:
        self.config_maps: list[ConfigMap] = []
        self.configs: list[PodConfigMapConfig] = []
        self.pods: list[Pod] = []
        self.problems: list[Problem] = []
        self.incomplete: dict[str, str] = {}
        self.unplannable: set[str] = set()

    def snapshot(self, scope: Scope) -> Snapshot:
        return Snapshot(
            scope=scope,
            pods=tuple(self.pods),
            configs=tuple(self.configs),
            config_maps=tuple(self.config_maps),
            problems=tuple(self.problems),
            incomplete=self.incomplete,
            unplannable=frozenset(self.unplannable),
        )


class KubeReader:
    """Lists Pods, configs and generated ConfigMaps; implements `port.Reader`."""

    def __init__(self, connection: Connection) -> None:
        self._lists = Lists(connection)

    def snapshot(self, scope: Scope) -> Snapshot:
        """Every object of the scope; each namespace is a scope of its own.

        Raises ClusterError where the server cannot be reached or trusted, does not accept the
        credentials, or does not know PodConfigMapConfigs.
        """
        listed = _Listed()
        namespaces = (ALL_NAMESPACES,) if scope.namespaces is None else scope.namespaces
        for namespace in namespaces:
            self._look_at(namespace, listed)
        self._check_crd(namespaces, listed)
        return listed.snapshot(scope)

    def taken_names(self, namespaces: Collection[str]) -> frozenset[NamespacedName]:
        """The names of all ConfigMaps of these namespaces, from metadata-only lists."""
        taken: set[NamespacedName] = set()

        def page(body: bytes) -> str:
            names, token = decode.names(body)
            taken.update(names)
            return token

        for namespace in sorted(namespaces):
            query = Query(resource=paths.CONFIG_MAPS, namespace=namespace, accept=NAMES_ONLY)
            try:
                self._lists.complete(query, page, restart=lambda: None)
            except ListError as error:
                log.warning("%s; a create may meet an existing ConfigMap", error)
        return frozenset(taken)

    def _look_at(self, namespace: str, listed: _Listed) -> None:
        """The three lists of one namespace, or of all; a failure makes that scope incomplete."""
        config_maps = Query(
            resource=paths.CONFIG_MAPS, namespace=namespace, label_selector=GENERATED_BY_LABEL
        )
        configs = Query(resource=paths.CONFIGS, namespace=namespace)
        pods = Query(resource=paths.PODS, namespace=namespace)
        try:
            self._collect(config_maps, decode.config_maps, listed.config_maps, listed.problems)
            self._collect(configs, decode.configs, listed.configs, listed.problems)
        except ListError as error:
            # Without all ConfigMaps nothing is known to be ours, without all configs no winner.
            listed.incomplete[namespace] = str(error)
            listed.unplannable.add(namespace)
            return
        try:
            self._collect(pods, decode.pods, listed.pods, listed.problems)
        except ListError as error:
            listed.incomplete[namespace] = str(error)

    def _collect(
        self,
        query: Query,
        decode_page: Callable[[bytes], decode.Page[decode.M]],
        items: list[decode.M],
        problems: list[Problem],
    ) -> None:
        item_count, problem_count = len(items), len(problems)

        def restart() -> None:
            del items[item_count:], problems[problem_count:]

        def page(body: bytes) -> str:
            page = decode_page(body)
            items.extend(page.items)
            problems.extend(page.problems)
            if any(not problem.namespaced_name.name for problem in page.problems):
                raise DecodeError("an object on it has no readable name")
            return page.continue_token

        self._lists.complete(query, page, restart)

    def _check_crd(self, namespaces: Iterable[str], listed: _Listed) -> None:
        """See that configs which seem to be gone are gone, and not their whole CRD.

        While a CRD is being removed its lists are 200 and empty; discovery, asked after them, then
        offers no `create` any more.
        """
        # While a CRD goes its configs get a deletionTimestamp; a finalizer may hold them there.
        live = [config for config in listed.configs if not config.terminating]
        doubtful = _without_config(listed, live) - listed.incomplete.keys()
        if listed.incomplete.keys() >= set(namespaces) or (live and not doubtful):
            return
        try:
            if self._is_create_offered():
                return
            message = (
                f"the CRD {paths.CONFIGS} is being removed from {self._lists.server}: its configs "
                f"cannot be seen any more, so nothing is deleted; if that is not meant: {INSTALL}"
            )
            doubtful = set(namespaces)
        except ListError as error:
            message = str(error)
        for namespace in doubtful - listed.incomplete.keys():
            listed.incomplete[namespace] = message

    def _is_create_offered(self) -> bool:
        what = f"discover {paths.CONFIGS}"
        response = self._lists.get(paths.DISCOVERY, what)
        if response.status != 200:
            raise self._lists.refusal(response, paths.CONFIGS, what)
        try:
            found = msgspec.json.decode(response.body, type=_Resources)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ListError(f"cannot {what}: {error}") from error
        return any(each.name == PLURAL and "create" in each.verbs for each in found.resources)


def _without_config(listed: _Listed, live: Iterable[PodConfigMapConfig]) -> set[str]:
    """The namespaces in which a ConfigMap's config is not among the live ones."""
    known = {
        (config.namespaced_name.namespace, label_value(config.namespaced_name.name))
        for config in live
    }
    made_by = (
        (each.namespaced_name.namespace, each.labels.get(GENERATED_BY_LABEL, ""))
        for each in listed.config_maps
    )
    return {namespace for namespace, label in made_by if (namespace, label) not in known}
