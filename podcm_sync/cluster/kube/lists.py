"""Whole lists from an API server, page by page, or a plain word that a list is incomplete.

Never `resourceVersion=0`: a cache may be behind, and would ignore the limit.
"""

import logging
from collections.abc import Callable
from typing import Final

from msgspec import Struct, structs

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.answers import JSON, NoAnswerError, Response
from podcm_sync.cluster.kube.connection import Connection
from podcm_sync.cluster.kube.errors import status_of
from podcm_sync.cluster.kube.retry import repeated
from podcm_sync.errors import ClusterError, DecodeError, Unavailable
from podcm_sync.model.decoder import METADATA_ONLY, decoder_of
from podcm_sync.model.objects import PartialObjectMetadata

log = logging.getLogger(__name__)

PAGE_SIZE: Final = 500
MAX_LISTS: Final = 3
"""How often a list whose continue token expired (410) is begun, in all."""
INSTALL: Final = "kubectl apply -f crd/podconfigmapconfig_crd.yaml"


class ListError(Exception):
    """A list did not complete: which, where, why, and what to do."""


class Query(Struct, frozen=True, kw_only=True):
    """One list: of what, in which namespace ("" for all), and which of them."""

    resource: str
    namespace: str
    label_selector: str = ""
    accept: str = JSON

    def __str__(self) -> str:
        return f"list {self.resource} {paths.where(self.namespace)}"


class Lists:
    """Lists over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._has_answered = False

    @property
    def server(self) -> str:
        """The server, for messages."""
        return self._connection.target.description

    def complete(
        self, query: Query, page: Callable[[Response], str], restart: Callable[[], None]
    ) -> None:
        """Hand every page to `page`, which gives back its continue token; "" ends the list.

        A token that expired begins the list anew, after a `restart`; the token that the 410 itself
        carries would mix two states, and is not used. Raises ListError, or ClusterError where the
        server cannot be reached or trusted, or does not know the resource.
        """
        path = paths.collection(query.resource, query.namespace)
        options = {"limit": str(PAGE_SIZE)}
        if query.label_selector:
            options["labelSelector"] = query.label_selector
        for _ in range(MAX_LISTS):
            restart()
            token = ""
            while True:
                more = {"continue": token} if token else {}
                response = self.get(path, str(query), {**options, **more}, query.accept)
                if response.status == 410 and token:
                    log.info("%s: the continue token expired; beginning anew", query)
                    break
                if response.status != 200:
                    raise self.refusal(response, query.resource, str(query))
                try:
                    token = page(response)
                except DecodeError as error:
                    raise ListError(f"cannot {query}: a page does not decode: {error}") from error
                if not token:
                    return
        raise ListError(f"cannot {query}: its continue token expired {MAX_LISTS} times over")

    def metadata(self, query: Query) -> list[PartialObjectMetadata]:
        """All objects, from a list of their metadata alone. Raises as `complete` does."""
        objects: list[PartialObjectMetadata] = []

        def page(response: Response) -> str:
            page = decoder_of(response.content_type).metadata(response.body)
            if page.problems:
                # Else a name that is taken could be missing.
                raise DecodeError(page.problems[0].message)
            objects.extend(page.items)
            return page.continue_token

        self.complete(structs.replace(query, accept=METADATA_ONLY), page, restart=objects.clear)
        return objects

    def get(
        self, path: str, what: str, query: dict[str, str] | None = None, accept: str = JSON
    ) -> Response:
        """One GET, repeated where that may help. Raises as `complete` does."""

        def send() -> Response:
            return self._connection.get(path, query, accept)

        try:
            response = repeated(
                send, self._connection.clock, repeats=self._connection.tally.repeated
            )
        except NoAnswerError as error:
            if self._has_answered:
                raise ListError(f"cannot {what}: no answer from {self.server}: {error}") from error
            raise ClusterError(
                f"cannot reach {self.server}: {error}; check the server's address and the network",
                quoted=error if error.is_sent else "",
            ) from error
        self._has_answered = True
        return response

    def refusal(self, response: Response, resource: str, what: str) -> Exception:
        """What a refusal means: no credentials and no CRD end the run, all else the scope."""
        status = status_of(response)
        match response.status:
            case 401:
                return ClusterError(
                    f"{self.server} does not accept the credentials: renew them",
                    reason=Unavailable.LOGIN_FAILED,
                )
            case 403:
                return ListError(
                    f"no right to {what}: {status.message}; grant the verb list on {resource} "
                    "(deploy/rbac.yaml)"
                )
            case 404 if resource == paths.CONFIGS:
                return ClusterError(
                    f"{self.server} does not know PodConfigMapConfigs: {INSTALL}",
                    reason=Unavailable.CRD_MISSING,
                )
            case code:
                return ListError(f"cannot {what}: HTTP {code}: {status.message}")
