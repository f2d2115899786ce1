"""The one table of permissions: each verb that podcm-sync can need, for what, and when.

`rbac` prints it, `doctor` checks it, the README's table is made from it, and the rules in deploy/
equal it (docs/design/behavior.md §9). A request that needs another permission needs a new row
first.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct, structs

from podcm_sync.api.meta import GROUP, PLURAL

EVENTS_GROUP: Final = "events.k8s.io"
LEASES_GROUP: Final = "coordination.k8s.io"
LEASE: Final = "podcm-sync"
"""The name of the Lease that `--leader-elect` holds, unless `--lease-name` changes it."""


class RequiredFor(StrEnum):
    """The runs that need a permission."""

    ALWAYS = "every run"
    WRITES = "not with `--dry-run`"
    EVENTS = "not with `--dry-run` or `--no-events`"
    WATCH = "`--watch`"
    ELECTION = "`--leader-elect`"


class Right(Struct, frozen=True, kw_only=True):
    """One verb on one resource, as in an RBAC rule: `pods/status` is the subresource of a resource.

    `names` are the only objects that it is needed for; empty means all.
    """

    verb: str
    group: str
    resource: str
    purpose: str
    required_for: RequiredFor
    names: tuple[str, ...] = ()

    @property
    def qualified_resource(self) -> str:
        """The resource with its group, in the form that kubectl takes: `events.events.k8s.io`."""
        resource, slash, subresource = self.resource.partition("/")
        group = f".{self.group}" if self.group else ""
        return f"{resource}{group}{slash}{subresource}"

    def __str__(self) -> str:
        return f"{self.verb} {self.qualified_resource}"


class RunProfile(Struct, frozen=True, kw_only=True):
    """The options that decide which permissions a run needs; `writes` is False for a dry run.

    If `lease_namespace` is "", the Lease is in the namespace of the context.
    """

    writes: bool = True
    events: bool = True
    watch: bool = False
    leader_elect: bool = False
    lease_namespace: str = ""
    lease_name: str = LEASE


def _right(verb: str, group: str, resource: str, required_for: RequiredFor, purpose: str) -> Right:
    return Right(
        verb=verb, group=group, resource=resource, required_for=required_for, purpose=purpose
    )


def _lease(verb: str, purpose: str, *names: str) -> Right:
    return Right(
        verb=verb,
        group=LEASES_GROUP,
        resource="leases",
        required_for=RequiredFor.ELECTION,
        purpose=purpose,
        names=names,
    )


RIGHTS: Final[tuple[Right, ...]] = (
    _right("list", "", "pods", RequiredFor.ALWAYS, "find Pods"),
    _right("list", GROUP, PLURAL, RequiredFor.ALWAYS, "read configs"),
    _right(
        "list",
        "",
        "configmaps",
        RequiredFor.ALWAYS,
        "compare generated ConfigMaps; see which names are taken",
    ),
    _right("get", "", "configmaps", RequiredFor.WRITES, "only if the answer to a write was lost"),
    _right("create", "", "configmaps", RequiredFor.WRITES, "create a Pod's ConfigMap"),
    _right("patch", "", "configmaps", RequiredFor.WRITES, "restore generated data"),
    _right("delete", "", "configmaps", RequiredFor.WRITES, "delete unneeded ConfigMaps"),
    _right("patch", GROUP, f"{PLURAL}/status", RequiredFor.WRITES, "store the result of a run"),
    _right(
        "create",
        EVENTS_GROUP,
        "events",
        RequiredFor.EVENTS,
        "report that a config fails or recovered",
    ),
    _right("get", "", "pods", RequiredFor.WATCH, "look again before deleting a ConfigMap"),
    _right("watch", "", "pods", RequiredFor.WATCH, "react to changes of Pods"),
    _right("get", GROUP, PLURAL, RequiredFor.WATCH, "look again before deleting a ConfigMap"),
    _right("watch", GROUP, PLURAL, RequiredFor.WATCH, "react to changes of configs"),
    _right(
        "watch",
        "",
        "configmaps",
        RequiredFor.WATCH,
        "react to changes of generated ConfigMaps",
    ),
    _lease("create", "create the leader's Lease"),
    _lease("get", "see who leads", LEASE),
    _lease("patch", "take, renew, and release the Lease", LEASE),
)


NAME: Final = "podcm-sync"
"""The name of the Roles, the same as in deploy/."""


class Rule(Struct, frozen=True, kw_only=True):
    """One rule of a Role: the permissions on one resource, in the order of the table."""

    group: str
    resource: str
    names: tuple[str, ...]
    rights: tuple[Right, ...]

    @property
    def verbs(self) -> tuple[str, ...]:
        """The verbs of the rule, in the order of the table."""
        return tuple(right.verb for right in self.rights)

    @property
    def qualified_resource(self) -> str:
        """The resource with its group, in the form that kubectl takes."""
        return self.rights[0].qualified_resource


class Subject(Struct, frozen=True, kw_only=True):
    """The ServiceAccount that gets the permissions."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}:{self.name}"


