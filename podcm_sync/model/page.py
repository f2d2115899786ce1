"""One page of a list, as both decoders return it: only a page of the list that was asked for.

Nothing may be deleted because a proxy answered something else, so a page proves what it is.
"""

from typing import Final, Generic, NamedTuple, TypeVar

from msgspec import Struct

from podcm_sync.errors import DecodeError
from podcm_sync.model.meta import API_VERSION, KIND
from podcm_sync.model.objects import (
    ConfigMap,
    PartialObjectMetadata,
    Pod,
    PodConfigMapConfig,
    Problem,
)

M = TypeVar("M", Pod, PodConfigMapConfig, ConfigMap, PartialObjectMetadata)


class Page(Struct, Generic[M], frozen=True, kw_only=True):
    """One page of a list. `continue_token` is empty on the last.

    `sizes` are the bytes of each item in the answer.
    """

    items: tuple[M, ...]
    sizes: tuple[int, ...]
    problems: tuple[Problem, ...]
    resource_version: str
    continue_token: str


class TypeMeta(NamedTuple):
    """`metav1.TypeMeta`: what an object claims to be."""

    api_version: str
    kind: str

    def __str__(self) -> str:
        return f"{self.api_version} {self.kind}" if all(self) else "object of no known kind"

    @property
    def list_type(self) -> "TypeMeta":
        """The type of a list of such objects."""
        return TypeMeta(self.api_version, f"{self.kind}List")


POD: Final = TypeMeta("v1", "Pod")
CONFIG_MAP: Final = TypeMeta("v1", "ConfigMap")
CONFIG: Final = TypeMeta(API_VERSION, KIND)
METADATA: Final = TypeMeta("meta.k8s.io/v1", "PartialObjectMetadata")


class Head(Struct, frozen=True, kw_only=True):
    """What a page says of itself: its type, and its `metav1.ListMeta`."""

    type: TypeMeta
    resource_version: str
    continue_token: str
    remaining_item_count: int


def check_head(head: Head, item_type: TypeMeta) -> None:
    """Raise DecodeError unless this is the head of a list of such objects."""
    if head.type != item_type.list_type:
        raise DecodeError(f"expected a {item_type.list_type}, not a {head.type}")
    if not (head.resource_version and isinstance(head.resource_version, str)):
        raise DecodeError("the list has no resourceVersion")
    if not isinstance(head.continue_token, str):
        raise DecodeError("the continue token is not text")
    # The last page has none remaining. A token that was damaged away must not end the list early.
    if head.remaining_item_count and not head.continue_token:
        raise DecodeError("the list has remaining items, and no continue token")
