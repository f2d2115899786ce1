"""The objects that podcm-sync reads, reduced to the fields that a run needs.

Fields have the API's names in snake case. The fields of `metadata`, `spec`, and `status` are direct
fields here if that isn't ambiguous.
"""

from typing import TypeVar

from msgspec import Struct, field

from podcm_sync.api.finding import Finding, Quotes
from podcm_sync.api.meta import NamespacedName, OwnerReference
from podcm_sync.api.reasons import Reason
from podcm_sync.api.template_fields import NO_FIELDS


class Pod(Struct, frozen=True, kw_only=True):
    """A `v1.Pod`. `node_name` is "" while the Pod is unscheduled.

    `template_fields` has the fields that only templates read, as MessagePack.
    """

    namespaced_name: NamespacedName
    uid: str
    labels: dict[str, str]
    annotations: dict[str, str]
    node_name: str
    phase: str
    terminating: bool
    template_fields: bytes = NO_FIELDS


class LabelSelectorRequirement(Struct, frozen=True, kw_only=True):
    """`metav1.LabelSelectorRequirement` as written; `reconcile/selector.py` evaluates it."""

    key: str
    operator: str
    values: tuple[str, ...]


class LabelSelector(Struct, frozen=True, kw_only=True):
    """`metav1.LabelSelector`; an empty one selects everything."""

    match_labels: dict[str, str]
    match_expressions: tuple[LabelSelectorRequirement, ...]


class PodConfigMapConfigSpec(Struct, frozen=True, kw_only=True):
    """`PodConfigMapConfig.spec`. Its types are right, but `reconcile/validate.py` must check it."""

    pod_selector: LabelSelector
    labels_to_include: tuple[str, ...]
    annotations_to_include: tuple[str, ...]
    config_map_data_template: dict[str, str]


class Condition(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`metav1.Condition`.

    `omit_defaults` drops a field that equals a constant default, but not one with a factory. The
    API requires those fields, even if they are "".
    """

    type: str
    status: str
    reason: str = field(default_factory=str)
    message: str = field(default_factory=str)
    last_transition_time: str = field(default_factory=str)
    observed_generation: int | None = None


class PodConfigMapConfigStatus(
    Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """`PodConfigMapConfig.status`; a field that no run has written is None."""

    observed_generation: int | None = None
    matched_pods: int | None = None
    config_maps: int | None = None
    failures: int | None = None
    conditions: tuple[Condition, ...] = ()


class PodConfigMapConfig(Struct, frozen=True, kw_only=True):
    """A `PodConfigMapConfig`. If `spec` is None, `spec_error` says why it can't be read.

    If `is_stored` is true, an API server stored the spec, so a CRD knows all its fields.
    """

    namespaced_name: NamespacedName
    uid: str
    resource_version: str
    generation: int
    creation_timestamp: str
    terminating: bool
    suspend: bool
    spec: PodConfigMapConfigSpec | None
    spec_error: Finding | None
    status: PodConfigMapConfigStatus
    is_stored: bool = False


class ConfigMap(Struct, frozen=True, kw_only=True):
    """A `v1.ConfigMap` with the generated-by label. `binary_data` stays base64 text."""

    namespaced_name: NamespacedName
    uid: str
    resource_version: str
    terminating: bool
    labels: dict[str, str]
    annotations: dict[str, str]
    owner_references: tuple[OwnerReference, ...]
    data: dict[str, str]
    binary_data: dict[str, str]
    immutable: bool


class PartialObjectMetadata(Struct, frozen=True, kw_only=True):
    """An object of any kind, reduced to its name and the labels that show who manages it."""

    namespaced_name: NamespacedName
    labels: dict[str, str]


class Problem(Struct, frozen=True, kw_only=True):
    """An object that a run could not use, and why."""

    kind: str
    namespaced_name: NamespacedName
    reason: Reason
    message: str
    quoted: Quotes = None
    """The parts of the message that others wrote."""
    labels: dict[str, str] | None = None
    """The labels of an undecodable Pod; None if they didn't decode either."""


T = TypeVar("T", Pod, PodConfigMapConfig, ConfigMap)


class LeaseSpec(Struct, frozen=True, kw_only=True, rename="camel"):
    """The holder of a Lease, since when, and for how long; times are `metav1.MicroTime` texts.

    The times are for people only. Clocks differ, so nobody decides by another replica's time
    whether a lease has expired.
    """

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(Struct, frozen=True, kw_only=True):
    """A Lease as it was read. Its resourceVersion is the precondition of the next write."""

    spec: LeaseSpec
    resource_version: str
