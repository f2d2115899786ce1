"""Names: the API group, our labels and annotations, and the pair that identifies an object."""

from typing import Final, NamedTuple

from msgspec import Struct

GROUP: Final = "podconfig.example.com"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "PodConfigMapConfig"
PLURAL: Final = "podconfigmapconfigs"
NAMESPACE: Final = "Namespace"
"""The kind of a problem that a whole namespace has."""

GENERATED_BY_LABEL: Final = f"{GROUP}/generated-by-pcmc"
POD_UID_LABEL: Final = f"{GROUP}/pod-uid"
MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "podcm-sync"
PCMC_NAME_ANNOTATION: Final = f"{GROUP}/pcmc-name"
PRUNE_ANNOTATION: Final = f"{GROUP}/prune"
PRUNE_DISABLED: Final = "disabled"


class NamespacedName(NamedTuple):
    """What identifies an object of a known kind; sorts by namespace, then name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.name else self.namespace


class OwnerReference(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`metav1.OwnerReference`, whole: another's reference is written back as it was read."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None
    block_owner_deletion: bool | None = None

    @property
    def is_pod(self) -> bool:
        """Whether the owner is a core Pod; other API groups have a kind Pod too."""
        return self.api_version == "v1" and self.kind == "Pod"
