"""What the tests of the sync put into a cluster and look for, in the API's own words.

All names and values are written down here a second time, as behavior.md §1 and §3 give them.
"""

from collections.abc import Mapping

from tests.controlplane.api import Api, Object, Objects
from tests.controlplane.crd_objects import KIND, pcmc

GENERATED_BY = "podconfig.example.com/generated-by-pcmc"
POD_UID = "podconfig.example.com/pod-uid"
MANAGED_BY = "app.kubernetes.io/managed-by"
PCMC_NAME = "podconfig.example.com/pcmc-name"
PRUNE = "podconfig.example.com/prune"

# The CRD takes it, as it cannot see that the template does not parse.
INVALID: Object = {"configMapDataTemplate": {"url": "http://{{.podIP"}}
VALID_AGAIN: Object = {"configMapDataTemplate": None}

FINALIZER = "tests.example.com/held"


def selecting(**labels: str) -> Object:
    """A spec whose podSelector asks for these labels."""
    return {"podSelector": {"matchLabels": labels}}


def make_config(api: Api, namespace: str, name: str = "mine", spec: object = None) -> Object:
    """A stored PodConfigMapConfig; it selects every Pod unless its spec says other."""
    return api.create(pcmc({} if spec is None else spec, namespace, name))


def change_config(api: Api, namespace: str, spec: Object, name: str = "mine") -> Object:
    """Merges into its spec."""
    return api.patch(KIND, namespace, name, {"spec": spec})


def config_map(
    namespace: str, name: str, data: Mapping[str, str] | None = None, **metadata: object
) -> Object:
    """A ConfigMap of somebody else's, unless its metadata make it ours."""
    where = {"namespace": namespace, "name": name}
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": where | metadata}
    return obj | {"data": dict(data)} if data is not None else obj


def made_for(pod: Object, pcmc_name: str = "mine") -> Object:
    """The metadata of a ConfigMap that the Go controller made for a Pod: no managed-by."""
    labels = {GENERATED_BY: pcmc_name, POD_UID: pod["metadata"]["uid"]}
    return {"labels": labels, "ownerReferences": [owner(pod)]}


def owner(pod: Object) -> Object:
    """The reference to the Pod that every generated ConfigMap has: no blockOwnerDeletion."""
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    return {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid, "controller": True}


def generated(api: Api, namespace: str, name: str = "pod-web-from-mine-cfg") -> Object:
    """A ConfigMap that has to be there."""
    found = api.get("ConfigMap", namespace, name)
    assert found, f"there is no ConfigMap {name}"
    return found


def all_config_maps(api: Api, namespace: str) -> Objects:
    """All its ConfigMaps but the one that every namespace gets, a moment after it is made."""
    found = api.list("ConfigMap", namespace)
    return [obj for obj in found if obj["metadata"]["name"] != "kube-root-ca.crt"]


def names(api: Api, namespace: str) -> list[str]:
    """The names of all its ConfigMaps, sorted, but of that one."""
    return sorted(obj["metadata"]["name"] for obj in all_config_maps(api, namespace))


def status_of(api: Api, namespace: str, name: str = "mine") -> Object:
    """The status of a PodConfigMapConfig."""
    found = api.get(KIND, namespace, name)
    assert found, f"there is no {KIND} {name}"
    status: Object = found["status"]
    return status


def condition(status: Object, kind: str = "Ready") -> Object:
    """The one condition of a type."""
    (found,) = [each for each in status["conditions"] if each["type"] == kind]
    assert isinstance(found, dict)
    return found


def settle(api: Api, namespace: str, pod: str, **options: object) -> None:
    """Deletes a Pod without a node, and waits until it is gone."""
    api.delete("Pod", namespace, pod, **options)
    api.wait_for(lambda: api.get("Pod", namespace, pod) is None)
