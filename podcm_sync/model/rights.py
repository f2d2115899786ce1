"""The one table of rights: each verb that podcm-sync may need of an API server, what for, and when.

`rbac` prints it, `doctor` asks for it, README's table is made from it, and the rules in deploy/
equal it. A request that needs another right is a new row here first.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from podcm_sync.model.meta import GROUP, PLURAL

EVENTS_GROUP: Final = "events.k8s.io"
LEASES_GROUP: Final = "coordination.k8s.io"
LEASE: Final = "podcm-sync"
"""The name of the Lease that `--leader-elect` holds, unless `--lease-name` gives it another."""


class Need(StrEnum):
    """Which runs need a right."""

    ALWAYS = "every run"
    WRITES = "not with `--dry-run`"
    EVENTS = "not with `--dry-run` or `--no-events`"
    ELECTION = "`--leader-elect`"


class Right(Struct, frozen=True, kw_only=True):
    """One verb on one resource, as RBAC has it: `resource` has its subresource after a slash.

    `names` are the only objects that it is needed for; empty is any.
    """

    verb: str
    group: str
    resource: str
    purpose: str
    need: Need
    names: tuple[str, ...] = ()

    @property
    def qualified_resource(self) -> str:
        """The resource with its group, as kubectl takes it."""
        resource, slash, subresource = self.resource.partition("/")
        group = f".{self.group}" if self.group else ""
        return f"{resource}{group}{slash}{subresource}"

    def __str__(self) -> str:
        return f"{self.verb} {self.qualified_resource}"


class Use(Struct, frozen=True, kw_only=True):
    """The options that change which rights are needed; `writes` is False for a dry run.

    Without `lease_namespace`, the Lease is in the context's.
    """

    writes: bool = True
    events: bool = True
    leader_elect: bool = False
    lease_namespace: str = ""
    lease_name: str = LEASE


def _right(verb: str, group: str, resource: str, need: Need, purpose: str) -> Right:
    return Right(verb=verb, group=group, resource=resource, need=need, purpose=purpose)


def _lease(verb: str, purpose: str, *names: str) -> Right:
    return Right(
        verb=verb,
        group=LEASES_GROUP,
        resource="leases",
        need=Need.ELECTION,
        purpose=purpose,
        names=names,
    )


RIGHTS: Final[tuple[Right, ...]] = (
    _right("list", "", "pods", Need.ALWAYS, "for which Pods"),
    _right("list", GROUP, PLURAL, Need.ALWAYS, "what is asked for"),
    _right(
        "list",
        "",
        "configmaps",
        Need.ALWAYS,
        "the generated ones, to compare with; the names of the others, as one may be taken",
    ),
    _right("get", "", "configmaps", Need.WRITES, "only where the answer to a create was lost"),
    _right("create", "", "configmaps", Need.WRITES, "for a Pod that has none yet"),
    _right("patch", "", "configmaps", Need.WRITES, "brings back what is ours on one"),
    _right("delete", "", "configmaps", Need.WRITES, "what nothing asks for any more"),
    _right("patch", GROUP, f"{PLURAL}/status", Need.WRITES, "the verdict of a run"),
    _right(
        "create",
        EVENTS_GROUP,
        "events",
        Need.EVENTS,
        "says that a config began to fail, or recovered",
    ),
    _lease("create", "the Lease of the loop that leads, the first time"),
    _lease("get", "who leads", LEASE),
    _lease("patch", "takes the lead, keeps it and gives it back", LEASE),
)
