"""A PodConfigMapConfig and its status as the tests of the CRD send and expect them."""

from typing import Any

import yaml

from tests.controlplane.api import Object
from tests.controlplane.conftest import CRD
from tests.controlplane.crd_case import OMITTED

KIND = "PodConfigMapConfig"
PENDING = {
    "type": "Ready",
    "status": "Unknown",
    "reason": "Pending",
    "message": "Waiting for the first run of podcm-sync",
    "lastTransitionTime": "1970-01-01T00:00:00Z",
}
READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Synced",
    "message": "",
    "lastTransitionTime": "2026-11-01T12:00:00Z",
    "observedGeneration": 1,
}
STATUS = {
    "observedGeneration": 1,
    "matchedPods": 3,
    "configMaps": 2,
    "failures": 1,
    "conditions": [READY],
}


def pcmc(spec: object, namespace: str = "default", name: str = "mine") -> Object:
    meta = {"namespace": namespace, "name": name}
    obj = {"apiVersion": "podconfig.example.com/v1alpha1", "kind": KIND, "metadata": meta}
    return obj if spec is OMITTED else obj | {"spec": spec}


def crd() -> Object:
    """The CRD as its file has it."""
    read: Object = yaml.safe_load(CRD.read_text())
    return read


def crd_schema() -> dict[str, Any]:
    found: dict[str, Any] = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found
