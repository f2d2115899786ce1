"""A directory of manifests as a cluster: read everything in it, write only `DIR/generated/`.

The same sync without an API server (spec.md §8). What is read is never edited: an update of a
ConfigMap that stands elsewhere is written to `generated/`, where it hides the one that was read.
"""

import hashlib
import os
import tempfile
import uuid
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from msgspec import Struct

from podcm_sync.cluster import manifests
from podcm_sync.cluster.manifests import Manifest
from podcm_sync.core import managed
from podcm_sync.core.validate import is_label_value, is_subdomain
from podcm_sync.errors import DecodeError, InputError
from podcm_sync.model import decode
from podcm_sync.model.changes import Answer, DesiredConfigMap, Result, StatusUpdate
from podcm_sync.model.meta import GENERATED_BY_LABEL, GROUP, KIND, NamespacedName
from podcm_sync.model.objects import ConfigMap, Pod, PodConfigMapConfig, Problem, Scope, Snapshot
from podcm_sync.model.reasons import Reason

GENERATED: Final = "generated"
DEFAULT_NAMESPACE: Final = "default"
Json = dict[str, Any]


class _Stored(Struct, frozen=True, kw_only=True):
    """An object and every manifest that holds it; the last one counts."""

    content: Json
    manifests: tuple[Manifest, ...]


class DirectoryCluster:
    """Implements `port.Reader` and `port.Writer` over a directory, for one run at a time."""

    def __init__(self, directory: Path) -> None:
        """Raises InputError where there is no such directory."""
        if not directory.is_dir():
            raise InputError(f"--from {directory}: there is no such directory")
        self._directory = directory
        self._umask = _umask()
        self._stored: dict[tuple[str, NamespacedName], _Stored] = {}

    def snapshot(self, scope: Scope) -> Snapshot:
        """Every Pod, config and generated ConfigMap of the scope. Raises InputError."""
        self._stored = self._read()
        pods: list[Pod] = []
        configs: list[PodConfigMapConfig] = []
        config_maps: list[ConfigMap] = []
        problems: list[Problem] = []
        for (kind, name), stored in self._stored.items():
            if scope.namespaces is not None and name.namespace not in scope.namespaces:
                continue
            body = msgspec.json.encode(stored.content)
            try:
                if kind == "Pod":
                    pods.append(decode.decode_pod(body))
                elif kind == KIND:
                    configs.append(decode.decode_config(body))
                elif _is_generated(stored.content):
                    config_maps.append(decode.decode_config_map(body))
            except DecodeError as error:
                problem = decode.problem(
                    msgspec.Raw(body), kind, f"{stored.manifests[-1]}: {error}"
                )
                problems.append(problem)
        return Snapshot(
            scope=scope,
            pods=tuple(pods),
            configs=tuple(configs),
            config_maps=tuple(config_maps),
            problems=tuple(problems),
        )

    def taken_names(self, namespaces: Collection[str]) -> frozenset[NamespacedName]:
        """The names of all ConfigMaps of these namespaces."""
        return frozenset(
            name
            for kind, name in self._stored
            if kind == "ConfigMap" and name.namespace in namespaces
        )

    def create(self, desired: DesiredConfigMap) -> Answer:
        """Write a new manifest below `generated/`."""
        name = desired.namespaced_name
        if ("ConfigMap", name) in self._stored or self._path(name).exists():
            message = "a ConfigMap of that name exists"
            return Answer(result=Result.FAILED, reason=Reason.CONFLICT, message=message)
        return self._write(name, managed.manifest(desired), Result.CREATED)

    def update(self, existing: ConfigMap, desired: DesiredConfigMap) -> Answer:
        """Write the whole patched object below `generated/`; what others put on it stays."""
        name = existing.namespaced_name
        patch = managed.merge_patch(existing, desired)
        del patch["metadata"]["resourceVersion"]
        stored = self._stored["ConfigMap", name]
        return self._write(name, _merge(_authored(stored), patch), Result.UPDATED)

    def delete(self, existing: ConfigMap) -> Answer:
        """Remove the manifest, if `generated/` is the one place that has it."""
        path = self._path(existing.namespaced_name)
        stored = self._stored["ConfigMap", existing.namespaced_name]
        elsewhere = [each for each in stored.manifests if each.path != path]
        if elsewhere:
            return Answer(
                result=Result.FAILED,
                reason=Reason.READ_ONLY,
                message=f"it stands in {elsewhere[0]}, which is read and never edited",
            )
        try:
            path.unlink(missing_ok=True)
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
        except OSError as error:
            return _failed(error)
        return Answer(result=Result.DELETED)

    def update_status(self, update: StatusUpdate) -> Answer:  # noqa: ARG002 - as the port has it
        """Statuses are only shown: the manifests that were read are never edited."""
        return Answer(result=Result.SKIPPED)

    def _read(self) -> dict[tuple[str, NamespacedName], _Stored]:
        found: dict[tuple[str, NamespacedName], list[Manifest]] = {}
        for manifest in manifests.read(self._directory):
            kind = manifest.content["kind"]
            if _is_relevant(kind, manifest.content["apiVersion"]):
                found.setdefault((kind, _named(manifest)), []).append(manifest)
        stored: dict[tuple[str, NamespacedName], _Stored] = {}
        for (kind, name), held in found.items():
            # Ours hides what was read, wherever the path order brings it.
            held.sort(key=lambda manifest: manifest.path == self._path(name))
            elsewhere = [each for each in held if each.path != self._path(name)]
            if len(elsewhere) > 1 or len(held) - len(elsewhere) > 1:
                raise InputError(f"{held[1]}: {kind} {name} stands in {held[0]} already")
            stored[kind, name] = _Stored(
                content=_with_stand_ins(held[-1].content, kind, name), manifests=tuple(held)
            )
        return stored

    def _path(self, name: NamespacedName) -> Path:
        return self._directory / GENERATED / name.namespace / f"{name.name}.yaml"

    def _write(self, name: NamespacedName, content: Json, result: Result) -> Answer:
        path = self._path(name)
        text = yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Beside it and renamed, so that a killed run leaves the old file or the new one.
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=path.parent, prefix=".", delete=False
            ) as file:
                file.write(text)
                temporary = Path(file.name)
            temporary.chmod(0o666 & ~self._umask)
            temporary.replace(path)
        except OSError as error:
            return _failed(error)
        return Answer(result=result)


