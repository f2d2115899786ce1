"""Finds the CronJobs and Deployments that run podcm-sync, and the namespaces of each.

Labels prove nothing here: Flux, Argo CD, and a chart's values change them. So a workload counts by
its container, and its scope by the options and variables of that container.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from podcm_sync.cluster.kube.paths import with_query
from podcm_sync.cluster.kube.transport import Response
from podcm_sync.doctor.evidence import Typed, answered, is_refusal
from podcm_sync.doctor.facts import NotChecked, Workload
from podcm_sync.reconcile.snapshot import Scope, Shard, parse_shard

KINDS: Final = {
    "CronJob": ("batch/v1", "/apis/batch/v1/cronjobs"),
    "Deployment": ("apps/v1", "/apis/apps/v1/deployments"),
}
"""Each kind with its API version and the path of its list."""
PAGE_SIZE: Final = 500
NAME: Final = "podcm-sync"
_TRUE: Final = frozenset({"1", "true", "t", "yes", "y", "on"})


class _Variable(Struct):
    name: str = ""
    value: str | None = None


class _Container(Struct):
    name: str = ""
    image: str | None = None
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    env: tuple[_Variable, ...] | None = None


class _PodSpec(Struct):
    containers: tuple[_Container, ...] | None = None


class _Template(Struct):
    spec: _PodSpec | None = None


class _JobSpec(Struct):
    template: _Template | None = None


class _JobTemplate(Struct):
    spec: _JobSpec | None = None


class _Spec(Struct, rename="camel"):
    """The spec of either kind."""

    suspend: bool | None = None
    replicas: int | None = None
    template: _Template | None = None
    job_template: _JobTemplate | None = None


class _Metadata(Struct):
    name: str
    namespace: str


class _Item(Struct):
    metadata: _Metadata
    spec: _Spec | None = None


class _ListMetadata(Struct, rename={"token": "continue"}):
    token: str | None = None


class _Items(Typed):
    metadata: _ListMetadata | None = None
    items: tuple[_Item, ...] | None = None


def find_workloads(
    get: Callable[[str], Response | NotChecked],
) -> tuple[Workload, ...] | NotChecked:
    """The workloads of all namespaces that start syncs now; `get` sends a GET.

    Runs need no permission to list CronJobs and Deployments. Without it, nothing is known: one in a
    namespace that can't be listed could sync the whole cluster.
    """
    found: list[Workload] = []
    for kind, (api_version, path) in KINDS.items():
        token = ""
        while True:
            query = {"limit": str(PAGE_SIZE)} | ({"continue": token} if token else {})
            response = get(with_query(path, query))
            if is_refusal(response, 403):
                return NotChecked(why=f"no permission to list {kind}s in all namespaces")
            page = answered(response, api_version, f"{kind}List", _Items)
            if isinstance(page, NotChecked):
                return page
            found += (workload for item in page.items or () if (workload := _workload(kind, item)))
            last, token = token, (page.metadata and page.metadata.token) or ""
            if not token:
                break
            if token == last:
                return NotChecked(why=f"the list of {kind}s doesn't end")
    return tuple(found)


def _workload(kind: str, item: _Item) -> Workload | None:
    """The workload, or None if it syncs nothing now: stopped, a dry run, or another program."""
    spec = item.spec or _Spec()
    job = (spec.job_template and spec.job_template.spec) or _JobSpec()
    template = spec.template or job.template or _Template()
    containers = (template.spec and template.spec.containers) or ()
    container = next(filter(_runs_podcm_sync, containers), None)
    if container is None or spec.suspend or spec.replicas == 0:
        return None
    scope = _scope(_options(container), _variables(container), item.metadata.namespace)
    if scope is None:
        return None
    return Workload(
        kind=kind, namespace=item.metadata.namespace, name=item.metadata.name, scope=scope
    )


def _runs_podcm_sync(container: _Container) -> bool:
    """By the name of its image without registry, tag, and digest, its command, or its own name."""
    image = (container.image or "").partition("@")[0].rpartition("/")[2].partition(":")[0]
    words = {word.rpartition("/")[2] for word in container.command or ()}
    return NAME in {image, container.name, *words} or "podcm_sync" in words


def _options(container: _Container) -> Sequence[str]:
    """The words of the command line after the program."""
    command, args = container.command or (), container.args or ()
    words = [*command, *args]
    programs = [
        index
        for index, word in enumerate(words)
        if word == "podcm_sync" or word.rpartition("/")[2] == NAME
    ]
    return words[programs[0] + 1 :] if programs else args


def _variables(container: _Container) -> Mapping[str, str]:
    return {
        variable.name.removeprefix("PODCM_SYNC_"): variable.value
        for variable in container.env or ()
        if variable.name.startswith("PODCM_SYNC_") and variable.value
    }


def _scope(words: Sequence[str], variables: Mapping[str, str], own: str) -> Scope | None:
    """The namespaces that a run with these options writes; None if it writes none.

    An option beats a variable. Without either, a run has the namespace of its Pod.
    """
    if words and not words[0].startswith("-"):  # another command, such as `status`
        return None
    if "--dry-run" in words or variables.get("DRY_RUN", "").lower() in _TRUE:
        return None
    namespaces = tuple(_values(words, "--namespace", "-n"))
    is_all = any(re.fullmatch(r"--all-namespaces|-v*Av*", word) for word in words)
    if not (namespaces or is_all):
        namespaces = tuple(variables.get("NAMESPACE", "").split())
        is_all = variables.get("ALL_NAMESPACES", "").lower() in _TRUE
    if not is_all:
        return Scope(namespaces=namespaces or (own,))
    shards = [*_values(words, "--shard"), variables.get("SHARD", "")]
    return Scope(namespaces=None, shard=_shard(shards[0]))


def _values(words: Sequence[str], name: str, short: str = "") -> Iterator[str]:
    """The values of an option in all its forms: `--name V`, `--name=V`, `-n V`, and `-nV`."""
    for index, word in enumerate(words):
        if word in {name, short} and index + 1 < len(words):
            yield words[index + 1]
        elif word.startswith(f"{name}="):
            yield word.partition("=")[2]
        elif short and re.match(rf"{short}[^-]", word):
            yield word.removeprefix(short).removeprefix("=")


def _shard(text: str) -> Shard | None:
    try:
        return parse_shard(text)
    except ValueError:  # none, or one with which no run starts
        return None
