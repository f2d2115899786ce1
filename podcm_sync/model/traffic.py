"""What a run asked of the API server, as counts: requests by verb and code, and repeats."""

from typing import Final

from msgspec import Struct

NO_ANSWER: Final = "<error>"
"""The code of a request without an answer, as in client-go's `rest_client_requests_total`."""


class RequestCount(Struct, frozen=True, kw_only=True):
    """How many requests of a Kubernetes verb had a code: an HTTP status, or NO_ANSWER."""

    verb: str
    code: str
    count: int


class Traffic(Struct, frozen=True, kw_only=True):
    """All requests of a run; `retries` are those of them that repeat an earlier one."""

    requests: tuple[RequestCount, ...] = ()
    retries: int = 0


NO_TRAFFIC: Final = Traffic()
