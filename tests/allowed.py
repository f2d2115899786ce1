"""Whether behavior.md §3 allows a delete, in words of its own, from stored manifests.

The fake and the control plane's audit ask this of every delete in the whole suite. It shares no
code with the planner but what names are made of and which specs are valid.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from podcm_sync.api import decode_json
from podcm_sync.api.meta import NamespacedName
from podcm_sync.errors import DecodeError
from podcm_sync.reconcile.desired import spec_findings
from podcm_sync.reconcile.names import config_map_name, label_value

Json = dict[str, Any]
Stored = Mapping[tuple[str, NamespacedName], Json]
_GROUP = "podconfig.example.com"


class Objects(NamedTuple):
    """What a run listed of one namespace, as it was stored."""

    pods: list[Json]
    configs: list[Json]


def objects_in(stored: Stored, namespace: str) -> Objects:
    """The Pods and configs of a namespace."""
    here = [(kind, raw) for (kind, name), raw in stored.items() if name.namespace == namespace]
    return Objects(
        pods=[raw for kind, raw in here if kind == "Pod"],
        configs=[raw for kind, raw in here if kind == "PodConfigMapConfig"],
    )


def why_not_deleted(config_map: Json, objects: Objects) -> str:
    """Why podcm-sync must not delete a ConfigMap of a cluster; "" if it may."""
    metadata = config_map["metadata"]
    name, labels = metadata["name"], metadata.get("labels") or {}
    generated_by = labels.get(f"{_GROUP}/generated-by-pcmc")
    if generated_by is None or f"{_GROUP}/pod-uid" not in labels:
        return "it does not have both labels"
    if not re.fullmatch(r"pod-.+-cfg", name):
        return "its name is not one of podcm-sync's"
    annotations = metadata.get("annotations") or {}
    if annotations.get(f"{_GROUP}/prune", "").lower() == "disabled":
        return "its annotation forbids it"
    if metadata.get("deletionTimestamp"):
        return "it is being deleted"
    if reason := _belongs_to_a_pod(config_map, objects.pods):
        return reason
    return _belongs_to_a_config(name, generated_by, objects)


def _belongs_to_a_pod(config_map: Json, pods: list[Json]) -> str:
    metadata = config_map["metadata"]
    owners = {
        owner["uid"]
        for owner in metadata.get("ownerReferences") or []
        if (owner.get("apiVersion"), owner.get("kind")) == ("v1", "Pod") and owner.get("uid")
    }
    uids = {uid for uid in (*owners, metadata["labels"][f"{_GROUP}/pod-uid"]) if uid}
    own = [pod for pod in pods if pod["metadata"].get("uid") in uids]
    if any(pod["metadata"].get("deletionTimestamp") for pod in own):
        return "its Pod is terminating"
    if owners and not own:
        return "it is left to the garbage collector"
    namespace = (config_map.get("data") or {}).get("namespace", metadata["namespace"])
    if not owners and namespace != metadata["namespace"]:
        return "it is a copy"
    return ""


def _belongs_to_a_config(name: str, generated_by: str, objects: Objects) -> str:
    for config in objects.configs:
        config_name, spec = config["metadata"]["name"], config.get("spec")
        if config["metadata"].get("deletionTimestamp") and _decoded(config) is not None:
            continue
        if _is_silent(config):
            if label_value(config_name) == generated_by:
                return f"config {config_name} is suspended or invalid, and keeps what it has"
            continue
        for pod in objects.pods:
            if not isinstance(spec, dict) or pod["metadata"].get("deletionTimestamp"):
                continue
            is_desired = name == config_map_name(pod["metadata"]["name"], config_name)
            if is_desired and _selects(spec, pod["metadata"].get("labels") or {}):
                return f"config {config_name} desires it"
    return ""


def _decoded(config: Json) -> Any:
    try:
        return decode_json.decode_config(msgspec.json.encode(config))
    except DecodeError:
        return None


def _is_silent(config: Json) -> bool:
    """Whether nobody can tell what it asks for."""
    decoded = _decoded(config)
    return decoded is None or decoded.suspend or bool(spec_findings(decoded))


def _selects(spec: Json, labels: Mapping[str, str]) -> bool:
    selector = spec.get("podSelector") or {}
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    for requirement in selector.get("matchExpressions") or []:
        value, values = labels.get(requirement["key"]), requirement.get("values") or []
        is_met = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not is_met[requirement["operator"]]:
            return False
    return True
