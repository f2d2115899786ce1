"""PodConfigMapConfigs from the files that `-f` names, each known by its file and line.

Manifests of other kinds are passed over, so that a whole repository can be given.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import structs

from podcm_sync.cluster import manifests, mistakes
from podcm_sync.cluster.manifests import Manifest, Skipped
from podcm_sync.core import shards
from podcm_sync.core.validate import is_namespace, is_subdomain
from podcm_sync.errors import DecodeError, InputError
from podcm_sync.model import decode
from podcm_sync.model.meta import API_VERSION, GROUP, KIND, NamespacedName
from podcm_sync.model.objects import PodConfigMapConfig, PodConfigMapConfigStatus, Scope

STDIN: Final = "-"


def config_manifests(places: Iterable[str]) -> Iterator[Manifest]:
    """The manifests of our kind, of whatever version. Raises InputError as `all_manifests`."""
    return filter(is_config, all_manifests(places))


def all_manifests(places: Iterable[str], skipped: Skipped | None = None) -> Iterator[Manifest]:
    """The manifests in files, directories and stdin (`-`).

    What is no Kubernetes object is skipped and counted in a directory, and an error elsewhere.
    Raises InputError for what cannot be read or parsed at all.
    """
    places = list(places)
    if places.count(STDIN) > 1:
        raise InputError("-f: - is given twice, and stdin can be read once")
    for place in places:
        if not place:
            raise InputError("-f: an empty name: name a file, a directory, or - for stdin")
        path = Path(place)
        if place == STDIN:
            found = manifests.parse(path, _stdin())
        elif manifests.is_directory(path):
            found = manifests.read(path, skipped)
        else:
            found = manifests.read_file(path)
        yield from found


def configs(places: Sequence[str], scope: Scope) -> tuple[PodConfigMapConfig, ...]:
    """The configs, as they would be if they were created in the scope of a run.

    One without a namespace gets that of the scope, where it has a single one. An invalid spec is
    the run's to say. Raises InputError, with file and line, for a config that is outside the scope,
    stands twice, or has no usable name, namespace or version.
    """
    found: dict[NamespacedName, Manifest] = {}
    made: list[PodConfigMapConfig] = []
    for manifest in config_manifests(places):
        name = _named(manifest, scope)
        if name in found:
            raise InputError(f"{manifest}: {KIND} {name} stands in {found[name]} already")
        found[name] = manifest
        made.append(_decoded(manifest, name))
    return tuple(made)


def _stdin() -> bytes:
    if sys.stdin is None:
        raise InputError(f"{STDIN}: stdin is closed")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise InputError(f"{STDIN}: stdin cannot be read: {error}") from error


def is_config(manifest: Manifest) -> bool:
    """Whether a manifest is of our kind, of whatever version."""
    api_version: str = manifest.content["apiVersion"]
    return manifest.content["kind"] == KIND and api_version.startswith(f"{GROUP}/")


def _named(manifest: Manifest, scope: Scope) -> NamespacedName:
    content = manifest.content
    if content["apiVersion"] != API_VERSION:
        raise InputError(
            f"{manifest.at('apiVersion')}: apiVersion {content['apiVersion']!r} is not served: "
            f"write {API_VERSION}"
        )
    metadata = content.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if name is None:
        raise InputError(f"{manifest.at('metadata')}: {KIND} has no metadata.name: write one")
    if not isinstance(metadata, dict) or not isinstance(name, str) or not is_subdomain(name):
        where = manifest.at("metadata", "name")
        raise InputError(f"{where}: {KIND} metadata.name {name!r} is not a legal name")
    namespace = metadata.get("namespace")
    if namespace is None or namespace == "":
        if scope.namespaces is None or len(scope.namespaces) != 1:
            raise InputError(
                f"{manifest}: {KIND} {name} names no namespace, and the run has not just one: "
                "write metadata.namespace, or give one -n"
            )
        (namespace,) = scope.namespaces
    if not is_namespace(namespace):
        where = manifest.at("metadata", "namespace")
        raise InputError(f"{where}: {KIND} metadata.namespace {namespace!r} is not a legal name")
    if not _is_in(namespace, scope):
        raise InputError(
            f"{manifest}: {KIND} {namespace}/{name} is outside of the run's scope, {scope}: "
            "give its namespace with -n too, or leave the file out"
        )
    return NamespacedName(namespace, name)


def _is_in(namespace: str, scope: Scope) -> bool:
    if scope.namespaces is not None:
        return namespace in scope.namespaces
    return scope.shard is None or shards.is_in(namespace, scope.shard)


def _decoded(manifest: Manifest, name: NamespacedName) -> PodConfigMapConfig:
    """The config, new: what a server says of one that it has is no part of a file."""
    metadata = {"name": name.name, "namespace": name.namespace, "generation": 1}
    content = {**manifest.content, "metadata": metadata}
    try:
        config = decode.decode_config(msgspec.json.encode(content))
    except DecodeError as error:
        raise InputError(mistakes.explain(manifest, str(error)), quoted=error) from error
    config = mistakes.located(manifest, config)
    return structs.replace(config, status=PodConfigMapConfigStatus())
