"""All that a run knows of a cluster: a Reader, a Writer, and a Recorder of Events.

A dry run has no Writer. The failure of one object is a value; an exception ends the whole run
(`errors`). Leader election uses the Lock, outside of runs.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple, Protocol

from msgspec import Struct

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap, Lease, LeaseSpec, Pod, PodConfigMapConfig
from podcm_sync.reconcile.changes import (
    Answer,
    DesiredConfigMap,
    StatusUpdate,
)
from podcm_sync.reconcile.events import Event
from podcm_sync.reconcile.snapshot import Scope, Snapshot

NO_ANSWER: Final = "<error>"
"""The code of a request without an answer, as in client-go's `rest_client_requests_total`."""


class RequestCount(Struct, frozen=True, kw_only=True):
    """The number of requests with one Kubernetes verb and one code: an HTTP status or NO_ANSWER."""

    verb: str
    code: str
    count: int


class Traffic(Struct, frozen=True, kw_only=True):
    """All requests of a run. `retries` counts those that repeat an earlier request."""

    requests: tuple[RequestCount, ...] = ()
    retries: int = 0


NO_TRAFFIC: Final = Traffic()


class Origin(Struct, frozen=True, kw_only=True, rename="camel"):
    """The server or directory that a plan was made from, and the files of `-f` that it used.

    `certificate` is the fingerprint of the CAs that the server was trusted by, "" for the system's
    CAs. `only_files` means that configs missing from `files` count as deleted.
    """

    server: str = ""
    certificate: str = ""
    directory: str = ""
    files: tuple[str, ...] = ()
    only_files: bool = False

    def __str__(self) -> str:
        return self.server or f"--from {self.directory}"


class Reader(Protocol):
    """Lists objects and changes nothing."""

    def snapshot(self, scope: Scope, *, may_defer: bool = False) -> Snapshot:
        """Every object of the scope. `incomplete` names the namespaces whose lists failed.

        With `may_defer`, a Reader can leave out namespaces whose lists are long; `deferred` names
        them. A later pass lists them.

        Raises ClusterError if the whole cluster cannot be asked, and InputError for manifests that
        cannot be read.
        """
        ...

    def namespaces(self) -> Collection[str]:
        """Every namespace that has a config or a generated ConfigMap.

        It is asked for if `deferred` of a snapshot has ALL_NAMESPACES: then only some of the
        deferred namespaces are known. Raises ClusterError.
        """
        ...

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        """The name of each ConfigMap in these namespaces, and whether labels and name are ours.

        If the list of a namespace fails, its names are missing: a create that meets an existing
        ConfigMap is then a 409.
        """
        ...

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        """The ones among these generated ConfigMaps that still exist.

        If the list of a namespace fails, all of its ConfigMaps count as existing, since nothing
        shows that they are gone. Raises ClusterError if the server cannot be asked at all.
        """
        ...


Confirm = Callable[[], Answer | None]
"""Whether a deletion is still right. If there is an answer, it counts, and nothing is deleted."""


def needs_no_look() -> None:
    """Confirms each deletion."""


class Writer(Protocol):
    """One method for each verb, callable from any thread. One object's failure is a value."""

    def create(self, desired: DesiredConfigMap) -> Answer:
        """Create the ConfigMap. If the name exists by now, the answer is a Conflict."""
        ...

    def update(self, existing: ConfigMap, desired: DesiredConfigMap) -> Answer:
        """Change what is ours. If it isn't the version that was read, the answer is a Conflict."""
        ...

    def delete(self, existing: ConfigMap, confirm: Confirm = needs_no_look) -> Answer:
        """Delete the ConfigMap. If it isn't the version that was read, it is a Conflict.

        `confirm` is asked right before each attempt.
        """
        ...

    def update_status(self, update: StatusUpdate) -> Answer:
        """Write a status. If the config isn't the version that was read, it is a Conflict."""
        ...


class LookError(Exception):
    """An object could not be looked at; `answer` says why, as for a write."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.message)
        self.answer = answer


class Looker(Protocol):
    """Reads single objects as they are at this moment, callable from any thread."""

    def pod(self, name: NamespacedName) -> Pod | None:
        """The Pod with all its annotations; None if it doesn't exist. Raises LookError."""
        ...

    def config(self, name: NamespacedName) -> PodConfigMapConfig | None:
        """The config; None if it doesn't exist. Raises LookError."""
        ...


class Recorder(Protocol):
    """Writes Events, callable from any thread. One Event's failure is a value."""

    def record(self, event: Event) -> Answer:
        """Create the Event. UNCHANGED if it exists already, FAILED if it could not be created."""
        ...


class LockError(Exception):
    """The Lease could not be read or written. The message has what failed and what to do.

    `is_conflict` means that the Lease changed since it was read: read it again.
    """

    def __init__(self, message: str, *, is_conflict: bool = False) -> None:
        super().__init__(message)
        self.is_conflict = is_conflict


class Limit(NamedTuple):
    """A time limit: its seconds, and its name in words for messages."""

    seconds: float
    name: str


class Lock(Protocol):
    """One Lease. No call takes longer than its limit.

    A write that timed out may have been carried out all the same.
    """

    def read(self, limit: Limit) -> Lease | None:
        """The Lease, or None if it doesn't exist. Raises LockError."""
        ...

    def write(self, spec: LeaseSpec, resource_version: str | None, limit: Limit) -> Lease:
        """Write the spec and return the Lease as stored.

        The write patches exactly `resource_version`; None creates the Lease. Raises LockError.
        """
        ...
