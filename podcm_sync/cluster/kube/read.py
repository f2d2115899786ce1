"""An API server as a Reader: paged lists in the order that makes deleting safe (spec.md §2).

ConfigMaps first and Pods last, so that a ConfigMap whose Pod is not in the later list is really
without it. Never `resourceVersion=0`: a cache may be behind, and would ignore the limit.
"""

import logging
from collections.abc import Callable, Collection
from typing import Final

import msgspec

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.connection import Connection, NoAnswerError, Response
from podcm_sync.cluster.kube.errors import status_of
from podcm_sync.cluster.kube.retry import repeated
from podcm_sync.core.names import label_value
from podcm_sync.errors import ClusterError, DecodeError
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

PAGE_SIZE: Final = 500
MAX_LISTS: Final = 3
"""How often a list whose continue token expired (410) is begun, in all."""
NAMES_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
INSTALL: Final = "kubectl apply -f crd/podconfigmapconfig_crd.yaml"


class ListError(Exception):
    """A list did not complete: which, where, why, and what to do."""


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


class KubeReader:
    """Lists Pods, configs and generated ConfigMaps; implements `port.Reader`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._has_answered = False

    def snapshot(self, scope: Scope) -> Snapshot:
        """Every object of the scope; each namespace is a scope of its own.

        Raises ClusterError where the server cannot be reached or trusted, does not accept the
        credentials, or does not know PodConfigMapConfigs.
        """
        listed = _Listed()
        namespaces = (ALL_NAMESPACES,) if scope.namespaces is None else scope.namespaces
        for namespace in namespaces:
            self._look_at(namespace, listed)
        for namespace in namespaces:
            self._check_crd(namespace, listed)
        return Snapshot(
            scope=scope,
            pods=tuple(listed.pods),
            configs=tuple(listed.configs),
            config_maps=tuple(listed.config_maps),
            problems=tuple(listed.problems),
            incomplete=listed.incomplete,
            unplannable=frozenset(listed.unplannable),
        )

    def taken_names(self, namespaces: Collection[str]) -> frozenset[NamespacedName]:
        """The names of all ConfigMaps of these namespaces, from metadata-only lists."""
        taken: set[NamespacedName] = set()
        for namespace in sorted(namespaces):
            try:
                self._list(
                    paths.CONFIG_MAPS,
                    namespace,
                    lambda body: self._note_names(body, taken),
                    restart=lambda: None,
                    accept=NAMES_ONLY,
                )
            except ListError as error:
                log.warning("%s; a create may meet an existing ConfigMap", error)
        return frozenset(taken)

    @staticmethod
    def _note_names(body: bytes, taken: set[NamespacedName]) -> str:
        names, token = decode.names(body)
        taken.update(names)
        return token

    def _look_at(self, namespace: str, listed: _Listed) -> None:
        """The three lists of one namespace, or of all; a failure makes that scope incomplete."""
        try:
            self._collect(
                paths.CONFIG_MAPS,
                namespace,
                decode.config_maps,
                listed.config_maps,
                listed,
                label_selector=GENERATED_BY_LABEL,
            )
            self._collect(paths.CONFIGS, namespace, decode.configs, listed.configs, listed)
        except ListError as error:
            # Without all ConfigMaps nothing is known to be ours, without all configs no winner.
            listed.incomplete[namespace] = str(error)
            listed.unplannable.add(namespace)
            return
        try:
            self._collect(paths.PODS, namespace, decode.pods, listed.pods, listed)
        except ListError as error:
            listed.incomplete[namespace] = str(error)

    def _collect(
        self,
        resource: str,
        namespace: str,
        decode_page: Callable[[bytes], decode.Page[decode.M]],
        items: list[decode.M],
        listed: _Listed,
        *,
        label_selector: str = "",
    ) -> None:
        item_count, problem_count = len(items), len(listed.problems)

        def restart() -> None:
            del items[item_count:], listed.problems[problem_count:]

        def page(body: bytes) -> str:
            page = decode_page(body)
            items.extend(page.items)
            listed.problems.extend(page.problems)
            if any(not problem.namespaced_name.name for problem in page.problems):
                raise DecodeError("an object on it has no readable name")
            return page.continue_token

        self._list(resource, namespace, page, restart=restart, label_selector=label_selector)

    def _list(
        self,
        resource: str,
        namespace: str,
        page: Callable[[bytes], str],
        *,
        restart: Callable[[], None],
        label_selector: str = "",
        accept: str = "application/json",
    ) -> None:
        """Hand every page of a list to `page`, which gives back the continue token.

        An expired token begins the list anew; the one that a 410 carries would mix two states.
        Raises ListError.
        """
        what = f"list {resource} {paths.where(namespace)}"
        query = {"limit": str(PAGE_SIZE)}
        if label_selector:
            query["labelSelector"] = label_selector
        for _ in range(MAX_LISTS):
            restart()
            token = ""
            while True:
                more = {"continue": token} if token else {}
                path = paths.collection(resource, namespace)
                response = self._get(path, {**query, **more}, what, accept)
                if response.status == 410 and token:
                    log.info("%s: the continue token expired; beginning anew", what)
                    break
                if response.status != 200:
                    raise self._refusal(response, resource, what)
                try:
                    token = page(response.body)
                except DecodeError as error:
                    raise ListError(f"cannot {what}: a page does not decode: {error}") from error
                if not token:
                    return
        raise ListError(f"cannot {what}: its continue token expired {MAX_LISTS} times over")

    def _get(self, path: str, query: dict[str, str], what: str, accept: str) -> Response:
        def send() -> Response:
            return self._connection.request("GET", path, query=query, accept=accept)

        try:
            response = repeated(send)
        except NoAnswerError as error:
            where = self._connection.target.description
            if self._has_answered:
                raise ListError(f"cannot {what}: no answer from {where}: {error}") from error
            raise ClusterError(
                f"cannot reach {where}: {error}; check the server's address and the network"
            ) from error
        self._has_answered = True
        return response

    def _refusal(self, response: Response, resource: str, what: str) -> Exception:
        """What a list's refusal means: no credentials and no CRD end the run, others the scope."""
        status = status_of(response)
        where = self._connection.target.description
        match response.status:
            case 401:
                return ClusterError(f"{where} does not accept the credentials: renew them")
            case 403:
                return ListError(
                    f"no right to {what}: {status.message}; grant the verb list on {resource} "
                    "(deploy/rbac.yaml)"
                )
            case 404 if resource == paths.CONFIGS:
                return _no_crd(where)
            case code:
                return ListError(f"cannot {what}: HTTP {code}: {status.message}")

    def _check_crd(self, namespace: str, listed: _Listed) -> None:
        """See that configs which seem to be gone are gone, and not their whole CRD.

        While a CRD is being removed its lists are 200 and empty; discovery, asked after them, then
        offers no `create` any more.
        """
        if not namespace:
            configs, config_maps = listed.configs, listed.config_maps
        else:
            configs = [x for x in listed.configs if x.namespaced_name.namespace == namespace]
            config_maps = [
                x for x in listed.config_maps if x.namespaced_name.namespace == namespace
            ]
        known = {(x.namespaced_name.namespace, label_value(x.namespaced_name.name)) for x in configs}
        is_every_config_there = all(
            (x.namespaced_name.namespace, x.labels.get(GENERATED_BY_LABEL, "")) in known
            for x in config_maps
        )
        if namespace in listed.incomplete or (configs and is_every_config_there):
            return
        try:
            is_offered = self._is_create_offered()
        except ListError as error:
            if not is_every_config_there:
                listed.incomplete[namespace] = str(error)
            return
        if not is_offered:
            listed.incomplete[namespace] = (
                f"the CRD {paths.CONFIGS} is being removed from "
                f"{self._connection.target.description}: its configs cannot be seen any more, so "
                f"nothing is deleted; if that is not meant: {INSTALL}"
            )

    def _is_create_offered(self) -> bool:
        what = f"discover {paths.CONFIGS}"
        response = self._get(paths.DISCOVERY, {}, what, "application/json")
        if response.status != 200:
            raise self._refusal(response, paths.CONFIGS, what)
        try:
            found = msgspec.json.decode(response.body, type=_Resources)
        except msgspec.MsgspecError as error:
            raise ListError(f"cannot {what}: {error}") from error
        return any(each.name == PLURAL and "create" in each.verbs for each in found.resources)


def _no_crd(where: str) -> ClusterError:
    return ClusterError(f"{where} does not know PodConfigMapConfigs: {INSTALL}")
