"""The API server's paths of the few resources that a run touches, and how people call them."""

from typing import Final

from podcm_sync.model.meta import API_VERSION, GROUP, PLURAL, NamespacedName

DISCOVERY: Final = f"/apis/{API_VERSION}"
PODS: Final = "pods"
CONFIG_MAPS: Final = "configmaps"
CONFIGS: Final = f"{PLURAL}.{GROUP}"
EVENTS: Final = "events.events.k8s.io"

LEASES: Final = "leases.coordination.k8s.io"
ADMISSION: Final = "admissionregistration.k8s.io/v1"
POLICIES: Final = f"/apis/{ADMISSION}/validatingadmissionpolicies"
BINDINGS: Final = f"/apis/{ADMISSION}/validatingadmissionpolicybindings"

_ROOTS: Final = {
    PODS: "/api/v1",
    CONFIG_MAPS: "/api/v1",
    CONFIGS: DISCOVERY,
    EVENTS: "/apis/events.k8s.io/v1",
    LEASES: "/apis/coordination.k8s.io/v1",
}


def collection(resource: str, namespace: str) -> str:
    """The path of a resource's list in a namespace, or in all where it is empty."""
    where = f"/namespaces/{namespace}" if namespace else ""
    return f"{_ROOTS[resource]}{where}/{resource.partition('.')[0]}"


def single(resource: str, namespaced_name: NamespacedName) -> str:
    """The path of one object."""
    return f"{collection(resource, namespaced_name.namespace)}/{namespaced_name.name}"


def where(namespace: str) -> str:
    """A scope in words, for messages."""
    return f"in namespace {namespace}" if namespace else "in all namespaces"
