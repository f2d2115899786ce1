"""What is kept of a snapshot's objects: strings that recur once, annotations that are asked for.

One of these lives as long as the lists of a snapshot are read. Labels, namespaces, nodes and uids
recur from object to object; a hundred thousand copies would be most of a run's memory.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from podcm_sync.model.meta import NamespacedName, OwnerReference
from podcm_sync.model.objects import ConfigMap, Pod, PodConfigMapConfig


class Kept:
    """The strings that are held already, and which annotations of Pods to keep (None is all)."""

    def __init__(self) -> None:
        self._strings: dict[str, str] = {}
        self._annotations: frozenset[str] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of a Pod may be asked for."""
        return self._annotations is None

    def only_annotations_of(self, configs: Iterable[PodConfigMapConfig]) -> "Kept":
        """The same strings, and only the annotations that these configs include.

        Templates may ask for any. Selectors and included labels speak of labels, always whole.
        """
        kept = Kept()
        kept._strings = self._strings
        specs = [each.spec for each in configs if each.spec is not None]
        if not any(spec.config_map_data_template for spec in specs):
            kept._annotations = frozenset(
                key for spec in specs for key in spec.annotations_to_include
            )
        return kept

    def pod(self, pod: Pod) -> Pod:
        """What a run needs of a Pod."""
        hold = self._strings.setdefault
        if not self.is_whole:
            pod = replace(
                pod,
                pod_ip="",
                host_ip="",
                service_account_name="",
                containers=(),
                owner_references=(),
            )
        return replace(
            pod,
            namespaced_name=self._name(pod.namespaced_name),
            uid=hold(pod.uid, pod.uid),
            labels=self._texts(pod.labels),
            annotations=self._asked_for(pod.annotations),
            node_name=hold(pod.node_name, pod.node_name),
            phase=hold(pod.phase, pod.phase),
        )

    def config_map(self, config_map: ConfigMap) -> ConfigMap:
        """All of a ConfigMap: any of it may have to be written back or shown."""
        return replace(
            config_map,
            namespaced_name=self._name(config_map.namespaced_name),
            labels=self._texts(config_map.labels),
            owner_references=tuple(map(self._owner, config_map.owner_references)),
            data=self._texts(config_map.data),
        )

    def _name(self, name: NamespacedName) -> NamespacedName:
        hold = self._strings.setdefault
        return NamespacedName(hold(name.namespace, name.namespace), hold(name.name, name.name))

    def _owner(self, owner: OwnerReference) -> OwnerReference:
        hold = self._strings.setdefault
        return replace(
            owner,
            api_version=hold(owner.api_version, owner.api_version),
            kind=hold(owner.kind, owner.kind),
            name=hold(owner.name, owner.name),
            uid=hold(owner.uid, owner.uid),
        )

    def _texts(self, texts: Mapping[str, str]) -> dict[str, str]:
        hold = self._strings.setdefault
        return {hold(key, key): hold(value, value) for key, value in texts.items()}

    def _asked_for(self, annotations: dict[str, str]) -> dict[str, str]:
        if self._annotations is None:
            return annotations
        return {key: annotations[key] for key in self._annotations if key in annotations}
