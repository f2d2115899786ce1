"""What a directory of manifests holds: each object once, its file, and what stands beside it.

`generated/` is ours to write, all else is only read. A ConfigMap of ours that stands in both is the
one in `generated/`; whatever else stands twice is an error.
"""

import hashlib
import uuid
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from podcm_sync.cluster import manifests, mistakes
from podcm_sync.cluster.manifests import Manifest, Skipped
from podcm_sync.core.validate import is_namespace, is_subdomain
from podcm_sync.errors import InputError
from podcm_sync.model.meta import API_VERSION, GENERATED_BY_LABEL, GROUP, KIND, NamespacedName

GENERATED: Final = "generated"
DEFAULT_NAMESPACE: Final = "default"
MAX_FILE_NAME: Final = 255
"""In bytes, on the usual file systems; a ConfigMap's name and `.yaml` may be longer."""
Json = dict[str, Any]
Key = tuple[str, NamespacedName]
"""An object's kind and name."""


class Stored(Struct, frozen=True, kw_only=True):
    """An object with its stand-ins, and every manifest that holds it; the last one counts."""

    content: Json
    manifests: tuple[Manifest, ...]


class Inventory:
    """One reading of a directory."""

    def __init__(self, directory: Path, default_namespace: str = DEFAULT_NAMESPACE) -> None:
        """Raises InputError for what cannot be read or stands twice.

        Without a default namespace, "", each manifest must name its own.
        """
        self._directory = directory
        self._default_namespace = default_namespace
        self._by_path: dict[Path, list[Manifest]] = {}
        self.stored: dict[Key, Stored] = {}
        found: dict[Key, list[Manifest]] = {}
        skipped = Skipped()
        for manifest in manifests.read(directory, skipped):
            self._by_path.setdefault(manifest.path, []).append(manifest)
            if _is_relevant(manifest):
                found.setdefault(self._key(manifest), []).append(manifest)
        self.skipped = skipped.count
        """How many documents are no Kubernetes objects."""
        for (kind, name), held in found.items():
            self.stored[kind, name] = self._one(kind, name, held)

    def path(self, name: NamespacedName) -> Path:
        """Where a ConfigMap's manifest stands below `generated/`, or would be written."""
        stored = self.stored.get(("ConfigMap", name))
        if stored is not None and self._is_ours(stored.manifests[-1]):
            return stored.manifests[-1].path
        file_name = f"{name.name}.yaml"
        if len(file_name) > MAX_FILE_NAME:
            digest = hashlib.sha256(name.name.encode()).hexdigest()[:16]
            file_name = f"{name.name[:200]}-{digest}.yaml"
        return self._directory / GENERATED / name.namespace / file_name

    def elsewhere(self, name: NamespacedName) -> list[Manifest]:
        """The manifests of a ConfigMap that are not ours to edit."""
        stored = self.stored["ConfigMap", name]
        return [each for each in stored.manifests if not self._is_ours(each)]

    def beside(self, name: NamespacedName) -> list[Json]:
        """What else stands in a ConfigMap's file, which must not be lost."""
        held = self._by_path.get(self.path(name), ())
        return [each.content for each in held if self._key_or_none(each) != ("ConfigMap", name)]

    def holds_file(self, path: Path) -> bool:
        """Whether any object was read from this file."""
        return path in self._by_path

    def note(self, name: NamespacedName, content: Json | None) -> None:
        """A ConfigMap's manifest was written, or removed: the next to write its file must know."""
        path = self.path(name)
        held = self._by_path.get(path, [])
        others = [each for each in held if self._key_or_none(each) != ("ConfigMap", name)]
        written = [] if content is None else [Manifest(path=path, content=content)]
        self._by_path[path] = [*written, *others]

    def _is_ours(self, manifest: Manifest) -> bool:
        return manifest.path.is_relative_to(self._directory / GENERATED)

    def _key(self, manifest: Manifest) -> Key:
        return manifest.content["kind"], _named(manifest, self._default_namespace)

    def _key_or_none(self, manifest: Manifest) -> Key | None:
        return self._key(manifest) if _is_relevant(manifest) else None

    def _one(self, kind: str, name: NamespacedName, held: list[Manifest]) -> Stored:
        # Ours last, wherever the path order brings it: it hides ours that was read, e.g. a dump.
        held.sort(key=self._is_ours)
        is_hidden = (
            kind == "ConfigMap"
            and [self._is_ours(each) for each in held] == [False, True]
            and is_generated(held[0].content)
        )
        if len(held) > 1 and not is_hidden:
            raise InputError(f"{held[1]}: {kind} {name} stands in {held[0]} already")
        content = _with_stand_ins(held[-1].content, kind, name)
        return Stored(content=content, manifests=tuple(held))


