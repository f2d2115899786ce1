"""What is kept of a snapshot's objects: strings that recur once, annotations that are asked for.

One of these lives as long as the lists of a snapshot are read. Labels, namespaces, nodes and uids
recur from object to object; a hundred thousand copies would be most of a run's memory.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from podcm_sync.model.meta import NamespacedName, OwnerReference
from podcm_sync.model.objects import ConfigMap, Pod, PodConfigMapConfig

MAX_PAIRS: Final = 20_000
"""So many pairs are known as bytes; then they are forgotten, and what recurs is soon known anew.
Pairs that are one object's own, such as its uid, must not fill the memory."""
MAX_PAIR_BYTES: Final = 512
"""Longer ones are data that hardly recurs, and would stay if their object is dropped."""
MAX_STRINGS: Final = 100_000
"""So many strings are known; then they are forgotten, as pairs are. What was read of a namespace
that is closed must not stay in memory here."""
Pair = tuple[str, str]


class Kept:
    """The strings that are held already, and which annotations of Pods to keep (None is all)."""

    def __init__(self) -> None:
        self._strings: dict[str, str] = {}
        self._pairs: dict[bytes, Pair] = {}
        self.annotations: frozenset[str] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of a Pod may be asked for."""
        return self.annotations is None

    def only_annotations_of(self, configs: Iterable[PodConfigMapConfig]) -> "Kept":
        """The same strings, and only the annotations that these configs include.

        Templates may ask for any. Selectors and included labels speak of labels, always whole.
        """
        kept = Kept()
        kept._strings = self._strings
        kept._pairs = self._pairs
        specs = [each.spec for each in configs if each.spec is not None]
        if not any(spec.config_map_data_template for spec in specs):
            kept.annotations = frozenset(
                key for spec in specs for key in spec.annotations_to_include
            )
        return kept

    def begin_page(self) -> None:
        """Forget strings if there are too many. What is held of them stays with its objects."""
        if len(self._strings) > MAX_STRINGS:
            self._strings.clear()
            self._pairs.clear()

    def pod(self, pod: Pod) -> Pod:
        """What a run needs of a Pod."""
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
            namespaced_name=self.name(*pod.namespaced_name),
            uid=self.text(pod.uid),
            labels=self._texts(pod.labels),
            annotations=self._asked_for(pod.annotations),
            node_name=self.text(pod.node_name),
            phase=self.text(pod.phase),
        )

    def config_map(self, config_map: ConfigMap) -> ConfigMap:
        """All of a ConfigMap: any of it may have to be written back or shown."""
        return replace(
            config_map,
            namespaced_name=self.name(*config_map.namespaced_name),
            labels=self._texts(config_map.labels),
            owner_references=tuple(map(self._owner, config_map.owner_references)),
            data=self._texts(config_map.data),
        )

    def text(self, text: str) -> str:
        """An equal string, the same one each time."""
        return self._strings.setdefault(text, text)

    def name(self, namespace: str, name: str) -> NamespacedName:
        """A name of such strings."""
        hold = self._strings.setdefault
        return NamespacedName(hold(namespace, namespace), hold(name, name))

    def pairs(self, entries: Iterable[bytes], parse: Callable[[bytes], Pair]) -> dict[str, str]:
        """A mapping of such strings from its pairs as bytes; only new ones are parsed."""
        known = self._pairs
        texts: dict[str, str] = {}
        for entry in entries:
            pair = known.get(entry) or self._parsed(entry, parse)
            texts[pair[0]] = pair[1]
        return texts

    def _parsed(self, entry: bytes, parse: Callable[[bytes], Pair]) -> Pair:
        hold = self._strings.setdefault
        key, value = parse(entry)
        if len(entry) > MAX_PAIR_BYTES:
            return hold(key, key), value
        pair = hold(key, key), hold(value, value)
        if len(self._pairs) >= MAX_PAIRS:
            self._pairs.clear()
        self._pairs[entry] = pair
        return pair

    def _owner(self, owner: OwnerReference) -> OwnerReference:
        return replace(
            owner,
            api_version=self.text(owner.api_version),
            kind=self.text(owner.kind),
            name=self.text(owner.name),
            uid=self.text(owner.uid),
        )

    def _texts(self, texts: Mapping[str, str]) -> dict[str, str]:
        hold = self._strings.setdefault
        return {
            hold(key, key): hold(value, value) if len(value) <= MAX_PAIR_BYTES else value
            for key, value in texts.items()
        }

    def _asked_for(self, annotations: dict[str, str]) -> dict[str, str]:
        if self.annotations is None:
            return annotations
        return {key: annotations[key] for key in self.annotations if key in annotations}
