"""Whether configs that seem to be gone are gone, and not their whole CRD (spec.md §2)."""

from collections.abc import Iterable

import msgspec

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.answers import Response
from podcm_sync.cluster.kube.listed import Listed
from podcm_sync.cluster.kube.lists import INSTALL, ListError, Lists
from podcm_sync.core.names import label_value
from podcm_sync.errors import DecodeError
from podcm_sync.model.meta import API_VERSION, GENERATED_BY_LABEL, PLURAL
from podcm_sync.model.objects import PodConfigMapConfig


class _Resource(msgspec.Struct):
    name: str
    verbs: tuple[str, ...] = ()


class _Resources(msgspec.Struct, rename="camel"):
    """`metav1.APIResourceList`."""

    kind: str
    api_version: str
    group_version: str
    resources: tuple[_Resource, ...]


def check_crd(lists: Lists, namespaces: Iterable[str], listed: Listed) -> None:
    """See that configs which seem to be gone are gone, and not their whole CRD.

    While a CRD is being removed its lists are 200 and empty; discovery, asked after them, then
    offers no `create` any more.
    """
    # While a CRD goes its configs get a deletionTimestamp; a finalizer may hold them there.
    live = [config for config in listed.configs if not config.terminating]
    doubtful = _without_config(listed, live) - listed.incomplete.keys()
    if listed.incomplete.keys() >= set(namespaces) or (live and not doubtful):
        return
    try:
        if _is_create_offered(lists):
            return
        message = (
            f"the CRD {paths.CONFIGS} is being removed from {lists.server}: its configs "
            f"cannot be seen any more, so nothing is deleted; if that is not meant: {INSTALL}"
        )
        doubtful = set(namespaces)
    except ListError as error:
        message = str(error)
    for namespace in doubtful - listed.incomplete.keys():
        listed.incomplete[namespace] = message


def _is_create_offered(lists: Lists) -> bool:
    what = f"discover {paths.CONFIGS}"
    resources: list[_Resource] = []
    response = lists.get(
        paths.DISCOVERY, what, read=lambda response: resources.extend(_offered(response))
    )
    if response.status != 200:
        raise lists.refusal(response, paths.CONFIGS, what)
    return any(each.name == PLURAL and "create" in each.verbs for each in resources)


def _offered(response: Response) -> tuple[_Resource, ...]:
    """The resources of our group. Raises DecodeError unless this is the discovery of it."""
    try:
        offered = msgspec.json.decode(response.body, type=_Resources)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(str(error)) from error
    claimed = (offered.api_version, offered.kind, offered.group_version)
    if claimed != ("v1", "APIResourceList", API_VERSION):
        raise DecodeError(f"expected the v1 APIResourceList of {API_VERSION}")
    return offered.resources


def _without_config(listed: Listed, live: Iterable[PodConfigMapConfig]) -> set[str]:
    """The namespaces in which a ConfigMap's config is not among the live ones."""
    known = {
        (config.namespaced_name.namespace, label_value(config.namespaced_name.name))
        for config in live
    }
    made_by = (
        (each.namespaced_name.namespace, each.labels.get(GENERATED_BY_LABEL, ""))
        for each in listed.config_maps
    )
    return {namespace for namespace, label in made_by if (namespace, label) not in known}
