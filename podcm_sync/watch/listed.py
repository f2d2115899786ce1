"""One listing of a watching loop, while its pages come in."""

from collections.abc import Mapping

from podcm_sync.api.objects import ConfigMap, Pod, T
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES
from podcm_sync.watch.namespace import Namespace


class Listing:
    """One listing under way, which the store hears of; implements `memory.ListMemory`."""

    def __init__(self, namespaces: Mapping[str, Namespace], began: float) -> None:
        self.began = began
        """When it began, in monotonic seconds."""
        self.versions: dict[tuple[str, str], int] = {}
        """The resourceVersion of each list, by resource and namespace."""
        self.kept: dict[str, frozenset[str] | None] = {}
        self._namespaces = namespaces

    def known(self, obj: T) -> T:
        """The equal object of the store, or this one."""
        part = self._namespaces.get(obj.namespaced_name.namespace)
        if part is None:
            return obj
        objects: Mapping[str, object]
        match obj:
            case Pod():
                objects = part.pods
            case ConfigMap():
                objects = part.config_maps
            case _:
                objects = part.configs
        existing = objects.get(obj.namespaced_name.name)
        return existing if existing == obj else obj

    def keeps(self, namespace: str, annotations: frozenset[str] | None) -> None:
        """Note what is kept of Pods."""
        self.kept[namespace] = annotations

    def listed(self, resource: str, namespace: str, resource_version: str) -> None:
        """Note the version of a list. One that isn't a number can't be compared with events'."""
        if resource_version.isdecimal():
            self.versions[resource, namespace] = int(resource_version)

    def version(self, resource: str, namespace: str) -> int | None:
        """The version of the list that has this namespace; None if it wasn't listed."""
        version = self.versions.get((resource, namespace))
        return self.versions.get((resource, ALL_NAMESPACES)) if version is None else version
