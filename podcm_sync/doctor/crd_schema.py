"""The CRD's schema as a table of fields, and the comparison of a served schema with it.

If the server doesn't know a field, it silently drops it when it stores a config: an old CRD turns
`suspend: true` into nothing. A test keeps the table equal to the shipped CRD.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

_CONSTRAINTS: Final = (
    "type",
    "enum",
    "required",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "pattern",
)
DIGITS: Final = 8
"""Hex digits of the SHA-256 over a field's constraints."""


class Difference(Struct, frozen=True, kw_only=True):
    """Paths of fields: missing in a served schema, unknown to this version, or with other rules."""

    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    changed: tuple[str, ...]


def fields(schema: Mapping[str, Any]) -> dict[str, str]:
    """The path of each field below `spec` and `status` → a digest of its type, bounds, and rules.

    `schema` is an OpenAPI v3 schema, from a CRD or as a server publishes it. Text for people, such
    as descriptions and messages, doesn't count.
    """
    properties = schema.get("properties") or {}
    return {
        path: digest
        for top in ("spec", "status")
        if top in properties
        for path, digest in _fields(top, properties[top])
    }


def _fields(path: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield path, _digest(schema)
    for name, child in sorted((schema.get("properties") or {}).items()):
        yield from _fields(f"{path}.{name}", child)
    for keyword, suffix in (("items", "[]"), ("additionalProperties", "{}")):
        child = schema.get(keyword)
        if isinstance(child, Mapping):
            yield from _fields(f"{path}{suffix}", child)


def _digest(schema: Mapping[str, Any]) -> str:
    constraints = {key: schema[key] for key in _CONSTRAINTS if key in schema}
    # Their order means nothing, so a server can publish them in another one.
    for key in ("required", "enum"):
        if key in constraints:
            constraints[key] = sorted(constraints[key])
    rules = sorted(str(rule.get("rule")) for rule in schema.get("x-kubernetes-validations") or ())
    content = json.dumps([constraints, rules], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:DIGITS]


def difference(served: Mapping[str, str]) -> Difference:
    """How the fields of a served schema differ from FIELDS. A missing parent hides its children."""
    missing = [path for path in FIELDS if path not in served]
    unknown = [path for path in served if path not in FIELDS]
    return Difference(
        missing=tuple(_outermost(missing)),
        unknown=tuple(_outermost(unknown)),
        changed=tuple(
            path for path, digest in FIELDS.items() if served.get(path, digest) != digest
        ),
    )


def _outermost(paths: list[str]) -> Iterator[str]:
    """The paths that are not below another one of them."""
    for path in paths:
        if not any(
            path != other and path.startswith((f"{other}.", f"{other}[", f"{other}{{"))
            for other in paths
        ):
            yield path


FIELDS: Final[dict[str, str]] = {
    "spec": "e531e0a7",
    "spec.annotationsToInclude": "68e7abb7",
    "spec.annotationsToInclude[]": "61e6f3c2",
    "spec.configMapDataTemplate": "cda66775",
    "spec.configMapDataTemplate{}": "efb8095d",
    "spec.labelsToInclude": "68e7abb7",
    "spec.labelsToInclude[]": "e7936cc1",
    "spec.podSelector": "e531e0a7",
    "spec.podSelector.matchExpressions": "05f1dde0",
    "spec.podSelector.matchExpressions[]": "c659b400",
    "spec.podSelector.matchExpressions[].key": "6027b5d9",
    "spec.podSelector.matchExpressions[].operator": "3cc5b6ec",
    "spec.podSelector.matchExpressions[].values": "05f1dde0",
    "spec.podSelector.matchExpressions[].values[]": "ff0c8cfa",
    "spec.podSelector.matchLabels": "f5c4d666",
    "spec.podSelector.matchLabels{}": "ff0c8cfa",
    "spec.suspend": "1a54fab9",
    "status": "e531e0a7",
    "status.conditions": "20800d3a",
    "status.conditions[]": "1626bdd5",
    "status.conditions[].lastTransitionTime": "e845f878",
    "status.conditions[].message": "9e0e3a6a",
    "status.conditions[].observedGeneration": "4f86abea",
    "status.conditions[].reason": "a2f72bbf",
    "status.conditions[].status": "985d9fa0",
    "status.conditions[].type": "d8a89235",
    "status.configMaps": "4f86abea",
    "status.failures": "4f86abea",
    "status.matchedPods": "4f86abea",
    "status.observedGeneration": "4f86abea",
}
