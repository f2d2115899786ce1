"""The fields of a ConfigMap that podcm-sync manages: compare them, patch them, show them.

The comparison, the patch, the created object and the diff share one definition, so they can't
disagree. All of data and binaryData is ours; of labels, annotations and owner references only the
ones that podcm-sync sets (behavior.md §3).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from podcm_sync.api.meta import (
    GENERATED_BY_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    PCMC_NAME_ANNOTATION,
    POD_UID_LABEL,
    OwnerReference,
)
from podcm_sync.api.objects import ConfigMap
from podcm_sync.reconcile.changes import DesiredConfigMap
from podcm_sync.reconcile.names import label_value

Json = dict[str, Any]

MAX_DATA_BYTES: Final = 1_048_576
"""The most bytes that a ConfigMap's values can have together (else 422 FieldValueTooLong)."""
MAX_BODY_BYTES: Final = 3_145_728
"""The largest request body that an API server takes (else 413, or it cuts the connection)."""
BODY_MARGIN: Final = 8_192
"""Bytes of the body reserved for others' owner references, which an update must repeat."""

_LABELS: Final = (GENERATED_BY_LABEL, POD_UID_LABEL, MANAGED_BY_LABEL)
_ANNOTATIONS: Final = (PCMC_NAME_ANNOTATION,)


def labels(desired: DesiredConfigMap) -> dict[str, str]:
    """Our labels. Pod labels aren't copied: other tools would take the ConfigMap for theirs."""
    return {
        GENERATED_BY_LABEL: label_value(desired.pcmc_name),
        POD_UID_LABEL: desired.pod_uid,
        MANAGED_BY_LABEL: MANAGED_BY,
    }


def annotations(desired: DesiredConfigMap) -> dict[str, str]:
    """Our annotation: the config's full name, if it is too long for the label."""
    if label_value(desired.pcmc_name) == desired.pcmc_name:
        return {}
    return {PCMC_NAME_ANNOTATION: desired.pcmc_name}


def owner_reference(desired: DesiredConfigMap) -> OwnerReference:
    """The Pod as controller. `blockOwnerDeletion` would need `update` on pods/finalizers."""
    return OwnerReference(
        api_version="v1",
        kind="Pod",
        name=desired.pod_name,
        uid=desired.pod_uid,
        controller=True,
    )


def owner_references(
    existing: ConfigMap | None, desired: DesiredConfigMap
) -> tuple[OwnerReference, ...]:
    """Our owner reference, and others' except a stale Pod's or a second controller (a 422).

    A Pod without a uid comes from a manifest and can't be an owner: the garbage collector would
    delete its ConfigMap at once.
    """
    ours = owner_reference(desired)
    own = (ours,) if desired.pod_uid else ()
    if existing is None:
        return own
    if existing.owner_references == own:  # the usual case, on the path of every ConfigMap
        return existing.owner_references
    made_for = existing.labels.get(POD_UID_LABEL)
    others = tuple(
        owner
        for owner in existing.owner_references
        if not owner.controller
        and owner.uid != ours.uid
        and not (owner.is_pod and (owner.name == ours.name or owner.uid == made_for))
    )
    has_own = not own or ours in existing.owner_references
    if len(others) + len(own) == len(existing.owner_references) and has_own:
        return existing.owner_references
    return (*others, *own)


def is_in_sync(existing: ConfigMap, desired: DesiredConfigMap) -> bool:
    """Whether every managed field of the existing ConfigMap is as desired.

    The label `managed-by` isn't compared: other tools may claim it (behavior.md §3).
    """
    return (
        existing.data == desired.data
        and not existing.binary_data
        and existing.labels.get(GENERATED_BY_LABEL) == label_value(desired.pcmc_name)
        and existing.labels.get(POD_UID_LABEL) == desired.pod_uid
        and existing.annotations.get(PCMC_NAME_ANNOTATION)
        == annotations(desired).get(PCMC_NAME_ANNOTATION)
        and owner_references(existing, desired) == existing.owner_references
    )


