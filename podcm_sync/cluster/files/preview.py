"""A Reader that shows another Reader's objects as if the configs of `-f` files were applied.

Pods and ConfigMaps stay the live ones, so its plan is what a run after `kubectl apply` would do. It
is for dry runs only: no Writer belongs to it.
"""

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import structs

from podcm_sync.api import decode_json
from podcm_sync.api.finding import MalformedError
from podcm_sync.api.meta import API_VERSION, GROUP, KIND, NamespacedName
from podcm_sync.api.objects import PodConfigMapConfig, PodConfigMapConfigStatus, Problem
from podcm_sync.cluster.files import manifests, mistakes
from podcm_sync.cluster.files.manifests import Manifest, Skipped, Unreadable
from podcm_sync.cluster.interfaces import Reader
from podcm_sync.errors import InputError
from podcm_sync.reconcile import snapshot
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.reconcile.validate import is_namespace, is_subdomain


class Overlay:
    """Implements `interfaces.Reader`.

    If `is_complete` is true, a config that the files lack counts as deleted.
    """

    def __init__(
        self, reader: Reader, configs: Sequence[PodConfigMapConfig], *, is_complete: bool
    ) -> None:
        self._reader = reader
        self._configs = tuple(configs)
        self._is_complete = is_complete

    def snapshot(self, scope: Scope, *, may_defer: bool = False) -> Snapshot:
        """The other Reader's snapshot with the files' configs. Raises what that Reader raises."""
        live = self._reader.snapshot(scope, may_defer=may_defer)
        live_configs = {config.namespaced_name: config for config in live.configs}
        # `kubectl apply` changes only the fields of the file, so it doesn't repair a live config
        # that can't be read.
        unreadable = {problem.namespaced_name for problem in live.problems if problem.kind == KIND}
        applied = {
            config.namespaced_name: _applied(live_configs.get(config.namespaced_name), config)
            for config in self._configs
            if config.namespaced_name not in unreadable
        }
        remaining = {} if self._is_complete else live_configs
        return structs.replace(
            live,
            configs=tuple({**remaining, **applied}.values()),
            problems=tuple(problem for problem in live.problems if not self._is_removed(problem)),
        )

    def namespaces(self) -> Collection[str]:
        """The answer of the other Reader."""
        return self._reader.namespaces()

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        """The answer of the other Reader."""
        return self._reader.occupied_names(namespaces)

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        """The answer of the other Reader."""
        return self._reader.remaining(config_maps)

    def _is_removed(self, problem: Problem) -> bool:
        """Whether the problem is about a config that counts as deleted."""
        names = {config.namespaced_name for config in self._configs}
        return self._is_complete and problem.kind == KIND and problem.namespaced_name not in names


def _applied(live: PodConfigMapConfig | None, config: PodConfigMapConfig) -> PodConfigMapConfig:
    """The config as the server would store it: the live object with the spec of the file."""
    if live is None:
        return config
    spec = (config.spec, config.suspend, config.spec_error)
    is_changed = spec != (live.spec, live.suspend, live.spec_error)
    return structs.replace(
        live,
        # As the API server does: a change of the spec increments it.
        generation=live.generation + is_changed,
        suspend=config.suspend,
        spec=config.spec,
        spec_error=config.spec_error,
        is_stored=False,
    )


_as_reader: type[Reader] = Overlay


STDIN: Final = "-"


def config_manifests(places: Iterable[str]) -> Iterator[Manifest]:
    """The PodConfigMapConfigs of any version in files, directories, and stdin (`-`).

    Documents that aren't Kubernetes objects are skipped in a directory, and an error elsewhere.
    Raises InputError for everything that can't be read or parsed.
    """
    for place in _checked(places):
        path = Path(place)
        if place == STDIN:
            documents = manifests.parse(path, _stdin())
        elif manifests.is_directory(path):
            documents = manifests.read(path)
        else:
            documents = manifests.read_file(path)
        yield from filter(is_config, documents)


def survey(places: Iterable[str], skipped: Skipped) -> Iterator[Manifest | Unreadable]:
    """Every object in files, directories, and stdin (`-`); see `manifests.survey`."""
    for place in _checked(places):
        path = Path(place)
        if place == STDIN:
            yield from manifests.survey_file(path, skipped, content=_stdin())
        elif manifests.is_directory(path):
            yield from manifests.survey(path, skipped)
        else:
            yield from manifests.survey_file(path, skipped)


