"""Whether an object can be what an API server stores, by the fields that identify it.

Deleting depends on them: a uid or label that was damaged on its way must not pass for another one.
What others put into an object (annotations, data) is theirs, and is not judged here.
"""

import functools
import re
from typing import Final

from podcm_sync.core.validate import is_namespace, is_subdomain
from podcm_sync.model.objects import ConfigMap, PartialObjectMetadata, Pod, PodConfigMapConfig

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
"""`metav1.Time` as JSON: RFC 3339 in UTC, in whole seconds."""
_is_namespace = functools.lru_cache(maxsize=4096)(is_namespace)  # few, asked about for every Pod


def damaged_field(obj: Pod | PodConfigMapConfig | ConfigMap | PartialObjectMetadata) -> str:
    """The first field that identifies the object and cannot be right; "" if there is none.

    From protobuf a field that is not UTF-8 comes as bytes, whatever its type says.
    """
    namespace, name = obj.namespaced_name
    if not is_subdomain(name):
        return "metadata.name"
    if not _is_namespace(namespace):
        return "metadata.namespace"
    if isinstance(obj, Pod):
        return _damaged_label(obj.labels) or ("" if _is_text(obj.uid) else "metadata.uid")
    if isinstance(obj, PartialObjectMetadata):
        return _damaged_label(obj.labels)
    if not _is_text(obj.uid):
        return "metadata.uid"
    # The precondition of every write.
    if not _is_text(obj.resource_version):
        return "metadata.resourceVersion"
    if isinstance(obj, ConfigMap):
        return _damaged_label(obj.labels)
    if obj.generation < 1:
        return "metadata.generation"
    return "" if _TIME.fullmatch(obj.creation_timestamp) else "metadata.creationTimestamp"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != "" and value.isascii()


def _damaged_label(labels: dict[str, str]) -> str:
    """ASCII, as Kubernetes requires: a damaged label must not end that a Pod is selected."""
    is_sound = "" not in labels and "".join((*labels, *labels.values())).isascii()
    return "" if is_sound else "metadata.labels"
