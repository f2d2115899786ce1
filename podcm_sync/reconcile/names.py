"""Names of generated ConfigMaps, label values that point back to their config, and ownership."""

import hashlib
import re
from collections.abc import Iterator
from typing import Final

from podcm_sync.api.meta import (
    GENERATED_BY_LABEL,
    PCMC_NAME_ANNOTATION,
    POD_UID_LABEL,
    PRUNE_ANNOTATION,
    PRUNE_DISABLED,
)
from podcm_sync.api.objects import ConfigMap, PartialObjectMetadata

MAX_NAME: Final = 253
"""The longest DNS-1123 subdomain, and the longest data key."""
MAX_LABEL_VALUE: Final = 63
HASH_DIGITS: Final = 16
_HASHED_LABEL: Final = re.compile(rf".+-[0-9a-f]{{{HASH_DIGITS}}}")
_HASHED: Final = re.compile(rf".{{128,}}-[0-9a-f]{{{HASH_DIGITS}}}-cfg")


def config_map_name(pod_name: str, pcmc_name: str) -> str:
    """The name of the ConfigMap generated for a Pod by a config (behavior.md §3).

    `pod-<pod>-from-<pcmc>-cfg`. If that is longer than 253 characters, it is cut, stripped of
    trailing `.` and `-` (`a.-1234` is illegal), and ends with a hash of both full names.
    """
    text = f"pod-{pod_name}-from-{pcmc_name}"
    if len(text) + len("-cfg") <= MAX_NAME:
        return f"{text}-cfg"
    # Neither name has a `/`, so no two pairs hash the same text.
    digest = _digest(f"{pod_name}/{pcmc_name}")
    return f"{_cut(text, MAX_NAME - len('-') - HASH_DIGITS - len('-cfg'))}-{digest}-cfg"


def label_value(pcmc_name: str) -> str:
    """The config's name as a label value: cut and hashed if it is longer than 63 characters."""
    if len(pcmc_name) <= MAX_LABEL_VALUE:
        return pcmc_name
    return f"{_cut(pcmc_name, MAX_LABEL_VALUE - len('-') - HASH_DIGITS)}-{_digest(pcmc_name)}"


def is_generated_name(name: str) -> bool:
    """Whether a ConfigMap's name has the form `pod-…-cfg`, half of the proof that it is ours."""
    return name.startswith("pod-") and name.endswith("-cfg") and len(name) > len("pod--cfg")


def is_ours(config_map: ConfigMap | PartialObjectMetadata) -> bool:
    """Whether a ConfigMap is podcm-sync's: it has both labels and a generated name (§3).

    The Go controller's ConfigMaps are ours by this rule, and are adopted in place.
    """
    return (
        GENERATED_BY_LABEL in config_map.labels
        and POD_UID_LABEL in config_map.labels
        and is_generated_name(config_map.namespaced_name.name)
    )


def is_prune_disabled(config_map: ConfigMap) -> bool:
    """Whether its annotation forbids deleting it (behavior.md §3)."""
    return config_map.annotations.get(PRUNE_ANNOTATION, "").lower() == PRUNE_DISABLED


def pod_uids(config_map: ConfigMap) -> frozenset[str]:
    """The uids of a ConfigMap's Pods, by its label and its owner references (behavior.md §3)."""
    uids = {owner.uid for owner in config_map.owner_references if owner.is_pod}
    return frozenset({config_map.labels.get(POD_UID_LABEL, ""), *uids} - {""})


def has_pod_owner(config_map: ConfigMap) -> bool:
    """Whether the garbage collector deletes the ConfigMap when its Pod is gone."""
    return any(owner.is_pod and owner.uid for owner in config_map.owner_references)


def is_copy(config_map: ConfigMap) -> bool:
    """Whether a ConfigMap that nothing desires is a replicator's copy from another namespace.

    Replicators copy labels and data and drop owner references (behavior.md §3).
    """
    namespace = config_map.data.get("namespace", config_map.namespaced_name.namespace)
    return namespace != config_map.namespaced_name.namespace and not has_pod_owner(config_map)


def pairs(name: str) -> Iterator[tuple[str, str]]:
    """Every pair of Pod and config names that gives this ConfigMap name uncut.

    There can be several, since either name can contain `-from-`.
    """
    body = name.removeprefix("pod-").removesuffix("-cfg")
    at = body.find("-from-")
    while at >= 0:
        pod_name, pcmc_name = body[:at], body[at + len("-from-") :]
        if pod_name and pcmc_name and config_map_name(pod_name, pcmc_name) == name:
            yield pod_name, pcmc_name
        at = body.find("-from-", at + 1)


def possible_configs(name: str) -> Iterator[str]:
    """Every name of a config that a ConfigMap of this name can come from, longest first."""
    body = name.removesuffix("-cfg")
    at = body.find("-from-")
    while at >= 0:
        yield body[at + len("-from-") :]
        at = body.find("-from-", at + 1)


def may_be_hashed(name: str) -> bool:
    """Whether a ConfigMap's name looks cut and hashed: then the name doesn't show whose it is."""
    return _HASHED.fullmatch(name) is not None


def may_be_hashed_label(value: str) -> bool:
    """Whether a label value looks cut and hashed: then it may not be the config's name."""
    return _HASHED_LABEL.fullmatch(value) is not None


def may_come_from(name: str, pcmc_name: str) -> bool:
    """Whether a config can have generated this name. A cut and hashed name can be any config's."""
    return name.endswith(f"-from-{pcmc_name}-cfg") or may_be_hashed(name)


def generated_by(config_map: ConfigMap) -> str:
    """The name of the config that generated a ConfigMap, or the hashed label value.

    A long name is in the annotation in full. The annotation counts only if the label agrees.
    """
    label = config_map.labels.get(GENERATED_BY_LABEL, "")
    full = config_map.annotations.get(PCMC_NAME_ANNOTATION, "")
    return full if full and label_value(full) == label else label


def _cut(text: str, length: int) -> str:
    return text[:length].rstrip(".-")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]
