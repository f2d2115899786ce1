"""What a Reader and a Writer tell a loop that remembers objects between its runs.

`watch.store` implements it. A single run remembers nothing.
"""

from typing import Final, Protocol

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap, PodConfigMapConfig, T


class ListMemory(Protocol):
    """Hears what one Reader lists; callable from any thread."""

    def known(self, obj: T) -> T:
        """The equal object that is remembered, or this one, so that memory holds only one."""
        ...

    def keeps(self, namespace: str, annotations: frozenset[str] | None) -> None:
        """Of the Pods listed next in a namespace ("" for all), only these annotations are kept.

        None means all of them, and the fields for templates.
        """
        ...

    def listed(self, resource: str, namespace: str, resource_version: str) -> None:
        """A whole list of this resource was read at this resourceVersion."""
        ...


class WriteMemory(Protocol):
    """Hears what a Writer learns from answers; callable from any thread."""

    def stored(self, obj: ConfigMap | PodConfigMapConfig) -> None:
        """The server stored this object: it is the answer to our own write."""
        ...

    def seen(self, name: NamespacedName, config_map: ConfigMap | None) -> None:
        """After a conflict, the ConfigMap of this name is this one, or doesn't exist."""
        ...


class _NoMemory:
    def known(self, obj: T) -> T:
        return obj

    def keeps(self, namespace: str, annotations: frozenset[str] | None) -> None:
        pass

    def listed(self, resource: str, namespace: str, resource_version: str) -> None:
        pass


NO_MEMORY: Final[ListMemory] = _NoMemory()
