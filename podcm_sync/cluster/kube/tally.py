"""Requests counted where they are sent, by Kubernetes verb and code; one place, any thread."""

import threading
from collections import Counter
from typing import Final

from podcm_sync.model.traffic import RequestCount, Traffic

VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Tally:
    """The requests since the traffic was last taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._retries = 0

    def sent(self, method: str, target: str, code: str) -> None:
        """One request, and what came of it. A GET with a query is a list."""
        verb = VERBS.get(method) or ("list" if "?" in target else "get")
        with self._lock:
            self._requests[verb, code] += 1

    def repeated(self) -> None:
        """A request is about to be sent again."""
        with self._lock:
            self._retries += 1

    def taken(self) -> Traffic:
        """The traffic so far; counting begins anew."""
        with self._lock:
            requests, retries = self._requests, self._retries
            self._requests, self._retries = Counter(), 0
        return Traffic(
            requests=tuple(
                RequestCount(verb=verb, code=code, count=count)
                for (verb, code), count in sorted(requests.items())
            ),
            retries=retries,
        )
