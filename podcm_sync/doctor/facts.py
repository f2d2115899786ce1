"""The facts about a cluster that `diagnosis` judges, as one value.

Each fact can be unknown, with the reason; for example, the permission to ask can be missing.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from podcm_sync.doctor.contents import Contents
from podcm_sync.rbac.rights import Right
from podcm_sync.reconcile.snapshot import Scope


class NotChecked(Struct, frozen=True, kw_only=True):
    """Why a fact is unknown: nothing was asked, or no answer counts."""

    why: str


NOT_ASKED: Final = NotChecked(why="it was not asked")


class Lease(Struct, frozen=True, kw_only=True):
    """The Go controller's Lease. It was renewed `renewed_seconds` ago, by the server's clock."""

    namespace: str
    holder: str
    renewed_seconds: float
    duration_seconds: float

    @property
    def is_held(self) -> bool:
        """Whether a controller holds the Lease now."""
        return bool(self.holder) and self.renewed_seconds < self.duration_seconds


class Policy(Struct, frozen=True, kw_only=True):
    """An admission policy that carries podcm-sync's labels.

    `conditions` are the CEL expressions of its matchConditions, which name the accounts that it
    applies to. `actions` are the validationActions of its bindings, such as Deny and Audit.
    """

    name: str
    conditions: str
    actions: frozenset[str]


class Workload(Struct, frozen=True, kw_only=True):
    """A CronJob or Deployment that runs podcm-sync, and the namespaces that it syncs."""

    kind: str
    namespace: str
    name: str
    scope: Scope

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class Facts(Struct, frozen=True, kw_only=True):
    """The answers of an API server to the questions of `doctor`.

    `resources` are those of the CRD's group, with their verbs; empty if the server doesn't know the
    group. `schema` is the table of `crd_schema.fields`. `absent` are namespaces of the scope that
    are known not to exist. `rights` is how many permissions were checked, and `missing` has those
    that the account lacks, by namespace ("" for all). `skew_seconds` is how far our clock is behind
    the server's. `leases` are the Go controller's. `workloads` are those of all namespaces.
    """

    scope: Scope
    failure: str = ""
    """Why nothing could be asked at all; "" otherwise."""
    hint: str = ""
    """What to do about the failure."""
    version: str | NotChecked = NOT_ASKED
    """"" if the server doesn't tell."""
    username: str | NotChecked = NOT_ASKED
    """"" if the server accepts the credentials but doesn't tell whose they are."""
    resources: Mapping[str, frozenset[str]] | NotChecked = NOT_ASKED
    schema: Mapping[str, str] | NotChecked = NOT_ASKED
    absent: tuple[str, ...] = ()
    rights: int = 0
    missing: Mapping[str, tuple[Right, ...]] | NotChecked = NOT_ASKED
    skew_seconds: float | None = None
    leases: tuple[Lease, ...] | NotChecked = NOT_ASKED
    policies: tuple[Policy, ...] | NotChecked = NOT_ASKED
    workloads: tuple[Workload, ...] | NotChecked = NOT_ASKED
    contents: Contents | None = None

    @property
    def is_examined(self) -> bool:
        """Whether the server answered the basic questions: version, user name, and CRD."""
        basics = (self.version, self.username, self.resources)
        return not self.failure and not any(isinstance(fact, NotChecked) for fact in basics)
