"""The ports of a run: a Reader that lists, and a Writer that changes. A dry run has no Writer.

A Recorder tells people. Object-level failures come back as values; only what ends a whole run is
raised (`errors`). The Lock is no part of a run: by it candidates find out who leads.
"""

from collections.abc import Collection, Mapping
from typing import Protocol

from podcm_sync.core.events import Event
from podcm_sync.model.changes import Answer, DesiredConfigMap, StatusUpdate
from podcm_sync.model.lease import Lease, LeaseSpec
from podcm_sync.model.meta import NamespacedName
from podcm_sync.model.objects import ConfigMap, Scope, Snapshot


class Reader(Protocol):
    """Lists, and nothing else."""

    def snapshot(self, scope: Scope) -> Snapshot:
        """Every object of the scope, with what could not be listed in `incomplete`.

        Raises ClusterError where nothing at all can be asked, InputError for unreadable manifests.
        """
        ...

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        """Each ConfigMap's name in these namespaces, and whether labels and name show it as ours.

        If a namespace's list fails, it is left out: a create there meets the other object as a 409.
        """
        ...

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        """Those of these generated ConfigMaps that still exist.

        If a namespace's list fails, all of its ConfigMaps are returned: nothing shows them gone.
        Raises ClusterError if the server cannot be asked at all.
        """
        ...


class Writer(Protocol):
    """One method a verb. Called from several threads at once; never raises for one object."""

    def create(self, desired: DesiredConfigMap) -> Answer:
        """Create it. A name that exists by now is a Conflict."""
        ...

    def update(self, existing: ConfigMap, desired: DesiredConfigMap) -> Answer:
        """Change what is ours, if it is still the version that was read; otherwise a Conflict."""
        ...

    def delete(self, existing: ConfigMap) -> Answer:
        """Delete it, if it is still the version that was read; otherwise a Conflict."""
        ...

    def update_status(self, update: StatusUpdate) -> Answer:
        """Write a status, if the config is still the version that was read."""
        ...


class Recorder(Protocol):
    """Events for people. Called from several threads at once; never raises for one Event."""

    def record(self, event: Event) -> Answer:
        """Create it; UNCHANGED where it is there already, FAILED where it is lost."""
        ...


class LockError(Exception):
    """The lease could not be read or written: what failed, and what to do.

    `is_conflict`: it is not the version that was read any more, so it is to be read again.
    """

    def __init__(self, message: str, *, is_conflict: bool = False) -> None:
        super().__init__(message)
        self.is_conflict = is_conflict


class Lock(Protocol):
    """One Lease. Nothing takes longer than `seconds`; a write may be carried out all the same."""

    def read(self, seconds: float) -> Lease | None:
        """The lease; None where there is none. Raises LockError."""
        ...

    def write(self, spec: LeaseSpec, resource_version: str | None, seconds: float) -> Lease:
        """The lease with this spec, over that very version, or made anew where it is None.

        Raises LockError.
        """
        ...
