"""Options → the least Roles that serve them: which rights, in which namespaces, bound to whom.

Nothing here knows YAML; `render.rbac` writes what is decided here.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct, structs

from podcm_sync.model.rights import RIGHTS, Need, Right, Use

NAME: Final = "podcm-sync"
"""What the Roles are called, as in deploy/."""


class Rule(Struct, frozen=True, kw_only=True):
    """One rule of a Role: the rights on one resource, in the table's order."""

    group: str
    resource: str
    names: tuple[str, ...]
    rights: tuple[Right, ...]

    @property
    def verbs(self) -> tuple[str, ...]:
        """The rule's verbs."""
        return tuple(right.verb for right in self.rights)

    @property
    def qualified_resource(self) -> str:
        """The resource with its group, as kubectl takes it."""
        return self.rights[0].qualified_resource


class Subject(Struct, frozen=True, kw_only=True):
    """A ServiceAccount that is given rights."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}:{self.name}"


def subject_of(username: str | None) -> Subject | None:
    """The ServiceAccount that a user name stands for; None for people and unknown ones."""
    match (username or "").split(":"):
        case ["system", "serviceaccount", namespace, name]:
            return Subject(namespace=namespace, name=name)
        case _:
            return None


class Role(Struct, frozen=True, kw_only=True):
    """A Role, or a ClusterRole, and whom to bind it to (None: nobody).

    A `namespace` of "" is left to `kubectl apply -n`.
    """

    is_cluster_wide: bool
    namespace: str
    name: str
    rules: tuple[Rule, ...]
    subject: Subject | None = None


def needed(use: Use) -> tuple[Right, ...]:
    """The rights that runs with these options need, in the table's order."""
    needs = {Need.ALWAYS}
    if use.writes:
        needs.add(Need.WRITES)
        if use.events:
            needs.add(Need.EVENTS)
    if use.leader_elect:
        needs.add(Need.ELECTION)
    return tuple(
        structs.replace(right, names=(use.lease_name,)) if right.names else right
        for right in RIGHTS
        if right.need in needs
    )


def rules(rights: Iterable[Right]) -> tuple[Rule, ...]:
    """The rights as rules: one for each resource, and for each set of names of one."""
    grouped: dict[tuple[str, str, tuple[str, ...]], list[Right]] = {}
    for right in rights:
        grouped.setdefault((right.group, right.resource, right.names), []).append(right)
    return tuple(
        Rule(group=group, resource=resource, names=names, rights=tuple(found))
        for (group, resource, names), found in grouped.items()
    )


def roles(
    use: Use,
    namespaces: tuple[str, ...] | None,
    *,
    name: str = NAME,
    subject: Subject | None = None,
) -> tuple[Role, ...]:
    """The least Roles: one for each namespace, or a ClusterRole where `namespaces` is None.

    The Lease has a Role of its own, in its own namespace only.
    """
    found = needed(use)
    of_runs = rules(right for right in found if right.need is not Need.ELECTION)
    of_lease = rules(right for right in found if right.need is Need.ELECTION)
    made = [
        Role(
            is_cluster_wide=namespaces is None,
            namespace=namespace,
            name=name,
            rules=of_runs,
            subject=subject,
        )
        for namespace in (("",) if namespaces is None else namespaces)
    ]
    if of_lease:
        made.append(
            Role(
                is_cluster_wide=False,
                namespace=use.lease_namespace,
                name=f"{name}-leader",
                rules=of_lease,
                subject=subject,
            )
        )
    return tuple(made)
