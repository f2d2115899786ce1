"""The contents of a directory of manifests: each object once, with the file that has it.

podcm-sync writes `generated/` and only reads the rest (docs/design/behavior.md §8). If a generated
ConfigMap is in both, the one in `generated/` counts. Any other duplicate is an error.
"""

import hashlib
import uuid
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from podcm_sync.api.finding import Finding
from podcm_sync.api.meta import API_VERSION, GENERATED_BY_LABEL, GROUP, KIND, NamespacedName
from podcm_sync.cluster.files import manifests, mistakes
from podcm_sync.cluster.files.manifests import Manifest, Skipped
from podcm_sync.errors import InputError
from podcm_sync.reconcile.validate import is_namespace, is_subdomain

GENERATED: Final = "generated"
DEFAULT_NAMESPACE: Final = "default"
MAX_FILE_NAME: Final = 255
"""Bytes, on common file systems. A ConfigMap's name and `.yaml` can be longer."""
Json = dict[str, Any]
Key = tuple[str, NamespacedName]
"""An object's kind and name."""


class Stored(Struct, frozen=True, kw_only=True):
    """An object with the fields that a server would add, and its manifests; the last one counts."""

    content: Json
    manifests: tuple[Manifest, ...]


class Inventory:
    """The objects of a directory as they were when it was read, and what the run wrote since."""

    def __init__(self, directory: Path, default_namespace: str = DEFAULT_NAMESPACE) -> None:
        """Read the directory. Raises InputError for unreadable manifests and for duplicates.

        If `default_namespace` is "", each manifest must name its namespace.
        """
        self._directory = directory
        self._default_namespace = default_namespace
        self._by_path: dict[Path, list[Manifest]] = {}
        self.stored: dict[Key, Stored] = {}
        by_key: dict[Key, list[Manifest]] = {}
        skipped = Skipped()
        for manifest in manifests.read(directory, skipped):
            self._by_path.setdefault(manifest.path, []).append(manifest)
            if _is_relevant(manifest):
                by_key.setdefault(self._key(manifest), []).append(manifest)
        self.skipped = skipped.count
        """The number of documents that aren't Kubernetes objects."""
        for (kind, name), duplicates in by_key.items():
            self.stored[kind, name] = self._stored(kind, name, duplicates)

    def path(self, name: NamespacedName) -> Path:
        """The file below `generated/` that has a ConfigMap's manifest, or will have it."""
        stored = self.stored.get(("ConfigMap", name))
        if stored is not None and self._is_ours(stored.manifests[-1]):
            return stored.manifests[-1].path
        file_name = f"{name.name}.yaml"
        if len(file_name) > MAX_FILE_NAME:
            digest = hashlib.sha256(name.name.encode()).hexdigest()[:16]
            file_name = f"{name.name[:200]}-{digest}.yaml"
        return self._directory / GENERATED / name.namespace / file_name

    def outside_generated(self, name: NamespacedName) -> list[Manifest]:
        """The manifests of a ConfigMap outside `generated/`, which podcm-sync never edits."""
        stored = self.stored["ConfigMap", name]
        return [manifest for manifest in stored.manifests if not self._is_ours(manifest)]

    def others_in_file(self, name: NamespacedName) -> list[Json]:
        """The other objects in a ConfigMap's file, which a write of the file must keep."""
        return [manifest.content for manifest in self._others(name)]

    def has_file(self, path: Path) -> bool:
        """Whether an object was read from this file."""
        return path in self._by_path

    def record_write(self, name: NamespacedName, content: Json | None) -> None:
        """Record that a ConfigMap's manifest was written, or removed (None).

        Several ConfigMaps can share a file, and each write of it contains the others.
        """
        path = self.path(name)
        written = [] if content is None else [Manifest(path=path, content=content)]
        self._by_path[path] = [*written, *self._others(name)]

    def _others(self, name: NamespacedName) -> list[Manifest]:
        key = ("ConfigMap", name)
        manifests_of_file = self._by_path.get(self.path(name), [])
        return [manifest for manifest in manifests_of_file if self._key_or_none(manifest) != key]

    def _is_ours(self, manifest: Manifest) -> bool:
        return manifest.path.is_relative_to(self._directory / GENERATED)

    def _key(self, manifest: Manifest) -> Key:
        return manifest.content["kind"], _named(manifest, self._default_namespace)

    def _key_or_none(self, manifest: Manifest) -> Key | None:
        return self._key(manifest) if _is_relevant(manifest) else None

    def _stored(self, kind: str, name: NamespacedName, duplicates: list[Manifest]) -> Stored:
        # The manifest in generated/ last, in any path order: it hides one in a dump, for example.
        duplicates.sort(key=self._is_ours)
        is_hidden = (
            kind == "ConfigMap"
            and [self._is_ours(manifest) for manifest in duplicates] == [False, True]
            and is_generated(duplicates[0].content)
        )
        if len(duplicates) > 1 and not is_hidden:
            raise InputError(f"{duplicates[1]}: {kind} {name} is also in {duplicates[0]}")
        content = _with_server_fields(duplicates[-1].content, kind, name)
        return Stored(content=content, manifests=tuple(duplicates))


