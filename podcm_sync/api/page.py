"""One page of a list, as both decoders return it, and the check that it is the requested list.

A proxy can answer something else, and that must not lead to deletions
(docs/design/decisions/answers.md, "Lists").
"""

from typing import Final, Generic, NamedTuple, TypeVar

from msgspec import Struct

from podcm_sync.api.meta import API_VERSION, KIND
from podcm_sync.api.objects import (
    ConfigMap,
    PartialObjectMetadata,
    Pod,
    PodConfigMapConfig,
    Problem,
)
from podcm_sync.errors import DecodeError

M = TypeVar("M", Pod, PodConfigMapConfig, ConfigMap, PartialObjectMetadata)


class Page(Struct, Generic[M], frozen=True, kw_only=True):
    """One page of a list. `continue_token` is "" on the last page.

    `sizes` has the bytes of each item in the answer, in the order of `items`. Objects that didn't
    decode are in `problems` only.
    """

    items: tuple[M, ...]
    sizes: tuple[int, ...]
    problems: tuple[Problem, ...]
    resource_version: str
    continue_token: str


MAX_CLAIM: Final = 100
"""The most characters of a claimed type that a message shows."""


class TypeMeta(NamedTuple):
    """`metav1.TypeMeta`: the type that an object claims to have."""

    api_version: str
    kind: str

    def __str__(self) -> str:
        if not all(self):
            return "object of no known kind"
        return f"{self.api_version} {self.kind}"[:MAX_CLAIM]

    @property
    def list_type(self) -> "TypeMeta":
        """The type of a list of such objects."""
        return TypeMeta(self.api_version, f"{self.kind}List")


POD: Final = TypeMeta("v1", "Pod")
CONFIG_MAP: Final = TypeMeta("v1", "ConfigMap")
CONFIG: Final = TypeMeta(API_VERSION, KIND)
METADATA: Final = TypeMeta("meta.k8s.io/v1", "PartialObjectMetadata")


class Head(Struct, frozen=True, kw_only=True):
    """A page without its items: its type and its `metav1.ListMeta`."""

    type: TypeMeta
    resource_version: str
    continue_token: str
    remaining_item_count: int


def check_head(head: Head, item_type: TypeMeta) -> None:
    """Raise DecodeError unless this is the head of a list of `item_type`."""
    if head.type != item_type.list_type:
        raise DecodeError(f"expected a {item_type.list_type}, not a {head.type}")
    if not (head.resource_version and isinstance(head.resource_version, str)):
        raise DecodeError("the list has no resourceVersion")
    if not isinstance(head.continue_token, str):
        raise DecodeError("the continue token is not text")
    # Only the last page has no token, and nothing remains after it. Damage to a token must not end
    # the list early.
    if head.remaining_item_count and not head.continue_token:
        raise DecodeError("the list has remaining items, and no continue token")
