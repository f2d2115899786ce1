"""A directory of manifests as a cluster: read everything in it, write only `DIR/generated/`.

The same sync without an API server (spec.md §8). What is read is never edited: an update of a
ConfigMap that stands elsewhere is written to `generated/`, where it hides the one that was read.
"""

import json
import logging
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from podcm_sync import yaml_text
from podcm_sync.cluster import manifests, mistakes
from podcm_sync.cluster.inventory import DEFAULT_NAMESPACE, GENERATED, Inventory, is_generated
from podcm_sync.core import managed, names
from podcm_sync.errors import DecodeError, InputError
from podcm_sync.model import decode
from podcm_sync.model.changes import Answer, DesiredConfigMap, Result, StatusUpdate
from podcm_sync.model.meta import KIND, NamespacedName
from podcm_sync.model.objects import (
    ConfigMap,
    PartialObjectMetadata,
    Pod,
    PodConfigMapConfig,
    Problem,
    Scope,
    Snapshot,
)
from podcm_sync.model.reasons import Reason
from podcm_sync.runtime import files

log = logging.getLogger(__name__)

Json = dict[str, Any]


class DirectoryCluster:
    """Implements `port.Reader` and `port.Writer` over a directory, for one run at a time."""

    def __init__(self, directory: Path) -> None:
        """Raises InputError where there is no such directory."""
        if not manifests.is_directory(directory):
            raise InputError(f"--from {directory}: there is no such directory")
        self._directory = directory
        self._last_read: Inventory | None = None
        self._lock = threading.Lock()
        self._has_warned = False

    @property
    def _inventory(self) -> Inventory:
        assert self._last_read is not None, "a snapshot comes first"
        return self._last_read

    def snapshot(self, scope: Scope) -> Snapshot:
        """Every Pod, config and generated ConfigMap of the scope. Raises InputError."""
        self._last_read = Inventory(self._directory, _default_namespace(scope))
        read_only: dict[NamespacedName, str] = {}
        pods: list[Pod] = []
        configs: list[PodConfigMapConfig] = []
        config_maps: list[ConfigMap] = []
        problems: list[Problem] = []
        for (kind, name), stored in self._inventory.stored.items():
            if scope.namespaces is not None and name.namespace not in scope.namespaces:
                continue
            body = msgspec.json.encode(stored.content)
            try:
                if kind == "Pod":
                    pods.append(decode.decode_pod(body))
                elif kind == KIND:
                    config = decode.decode_config(body)
                    configs.append(mistakes.located(stored.manifests[-1], config))
                elif is_generated(stored.content):
                    config_maps.append(decode.decode_config_map(body))
                    if elsewhere := self._inventory.elsewhere(name):
                        read_only[name] = str(elsewhere[0])
            except DecodeError as error:
                message = mistakes.explain(stored.manifests[-1], str(error))
                problems.append(decode.problem(msgspec.Raw(body), kind, message))
        skipped = self._inventory.skipped
        log.info(
            "read in %s: %d Pods, %d PodConfigMapConfigs, %d generated ConfigMaps%s",
            self._directory,
            len(pods),
            len(configs),
            len(config_maps),
            f"; skipped {skipped} documents that are not Kubernetes objects" if skipped else "",
        )
        return Snapshot(
            scope=scope,
            pods=tuple(pods),
            configs=tuple(configs),
            config_maps=tuple(config_maps),
            problems=tuple(problems),
            read_only=read_only,
            has_garbage_collector=False,
        )

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        """Each ConfigMap's name in these namespaces, and whether it is ours."""
        return {
            name: _is_ours(name, stored.content)
            for (kind, name), stored in self._inventory.stored.items()
            if kind == "ConfigMap" and name.namespace in namespaces
        }

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        """Those that a manifest still has."""
        return [name for name in config_maps if ("ConfigMap", name) in self._inventory.stored]

    def create(self, desired: DesiredConfigMap) -> Answer:
        """Write a new manifest below `generated/`."""
        name = desired.namespaced_name
        path = self._inventory.path(name)
        is_foreign_file = path.exists() and not self._inventory.holds_file(path)
        if ("ConfigMap", name) in self._inventory.stored or is_foreign_file:
            message = f"{path} exists and is not podcm-sync's"
            return Answer(result=Result.FAILED, reason=Reason.CONFLICT, message=message)
        self._warn_of_uid(desired)
        return self._write(name, managed.manifest(desired), Result.CREATED)

    def update(self, existing: ConfigMap, desired: DesiredConfigMap) -> Answer:
        """Write the whole patched object below `generated/`; what others put on it stays."""
        name = existing.namespaced_name
        patch = managed.merge_patch(existing, desired)
        del patch["metadata"]["resourceVersion"]
        self._warn_of_uid(desired)
        authored = self._inventory.stored["ConfigMap", name].manifests[-1].content
        return self._write(name, _merge(authored, patch), Result.UPDATED)

    def delete(self, existing: ConfigMap) -> Answer:
        """Remove the manifest, if `generated/` is the one place that has it."""
        name = existing.namespaced_name
        if elsewhere := self._inventory.elsewhere(name):
            return Answer(
                result=Result.FAILED,
                reason=Reason.READ_ONLY,
                message=f"it stands in {elsewhere[0]}, which is read and never edited",
            )
        return self._write(name, None, Result.DELETED)

    def update_status(self, update: StatusUpdate) -> Answer:  # noqa: ARG002 - as the port has it
        """Statuses are only shown: the manifests that were read are never edited."""
        return Answer(result=Result.SKIPPED)

    def _warn_of_uid(self, desired: DesiredConfigMap) -> None:
        """Say once that a manifest is bound to its cluster: elsewhere its owner does not exist."""
        with self._lock:
            if desired.pod_uid and not self._has_warned:
                self._has_warned = True
                log.warning(
                    "%s has ConfigMaps for Pods with a uid: apply them only to the cluster that "
                    "the Pods come from; any other deletes them, since their owner is not there",
                    self._directory / GENERATED,
                )

    def _write(self, name: NamespacedName, content: Json | None, result: Result) -> Answer:
        """Write the file of a ConfigMap anew, with whatever else stands in it."""
        with self._lock:
            path = self._inventory.path(name)
            documents = self._inventory.beside(name)
            if content is not None:
                documents = [content, *documents]
            try:
                self._store(path, documents)
            except OSError as error:
                message = f"{path}: {error.strerror or error}"
                return Answer(result=Result.FAILED, reason=Reason.WRITE_FAILED, message=message)
            self._inventory.note(name, content)
            return Answer(result=result)

    def _store(self, path: Path, documents: list[Json]) -> None:
        """Give a file these documents, or remove it if there are none. Raises OSError."""
        relative = path.relative_to(self._directory)
        if documents:
            text = _text(documents, is_json=path.suffix == ".json")
            files.write_below(self._directory, relative, text.encode())
        else:
            files.remove_below(self._directory, relative)


def _default_namespace(scope: Scope) -> str:
    """The namespace of manifests that name none; "" if the run has several of its own."""
    if scope.namespaces is None:
        return DEFAULT_NAMESPACE
    return scope.namespaces[0] if len(scope.namespaces) == 1 else ""


def _is_ours(name: NamespacedName, content: Json) -> bool:
    labels = content["metadata"].get("labels")
    held = labels if isinstance(labels, dict) else {}
    return names.is_ours(PartialObjectMetadata(namespaced_name=name, labels=held))


def _text(documents: list[Json], *, is_json: bool) -> str:
    if not is_json:
        return yaml_text.dump(documents)
    listed = {"apiVersion": "v1", "kind": "List", "items": documents}
    return json.dumps(documents[0] if len(documents) == 1 else listed, indent=2) + "\n"


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
