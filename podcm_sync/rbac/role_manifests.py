"""Prints Roles for `kubectl apply -f -`: as YAML with a comment on each verb, or as a JSON List."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from podcm_sync.output.escape import json_text, printable
from podcm_sync.output.yaml_lines import lines
from podcm_sync.rbac.rights import Role, Rule

API_GROUP: Final = "rbac.authorization.k8s.io"
_LABELS: Final = {
    "app.kubernetes.io/name": "podcm-sync",
    "app.kubernetes.io/part-of": "podcm-sync",
}
Json = dict[str, Any]


def yaml(roles: Sequence[Role], command: str) -> str:
    """The Roles and their bindings as YAML documents. `command` goes into the first comment."""
    documents = [
        document
        for role in roles
        for document in (_role_lines(role), _binding_lines(role))
        if document
    ]
    shown = [f"# All permissions that podcm-sync needs. Made by: {printable(command)}"]
    for number, document in enumerate(documents):
        shown += ["---"] * (number > 0) + document
    return "".join(f"{line}\n" for line in shown)


def as_list(roles: Iterable[Role]) -> str:
    """The same objects as one JSON List."""
    items = [item for role in roles for item in (_role(role), _binding(role)) if item]
    return json_text({"apiVersion": "v1", "kind": "List", "items": items}, indent=2) + "\n"


def _role(role: Role) -> Json:
    return {
        "apiVersion": f"{API_GROUP}/v1",
        "kind": "ClusterRole" if role.is_cluster_wide else "Role",
        "metadata": _metadata(role),
        "rules": [_rule(rule) for rule in role.rules],
    }


def _rule(rule: Rule) -> Json:
    content: Json = {"apiGroups": [rule.group], "resources": [rule.resource]}
    if rule.names:
        content["resourceNames"] = list(rule.names)
    return content | {"verbs": list(rule.verbs)}


def _binding(role: Role) -> Json | None:
    if role.subject is None:
        return None
    kind = "ClusterRole" if role.is_cluster_wide else "Role"
    return {
        "apiVersion": f"{API_GROUP}/v1",
        "kind": f"{kind}Binding",
        "metadata": _metadata(role),
        "roleRef": {"apiGroup": API_GROUP, "kind": kind, "name": role.name},
        "subjects": [
            {
                "kind": "ServiceAccount",
                "name": role.subject.name,
                "namespace": role.subject.namespace,
            }
        ],
    }


def _metadata(role: Role) -> Json:
    where = {"namespace": role.namespace} if role.namespace else {}
    return {"name": role.name, **where, "labels": _LABELS}


def _role_lines(role: Role) -> list[str]:
    content = _role(role)
    del content["rules"]
    commented = [*lines(content), "rules:"]
    for rule in role.rules:
        commented += [f"# {right.verb}: {right.purpose}" for right in rule.rights]
        first, *others = lines(_rule(rule))
        commented += [f"- {first}", *(f"  {line}" for line in others)]
    return commented


def _binding_lines(role: Role) -> list[str]:
    content = _binding(role)
    return list(lines(content)) if content else []
