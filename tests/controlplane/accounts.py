"""Identities with exactly the rights that a test gives them."""

from functools import partial
from pathlib import Path

import yaml

from tests.controlplane.api import Api, Object, path_of
from tests.controlplane.harness import ControlPlane

RBAC = "rbac.authorization.k8s.io"
GROUP = "podconfig.example.com"
EVENTS = "events.k8s.io"

# behavior.md §9, written down a second time: resource → verbs.
LEAST: dict[str, list[str]] = {
    "pods": ["list"],
    "podconfigmapconfigs": ["list"],
    "configmaps": ["get", "list", "create", "patch", "delete"],
    "podconfigmapconfigs/status": ["patch"],
    "events": ["create"],
}
GROUPS = {"podconfigmapconfigs": GROUP, "podconfigmapconfigs/status": GROUP, "events": EVENTS}
LISTS = {"pods": ["list"], "podconfigmapconfigs": ["list"], "configmaps": ["list"]}


def without(verb: str, resource: str) -> dict[str, list[str]]:
    """The least that works, less one verb."""
    assert verb in LEAST[resource]
    return {
        each: [v for v in verbs if (v, each) != (verb, resource)] for each, verbs in LEAST.items()
    }


def account(api: Api, namespace: str, rights: dict[str, list[str]], *also_in: str) -> str:
    """The token of a new ServiceAccount that has these rights there, and in force already."""
    meta = {"namespace": namespace, "name": "tested"}
    api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    token = api.service_account_token(namespace, "tested")
    for where in (namespace, *also_in):
        grant(api, where, rights, meta)
        api.wait_for(partial(_is_in_force, api, where, token))
    return token


def grant(api: Api, where: str, rights: dict[str, list[str]], subject: Object) -> None:
    """A Role with the rights, and one more by which it is seen to be in force."""
    meta = {"namespace": where, "name": "tested"}
    rules = [
        {
            "apiGroups": [GROUPS.get(resource, "")],
            "resources": [resource],
            "verbs": verbs,
        }
        for resource, verbs in (rights | {"endpoints": ["list"]}).items()
        if verbs
    ]
    api.create({"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": meta, "rules": rules})
    api.create(
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "tested"},
            "subjects": [{"kind": "ServiceAccount", **subject}],
        }
    )


def kubeconfig_of(plane: ControlPlane, path: Path, namespace: str, token: str) -> Path:
    """A kubeconfig of that identity, in that namespace."""
    return plane.kubeconfig(path / "of-the-account", token=token, namespace=namespace)


def with_user(kubeconfig: Path, **user: object) -> Path:
    """The same kubeconfig, changed: its one user is this one."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["users"][0]["user"] = user
    kubeconfig.write_text(yaml.safe_dump(config))
    return kubeconfig


def with_server(kubeconfig: Path, server: str) -> Path:
    """The same kubeconfig, changed: its one cluster is at this address."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = server
    kubeconfig.write_text(yaml.safe_dump(config))
    return kubeconfig


def _is_in_force(api: Api, namespace: str, token: str) -> bool:
    """The authorizer learns of a new binding through a watch."""
    endpoints = path_of("Pod", namespace).replace("/pods", "/endpoints")
    return api.request("GET", endpoints, token=token)[0] == 200