def manifest(desired: DesiredConfigMap) -> Json:
    """The object that a create sends."""
    metadata: Json = {
        "name": desired.namespaced_name.name,
        "namespace": desired.namespaced_name.namespace,
        "labels": labels(desired),
    }
    if ours := annotations(desired):
        metadata["annotations"] = ours
    if owners := owner_references(None, desired):
        metadata["ownerReferences"] = msgspec.to_builtins(owners)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": desired.data}


def merge_patch(existing: ConfigMap, desired: DesiredConfigMap) -> Json:
    """The JSON merge patch (RFC 7386) of the managed fields that differ. Null removes a key.

    It contains the resourceVersion, so the API server answers 409 if the object has changed.
    """
    metadata: Json = {"resourceVersion": existing.resource_version}
    if changed := _delta(_ours(existing.labels, _LABELS), labels(desired)):
        metadata["labels"] = changed
    if changed := _delta(_ours(existing.annotations, _ANNOTATIONS), annotations(desired)):
        metadata["annotations"] = changed
    owners = owner_references(existing, desired)
    if owners != existing.owner_references:
        metadata["ownerReferences"] = msgspec.to_builtins(owners)
    patch: Json = {"metadata": metadata}
    if changed := _delta(existing.data, desired.data):
        patch["data"] = changed
    if existing.binary_data:
        patch["binaryData"] = None
    return patch


def changed_paths(existing: ConfigMap, desired: DesiredConfigMap) -> tuple[str, ...]:
    """The paths of the fields that an update changes, in the patch's order; never their values."""
    patch = merge_patch(existing, desired)
    paths = [f"metadata.{part}" for part in patch.pop("metadata") if part != "resourceVersion"]
    for part, delta in patch.items():
        paths += [part] if delta is None else [f"{part}.{key}" for key in sorted(delta)]
    return tuple(paths)


def view(config_map: ConfigMap) -> Json:
    """The managed fields of an existing ConfigMap, shaped like a manifest: a diff's left side."""
    return _view(
        _ours(config_map.labels, _LABELS),
        _ours(config_map.annotations, _ANNOTATIONS),
        config_map.owner_references,
        config_map.data,
        config_map.binary_data,
    )


def desired_view(existing: ConfigMap | None, desired: DesiredConfigMap) -> Json:
    """The managed fields as desired, shaped like a manifest: a diff's right side."""
    return _view(
        labels(desired), annotations(desired), owner_references(existing, desired), desired.data, {}
    )


def size_problem(desired: DesiredConfigMap) -> str:
    """Why the API server would refuse the object for its size; "" if it wouldn't."""
    characters = sum(map(len, desired.data.values()))
    # JSON writes a character with at most six bytes, so small data needs no encoding to measure.
    if characters * 6 < MAX_DATA_BYTES:
        return ""
    size = sum(len(value.encode()) for value in desired.data.values())
    if size > MAX_DATA_BYTES:
        return f"its data would have {size:,} bytes, at most {MAX_DATA_BYTES:,} are possible"
    body = len(msgspec.json.encode(manifest(desired))) + BODY_MARGIN
    if body > MAX_BODY_BYTES:
        return f"its request would have {body:,} bytes, at most {MAX_BODY_BYTES:,} are possible"
    return ""


def _view(
    own_labels: Mapping[str, str],
    own_annotations: Mapping[str, str],
    owners: tuple[OwnerReference, ...],
    data: Mapping[str, str],
    binary_data: Mapping[str, str],
) -> Json:
    metadata: Json = {"labels": dict(sorted(own_labels.items()))}
    if own_annotations:
        metadata["annotations"] = dict(own_annotations)
    metadata["ownerReferences"] = msgspec.to_builtins(owners)
    shown: Json = {"metadata": metadata, "data": dict(sorted(data.items()))}
    if binary_data:
        shown["binaryData"] = dict(sorted(binary_data.items()))
    return shown


def _ours(mapping: Mapping[str, str], keys: tuple[str, ...]) -> dict[str, str]:
    return {key: mapping[key] for key in keys if key in mapping}


def _delta(existing: Mapping[str, str], desired: Mapping[str, str]) -> dict[str, str | None]:
    delta: dict[str, str | None] = {
        key: value for key, value in desired.items() if existing.get(key) != value
    }
    return delta | {key: None for key in existing if key not in desired}
