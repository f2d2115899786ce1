"""The types of a run: desired ConfigMaps, planned changes, predictions, and outcomes.

A Change is an intention, and an Outcome is the API server's answer to it, as in fluxcd/pkg
`ssa/changeset.go`. An applied plan has one Outcome for each Change. A Prediction has the fields of
an Outcome but its own type, so that no function can take one for the other.
"""

from enum import StrEnum
from typing import Final, TypeAlias

from msgspec import Struct

from podcm_sync.api.finding import Findings, Quotes
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap, PodConfigMapConfigStatus
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.selector import Requirement
from podcm_sync.reconcile.snapshot import Closed


class Verb(StrEnum):
    """What a Change intends."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    KEEP = "keep"
    SKIP = "skip"


class SyncPolicy(StrEnum):
    """Which changes a run makes, with the names of external-dns."""

    SYNC = "sync"
    UPSERT_ONLY = "upsert-only"
    """Create and update, never delete."""


WRITES: Final = frozenset({Verb.CREATE, Verb.UPDATE, Verb.DELETE})
"""The verbs that change the cluster."""


class Result(StrEnum):
    """What happened to an object."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"


class DesiredConfigMap(Struct, frozen=True, kw_only=True):
    """The ConfigMap that one Pod should have from one config.

    It has no uid, so nobody can take it for an existing one. The Pod and the config are in the same
    namespace.
    """

    namespaced_name: NamespacedName
    pod_name: str
    pod_uid: str
    pcmc_name: str
    data: dict[str, str]
    replaced_facts: tuple[str, ...] = ()
    """Which of the Pod's four facts a template replaced, so that their values can be anything."""


class Unresolved(Struct, frozen=True, kw_only=True):
    """A ConfigMap that a Pod should have, but that podcm-sync leaves as it is, and why."""

    namespaced_name: NamespacedName
    pod_name: str
    pcmc_name: str
    reason: Reason
    message: str
    quoted: Quotes


class Desired(Struct, frozen=True, kw_only=True):
    """The complete desired set.

    No name is in both `config_maps` and `unresolved`: each name has one owner. `name_conflicts` has
    the pairs of Pod and config whose name an older config owns. `matched_pods` counts the Pods
    that each config selects.
    """

    config_maps: dict[NamespacedName, DesiredConfigMap]
    unresolved: dict[NamespacedName, Unresolved]
    name_conflicts: tuple[Unresolved, ...]
    matched_pods: dict[NamespacedName, int]
    invalid: dict[NamespacedName, Findings]
    """The configs that are left alone, with the findings about their specs, at least one each."""
    closed: dict[str, Closed] = {}
    """Namespaces past a bound. Nothing else in this set belongs to them."""
    unjudged: frozenset[NamespacedName] = frozenset()
    """Configs whose templates were not parsed, because a bound or the deadline came first."""
    deferred: frozenset[str] = frozenset()
    """Namespaces that need much work. A later pass of the run renders and plans them."""


ChangeKey = tuple[NamespacedName, str, str]
"""The ConfigMap's namespaced name, the config's name, and the Pod's name."""


class Change(Struct, frozen=True, kw_only=True):
    """One intention for one ConfigMap, with everything needed to apply it or show it.

    An update or a delete has the uid and resourceVersion of `existing` as preconditions.
    """

    verb: Verb
    namespaced_name: NamespacedName
    pod_name: str
    pcmc_name: str
    reason: Reason
    message: str
    existing: ConfigMap | None = None
    desired: DesiredConfigMap | None = None
    planned_reason: Reason | None = None
    """The reason of the planned delete, if a guard or the policy holds it back."""
    planned_message: str = ""
    failing: tuple[Requirement, ...] = ()
    """The requirements that its Pod doesn't meet, if the config no longer selects the Pod."""
    quoted: Quotes = None
    """The parts of the message that others wrote."""

    @property
    def key(self) -> ChangeKey:
        """Identifies the change in a plan. The name isn't enough: several configs can want it."""
        return self.namespaced_name, self.pcmc_name, self.pod_name


class Plan(Struct, frozen=True, kw_only=True):
    """All changes of a run, sorted by namespace and name."""

    changes: tuple[Change, ...]


class Answer(Struct, frozen=True, kw_only=True):
    """The API server's answer to a write. `code` is the HTTP status; `message` is "" on success."""

    result: Result
    reason: Reason | None = None
    code: int | None = None
    message: str = ""
    quoted: Quotes = None


def not_begun(why: str) -> Answer:
    """The answer for a write that did not begin, because of the deadline or a signal."""
    return Answer(
        result=Result.SKIPPED,
        reason=Reason.INTERRUPTED,
        message=f"not begun: {why}",
        quoted=(),
    )


class _ChangeResult(Struct, frozen=True, kw_only=True):
    """The fields that an Outcome and a Prediction share."""

    change: Change
    result: Result
    reason: Reason
    code: int | None
    message: str
    quoted: Quotes = None


class Outcome(_ChangeResult, frozen=True, kw_only=True):
    """The result of a Change. `code` is the HTTP status; None if no request was made."""

    @property
    def is_write(self) -> bool:
        """Whether it changed the cluster."""
        return self.result in {Result.CREATED, Result.UPDATED, Result.DELETED}


class Prediction(_ChangeResult, frozen=True, kw_only=True):
    """The result of a Change if the API server accepts it. `code` is None: no request was made."""


AnyOutcome: TypeAlias = Outcome | Prediction
"""For code that only shows or counts results. Code that acts on one takes an Outcome."""


class StatusUpdate(Struct, frozen=True, kw_only=True):
    """The status that a config should have after a run, and the version it was computed from."""

    namespaced_name: NamespacedName
    uid: str
    resource_version: str
    existing: PodConfigMapConfigStatus
    desired: PodConfigMapConfigStatus
    quoted: Quotes = None
    """The quotes in the messages of the desired conditions, except those of failed ConfigMaps."""

    @property
    def is_needed(self) -> bool:
        """Whether a write would change anything."""
        return self.existing != self.desired


class _StatusResult(Struct, frozen=True, kw_only=True):
    """The fields that a StatusOutcome and a StatusPrediction share."""

    update: StatusUpdate
    result: Result
    reason: Reason | None
    message: str
    quoted: Quotes = None


class StatusOutcome(_StatusResult, frozen=True, kw_only=True):
    """The result of a StatusUpdate; UNCHANGED if there was nothing to write."""


class StatusPrediction(_StatusResult, frozen=True, kw_only=True):
    """The result of a StatusUpdate if the API server accepts it and the whole plan."""


AnyStatusOutcome: TypeAlias = StatusOutcome | StatusPrediction