def _is_relevant(kind: str, api_version: str) -> bool:
    if kind == KIND:
        return api_version.startswith(f"{GROUP}/")
    return kind in {"Pod", "ConfigMap"} and api_version == "v1"


def _is_generated(content: Json) -> bool:
    labels = content["metadata"].get("labels")
    return isinstance(labels, dict) and GENERATED_BY_LABEL in labels


def _named(manifest: Manifest) -> NamespacedName:
    """The object's identity; names become file names here, so they must be legal ones."""
    kind, metadata = manifest.content["kind"], manifest.content.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise InputError(f"{manifest}: {kind} without metadata.name")
    name, namespace = metadata["name"], metadata.get("namespace") or DEFAULT_NAMESPACE
    if not isinstance(name, str) or not is_subdomain(name):
        raise InputError(f"{manifest}: {kind} metadata.name {name!r} is not a legal name")
    if not isinstance(namespace, str) or not (
        is_subdomain(namespace) and is_label_value(namespace) and "." not in namespace
    ):
        raise InputError(f"{manifest}: {kind} metadata.namespace {namespace!r} is not a legal name")
    return NamespacedName(namespace, name)


def _with_stand_ins(content: Json, kind: str, name: NamespacedName) -> Json:
    """The object with what an API server would have given it, the same at every run."""
    metadata = {
        "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://{GROUP}/{kind}/{name}")),
        "generation": 1,
        "resourceVersion": hashlib.sha256(repr(content).encode()).hexdigest()[:16],
        **{key: value for key, value in content["metadata"].items() if value is not None},
        "namespace": name.namespace,
    }
    filled = {**content, "metadata": metadata}
    if kind == "Pod":
        status = content.get("status") or {}
        if isinstance(status, dict):
            filled["status"] = {"phase": "Pending", **status}
    return filled


def _authored(stored: _Stored) -> Json:
    """The object as its manifest has it, without stand-ins."""
    content: Json = stored.manifests[-1].content
    return content


def _merge(target: Any, patch: Any) -> Any:
    """A JSON merge patch applied (RFC 7386 §2): null removes, mappings merge, the rest replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged


def _failed(error: OSError) -> Answer:
    return Answer(result=Result.FAILED, reason=Reason.READ_ONLY, message=str(error))


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask
