"""Options → this process's part in the election, on a connection of its own."""

import socket
import uuid

import msgspec

from podcm_sync.api.meta import NamespacedName
from podcm_sync.cli.connect import connect
from podcm_sync.cli.profile_options import ElectionOptions
from podcm_sync.cli.shared_options import Access
from podcm_sync.cluster.kube.lease import KubeLease
from podcm_sync.leaderelection.elector import Election
from podcm_sync.leaderelection.rules import Candidate, LeaderStatus, Timing
from podcm_sync.metrics.exporters import MetricsExporters
from podcm_sync.reconcile.snapshot import Shard
from podcm_sync.runtime.context import RunContext

CONNECTIONS = 2
"""One, and another where an answer to the first is given up."""


def election(
    options: ElectionOptions,
    shard: Shard | None,
    access: Access,
    context: RunContext,
    exporters: MetricsExporters,
) -> Election:
    """The election that the options name. `context` is the runs'. Raises InputError, ClusterError.

    A process that waits is as ready as one can be, once it has seen the Lease: with less, a rollout
    would go on over replicas that can never lead.
    """
    # Each request has its own limit, given with it.
    unlimited = msgspec.structs.replace(access, request_timeout=None)
    connection = connect(unlimited, RunContext(), connections=CONNECTIONS, is_leaders=True)
    namespace = options.lease_namespace or connection.target.namespace
    lease = NamespacedName(namespace, options.name_for(shard))
    lock = KubeLease(connection, lease)
    exporters.elect(str(lease))
    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    timing = Timing(
        lease_duration=options.lease_duration,
        renew_deadline=options.renew_deadline,
        retry_period=options.retry_period,
    )

    def waits(status: LeaderStatus) -> None:
        pauses = exporters.idle if status.heard is None else exporters.standby
        pauses(timing.retry_period)

    return Election(lock, Candidate(identity=identity, timing=timing), context, waits)
