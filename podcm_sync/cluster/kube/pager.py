"""Lists from an API server, page by page: a whole list, or an error that it is incomplete.

A list never uses `resourceVersion=0`: the server's cache can be behind, and it ignores the limit.
The rules are those of docs/design/behavior.md §2.1 and docs/design/decisions/answers.md.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

from msgspec import structs

from podcm_sync.api.content_type import METADATA_ONLY, decoder_of
from podcm_sync.api.finding import Quote, quote
from podcm_sync.api.objects import PartialObjectMetadata
from podcm_sync.api.page import M, Page
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.apierrors import status_of
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.listing import Listing, Query, Store
from podcm_sync.cluster.kube.retry import repeated
from podcm_sync.cluster.kube.transport import JSON, Response, TooLargeError, TransportError
from podcm_sync.errors import ClusterError, DecodeError, Unavailable
from podcm_sync.reconcile.bounds import LIMITS, Bound
from podcm_sync.runtime.workers import Waiting

log = logging.getLogger(__name__)

PAGE_SIZE: Final = 500
"""Objects on a page; fewer if they are large. Pages of 250 to 1,000 objects take the same time."""
MAX_PAGE_BYTES: Final = LIMITS[Bound.PAGE_BYTES]
SHRINK: Final = 8
"""The factor by which a page shrinks after an answer that was cut because it was too large."""
MAX_LISTS: Final = 3
"""How often a list begins, in all, if its continue token expires (410)."""
REFUSALS_WITH_ANY_BODY: Final = frozenset({401, 404, 429})
"""Refusals that count without a Status. The API server answers 404 for an absent API and 429 in
plain text, and gateways have bodies of their own for a 401."""
INSTALL: Final = "kubectl apply -f crd/podconfigmapconfig_crd.yaml"
LOST: Final = (
    "If the CRD was there before, its configs are gone: stop podcm-sync first, and restore them "
    "with the CRD (docs/backup.md)"
)
"""Without its configs, a run deletes their ConfigMaps: it can't know that somebody lost them."""


class ListError(Exception):
    """A list did not complete. The message has the list, the cause, and what to do."""

    def __init__(self, message: str, quoted: tuple[Quote, ...] = ()) -> None:
        """`quoted` is the part of the message that others wrote."""
        super().__init__(message)
        self.quoted = quoted


