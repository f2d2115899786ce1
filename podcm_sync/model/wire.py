"""What the bytes hold: the API's JSON as msgspec structs, with only the fields that a run needs.

Null stands for absent everywhere, as in the API. `decode` turns these into models.
"""

import msgspec
from msgspec import Struct

from podcm_sync.model.meta import NamespacedName, OwnerReference
from podcm_sync.model.objects import Condition, Container


class Wire(Struct, rename="camel"):
    """The base of what the bytes hold; null stands for absent everywhere, as in the API."""


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
    owner_references: tuple[OwnerReference, ...] | None = None

    @property
    def namespaced_name(self) -> NamespacedName:
        return NamespacedName(self.namespace, self.name)


class PodSpec(Wire):
    node_name: str | None = None
    service_account_name: str | None = None
    containers: tuple[Container, ...] | None = None


class PodStatus(Wire):
    phase: str | None = None
    pod_ip: str | None = msgspec.field(name="podIP", default=None)
    host_ip: str | None = msgspec.field(name="hostIP", default=None)


class TypedWire(Wire, kw_only=True):
    api_version: str | None = None
    kind: str | None = None


class ObjectWire(TypedWire):
    metadata: Metadata


class PodWire(ObjectWire):
    spec: PodSpec | None = None
    status: PodStatus | None = None

    @property
    def known_spec(self) -> PodSpec:
        return self.spec or PodSpec()

    @property
    def known_status(self) -> PodStatus:
        return self.status or PodStatus()


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
    suspend: bool | None = None


class StatusWire(Wire):
    observed_generation: int | None = None
    matched_pods: int | None = None
    config_maps: int | None = None
    failures: int | None = None
    conditions: tuple[Condition, ...] | None = None


class ConfigWire(ObjectWire):
    spec: msgspec.Raw = msgspec.Raw(b"null")
    status: msgspec.Raw = msgspec.Raw(b"null")


class ListMeta(Wire):
    resource_version: str | None = None
    continue_: str | None = msgspec.field(name="continue", default=None)
    remaining_item_count: int | None = None


class PageWire(TypedWire):
    metadata: ListMeta | None = None
    items: tuple[msgspec.Raw, ...] | msgspec.UnsetType | None = msgspec.UNSET
    """Go writes a nil slice as null: an empty list. Without the key it is no list."""


class Identity(Wire):
    """Each part apart, so that one which is broken does not hide the others."""

    name: msgspec.Raw = msgspec.Raw(b'""')
    namespace: msgspec.Raw = msgspec.Raw(b'""')
    labels: msgspec.Raw = msgspec.Raw(b"null")


class AnyObject(Wire):
    metadata: Identity


class PartialMetadata(Wire):
    name: str
    namespace: str = ""
    labels: dict[str, str] | None = None


class PartialObjectWire(TypedWire):
    metadata: PartialMetadata
