"""What the API server was asked, by whom, and what it answered, from its own audit log.

A request that has been answered is in here: the log is written before an answer ends (blocking
mode), so no test has to wait for it. A request that is still under way, such as a watch, is not
promised.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class AuditEvent:
    """One request; what it does not have, such as a namespace, is an empty string."""

    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str  # a create with generateName has none
    code: int
    user: str
    impersonated: str
    user_agent: str
    uri: str
    received: str  # RFC 3339 with microseconds, so that texts compare as times
    answered: str


class Audit:
    """A control plane's audit log."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def mark(self) -> int:
        """Here and now, for since()."""
        return self._log.stat().st_size

    def since(
        self,
        mark: int,
        *,
        user: str | None = None,
        namespace: str | None = None,
        user_agent: str | None = None,
    ) -> list[AuditEvent]:
        """The requests answered since the mark, in the order of their answers.

        user and namespace are to be equal; user_agent is the start of one. A request for all
        namespaces has the namespace "".
        """
        with self._log.open("rb") as file:
            if mark:  # At the mark, an event can have been half written. It began before it.
                file.seek(mark - 1)
                file.readline()
            # What follows the last newline is an event half written by now.
            lines = file.read().split(b"\n")[:-1]
        # A long-running request is logged when its answer starts and when it ends: one event.
        requests = {entry["auditID"]: entry for entry in map(json.loads, lines)}
        return [
            event
            for event in map(_event, requests.values())
            if user in (None, event.user)
            and namespace in (None, event.namespace)
            and event.user_agent.startswith(user_agent or "")
        ]


def _event(entry: dict[str, Any]) -> AuditEvent:
    about = entry.get("objectRef", {})
    return AuditEvent(
        verb=entry["verb"],
        group=about.get("apiGroup", ""),
        resource=about.get("resource", ""),
        subresource=about.get("subresource", ""),
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        code=entry.get("responseStatus", {}).get("code", 0),
        user=entry["user"].get("username", ""),
        impersonated=entry.get("impersonatedUser", {}).get("username", ""),
        user_agent=entry.get("userAgent", ""),
        uri=entry["requestURI"],
        received=entry["requestReceivedTimestamp"],
        answered=entry["stageTimestamp"],
    )
