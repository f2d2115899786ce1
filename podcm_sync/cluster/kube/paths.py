"""The API server's paths for the resources that podcm-sync uses, and words for their scopes."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from podcm_sync.api.meta import API_VERSION, GROUP, PLURAL, NamespacedName

DISCOVERY: Final = f"/apis/{API_VERSION}"
NAMESPACES: Final = "namespaces"
PODS: Final = "pods"
CONFIG_MAPS: Final = "configmaps"
CONFIGS: Final = f"{PLURAL}.{GROUP}"
EVENTS: Final = "events.events.k8s.io"

LEASES: Final = "leases.coordination.k8s.io"
ADMISSION: Final = "admissionregistration.k8s.io/v1"
POLICIES: Final = f"/apis/{ADMISSION}/validatingadmissionpolicies"
BINDINGS: Final = f"/apis/{ADMISSION}/validatingadmissionpolicybindings"

_ROOTS: Final = {
    NAMESPACES: "/api/v1",
    PODS: "/api/v1",
    CONFIG_MAPS: "/api/v1",
    CONFIGS: DISCOVERY,
    EVENTS: "/apis/events.k8s.io/v1",
    LEASES: "/apis/coordination.k8s.io/v1",
}


def collection(resource: str, namespace: str) -> str:
    """The path of a resource's list in a namespace, or in all namespaces if it is ""."""
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{_ROOTS[resource]}{scope}/{resource.partition('.')[0]}"


def single(resource: str, namespaced_name: NamespacedName) -> str:
    """The path of one object."""
    name = quote(namespaced_name.name, safe="")
    return f"{collection(resource, namespaced_name.namespace)}/{name}"


def with_query(path: str, query: Mapping[str, str]) -> str:
    """The path with its query string, or the path itself if the query is empty."""
    return f"{path}?{urlencode(query)}" if query else path


def scope_text(namespace: str) -> str:
    """A scope as words for a message; "" is all namespaces."""
    return f"in namespace {namespace}" if namespace else "in all namespaces"
