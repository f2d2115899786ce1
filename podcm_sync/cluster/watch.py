"""What a watch tells: events of one resource, in the order of their resourceVersions.

A watch starts at the resourceVersion of a list and never lists itself. If it can't resume, it says
so (`Sink.expired`), and waits for the version of a new list.
"""

from enum import StrEnum
from typing import NamedTuple, Protocol

from msgspec import Struct

from podcm_sync.api.objects import ConfigMap, Pod, PodConfigMapConfig, Problem


class Watch(NamedTuple):
    """One resource (`cluster.kube.paths`) in one namespace, or in the whole cluster ("")."""

    resource: str
    namespace: str


class EventType(StrEnum):
    """What happened to an object, as `watch.EventType` of apimachinery."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


class WatchEvent(Struct, frozen=True, kw_only=True):
    """One event. A DELETED event has the object's last state.

    A Pod has all its annotations and template fields. An object that doesn't decode is a Problem.
    With a label selector, DELETED also means that the object no longer has the label.
    """

    type: EventType
    obj: Pod | PodConfigMapConfig | ConfigMap | Problem
    resource_version: int
    """Of the change, from the object's metadata; for a DELETED event, of the deletion."""
    received: float
    """When it came, in monotonic seconds."""


class Restart(StrEnum):
    """Why a watch ended; the label of a metric."""

    ENDED = "ended"
    """The server ended it after its time, which is normal."""
    EXPIRED = "expired"
    """Its resourceVersion is too old (410), or the answer can't be read: it needs a new list."""
    SILENT = "silent"
    """No byte came for too long, not even a bookmark."""
    MISSING = "missing"
    """The server doesn't have the resource: its CRD was removed, or isn't there yet."""
    REFUSED = "refused"
    """The server refused it, such as for a missing permission."""
    BROKEN = "broken"
    """The connection failed."""


class Sink(Protocol):
    """Takes what watches tell. Each watch has a thread of its own that calls it."""

    def start(self, watch: Watch) -> int | None:
        """The resourceVersion of the last list that the watch must start from; None until one."""
        ...

    def opened(self, watch: Watch) -> None:
        """The server accepted the watch: from here on, nothing is missed."""
        ...

    def take(self, watch: Watch, event: WatchEvent) -> None:
        """Take the next event."""
        ...

    def bookmark(self, watch: Watch, resource_version: int) -> None:
        """The watch has told everything up to this version."""
        ...

    def closed(self, watch: Watch, restart: Restart, message: str) -> None:
        """The watch is not open any more, or could not be opened.

        With EXPIRED, only a new list lets it start again.
        """
        ...