def is_generated(content: Json) -> bool:
    """Whether a ConfigMap's manifest has the label that a run selects ConfigMaps by."""
    labels = content["metadata"].get("labels")
    return isinstance(labels, dict) and GENERATED_BY_LABEL in labels


def _is_relevant(manifest: Manifest) -> bool:
    """Whether a run reads the manifest's kind.

    Raises InputError if the kind or apiVersion is wrong, but close to one that a run reads.
    """
    kind, api_version = manifest.content["kind"], manifest.content["apiVersion"]
    wanted = {"Pod": "v1", "ConfigMap": "v1", KIND: API_VERSION}
    for name, version in wanted.items():
        is_group = api_version.partition("/")[0] == version.partition("/")[0]
        if kind.lower() == name.lower() and (is_group or (kind == KIND and GROUP in api_version)):
            if (kind, api_version) != (name, version):
                raise InputError(
                    f"{manifest.at('kind')}: the kind {api_version} {kind} doesn't exist",
                    hint=f"use {version} {name}",
                )
            return True
    return False


def _named(manifest: Manifest, default_namespace: str) -> NamespacedName:
    """The object's namespace and name. Raises InputError for names that Kubernetes doesn't allow.

    Names become file names, so an illegal one could lead out of `generated/`.
    """
    kind, metadata = manifest.content["kind"], manifest.content.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise InputError(f"{manifest.at('metadata')}: {kind} has no metadata.name")
    name, namespace = metadata["name"], metadata.get("namespace") or default_namespace
    if not isinstance(name, str) or not is_subdomain(name):
        raise _bad_name(manifest, "name", name)
    if namespace == "":
        raise InputError(
            f"{manifest.at('metadata')}: {kind} {name} has no namespace, and the run has more than "
            "one",
            hint="add metadata.namespace, or use a single -n",
        )
    if not is_namespace(namespace):
        raise _bad_name(manifest, "namespace", namespace)
    return NamespacedName(namespace, name)


def _bad_name(manifest: Manifest, field: str, name: object) -> InputError:
    is_text = isinstance(name, str)
    message = f"{name!r} isn't a valid name" if is_text else "must be text"
    wanted = "" if is_text else "str"
    finding = Finding(path=f"metadata.{field}", message=message, quoted=(), wanted=wanted)
    return InputError(str(mistakes.explain(manifest, finding)))


def _with_server_fields(content: Json, kind: str, name: NamespacedName) -> Json:
    """The object with the fields that an API server would have added, the same at every run.

    A Pod gets no uid: its ConfigMap must not name an owner that exists in no cluster.
    """
    metadata = {
        "generation": 1,
        "resourceVersion": hashlib.sha256(repr(content).encode()).hexdigest()[:16],
        **{key: value for key, value in content["metadata"].items() if value is not None},
        "namespace": name.namespace,
    }
    if kind != "Pod":
        uid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://{GROUP}/{kind}/{name}"))
        metadata = {"uid": uid, **metadata}
    filled = {**content, "metadata": _without_null_texts(metadata, "labels", "annotations")}
    if kind == "ConfigMap":
        filled = _without_null_texts(filled, "data", "binaryData")
    if kind == "Pod":
        status = content.get("status") or {}
        if isinstance(status, dict):
            filled["status"] = {"phase": "Pending", **status}
    return filled


def _without_null_texts(content: Json, *fields: str) -> Json:
    """The content with "" for null in these maps of strings, as an API server stores it."""
    return {
        key: {name: "" if text is None else text for name, text in value.items()}
        if key in fields and isinstance(value, dict)
        else value
        for key, value in content.items()
    }
