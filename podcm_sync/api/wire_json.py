"""The shapes of the API's JSON as msgspec structs, with only the fields that a run needs.

As in the API, null means absent in every field. `decode_json` turns these structs into models.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from podcm_sync.api.meta import NamespacedName, OwnerReference
from podcm_sync.api.objects import Condition
from podcm_sync.api.template_fields import TEMPLATE_FIELDS


class Wire(Struct, rename="camel"):
    """The base of all shapes: fields in camelCase."""


class Metadata(Wire):
    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None

    @property
    def namespaced_name(self) -> NamespacedName:
        return NamespacedName(self.namespace, self.name)


class OwnedMetadata(Metadata):
    owner_references: tuple[OwnerReference, ...] | None = None


class PodSpec(Wire):
    node_name: str | None = None


class PodStatus(Wire):
    phase: str | None = None


class TypedWire(Wire, kw_only=True):
    api_version: str | None = None
    kind: str | None = None


class ObjectWire(TypedWire):
    metadata: OwnedMetadata


class PodWire(TypedWire):
    """A Pod without the fields that only templates read."""

    metadata: Metadata
    spec: PodSpec | None = None
    status: PodStatus | None = None


def pod_wire() -> type[PodWire]:
    """The class of a Pod with the fields that only templates read, named as in the API."""
    sections: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        ("metadata", _with_template_fields("metadata", Metadata)),
        ("spec", _with_template_fields("spec", PodSpec) | None, None),
        ("status", _with_template_fields("status", PodStatus) | None, None),
    ]
    extended = msgspec.defstruct("PodWire", sections, bases=(PodWire,), kw_only=True)
    assert issubclass(extended, PodWire)
    return extended


def _with_template_fields(section: str, base: type[Wire]) -> Any:
    def fields() -> Iterator[tuple[str, Any, None]]:
        for name, field in TEMPLATE_FIELDS.items():
            if field.section == section:
                parts = [(part, str, "") for part in field.parts]
                item: Any = msgspec.defstruct(field.item, parts) if parts else None
                yield name, (tuple[item, ...] if parts else str) | None, None

    return msgspec.defstruct(f"Pod{section.title()}", fields(), bases=(base,))


class ConfigMapWire(ObjectWire):
    data: dict[str, str] | None = None
    binary_data: dict[str, str] | None = None
    immutable: bool | None = None


class Requirement(Wire, forbid_unknown_fields=True):
    key: str = ""
    operator: str = ""
    values: tuple[str, ...] | None = None


class SelectorWire(Wire, forbid_unknown_fields=True):
    match_labels: dict[str, str] | None = None
    match_expressions: tuple[Requirement, ...] | None = None


class SpecWire(Wire, forbid_unknown_fields=True):
    pod_selector: SelectorWire | None = None
    labels_to_include: tuple[str, ...] | None = None
    annotations_to_include: tuple[str, ...] | None = None
    config_map_data_template: dict[str, str] | None = None
    suspend: bool | None = None


class SuspendOnly(Wire):
    """A spec of which only `suspend` must decode."""

    suspend: bool | None = None


class StatusWire(Wire):
    observed_generation: int | None = None
    matched_pods: int | None = None
    config_maps: int | None = None
    failures: int | None = None
    conditions: tuple[Condition, ...] | None = None


class ConfigWire(ObjectWire):
    """The spec and the status stay bytes: a broken one must not make the object unreadable."""

    spec: msgspec.Raw = msgspec.Raw(b"null")
    status: msgspec.Raw = msgspec.Raw(b"null")


class ListMeta(Wire):
    resource_version: str | None = None
    continue_: str | None = msgspec.field(name="continue", default=None)
    remaining_item_count: int | None = None


class PageWire(TypedWire):
    metadata: ListMeta | None = None
    items: tuple[msgspec.Raw, ...] | msgspec.UnsetType | None = msgspec.UNSET
    """null is an empty list, because Go writes a nil slice so. Without the key it isn't a list."""


class Identity(Wire):
    """Parts that are decoded separately, so that a broken one does not hide the others."""

    name: msgspec.Raw = msgspec.Raw(b'""')
    namespace: msgspec.Raw = msgspec.Raw(b'""')
    labels: msgspec.Raw = msgspec.Raw(b"null")


class AnyObject(Wire):
    metadata: Identity


class WatchEventWire(Wire, forbid_unknown_fields=True):
    type: str
    object: msgspec.Raw


class VersionWire(Wire):
    resource_version: str | None = None


class WatchedWire(TypedWire):
    """The object of an event, of which only its type and version must decode."""

    metadata: VersionWire | None = None


class FailureWire(Wire):
    """A `metav1.Status`."""

    code: int | None = None
    reason: str | None = None
    message: str | None = None


class PartialMetadata(Wire):
    name: str
    namespace: str = ""
    labels: dict[str, str] | None = None


class PartialObjectWire(TypedWire):
    metadata: PartialMetadata
