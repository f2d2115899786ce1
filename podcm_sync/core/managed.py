"""What of a ConfigMap is ours: its bodies for the API server, and what differs from them.

One definition serves the comparison, the patch, the created object and the shown diff, so that
they cannot disagree. Data and binaryData are ours whole; of labels, annotations and owner
references only our own (spec.md §3).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from podcm_sync.core.names import label_value
from podcm_sync.model.changes import DesiredConfigMap
from podcm_sync.model.meta import (
    GENERATED_BY_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    PCMC_NAME_ANNOTATION,
    POD_UID_LABEL,
    OwnerReference,
)
from podcm_sync.model.objects import ConfigMap

Json = dict[str, Any]

MAX_DATA_BYTES: Final = 1_048_576
"""The sum of the values' bytes that a ConfigMap may have (422 FieldValueTooLong beyond)."""
MAX_BODY_BYTES: Final = 3_145_728
"""The largest request body that an API server takes (413, or a cut connection, beyond)."""
BODY_MARGIN: Final = 8_192
"""Room kept in the body for what an update must send along: others' owner references."""

_LABELS: Final = (GENERATED_BY_LABEL, POD_UID_LABEL, MANAGED_BY_LABEL)
_ANNOTATIONS: Final = (PCMC_NAME_ANNOTATION,)


def labels(desired: DesiredConfigMap) -> dict[str, str]:
    """Our labels. Pod labels are never copied here: they would make other tools adopt it."""
    return {
        GENERATED_BY_LABEL: label_value(desired.pcmc_name),
        POD_UID_LABEL: desired.pod_uid,
        MANAGED_BY_LABEL: MANAGED_BY,
    }


def annotations(desired: DesiredConfigMap) -> dict[str, str]:
    """Our annotation: the config's full name, where the label could not hold it."""
    if label_value(desired.pcmc_name) == desired.pcmc_name:
        return {}
    return {PCMC_NAME_ANNOTATION: desired.pcmc_name}


def owner_reference(desired: DesiredConfigMap) -> OwnerReference:
    """The Pod as controller. `blockOwnerDeletion` would need a right on Pods' finalizers."""
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
    """Ours among the others that may stay: not a stale Pod's, not a second controller (a 422).

    A Pod without a uid is a manifest's. The garbage collector would take its ConfigMap at once, so
    it is no owner.
    """
    ours = owner_reference(desired)
    own = (ours,) if desired.pod_uid else ()
    if existing is None:
        return own
    if existing.owner_references == own:  # as nearly always
        return existing.owner_references
    made_for = existing.labels.get(POD_UID_LABEL)
    others = tuple(
        each
        for each in existing.owner_references
        if not each.controller
        and each.uid != ours.uid
        and not (each.is_pod and (each.name == ours.name or each.uid == made_for))
    )
    has_own = not own or ours in existing.owner_references
    if len(others) + len(own) == len(existing.owner_references) and has_own:
        return existing.owner_references
    return (*others, *own)


def is_in_step(existing: ConfigMap, desired: DesiredConfigMap) -> bool:
    """Whether all that is ours of the existing ConfigMap is as desired.

    The label `managed-by` is no reason for a write: other tools may claim it (spec.md §3).
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
    """The whole object, as a create sends it."""
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
    """The JSON merge patch (RFC 7386) of exactly what is ours and differs, for one version.

    The resourceVersion in it makes a stale patch a 409; null removes a key.
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


def differing(existing: ConfigMap, desired: DesiredConfigMap) -> tuple[str, ...]:
    """The paths that an update changes, in the patch's own order; never their values."""
    patch = merge_patch(existing, desired)
    paths = [f"metadata.{part}" for part in patch.pop("metadata") if part != "resourceVersion"]
    for part, delta in patch.items():
        paths += [part] if delta is None else [f"{part}.{key}" for key in sorted(delta)]
    return tuple(paths)


def view(config_map: ConfigMap) -> Json:
    """What is ours of an existing ConfigMap, in the shape of a manifest: one side of a diff."""
    return _view(
        _ours(config_map.labels, _LABELS),
        _ours(config_map.annotations, _ANNOTATIONS),
        config_map.owner_references,
        config_map.data,
        config_map.binary_data,
    )


def desired_view(existing: ConfigMap | None, desired: DesiredConfigMap) -> Json:
    """What will be ours of a ConfigMap, in the shape of a manifest: the other side of a diff."""
    return _view(
        labels(desired), annotations(desired), owner_references(existing, desired), desired.data, {}
    )


def size_problem(desired: DesiredConfigMap) -> str:
    """Why the API server would refuse the object for its size; "" where it would not."""
    characters = sum(map(len, desired.data.values()))
    if characters * 6 < MAX_DATA_BYTES:  # the most bytes that JSON makes of one character
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
