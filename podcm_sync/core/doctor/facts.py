"""What an API server said of itself, as one value: the facts that `diagnosis` judges.

Each may be unknown (None): a right may be missing even to ask.
"""

from collections.abc import Mapping

from msgspec import Struct

from podcm_sync.core.doctor.contents import Contents
from podcm_sync.model.objects import Scope
from podcm_sync.model.rights import Right


class Lease(Struct, frozen=True, kw_only=True):
    """The Go controller's Lease. `renewed_seconds` is how long ago, by the server's clock."""

    namespace: str
    holder: str
    renewed_seconds: float
    duration_seconds: float

    @property
    def is_held(self) -> bool:
        """Whether somebody is at work under it."""
        return bool(self.holder) and self.renewed_seconds < self.duration_seconds


class Facts(Struct, frozen=True, kw_only=True):
    """What was asked of an API server, and what it answered. None is what could not be known.

    `missing` are the rights that are not there, by namespace ("" for all). `leases` are the Go
    controller's, wherever one was found. `resources` are those of the CRD's group, with their
    verbs; empty where the server does not know the group. `absent` are namespaces of the scope that
    are known not to exist.
    """

    scope: Scope
    failure: str = ""
    """Why nothing at all could be asked."""
    version: str | None = None
    username: str | None = None
    resources: Mapping[str, frozenset[str]] | None = None
    schema: Mapping[str, str] | None = None
    absent: tuple[str, ...] = ()
    rights: int = 0
    missing: Mapping[str, tuple[Right, ...]] | None = None
    skew_seconds: float | None = None
    leases: tuple[Lease, ...] | None = None
    contents: Contents | None = None
