"""Tells configs that are gone from a CRD that is being removed (docs/design/behavior.md §2.1)."""

from collections.abc import Iterable

import msgspec

from podcm_sync.api.finding import Quote
from podcm_sync.api.meta import API_VERSION, GENERATED_BY_LABEL, PLURAL
from podcm_sync.api.objects import PodConfigMapConfig
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.pager import INSTALL, LOST, ListError, Pager, refusal
from podcm_sync.cluster.kube.snapshot_builder import SnapshotBuilder
from podcm_sync.cluster.kube.transport import Response
from podcm_sync.errors import NOT_JSON, DecodeError
from podcm_sync.reconcile.names import label_value


class _Resource(msgspec.Struct):
    name: str
    verbs: tuple[str, ...] = ()


class _Resources(msgspec.Struct, rename="camel"):
    """`metav1.APIResourceList`."""

    kind: str
    api_version: str
    group_version: str
    resources: tuple[_Resource, ...]


def check_crd(pager: Pager, namespaces: Iterable[str], builder: SnapshotBuilder) -> bool:
    """Mark namespaces incomplete if a missing config could mean that the CRD is being removed.

    Returns False if discovery says that it is.

    While a CRD is being removed, its lists answer 200 with no items, and discovery no longer offers
    `create`. Discovery must be asked after the lists: before them it could still offer it.
    """
    # A terminating config doesn't show that the CRD is there: the removal of a CRD gives every
    # config a deletionTimestamp, and a finalizer can keep the config in the lists.
    live = [config for config in builder.configs if not config.terminating]
    doubtful = _namespaces_missing_configs(builder, live) - builder.incomplete.keys()
    if builder.incomplete.keys() >= set(namespaces) or (live and not doubtful):
        return True
    is_there = True
    quoted: tuple[Quote, ...]
    try:
        is_there = _is_create_offered(pager)
        if is_there:
            return True
        message = (
            f"the CRD {paths.CONFIGS} is being removed from {pager.server}, so its configs "
            f"can't be listed and nothing is deleted. To install it again: {INSTALL}. {LOST}"
        )
        doubtful, quoted = set(namespaces), ()
    except ListError as error:
        message, quoted = str(error), error.quoted
    builder.quoted[message] = quoted
    for namespace in doubtful - builder.incomplete.keys():
        builder.incomplete[namespace] = message
    return is_there


def _is_create_offered(pager: Pager) -> bool:
    action = f"discover {paths.CONFIGS}"
    resources: list[_Resource] = []
    response = pager.get(
        paths.DISCOVERY, action, read=lambda response: resources.extend(_offered(response))
    )
    if response.status != 200:
        raise refusal(response, paths.CONFIGS, action, pager.server)
    return any(resource.name == PLURAL and "create" in resource.verbs for resource in resources)


def _offered(response: Response) -> tuple[_Resource, ...]:
    """The resources of our API group. Raises DecodeError if this isn't the group's discovery."""
    try:
        offered = msgspec.json.decode(response.body, type=_Resources)
    except NOT_JSON as error:
        raise DecodeError(str(error)) from error
    identity = (offered.api_version, offered.kind, offered.group_version)
    if identity != ("v1", "APIResourceList", API_VERSION):
        raise DecodeError(f"expected the v1 APIResourceList of {API_VERSION}")
    return offered.resources


def _namespaces_missing_configs(
    builder: SnapshotBuilder, live: Iterable[PodConfigMapConfig]
) -> set[str]:
    """The namespaces that have a generated ConfigMap whose config isn't among the live ones."""
    existing = {
        (config.namespaced_name.namespace, label_value(config.namespaced_name.name))
        for config in live
    }
    configs_of_config_maps = (
        (config_map.namespaced_name.namespace, config_map.labels.get(GENERATED_BY_LABEL, ""))
        for config_map in builder.config_maps
    )
    return {
        namespace
        for namespace, label in configs_of_config_maps
        if (namespace, label) not in existing
    }