def subject_of(username: str | None) -> Subject | None:
    """The ServiceAccount of a user name; None for any other user, and if it is unknown."""
    match (username or "").split(":"):
        case ["system", "serviceaccount", namespace, name]:
            return Subject(namespace=namespace, name=name)
        case _:
            return None


class Role(Struct, frozen=True, kw_only=True):
    """A Role or ClusterRole, and the subject to bind it to (None for no binding).

    If `namespace` is "", the manifest has none, and `kubectl apply -n` decides.
    """

    is_cluster_wide: bool
    namespace: str
    name: str
    rules: tuple[Rule, ...]
    subject: Subject | None = None


def needed(profile: RunProfile) -> tuple[Right, ...]:
    """The permissions that runs with these options need, in the order of the table."""
    required_for = {RequiredFor.ALWAYS}
    if profile.writes:
        required_for.add(RequiredFor.WRITES)
        if profile.events:
            required_for.add(RequiredFor.EVENTS)
    if profile.watch:
        required_for.add(RequiredFor.WATCH)
    if profile.leader_elect:
        required_for.add(RequiredFor.ELECTION)
    return tuple(
        structs.replace(right, names=(profile.lease_name,)) if right.names else right
        for right in RIGHTS
        if right.required_for in required_for
    )


def rules(rights: Iterable[Right]) -> tuple[Rule, ...]:
    """The permissions as rules: one rule for each resource and set of object names."""
    grouped: dict[tuple[str, str, tuple[str, ...]], list[Right]] = {}
    for right in rights:
        grouped.setdefault((right.group, right.resource, right.names), []).append(right)
    return tuple(
        Rule(group=group, resource=resource, names=names, rights=tuple(of_rule))
        for (group, resource, names), of_rule in grouped.items()
    )


def roles(
    profile: RunProfile,
    namespaces: tuple[str, ...] | None,
    *,
    name: str = NAME,
    subject: Subject | None = None,
) -> tuple[Role, ...]:
    """The smallest Roles: one for each namespace, or a ClusterRole if `namespaces` is None.

    `--watch` and the Lease have separate Roles, the Lease only in its own namespace.
    So a CronJob and a loop can share the first one.
    """
    of_run: list[Right] = []
    parts: dict[RequiredFor, list[Right]] = {RequiredFor.WATCH: [], RequiredFor.ELECTION: []}
    for right in needed(profile):
        parts.get(right.required_for, of_run).append(right)

    def role(namespace: str, name: str, rights: list[Right], *, is_cluster_wide: bool) -> Role:
        return Role(
            is_cluster_wide=is_cluster_wide,
            namespace=namespace,
            name=name,
            rules=rules(rights),
            subject=subject,
        )

    made = [
        role(namespace, full_name, rights, is_cluster_wide=namespaces is None)
        for full_name, rights in ((name, of_run), (f"{name}-watch", parts[RequiredFor.WATCH]))
        for namespace in (("",) if namespaces is None else namespaces)
        if rights
    ]
    if of_lease := parts[RequiredFor.ELECTION]:
        lease_name, where = f"{name}-leader", profile.lease_namespace
        made.append(role(where, lease_name, of_lease, is_cluster_wide=False))
    return tuple(made)
