"""A Pod's facts as ConfigMap data: four facts, included labels and annotations, templates."""

from collections.abc import Mapping
from typing import Final

from podcm_sync.model.objects import Pod, PodConfigMapConfigSpec

FACTS: Final = ("podName", "namespace", "nodeName", "phase")
"""What every ConfigMap says of its Pod, unless a template replaces it."""


def label_data_key(key: str) -> str:
    """The data key of an included label; `/` cannot stand in a data key and becomes `_`."""
    return "label_" + key.replace("/", "_")


def annotation_data_key(key: str) -> str:
    """The data key of an included annotation; `/` becomes `_`."""
    return "annotation_" + key.replace("/", "_")


def pod_data(pod: Pod, spec: PodConfigMapConfigSpec, rendered: Mapping[str, str]) -> dict[str, str]:
    """The data of the ConfigMap for a Pod, values copied byte for byte (spec.md §3).

    Keys that the Pod has not are left out. The spec must be valid: then no two keys meet, but for
    those of templates, which replace any other.
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
