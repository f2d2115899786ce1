"""One page of a list, as both decoders return it."""

from typing import Generic, TypeVar

from msgspec import Struct

from podcm_sync.model.objects import (
    ConfigMap,
    PartialObjectMetadata,
    Pod,
    PodConfigMapConfig,
    Problem,
)

M = TypeVar("M", Pod, PodConfigMapConfig, ConfigMap, PartialObjectMetadata)


class Page(Struct, Generic[M], frozen=True, kw_only=True):
    """One page of a list. `continue_token` is empty on the last."""

    items: tuple[M, ...]
    problems: tuple[Problem, ...]
    continue_token: str
