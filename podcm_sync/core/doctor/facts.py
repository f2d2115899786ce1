"""What an API server said of itself, as one value: the facts that `diagnosis` judges.

Each may be unknown, with the reason: a permission may be missing even to ask.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from podcm_sync.core.doctor.contents import Contents
from podcm_sync.model.objects import Scope
from podcm_sync.model.rights import Right


class NotChecked(Struct, frozen=True, kw_only=True):
    """A question without an answer that says anything, and why."""

    why: str


NOT_ASKED: Final = NotChecked(why="it was not asked")


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


class Policy(Struct, frozen=True, kw_only=True):
    """An admission policy that carries podcm-sync's labels.

    `conditions` are the CEL expressions of its matchConditions, which name the accounts that it
    concerns. `actions` are those of its bindings, such as Deny and Audit.
    """

    name: str
    conditions: str
    actions: frozenset[str]


class Facts(Struct, frozen=True, kw_only=True):
    """What was asked of an API server, and what it answered.

    `missing` are the rights that are not there, by namespace ("" for all). `leases` are the Go
    controller's, wherever one was found. `resources` are those of the CRD's group, with their
    verbs; empty where the server does not know the group. `absent` are namespaces of the scope that
    are known not to exist.
    """

    scope: Scope
    failure: str = ""
    """Why nothing at all could be asked."""
    version: str | NotChecked = NOT_ASKED
    """"" if the server does not say."""
    username: str | NotChecked = NOT_ASKED
    """"" if the server accepts the credentials and does not say whose they are."""
    resources: Mapping[str, frozenset[str]] | NotChecked = NOT_ASKED
    schema: Mapping[str, str] | NotChecked = NOT_ASKED
    absent: tuple[str, ...] = ()
    rights: int = 0
    missing: Mapping[str, tuple[Right, ...]] | NotChecked = NOT_ASKED
    skew_seconds: float | None = None
    leases: tuple[Lease, ...] | NotChecked = NOT_ASKED
    policies: tuple[Policy, ...] | NotChecked = NOT_ASKED
    contents: Contents | None = None

    @property
    def is_examined(self) -> bool:
        """Whether the server could be asked at all: what it is, as whom, and for the CRD."""
        basics = (self.version, self.username, self.resources)
        return not self.failure and not any(isinstance(fact, NotChecked) for fact in basics)