class Pager:
    """Lists and reads over one connection; callable from any thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._has_answered = False
        self._one_large_list = threading.Lock()
        """Held by a list with large pages: a few of them at once would take too much memory."""

    def begin(self) -> None:
        """Begin a run: forget that the server has answered, since it can be unreachable by now."""
        self._has_answered = False

    @property
    def server(self) -> str:
        """The server's description, for messages."""
        return self._connection.target.description

    def each_page(
        self, query: Query, decode: Callable[[Response], Page[M]], store: Store[M]
    ) -> Listing[M]:
        """Put the whole list into the store, page by page. `decode` drops what no run needs.

        The list ends early if the store needs no more pages. If the list does not complete, the
        store drops all of it.

        If a continue token expires, the list begins again. The 410 itself has a token, but a list
        that goes on with it would mix two states. Raises ListError if the list does not complete,
        and ClusterError if the server cannot be reached or trusted, refuses the credentials, or
        does not know PodConfigMapConfigs.
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
        raise ListError(f"cannot {query}: the continue token expired {MAX_LISTS} times")

    def _pages(
        self, query: Query, decode: Callable[[Response], Page[M]], store: Store[M]
    ) -> Listing[M] | None:
        """The whole list, or None if its continue token expired."""
        path = paths.collection(query.resource, query.namespace)
        options = {"labelSelector": query.label} if query.label else {}
        listing = Listing(query, store)
        add = _adding(listing, decode)
        limit = PAGE_SIZE
        is_large = False
        with ExitStack() as stack:
            while True:
                options["limit"] = str(limit)
                if token := listing.continue_token:
                    options["continue"] = token
                page_bytes = min(store.page_bytes, MAX_PAGE_BYTES)
                try:
                    response = self.get(
                        paths.with_query(path, options),
                        str(query),
                        query.accept,
                        # The list can't go on without a page of one object.
                        max_bytes=page_bytes if limit > 1 else None,
                        read=add,
                    )
                except TooLargeError:
                    store.note_cut()
                    if store.is_done:
                        return listing
                    limit = max(1, limit // SHRINK)
                    if not is_large:
                        is_large = True
                        stack.enter_context(self._one_large_list)
                    continue
                if response.status == 410 and token:
                    return None
                if response.status != 200:
                    raise refusal(response, query.resource, str(query), self.server)
                if not listing.continue_token or store.is_done:
                    return listing
                # Pages grow again after one with large objects.
                mean = len(response.body) // max(1, listing.page_objects)
                limit = _next_limit(limit, mean, page_bytes)
                del response  # a page can take 16 MiB, and the next one is about to come

    def metadata(self, query: Query, store: Store[PartialObjectMetadata]) -> Listing[Any]:
        """The whole list with only the metadata of each object. Raises what `each_page` raises."""
        return self.each_page(
            structs.replace(query, accept=METADATA_ONLY),
            lambda response: decoder_of(response.content_type).metadata(response.body),
            store,
        )

    def get(
        self,
        path: str,
        action: str,
        accept: str = JSON,
        *,
        max_bytes: int | None = None,
        read: Callable[[Response], None],
    ) -> Response:
        """The answer to a GET, repeated while that can help. `action` names it for messages.

        `read` takes each answer of status 200. If it raises DecodeError, the request is repeated,
        because a proxy in trouble may have answered in the server's place. Raises what `each_page`
        raises, and TooLargeError for an answer of more than `max_bytes`.

        A signal ends the wait at once: nobody needs a run that hasn't begun, or a later pass.
        """
        waiting = Waiting(f"{self.server}: {action}")

        def send() -> Response:
            response = self._connection.get(
                path, accept, waiting=waiting, ends_at_signal=True, max_bytes=max_bytes
            )
            self._has_answered = True
            if response.status == 200:
                try:
                    read(response)
                except DecodeError as error:
                    raise TransportError(
                        f"the answer isn't a list of the API: {error}", is_sent=True
                    ) from error
            elif not (
                response.status in REFUSALS_WITH_ANY_BODY or status_of(response).is_v1_status
            ):
                raise TransportError(
                    f"HTTP {response.status}, but not from the API server", is_sent=True
                )
            return response

        try:
            return repeated(
                send, self._connection.context, on_repeat=self._connection.requests.repeated
            )
        except TransportError as error:
            if self._has_answered:
                message = f"cannot {action}: no answer from {self.server}: {error}"
                raise ListError(message, quote(error)) from error
            raise ClusterError(
                f"cannot reach {self.server}: {error}",
                hint="check the server's address and the network, or choose a cluster with "
                "--context",
                quoted=error if error.is_sent else "",
            ) from error


def refusal(
    response: Response, resource: str, action: str, server: str
) -> ClusterError | ListError:
    """The error for a refusal: a ClusterError ends the run, a ListError only concerns a scope.

    `action` is a verb, a resource, and a scope, and `server` describes the server, for messages.
    Without valid credentials or the CRD no other list can succeed either.
    """
    status = status_of(response)
    match response.status:
        case 401:
            return ClusterError(
                f"{server} doesn't accept the credentials",
                hint="renew the credentials in the kubeconfig, or log in again",
                reason=Unavailable.LOGIN_FAILED,
            )
        case 403:
            return ListError(
                f"no permission to {action}: {status.message}; to see the fix, run doctor "
                "with the same options",
                quote(status.message),
            )
        case 404 if resource == paths.CONFIGS:
            return ClusterError(
                f"{server} doesn't have the CRD of PodConfigMapConfigs",
                hint=f"check the context. To install the CRD: {INSTALL}. {LOST}",
                reason=Unavailable.CRD_MISSING,
            )
        case code:
            answer = f"HTTP {code}: {status.message}"
            return ListError(f"cannot {action}: {answer}", quote(answer, f"HTTP {code}"))


def _next_limit(limit: int, object_bytes: int, page_bytes: int) -> int:
    """How many objects to request so that the next page is about half as large as the bound.

    The page at most doubles, because the objects seen so far can be smaller than those to come.
    """
    fitting = page_bytes // 2 // max(1, object_bytes)
    return max(1, min(PAGE_SIZE, 2 * limit, fitting))


def _adding(
    listing: Listing[M], decode: Callable[[Response], Page[M]]
) -> Callable[[Response], None]:
    return lambda response: listing.add(decode(response))
