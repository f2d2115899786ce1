"""Checks the fields that identify an object: whether an API server could have stored them.

Deletions depend on them: a damaged uid or label must not pass for another one. Annotations and data
are free text, and are not checked.
"""

import functools
import re
from typing import Final

from podcm_sync.api.objects import ConfigMap, PartialObjectMetadata, Pod, PodConfigMapConfig
from podcm_sync.reconcile.validate import is_namespace, is_subdomain

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
"""`metav1.Time` as JSON: RFC 3339 in UTC, in whole seconds."""
_is_namespace = functools.lru_cache(maxsize=4096)(is_namespace)  # few, asked about for every Pod


def damaged_field(obj: Pod | PodConfigMapConfig | ConfigMap | PartialObjectMetadata) -> str:
    """The path of the first identifying field that can't be right; "" if there is none.

    The protobuf decoder returns bytes for a field that isn't UTF-8, whatever its type says.
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
    # Every update and delete sends it as a precondition.
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
    """Kubernetes requires ASCII. A damaged label could stop a Pod from being selected."""
    is_sound = "" not in labels and "".join((*labels, *labels.values())).isascii()
    return "" if is_sound else "metadata.labels"
