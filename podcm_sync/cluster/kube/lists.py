"""Whole lists from an API server, page by page, or a plain word that a list is incomplete.

Never `resourceVersion=0`: a cache may be behind, and would ignore the limit.
"""

import logging
from collections.abc import Callable
from typing import Any, Final

from msgspec import structs

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.answers import JSON, NoAnswerError, Response, TooLargeError
from podcm_sync.cluster.kube.bounded import Waiting
from podcm_sync.cluster.kube.connection import Connection
from podcm_sync.cluster.kube.errors import status_of
from podcm_sync.cluster.kube.listing import Listing, Query, Store
from podcm_sync.cluster.kube.retry import repeated
from podcm_sync.core.bounds import LIMITS, Bound
from podcm_sync.errors import ClusterError, DecodeError, Unavailable
from podcm_sync.model.decoder import METADATA_ONLY, decoder_of
from podcm_sync.model.objects import PartialObjectMetadata
from podcm_sync.model.page import M, Page

log = logging.getLogger(__name__)

PAGE_SIZE: Final = 500
"""Objects on a page; fewer if they are large. 250 to 1,000 take the same time."""
MAX_PAGE_BYTES: Final = LIMITS[Bound.PAGE_BYTES]
SHRINK: Final = 8
"""How much smaller the page is that is asked for after one that was cut."""
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

    def begin(self) -> None:
        """A run begins: a server that answered in an earlier one may be gone by now."""
        self._has_answered = False

    @property
    def server(self) -> str:
        """The server, for messages."""
        return self._connection.target.description

    def complete(
        self, query: Query, decode: Callable[[Response], Page[M]], store: Store[M]
    ) -> Listing[M]:
        """Put the whole list into the store, page by page; `decode` drops what is not needed.

        It ends early if the store needs no more. If the list does not complete, the store has
        dropped all of it.

        If a continue token expires, the list begins again: the token that the 410 itself carries
        would mix two states, and is not used. Raises ListError, or ClusterError if the server
        cannot be reached or trusted, or does not know the resource.
        """
        is_complete = False
        try:
            for _ in range(MAX_LISTS):
                store.restart()
                listing = self._pages(query, decode, store)
                if listing is not None:
                    is_complete = True
                    return listing
                log.info("%s: the continue token expired; listing again", query)
        finally:
            if not is_complete:
                store.restart()
        raise ListError(f"cannot {query}: its continue token expired {MAX_LISTS} times over")

    def _pages(
        self, query: Query, decode: Callable[[Response], Page[M]], store: Store[M]
    ) -> Listing[M] | None:
        """The whole list; None if its continue token expired."""
        path = paths.collection(query.resource, query.namespace)
        options = {"labelSelector": query.label} if query.label else {}
        listing = Listing(query, store)
        add = _adding(listing, decode)
        limit = PAGE_SIZE
        while True:
            options["limit"] = str(limit)
            if token := listing.continue_token:
                options["continue"] = token
            # One object has to be taken, however large.
            max_bytes = MAX_PAGE_BYTES if limit > 1 else None
            try:
                response = self.get(
                    path, str(query), options, query.accept, max_bytes=max_bytes, read=add
                )
            except TooLargeError:
                limit = max(1, limit // SHRINK)
                continue
            if response.status == 410 and token:
                return None
            if response.status != 200:
                raise self.refusal(response, query.resource, str(query))
            if not listing.continue_token or store.is_done:
                return listing
            limit = _next_limit(limit, len(response.body), listing.page_objects)

    def metadata(self, query: Query, store: Store[PartialObjectMetadata]) -> Listing[Any]:
        """The whole list, of each object its metadata alone. Raises as `complete` does."""
        return self.complete(
            structs.replace(query, accept=METADATA_ONLY),
            lambda response: decoder_of(response.content_type).metadata(response.body),
            store,
        )

    def get(  # noqa: PLR0913 - a read has these parts
        self,
        path: str,
        what: str,
        query: dict[str, str] | None = None,
        accept: str = JSON,
        *,
        max_bytes: int | None = None,
        read: Callable[[Response], None],
    ) -> Response:
        """One GET, repeated if that may help.

        Raises as `complete` does, and TooLargeError for an answer of more than `max_bytes`.
        `read` takes an answer of status 200, or raises DecodeError: then it is no answer to this
        question, and the question is asked again. A proxy in trouble may have answered. A signal
        ends it at once: it begins a run, or a pass that is not to come any more.
        """
        waiting = Waiting(f"{self.server}: {what}")

        def send() -> Response:
            response = self._connection.get(
                path, query, accept, waiting=waiting, ends_at_signal=True, max_bytes=max_bytes
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


def _next_limit(limit: int, page_bytes: int, page_objects: int) -> int:
    """How many objects to ask for, so that the next page has half of the bytes that it may have."""
    mean = page_bytes // max(1, page_objects)
    fitting = MAX_PAGE_BYTES // 2 // max(1, mean)
    return max(1, min(PAGE_SIZE, 2 * limit, fitting))


def _adding(
    listing: Listing[M], decode: Callable[[Response], Page[M]]
) -> Callable[[Response], None]:
    return lambda response: listing.add(decode(response))
