"""Settings → the ports of a run: an API server's or a directory's Reader, and a Writer or none."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from podcm_sync.clock import Clock
from podcm_sync.cluster.port import Reader, Recorder, Writer
from podcm_sync.model.meta import KIND
from podcm_sync.model.objects import PodConfigMapConfig, Scope
from podcm_sync.model.traffic import Traffic
from podcm_sync.plan_file import Origin
from podcm_sync.settings import Access, Settings

if TYPE_CHECKING:
    from podcm_sync.cluster.kube.connection import Connection

READERS: Final = 4
"""As many connections as a reader has lists under way."""
log = logging.getLogger(__name__)


class Ports(Struct, frozen=True, kw_only=True):
    """Where to read from, where to write to (nowhere in a dry run), and which namespaces.

    Without a recorder there are no Events.
    """

    reader: Reader
    writer: Writer | None
    scope: Scope
    traffic: Callable[[], Traffic] = Traffic
    """What was asked of the API server since this was last called."""
    origin: Origin = Origin()
    recorder: Recorder | None = None


def opened(settings: Settings, clock: Clock) -> Ports:
    """The ports of a run. Raises InputError, ClusterError."""
    if settings.directory is not None:
        from podcm_sync.cluster.directory import DirectoryCluster

        cluster = DirectoryCluster(settings.directory)
        scope = Scope(namespaces=settings.namespaces or None)
        return Ports(
            reader=_overlaid(cluster, _configs(settings, scope), settings),
            writer=None if settings.is_dry_run else cluster,
            scope=scope,
            origin=_origin(settings, directory=str(settings.directory)),
        )
    # Late: importing the kubernetes package takes longer than all else of a small run.
    from podcm_sync.cluster.kube.read import KubeReader
    from podcm_sync.cluster.kube.tls import fingerprint
    from podcm_sync.cluster.kube.write import KubeWriter

    connection = connect(
        settings.access,
        clock,
        connections=settings.concurrency,
        is_leaders=settings.election is not None,
    )
    named = settings.namespaces or (connection.target.namespace,)
    scope = Scope(namespaces=None if settings.is_all_namespaces else named, shard=settings.shard)
    log.info("%s, %s", connection.target.description, scope)
    configs = _configs(settings, scope)
    target = connection.target
    writer = None if settings.is_dry_run else KubeWriter(connection, settings.qps)
    return Ports(
        reader=_overlaid(KubeReader(connection, also_for=configs), configs, settings),
        writer=writer,
        scope=scope,
        traffic=connection.tally.taken,
        recorder=writer if settings.events else None,
        origin=_origin(
            settings,
            server=target.server.rstrip("/"),
            certificate=fingerprint(target.authorities),
        ),
    )


def _configs(settings: Settings, scope: Scope) -> tuple[PodConfigMapConfig, ...]:
    """The configs of the files to preview. Raises InputError."""
    if not settings.files:
        return ()
    from podcm_sync.cluster.config_files import configs

    found = configs(settings.files, scope)
    if not found:
        so = ": every one of the scope counts as removed" if settings.only_files else ""
        log.warning("there is no %s in %s%s", KIND, ", ".join(settings.files), so)
    return found


def _overlaid(
    reader: Reader, configs: tuple[PodConfigMapConfig, ...], settings: Settings
) -> Reader:
    if not settings.files:
        return reader
    from podcm_sync.cluster.overlay import Overlay

    return Overlay(reader, configs, is_complete=settings.only_files)


def _origin(
    settings: Settings, *, server: str = "", certificate: str = "", directory: str = ""
) -> Origin:
    return Origin(
        server=server,
        certificate=certificate,
        directory=directory,
        files=settings.files,
        only_files=settings.only_files,
    )


def to_read(
    directory: Path | None, access: Access, namespaces: tuple[str, ...], clock: Clock
) -> Ports:
    """Ports without a writer; without namespaces, the context's or all of the directory's.

    Raises InputError, ClusterError.
    """
    if directory is not None:
        from podcm_sync.cluster.directory import DirectoryCluster

        scope = Scope(namespaces=namespaces or None)
        return Ports(reader=DirectoryCluster(directory), writer=None, scope=scope)
    from podcm_sync.cluster.kube.read import KubeReader

    connection = connect(access, clock, connections=READERS)
    scope = Scope(namespaces=namespaces or (connection.target.namespace,))
    log.info("%s, %s", connection.target.description, scope)
    return Ports(reader=KubeReader(connection), writer=None, scope=scope)


def connect(
    access: Access, clock: Clock, *, connections: int, is_leaders: bool = False
) -> "Connection":
    """A connection to the API server that the options and the kubeconfig name.

    Raises InputError for a kubeconfig or context that cannot be used, ClusterError for a login
    that fails.
    """
    from podcm_sync.cluster.kube.config import loader
    from podcm_sync.cluster.kube.connection import Connection

    return Connection(
        loader(access.kubeconfig, access.context, access.impersonate),
        connections=connections,
        request_timeout=access.request_timeout,
        clock=clock,
        is_leaders=is_leaders,
    )
