"""A directory of manifests as a cluster: reads everything in it, writes only `DIR/generated/`.

It is the same sync without an API server (docs/design/behavior.md §8). podcm-sync never edits other
manifests: it writes an update to `generated/`, where the new manifest hides the one that was read.
"""

import json
import logging
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from podcm_sync.api import decode_json
from podcm_sync.api.finding import MalformedError
from podcm_sync.api.meta import KIND, NamespacedName
from podcm_sync.api.objects import (
    ConfigMap,
    PartialObjectMetadata,
    Pod,
    PodConfigMapConfig,
    Problem,
)
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.files import manifests, mistakes
from podcm_sync.cluster.files.inventory import DEFAULT_NAMESPACE, GENERATED, Inventory, is_generated
from podcm_sync.cluster.interfaces import Confirm, needs_no_look
from podcm_sync.errors import InputError
from podcm_sync.reconcile import managed_fields, names
from podcm_sync.reconcile.changes import Answer, DesiredConfigMap, Result, StatusUpdate
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.runtime import files, yaml_text

log = logging.getLogger(__name__)

Json = dict[str, Any]


class DirectoryCluster:
    """Implements `interfaces.Reader` and `interfaces.Writer`; for one run at a time."""

    def __init__(self, directory: Path) -> None:
        """Raises InputError if the directory doesn't exist."""
        if not manifests.is_directory(directory):
            raise InputError(f"--from {directory}: the directory doesn't exist")
        self._directory = directory
        self._last_read: Inventory | None = None
        self._lock = threading.Lock()
        self._has_warned = False

    @property
    def _inventory(self) -> Inventory:
        assert self._last_read is not None, "a snapshot comes first"
        return self._last_read

    def snapshot(
        self,
        scope: Scope,
        *,
        may_defer: bool = False,  # noqa: ARG002 - files are read at once
    ) -> Snapshot:
        """Every Pod, config, and generated ConfigMap of the scope. Raises InputError.

        An object that doesn't decode is a Problem, with its file and line in the message.
        """
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
                    pods.append(decode_json.decode_pod(body))
                elif kind == KIND:
                    config = decode_json.decode_config(body)
                    configs.append(mistakes.located(stored.manifests[-1], config))
                elif is_generated(stored.content):
                    config_maps.append(decode_json.decode_config_map(body))
                    if outside := self._inventory.outside_generated(name):
                        read_only[name] = str(outside[0])
            except MalformedError as error:
                finding = mistakes.explain(stored.manifests[-1], error.finding)
                problems.append(decode_json.problem(msgspec.Raw(body), kind, finding))
        skipped = self._inventory.skipped
        log.info(
            "read from %s: %d Pods, %d PodConfigMapConfigs, %d generated ConfigMaps%s",
            self._directory,
            len(pods),
            len(configs),
            len(config_maps),
            f"; skipped {skipped} documents that aren't Kubernetes objects" if skipped else "",
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

    def namespaces(self) -> Collection[str]:
        """The namespace of each ConfigMap and config."""
        kinds = {"ConfigMap", KIND}
        return {name.namespace for kind, name in self._inventory.stored if kind in kinds}

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        """The name of each ConfigMap in these namespaces, and whether it is ours."""
        return {
            name: _is_ours(name, stored.content)
            for (kind, name), stored in self._inventory.stored.items()
            if kind == "ConfigMap" and name.namespace in namespaces
        }

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        """The ones that a manifest has."""
        return [name for name in config_maps if ("ConfigMap", name) in self._inventory.stored]

    def namespaces_of(self, kind: str, name: str) -> Collection[str]:
        """The namespaces that have an object of this kind and name."""
        return {
            stored.namespace
            for stored_kind, stored in self._inventory.stored
            if (stored_kind, stored.name) == (kind, name)
        }

    def create(self, desired: DesiredConfigMap) -> Answer:
        """Write a new manifest below `generated/`.

        If the name or the file is taken, the answer is a Conflict: podcm-sync overwrites no file
        that it didn't read an object from.
        """
        name = desired.namespaced_name
        path = self._inventory.path(name)
        is_foreign_file = path.exists() and not self._inventory.has_file(path)
        if ("ConfigMap", name) in self._inventory.stored or is_foreign_file:
            message = f"{path} exists, and podcm-sync didn't generate it"
            return Answer(result=Result.FAILED, reason=Reason.CONFLICT, message=message)
        self._warn_of_uid(desired)
        return self._write(name, managed_fields.manifest(desired), Result.CREATED)

    def update(self, existing: ConfigMap, desired: DesiredConfigMap) -> Answer:
        """Write the whole patched object below `generated/`; what others added to it stays."""
        name = existing.namespaced_name
        patch = managed_fields.merge_patch(existing, desired)
        # A manifest has no version that a write could depend on: the one that was read is made up.
        del patch["metadata"]["resourceVersion"]
        self._warn_of_uid(desired)
        authored = self._inventory.stored["ConfigMap", name].manifests[-1].content
        return self._write(name, _merge(authored, patch), Result.UPDATED)

    def delete(self, existing: ConfigMap, confirm: Confirm = needs_no_look) -> Answer:
        """Remove the manifest, unless another one outside `generated/` has the same object."""
        name = existing.namespaced_name
        if (answer := confirm()) is not None:
            return answer
        if outside := self._inventory.outside_generated(name):
            return Answer(
                result=Result.FAILED,
                reason=Reason.READ_ONLY,
                message=f"it is in {outside[0]}, which podcm-sync never edits",
            )
        return self._write(name, None, Result.DELETED)

    def update_status(self, update: StatusUpdate) -> Answer:  # noqa: ARG002 - the interface has it
        """Skip the status, since podcm-sync never edits the manifests that it reads."""
        return Answer(result=Result.SKIPPED)

    def _warn_of_uid(self, desired: DesiredConfigMap) -> None:
        """Warn once that a manifest fits one cluster only: in others its owner doesn't exist."""
        with self._lock:
            if desired.pod_uid and not self._has_warned:
                self._has_warned = True
                log.warning(
                    "%s has ConfigMaps for Pods with a uid: apply them only to the Pods' own "
                    "cluster; any other deletes them, because their owner doesn't exist",
                    self._directory / GENERATED,
                )

    def _write(self, name: NamespacedName, content: Json | None, result: Result) -> Answer:
        """Write the file of a ConfigMap, or its removal (None), and keep other objects in it.

        The lock covers the read and the write: two ConfigMaps can share a file.
        """
        with self._lock:
            path = self._inventory.path(name)
            documents = self._inventory.others_in_file(name)
            if content is not None:
                documents = [content, *documents]
            try:
                self._store(path, documents)
            except OSError as error:
                message = f"{path}: {error.strerror or error}"
                return Answer(result=Result.FAILED, reason=Reason.WRITE_FAILED, message=message)
            self._inventory.record_write(name, content)
            return Answer(result=result)

    def _store(self, path: Path, documents: list[Json]) -> None:
        """Replace a file by these documents, or remove it if there are none. Raises OSError."""
        relative = path.relative_to(self._directory)
        if documents:
            text = _text(documents, is_json=path.suffix == ".json")
            files.write_below(self._directory, relative, text.encode())
        else:
            files.remove_below(self._directory, relative)


def _default_namespace(scope: Scope) -> str:
    """The namespace for manifests that name none, or "" if the run has several `-n`."""
    if scope.namespaces is None:
        return DEFAULT_NAMESPACE
    return scope.namespaces[0] if len(scope.namespaces) == 1 else ""


def _is_ours(name: NamespacedName, content: Json) -> bool:
    labels = content["metadata"].get("labels")
    labels = labels if isinstance(labels, dict) else {}
    return names.is_ours(PartialObjectMetadata(namespaced_name=name, labels=labels))


def _text(documents: list[Json], *, is_json: bool) -> str:
    if not is_json:
        return yaml_text.dump(documents)
    as_list = {"apiVersion": "v1", "kind": "List", "items": documents}
    return json.dumps(documents[0] if len(documents) == 1 else as_list, indent=2) + "\n"


def _merge(target: Any, patch: Any) -> Any:
    """The target with a JSON merge patch applied (RFC 7386, section 2).

    Null removes a key, mappings merge, and any other value replaces the old one.
    """
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged
