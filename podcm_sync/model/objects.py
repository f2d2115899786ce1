"""What is read: Pods, PodConfigMapConfigs and ConfigMaps, reduced to what a run needs.

Fields are the API's own words in snake case; `metadata`, `spec` and `status` are folded in where
nothing is ambiguous without them.
"""

from collections.abc import Iterable
from typing import Final, TypeVar

from msgspec import Struct, field

from podcm_sync.model.meta import NamespacedName, OwnerReference
from podcm_sync.model.reasons import Reason

ALL_NAMESPACES: Final = ""
"""The key under which `Snapshot.incomplete` speaks of every namespace (as in client-go)."""


class Container(Struct, frozen=True, kw_only=True):
    """A container of a Pod's spec; init and ephemeral ones are not among `containers`."""

    name: str = ""
    image: str = ""


class Pod(Struct, frozen=True, kw_only=True):
    """A `v1.Pod`. `node_name` is empty while unscheduled; labels and annotations are never None.

    What has a default is seen by templates alone.
    """

    namespaced_name: NamespacedName
    uid: str
    labels: dict[str, str]
    annotations: dict[str, str]
    node_name: str
    phase: str
    terminating: bool
    pod_ip: str = ""
    host_ip: str = ""
    service_account_name: str = ""
    containers: tuple[Container, ...] = ()
    owner_references: tuple[OwnerReference, ...] = ()


class LabelSelectorRequirement(Struct, frozen=True, kw_only=True):
    """`metav1.LabelSelectorRequirement` as written; `core.selector` gives it meaning."""

    key: str
    operator: str
    values: tuple[str, ...]


class LabelSelector(Struct, frozen=True, kw_only=True):
    """`metav1.LabelSelector`; empty selects everything."""

    match_labels: dict[str, str]
    match_expressions: tuple[LabelSelectorRequirement, ...]


class PodConfigMapConfigSpec(Struct, frozen=True, kw_only=True):
    """`PodConfigMapConfig.spec`, of the right types but not yet validated."""

    pod_selector: LabelSelector
    labels_to_include: tuple[str, ...]
    annotations_to_include: tuple[str, ...]
    config_map_data_template: dict[str, str]


class Condition(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`metav1.Condition`. Factories keep `omit_defaults` from dropping what is required."""

    type: str
    status: str
    reason: str = field(default_factory=str)
    message: str = field(default_factory=str)
    last_transition_time: str = field(default_factory=str)
    observed_generation: int | None = None


class PodConfigMapConfigStatus(
    Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """`PodConfigMapConfig.status`; None stands for a field that no run has written."""

    observed_generation: int | None = None
    matched_pods: int | None = None
    config_maps: int | None = None
    failures: int | None = None
    conditions: tuple[Condition, ...] = ()


class PodConfigMapConfig(Struct, frozen=True, kw_only=True):
    """A `PodConfigMapConfig`. Where `spec` is None, `spec_error` says why it could not be read."""

    namespaced_name: NamespacedName
    uid: str
    resource_version: str
    generation: int
    creation_timestamp: str
    terminating: bool
    suspend: bool
    spec: PodConfigMapConfigSpec | None
    spec_error: str
    status: PodConfigMapConfigStatus


class ConfigMap(Struct, frozen=True, kw_only=True):
    """A `v1.ConfigMap` that carries our generated-by label. `binary_data` stays base64 text."""

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
    """An object of any kind, reduced to the metadata that shows whose it is."""

    namespaced_name: NamespacedName
    labels: dict[str, str]


class Problem(Struct, frozen=True, kw_only=True):
    """Something a run could not use, as a value: which object, which reason, and why."""

    kind: str
    namespaced_name: NamespacedName
    reason: Reason
    message: str
    labels: dict[str, str] | None = None
    """An undecodable Pod's labels, where at least those could be read."""


class Shard(Struct, frozen=True, kw_only=True):
    """One of `count` parts of all namespaces; `core.shards` says which are in it."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


class Scope(Struct, frozen=True, kw_only=True):
    """The namespaces of a run; None is every namespace of the cluster, or of the shard."""

    namespaces: tuple[str, ...] | None
    shard: Shard | None = None

    def __str__(self) -> str:
        if self.namespaces is None and self.shard is not None:
            return f"the namespaces of shard {self.shard}"
        if self.namespaces is None:
            return "all namespaces"
        noun = "namespace" if len(self.namespaces) == 1 else "namespaces"
        return f"{noun} {', '.join(self.namespaces)}"


class Closed(Struct, frozen=True, kw_only=True):
    """Why a run leaves a namespace alone: the bound that it is past, and a sentence."""

    bound: str
    message: str


class Snapshot(Struct, frozen=True, kw_only=True):
    """What was there: every object of the scope, and where that is not the whole truth.

    `incomplete` maps a namespace (or ALL_NAMESPACES) to what is missing there and why.
    `unplannable` are those of them in which even creates and updates have no sure ground.
    """

    scope: Scope
    pods: tuple[Pod, ...]
    configs: tuple[PodConfigMapConfig, ...]
    config_maps: tuple[ConfigMap, ...]
    problems: tuple[Problem, ...] = ()
    incomplete: dict[str, str] = {}
    unplannable: frozenset[str] = frozenset()
    read_only: dict[NamespacedName, str] = {}
    """ConfigMaps that cannot be deleted, and where they stand: manifests outside `generated/`."""
    has_garbage_collector: bool = True
    """Whether ConfigMaps are deleted with the Pods that own them: in a cluster, not in files."""
    closed: dict[str, Closed] = {}
    """Namespaces past a bound. Of their objects, only configs without a spec can be here."""

    def is_incomplete(self, namespace: str) -> bool:
        """Whether any list that concerns this namespace did not complete."""
        return namespace in self.incomplete or ALL_NAMESPACES in self.incomplete

    def is_plannable(self, namespace: str) -> bool:
        """Whether ownership and the winners of names are known in this namespace."""
        return not (
            namespace in self.unplannable
            or ALL_NAMESPACES in self.unplannable
            or namespace in self.closed
        )


T = TypeVar("T", Pod, PodConfigMapConfig, ConfigMap)


def by_namespace(objects: Iterable[T]) -> dict[str, list[T]]:
    """Group objects by namespace, each group in the order given."""
    groups: dict[str, list[T]] = {}
    for obj in objects:
        groups.setdefault(obj.namespaced_name.namespace, []).append(obj)
    return groups
