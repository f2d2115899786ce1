"""Names for shell completion and for hints, from one small metadata-only list.

Nothing depends on them, so a list that fails, for any reason, is only None.
"""

import contextlib
from typing import Final

import msgspec
from msgspec import Struct

from podcm_sync.api.content_type import JSON, METADATA_LIST
from podcm_sync.api.meta import KIND, NamespacedName
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.transport import TransportError
from podcm_sync.errors import NOT_JSON, ClusterError
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES

MAX_NAMES: Final = 500
"""More than anybody wants to choose from."""


class _Metadata(Struct, frozen=True):
    name: str = ""
    namespace: str = ""


class _Item(Struct, frozen=True):
    metadata: _Metadata


class _List(Struct, frozen=True):
    items: list[_Item]


def namespaces_of(connection: Connection, kind: str, name: str) -> set[str] | None:
    """The namespaces that have an object of this kind and name.

    None if the list fails: the permission to list may be for some namespaces only.
    """
    resource = {"Pod": paths.PODS, "ConfigMap": paths.CONFIG_MAPS, KIND: paths.CONFIGS}[kind]
    found = find(connection, resource, ALL_NAMESPACES, name=name)
    return None if found is None else {item.namespace for item in found}


def find(
    connection: Connection, resource: str, namespace: str, *, name: str = ""
) -> list[NamespacedName] | None:
    """At most MAX_NAMES objects of a namespace ("" for all); with `name`, only those called so.

    None if the list fails.
    """
    query = {"limit": str(MAX_NAMES)}
    if name:
        query["fieldSelector"] = f"metadata.name={name}"
    path = paths.with_query(paths.collection(resource, namespace), query)
    with contextlib.suppress(ClusterError, TransportError, *NOT_JSON):
        response = connection.get(path, f"{JSON}{METADATA_LIST}")
        if response.status == 200:
            listed = msgspec.json.decode(response.body, type=_List).items
            return [NamespacedName(item.metadata.namespace, item.metadata.name) for item in listed]
    return None
