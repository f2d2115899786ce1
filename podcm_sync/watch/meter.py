"""What the store tells the metrics, which are in a room of their own."""

from typing import Final, Protocol

from podcm_sync.cluster.watch import EventType, Restart


class Meter(Protocol):
    """What the store tells the metrics; callable from any thread."""

    def event(self, resource: str, event_type: EventType) -> None:
        """An event came."""
        ...

    def restarted(self, resource: str, reason: Restart) -> None:
        """A watch ended."""
        ...

    def diverged(self, resource: str) -> None:
        """The lists showed that the watches missed something."""
        ...


class _NoMeter:
    def event(self, resource: str, event_type: EventType) -> None:
        pass

    def restarted(self, resource: str, reason: Restart) -> None:
        pass

    def diverged(self, resource: str) -> None:
        pass


NO_METER: Final[Meter] = _NoMeter()
