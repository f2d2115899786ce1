"""Keeps a snapshot small: equal strings are held once, and annotations only if a config needs them.

An Interner lives while the lists of one snapshot are read. Labels, namespaces, nodes, and uids
recur from object to object. A hundred thousand copies of them would be most of a run's memory.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from podcm_sync.api.meta import NamespacedName, OwnerReference
from podcm_sync.api.objects import ConfigMap, Pod, PodConfigMapConfig
from podcm_sync.api.template_fields import NO_FIELDS, encode

MAX_PAIRS: Final = 20_000
"""The most pairs to hold by their encoded bytes. Past it, all are dropped; those that recur soon
return. Pairs that belong to one object, such as its uid, must not fill the memory."""
MAX_PAIR_BYTES: Final = 512
"""Longer pairs aren't held: they hardly recur, and would outlive objects that are dropped."""
MAX_STRINGS: Final = 100_000
"""The most strings to hold. Past it, all are dropped before the next page, so that what was read of
a closed namespace does not stay in memory."""
Pair = tuple[str, str]


class Interner:
    """The strings held so far, and the keys of the Pods' annotations to keep (None for all)."""

    def __init__(self) -> None:
        self._strings: dict[str, str] = {}
        self._pairs: dict[bytes, Pair] = {}
        self.annotations: frozenset[str] | None = None

    @property
    def keeps_template_fields(self) -> bool:
        """Whether a template can read any field of a Pod."""
        return self.annotations is None

    def only_annotations_of(self, configs: Iterable[PodConfigMapConfig]) -> "Interner":
        """An Interner with the same strings that keeps only the annotations these configs include.

        It keeps all annotations if a config has templates, which can read any. It always keeps all
        labels, because selectors match them.
        """
        interner = Interner()
        interner._strings = self._strings
        interner._pairs = self._pairs
        specs = [config.spec for config in configs if config.spec is not None]
        if not any(spec.config_map_data_template for spec in specs):
            interner.annotations = frozenset(
                key for spec in specs for key in spec.annotations_to_include
            )
        return interner

    def begin_page(self) -> None:
        """Drop the strings if there are too many; the objects that have them keep them."""
        if len(self._strings) > MAX_STRINGS:
            self._strings.clear()
            self._pairs.clear()

    def pod(self, pod: Pod) -> Pod:
        """The Pod with held strings, and only the annotations to keep."""
        return replace(
            pod,
            namespaced_name=self.name(*pod.namespaced_name),
            uid=self.text(pod.uid),
            labels=self._texts(pod.labels),
            annotations=self._included(pod.annotations),
            node_name=self.text(pod.node_name),
            phase=self.text(pod.phase),
        )

    def template_fields(self, pod: Any) -> bytes:
        """The fields that only templates read, encoded; NO_FIELDS if no template can read them."""
        return encode(pod) if self.keeps_template_fields else NO_FIELDS

    def config_map(self, config_map: ConfigMap) -> ConfigMap:
        """The whole ConfigMap with held strings: a run can write back or show any part of it."""
        return replace(
            config_map,
            namespaced_name=self.name(*config_map.namespaced_name),
            labels=self._texts(config_map.labels),
            owner_references=tuple(map(self._owner, config_map.owner_references)),
            data=self._texts(config_map.data),
        )

    def text(self, text: str) -> str:
        """The held string that is equal to this one."""
        return self._strings.setdefault(text, text)

    def name(self, namespace: str, name: str) -> NamespacedName:
        """A name made of held strings."""
        hold = self._strings.setdefault
        return NamespacedName(hold(namespace, namespace), hold(name, name))

    def pairs(self, entries: Iterable[bytes], parse: Callable[[bytes], Pair]) -> dict[str, str]:
        """A mapping from its encoded pairs. `parse` is called only for pairs that aren't held."""
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

    def _included(self, annotations: dict[str, str]) -> dict[str, str]:
        if self.annotations is None:
            return annotations
        return {key: annotations[key] for key in self.annotations if key in annotations}