def _checked(places: Iterable[str]) -> list[str]:
    places = list(places)
    if places.count(STDIN) > 1:
        raise InputError("-f -: stdin can be read only once", hint="name - once")
    if "" in places:
        raise InputError("-f: the name is empty", hint="name a file, a directory, or - for stdin")
    return places


def configs(places: Sequence[str], scope: Scope) -> tuple[PodConfigMapConfig, ...]:
    """The configs in files, directories, and stdin, as if they were created in this scope.

    A config without a namespace gets the one of the scope, if that has exactly one. An invalid spec
    isn't an error here: the run reports it. Raises InputError, with file and line, if a config is
    outside the scope, occurs twice, or has no usable name, namespace, or version.
    """
    manifest_of: dict[NamespacedName, Manifest] = {}
    decoded: list[PodConfigMapConfig] = []
    for manifest in config_manifests(places):
        name = _name_in(scope, manifest)
        if name in manifest_of:
            raise InputError(f"{manifest}: {KIND} {name} is also in {manifest_of[name]}")
        manifest_of[name] = manifest
        decoded.append(_decode(manifest, name))
    return tuple(decoded)


def _stdin() -> bytes:
    if sys.stdin is None:  # the parent closed it (`<&-`)
        raise InputError("-f -: stdin is closed")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise InputError(f"-f -: stdin cannot be read: {error}") from error


def is_config(manifest: Manifest) -> bool:
    """Whether a manifest is a PodConfigMapConfig of any version."""
    api_version: str = manifest.content["apiVersion"]
    return manifest.content["kind"] == KIND and api_version.startswith(f"{GROUP}/")


def _name_in(scope: Scope, manifest: Manifest) -> NamespacedName:
    """The config's name, with the namespace of the scope if it has none. Raises InputError."""
    content = manifest.content
    if content["apiVersion"] != API_VERSION:
        raise InputError(
            f"{manifest.at('apiVersion')}: apiVersion {content['apiVersion']!r} doesn't exist",
            hint=f"use {API_VERSION}",
        )
    metadata = content.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if name is None:
        raise InputError(f"{manifest.at('metadata')}: {KIND} has no metadata.name")
    if not isinstance(metadata, dict) or not isinstance(name, str) or not is_subdomain(name):
        place = manifest.at("metadata", "name")
        raise InputError(f"{place}: {KIND} metadata.name {name!r} isn't a valid name")
    namespace = metadata.get("namespace")
    if namespace is None or namespace == "":
        if scope.namespaces is None or len(scope.namespaces) != 1:
            raise InputError(
                f"{manifest}: {KIND} {name} has no namespace, and the run has more than one",
                hint="add metadata.namespace, or use a single -n",
            )
        (namespace,) = scope.namespaces
    if not is_namespace(namespace):
        place = manifest.at("metadata", "namespace")
        raise InputError(f"{place}: {KIND} metadata.namespace {namespace!r} isn't a valid name")
    if not _is_in(namespace, scope):
        raise InputError(
            f"{manifest}: {KIND} {namespace}/{name} is outside the scope of the run, {scope}",
            hint=f"add -n {namespace}, or leave the file out",
        )
    return NamespacedName(namespace, name)


def _is_in(namespace: str, scope: Scope) -> bool:
    if scope.namespaces is not None:
        return namespace in scope.namespaces
    return scope.shard is None or snapshot.is_in(namespace, scope.shard)


def _decode(manifest: Manifest, name: NamespacedName) -> PodConfigMapConfig:
    """The config as a new object, without the metadata and the status that only a server sets."""
    metadata = {"name": name.name, "namespace": name.namespace, "generation": 1}
    content = {**manifest.content, "metadata": metadata}
    try:
        config = decode_json.decode_config(msgspec.json.encode(content))
    except MalformedError as error:
        finding = mistakes.explain(manifest, error.finding)
        raise InputError(str(finding), quoted=finding.message) from error
    config = mistakes.located(manifest, config)
    return structs.replace(config, status=PodConfigMapConfigStatus())