def is_generated(content: Json) -> bool:
    """Whether a ConfigMap's manifest has the label by which an API server would list it."""
    labels = content["metadata"].get("labels")
    return isinstance(labels, dict) and GENERATED_BY_LABEL in labels


def _is_relevant(manifest: Manifest) -> bool:
    """Whether a run reads its kind. Raises InputError for what is one but for a slip."""
    kind, api_version = manifest.content["kind"], manifest.content["apiVersion"]
    wanted = {"Pod": "v1", "ConfigMap": "v1", KIND: API_VERSION}
    for name, version in wanted.items():
        is_group = api_version.partition("/")[0] == version.partition("/")[0]
        if kind.lower() == name.lower() and (is_group or (kind == KIND and GROUP in api_version)):
            if (kind, api_version) != (name, version):
                raise InputError(
                    f"{manifest.at('kind')}: no such kind as {api_version} {kind}: "
                    f"write {version} {name}"
                )
            return True
    return False


def _named(manifest: Manifest, default_namespace: str) -> NamespacedName:
    """The object's identity; names become file names here, so they must be legal ones."""
    kind, metadata = manifest.content["kind"], manifest.content.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise InputError(f"{manifest.at('metadata')}: {kind} without metadata.name")
    name, namespace = metadata["name"], metadata.get("namespace") or default_namespace
    if not isinstance(name, str) or not is_subdomain(name):
        raise _bad_name(manifest, "name", name)
    if namespace == "":
        raise InputError(
            f"{manifest.at('metadata')}: {kind} {name} names no namespace, and the run has not "
            "just one: write metadata.namespace, or give one -n"
        )
    if not is_namespace(namespace):
        raise _bad_name(manifest, "namespace", namespace)
    return NamespacedName(namespace, name)


def _bad_name(manifest: Manifest, field: str, name: object) -> InputError:
    return InputError(
        mistakes.explain(
            manifest,
            f"metadata.{field}: {name!r} is not a legal name"
            if isinstance(name, str)
            else f"metadata.{field}: must be of type `str`",
        )
    )


def _with_stand_ins(content: Json, kind: str, name: NamespacedName) -> Json:
    """The object with what an API server would have given it, the same at every run.

    A Pod gets no uid: what is written for it must not name an owner that is in no cluster.
    """
    metadata = {
        "generation": 1,
        "resourceVersion": hashlib.sha256(repr(content).encode()).hexdigest()[:16],
        **{key: value for key, value in content["metadata"].items() if value is not None},
        "namespace": name.namespace,
    }
    if kind != "Pod":
        stand_in = str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://{GROUP}/{kind}/{name}"))
        metadata = {"uid": stand_in, **metadata}
    filled = {**content, "metadata": _without_null_texts(metadata, "labels", "annotations")}
    if kind == "ConfigMap":
        filled = _without_null_texts(filled, "data", "binaryData")
    if kind == "Pod":
        status = content.get("status") or {}
        if isinstance(status, dict):
            filled["status"] = {"phase": "Pending", **status}
    return filled


def _without_null_texts(content: Json, *fields: str) -> Json:
    """Null in a map of texts as an API server stores it: as the empty text."""
    return {
        key: {name: "" if text is None else text for name, text in value.items()}
        if key in fields and isinstance(value, dict)
        else value
        for key, value in content.items()
    }
