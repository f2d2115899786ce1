"""Roles → what `kubectl apply -f -` takes: YAML with a comment on each verb, or a JSON List."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from podcm_sync.core.rights import Role, Rule
from podcm_sync.render.escape import json_text, printable

API_GROUP: Final = "rbac.authorization.k8s.io"
_LABELS: Final = {
    "app.kubernetes.io/name": "podcm-sync",
    "app.kubernetes.io/part-of": "podcm-sync",
}
# YAML 1.1's other words for true, false and null: names that a namespace may have.
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
Json = dict[str, Any]


def yaml(roles: Sequence[Role], command: str) -> str:
    """The Roles and their bindings as YAML documents; `command` is what printed them."""
    documents = [
        document
        for role in roles
        for document in (_role_lines(role), _binding_lines(role))
        if document
    ]
    lines = [f"# The rights that podcm-sync needs, and no other. Made by: {printable(command)}"]
    for number, document in enumerate(documents):
        lines += ["---"] * (number > 0) + document
    return "".join(f"{line}\n" for line in lines)


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
    lines = [*_lines(content), "rules:"]
    for rule in role.rules:
        lines += [f"# {right.verb}: {right.purpose}" for right in rule.rights]
        first, *others = _lines(_rule(rule))
        lines += [f"- {first}", *(f"  {line}" for line in others)]
    return lines


def _binding_lines(role: Role) -> list[str]:
    content = _binding(role)
    return list(_lines(content)) if content else []


def _lines(content: Json) -> Iterator[str]:
    """A mapping as YAML lines; lists of names on one line, lists of mappings below one another."""
    for key, value in content.items():
        if isinstance(value, dict):
            yield f"{key}:"
            yield from (f"  {line}" for line in _lines(value))
        elif isinstance(value, str):
            yield f"{key}: {_scalar(value)}"
        elif all(isinstance(each, str) for each in value):
            yield f"{key}: [{', '.join(map(_scalar, value))}]"
        else:
            yield f"{key}:"
            for each in value:
                first, *others = _lines(each)
                yield f"- {first}"
                yield from (f"  {line}" for line in others)


def _scalar(text: str) -> str:
    """Text that no YAML reader takes for anything else: a namespace may be called `1e3` or `no`."""
    is_plain = re.fullmatch(r"[A-Za-z]+([-./][A-Za-z0-9]+)*", text) and text not in _WORDS
    return text if is_plain else json_text(text)
