"""The data of a generated ConfigMap: four facts, included labels and annotations, templates."""

from collections.abc import Mapping
from typing import Final

from podcm_sync.api.objects import Pod, PodConfigMapConfigSpec

FACTS: Final = ("podName", "namespace", "nodeName", "phase")
"""The keys that every generated ConfigMap has. A template can replace any of them."""


def label_data_key(key: str) -> str:
    """The data key of an included label. A data key can't contain `/`, so it becomes `_`."""
    return "label_" + key.replace("/", "_")


def annotation_data_key(key: str) -> str:
    """The data key of an included annotation; `/` becomes `_`."""
    return "annotation_" + key.replace("/", "_")


def pod_data(pod: Pod, spec: PodConfigMapConfigSpec, rendered: Mapping[str, str]) -> dict[str, str]:
    """The data of the ConfigMap for a Pod, values copied byte for byte (behavior.md §3).

    Keys that the Pod doesn't have are left out. The spec must be valid: then only a template can
    have the same data key as something else, and it replaces that.
    """
    data = {
        "podName": pod.namespaced_name.name,
        "namespace": pod.namespaced_name.namespace,
        "nodeName": pod.node_name,
        "phase": pod.phase,
    }
    for key in spec.labels_to_include:
        if key in pod.labels:
            data[label_data_key(key)] = pod.labels[key]
    for key in spec.annotations_to_include:
        if key in pod.annotations:
            data[annotation_data_key(key)] = pod.annotations[key]
    return data | dict(rendered)
