"""Options → the ports of a run: an API server's or a directory's Reader, and a Writer or none."""

import logging
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from podcm_sync.api.meta import KIND
from podcm_sync.api.objects import PodConfigMapConfig
from podcm_sync.cli.shared_options import Access
from podcm_sync.cli.sync_options import Preview, SyncOptions
from podcm_sync.cluster.interfaces import Origin, Reader, Recorder, Traffic, Writer
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.runtime.context import RunContext

if TYPE_CHECKING:
    from podcm_sync.cluster.kube.client import Connection
    from podcm_sync.watch.watching import Watching

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
    namespaces_of: Callable[[str, str], Collection[str] | None] = lambda _kind, _name: None
    """The namespaces that have an object of this kind and name; None if that can't be known."""
    watching: "Watching | None" = None
    """What watches between the runs of a loop, with --watch."""


def opened(options: SyncOptions, context: RunContext) -> Ports:
    """The ports of a run. Raises InputError, ClusterError."""
    preview, named = options.preview, options.scope.namespaces
    if options.directory is not None:
        from podcm_sync.cluster.files.directory import DirectoryCluster

        cluster = DirectoryCluster(options.directory)
        scope = Scope(namespaces=named or None)
        return Ports(
            reader=_overlaid(cluster, _configs(preview, scope), preview),
            writer=None if preview.dry_run else cluster,
            scope=scope,
            origin=Origin(
                directory=str(options.directory),
                files=preview.files,
                only_files=preview.only_files,
            ),
        )
    # Late: importing the kubernetes package takes longer than all else of a small run.
    from podcm_sync.cluster.kube.reader import KubeReader
    from podcm_sync.cluster.kube.tls import fingerprint
    from podcm_sync.cluster.kube.writer import KubeWriter

    connection = connect(
        options.access,
        context,
        connections=options.pace.concurrency,
        is_leaders=options.election.leader_elect,
    )
    target = connection.target
    scope = Scope(
        namespaces=None if options.scope.all_namespaces else named or (target.namespace,),
        shard=options.scope.shard,
    )
    log.info("%s, %s", target.description, scope)
    configs = _configs(preview, scope)
    store = None
    if options.timing.watch:
        # Late: a single run watches nothing.
        from podcm_sync.watch.store import Store

        store = Store(scope)
    writer = None
    if not preview.dry_run:
        writer = KubeWriter(connection, options.pace.qps or None, store)
    ports = Ports(
        reader=_overlaid(KubeReader(connection, also_for=configs), configs, preview),
        writer=writer,
        scope=scope,
        traffic=connection.requests.drain,
        recorder=writer if options.events else None,
        origin=Origin(
            server=target.server.rstrip("/"),
            certificate=fingerprint(target.authorities),
            files=preview.files,
            only_files=preview.only_files,
        ),
    )
    if store is None:
        return ports
    from podcm_sync.cli.watching import with_watching

    return with_watching(ports, options, connection, store)


def _configs(preview: Preview, scope: Scope) -> tuple[PodConfigMapConfig, ...]:
    """The configs of the files to preview. Raises InputError."""
    if not preview.files:
        return ()
    from podcm_sync.cluster.files.preview import configs

    previewed = configs(preview.files, scope)
    if not previewed:
        so = ": every one of the scope counts as removed" if preview.only_files else ""
        log.warning("there is no %s in %s%s", KIND, ", ".join(preview.files), so)
    return previewed


def _overlaid(reader: Reader, configs: tuple[PodConfigMapConfig, ...], preview: Preview) -> Reader:
    if not preview.files:
        return reader
    from podcm_sync.cluster.files.preview import Overlay

    return Overlay(reader, configs, is_complete=preview.only_files)


def to_read(
    directory: Path | None,
    access: Access,
    namespaces: tuple[str, ...],
    context: RunContext,
    *,
    is_all: bool = False,
) -> Ports:
    """Ports without a writer; without namespaces, the context's or all of the directory's.

    Raises InputError, ClusterError.
    """
    if directory is not None:
        from podcm_sync.cluster.files.directory import DirectoryCluster

        cluster = DirectoryCluster(directory)
        return Ports(
            reader=cluster,
            writer=None,
            scope=Scope(namespaces=namespaces or None),
            namespaces_of=cluster.namespaces_of,
        )
    from podcm_sync.cluster.kube.find import namespaces_of
    from podcm_sync.cluster.kube.reader import KubeReader

    connection = connect(access, context, connections=READERS)
    scope = Scope(namespaces=None if is_all else namespaces or (connection.target.namespace,))
    log.info("%s, %s", connection.target.description, scope)
    return Ports(
        reader=KubeReader(connection),
        writer=None,
        scope=scope,
        namespaces_of=lambda kind, name: namespaces_of(connection, kind, name),
    )


def connect(
    access: Access, context: RunContext, *, connections: int, is_leaders: bool = False
) -> "Connection":
    """A connection to the API server that the options and the kubeconfig name.

    Raises InputError for a kubeconfig or context that cannot be used, ClusterError for a login
    that fails.
    """
    from podcm_sync.cluster.kube.client import Connection
    from podcm_sync.cluster.kube.client_config import loader

    return Connection(
        loader(access.kubeconfig, access.context, access.impersonate, access.impersonate_groups),
        connections=connections,
        request_timeout=access.request_timeout,
        context=context,
        is_leaders=is_leaders,
    )
