"""The API group, podcm-sync's labels and annotations, and the names and owners of objects."""

from typing import Final, NamedTuple

from msgspec import Struct

GROUP: Final = "podconfig.example.com"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "PodConfigMapConfig"
PLURAL: Final = "podconfigmapconfigs"
NAMESPACE: Final = "Namespace"
"""The `kind` of a Problem that concerns a whole namespace."""

GENERATED_BY_LABEL: Final = f"{GROUP}/generated-by-pcmc"
POD_UID_LABEL: Final = f"{GROUP}/pod-uid"
MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "podcm-sync"
PCMC_NAME_ANNOTATION: Final = f"{GROUP}/pcmc-name"
PRUNE_ANNOTATION: Final = f"{GROUP}/prune"
PRUNE_DISABLED: Final = "disabled"


class NamespacedName(NamedTuple):
    """The identity of an object whose kind is known; sorts by namespace, then name.

    A name of "" stands for the whole namespace.
    """

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.name else self.namespace


class OwnerReference(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`metav1.OwnerReference` with all fields: references of others are written back unchanged."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None
    block_owner_deletion: bool | None = None

    @property
    def is_pod(self) -> bool:
        """Whether the owner is a core Pod. Other API groups can have a kind Pod too."""
        return self.api_version == "v1" and self.kind == "Pod"
