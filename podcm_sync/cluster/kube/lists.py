"""Whole lists from an API server, page by page, or a plain word that a list is incomplete.

Never `resourceVersion=0`: a cache may be behind, and would ignore the limit.
"""

import logging
from collections.abc import Callable
from typing import Final

from msgspec import structs

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.answers import JSON, NoAnswerError, Response
from podcm_sync.cluster.kube.bounded import Waiting
from podcm_sync.cluster.kube.connection import Connection
from podcm_sync.cluster.kube.errors import status_of
from podcm_sync.cluster.kube.listing import Listing, Query
from podcm_sync.cluster.kube.retry import repeated
from podcm_sync.errors import ClusterError, DecodeError, Unavailable
from podcm_sync.model.decoder import METADATA_ONLY, decoder_of
from podcm_sync.model.objects import PartialObjectMetadata
from podcm_sync.model.page import M, Page

log = logging.getLogger(__name__)

PAGE_SIZE: Final = 500
MAX_LISTS: Final = 3
"""How often a list whose continue token expired (410) is begun, in all."""
PLAIN: Final = frozenset({401, 404, 429})
"""Refusals that count without a Status: the API server itself answers 404 for an absent API and 429
in plain text, and gateways refuse credentials in their own way."""
INSTALL: Final = "kubectl apply -f crd/podconfigmapconfig_crd.yaml"


class ListError(Exception):
    """A list did not complete: which, where, why, and what to do."""


class Lists:
    """Lists over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._has_answered = False

    @property
    def server(self) -> str:
        """The server, for messages."""
        return self._connection.target.description

    def complete(self, query: Query, decode: Callable[[Response], Page[M]]) -> Listing[M]:
        """The whole list, page by page; `decode` drops what is not needed of each.

        If a continue token expires, the list begins again: the token that the 410 itself carries
        would mix two states, and is not used. Raises ListError, or ClusterError if the server
        cannot be reached or trusted, or does not know the resource.
        """
        path = paths.collection(query.resource, query.namespace)
        options = {"limit": str(PAGE_SIZE)}
        if query.label:
            options["labelSelector"] = query.label
        for _ in range(MAX_LISTS):
            listing: Listing[M] = Listing(query)
            add = _adding(listing, decode)
            while True:
                token = listing.continue_token
                more = {"continue": token} if token else {}
                response = self.get(path, str(query), {**options, **more}, query.accept, read=add)
                if response.status == 410 and token:
                    log.info("%s: the continue token expired; beginning anew", query)
                    break
                if response.status != 200:
                    raise self.refusal(response, query.resource, str(query))
                if not listing.continue_token:
                    return listing
        raise ListError(f"cannot {query}: its continue token expired {MAX_LISTS} times over")

    def metadata(self, query: Query) -> Listing[PartialObjectMetadata]:
        """The whole list, of each object its metadata alone. Raises as `complete` does."""
        return self.complete(
            structs.replace(query, accept=METADATA_ONLY),
            lambda response: decoder_of(response.content_type).metadata(response.body),
        )

    def get(
        self,
        path: str,
        what: str,
        query: dict[str, str] | None = None,
        accept: str = JSON,
        *,
        read: Callable[[Response], None],
    ) -> Response:
        """One GET, repeated if that may help. Raises as `complete` does.

        `read` takes an answer of status 200, or raises DecodeError: then it is no answer to this
        question, and the question is asked again. A proxy in trouble may have answered. A signal
        ends it at once: it begins a run, or a pass that is not to come any more.
        """
        waiting = Waiting(f"{self.server}: {what}")

        def send() -> Response:
            response = self._connection.get(
                path, query, accept, waiting=waiting, ends_at_signal=True
            )
            self._has_answered = True
            if response.status == 200:
                try:
                    read(response)
                except DecodeError as error:
                    raise NoAnswerError(
                        f"it answered something else: {error}", is_sent=True
                    ) from error
            elif not (response.status in PLAIN or status_of(response).is_real):
                raise NoAnswerError(
                    f"HTTP {response.status}, but not by the API server", is_sent=True
                )
            return response

        try:
            return repeated(send, self._connection.clock, repeats=self._connection.tally.repeated)
        except NoAnswerError as error:
            if self._has_answered:
                raise ListError(f"cannot {what}: no answer from {self.server}: {error}") from error
            raise ClusterError(
                f"cannot reach {self.server}: {error}; check the server's address and the network",
                quoted=error if error.is_sent else "",
            ) from error

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


def _adding(
    listing: Listing[M], decode: Callable[[Response], Page[M]]
) -> Callable[[Response], None]:
    return lambda response: listing.add(decode(response))
