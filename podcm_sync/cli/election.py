"""Settings → this process's part in the election, on a connection of its own."""

import socket
import uuid

import msgspec

from podcm_sync.cli.ports import connect
from podcm_sync.clock import Clock
from podcm_sync.cluster.kube.lease import KubeLease
from podcm_sync.election import Election
from podcm_sync.leader import Candidate
from podcm_sync.model.meta import NamespacedName
from podcm_sync.settings import Access, LeaderElection

CONNECTIONS = 2
"""One, and another where an answer to the first is given up."""


def election(settings: LeaderElection, access: Access, clock: Clock) -> Election:
    """The election that the options name. `clock` is the runs'. Raises InputError, ClusterError."""
    # Each request has its own limit, given with it.
    unlimited = msgspec.structs.replace(access, request_timeout=None)
    connection = connect(unlimited, Clock(), connections=CONNECTIONS, is_leaders=True)
    namespace = settings.namespace or connection.target.namespace
    lock = KubeLease(connection, NamespacedName(namespace, settings.name))
    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    return Election(lock, Candidate(identity=identity, timing=settings.timing), clock)
