"""What is wanted, planned, predicted and done: DesiredConfigMap, Change, Prediction, Outcome.

Two tenses, as in fluxcd/pkg `ssa/changeset.go`: a Change says what is intended, an Outcome what
the API server answered. There is one Outcome for each Change of an applied plan. A Prediction has
the same fields as an Outcome but is another type, so that no function can take one for the other.
"""

from enum import StrEnum
from typing import Final, TypeAlias

from msgspec import Struct

from podcm_sync.model.meta import NamespacedName
from podcm_sync.model.objects import Closed, ConfigMap, PodConfigMapConfigStatus
from podcm_sync.model.reasons import Reason


class Verb(StrEnum):
    """An intention."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    KEEP = "keep"
    SKIP = "skip"


class SyncPolicy(StrEnum):
    """Which changes a run makes, in the words of external-dns."""

    SYNC = "sync"
    UPSERT_ONLY = "upsert-only"
    """Create and update, never delete."""


WRITES: Final = frozenset({Verb.CREATE, Verb.UPDATE, Verb.DELETE})
"""The verbs that change the cluster."""


class Result(StrEnum):
    """A fact."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"


class DesiredConfigMap(Struct, frozen=True, kw_only=True):
    """The ConfigMap that one Pod should have from one config. It has no uid: it is not there yet.

    `namespaced_name.namespace` is the Pod's and the config's too.
    """

    namespaced_name: NamespacedName
    pod_name: str
    pod_uid: str
    pcmc_name: str
    data: dict[str, str]
    replaced_facts: tuple[str, ...] = ()
    """Which of the four facts of a Pod a template replaced, so that they may say anything."""


class Withheld(Struct, frozen=True, kw_only=True):
    """A ConfigMap that should be thought about but must stay as it is: why, and for whom."""

    namespaced_name: NamespacedName
    pod_name: str
    pcmc_name: str
    reason: Reason
    message: str


class Desired(Struct, frozen=True, kw_only=True):
    """The complete desired set.

    `config_maps` and `withheld` share no name: each name has one holder. `losers` are the pairs
    whose name another has. `matched_pods` counts, by config, the Pods that its selector matches.
    """

    config_maps: dict[NamespacedName, DesiredConfigMap]
    withheld: dict[NamespacedName, Withheld]
    losers: tuple[Withheld, ...]
    matched_pods: dict[NamespacedName, int]
    invalid: dict[NamespacedName, str]
    """Invalid configs, with what is wrong with their specs."""
    closed: dict[str, Closed] = {}
    """Namespaces that ask for more than a bound allows; nothing here is of them."""
    unjudged: frozenset[NamespacedName] = frozenset()
    """Configs whose templates nobody parsed, since a bound or the run's time came first."""


class Change(Struct, frozen=True, kw_only=True):
    """One intention about one ConfigMap, with all that is needed to carry it out or show it.

    An update and a delete hold only for the uid and resourceVersion of `existing`.
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
    """Why it would be deleted, if a guard or the policy holds it back."""
    planned_message: str = ""


class Plan(Struct, frozen=True, kw_only=True):
    """Every Change of a run, sorted by namespace and name."""

    changes: tuple[Change, ...]


class Answer(Struct, frozen=True, kw_only=True):
    """What one write came to, by the server's own word. `message` is empty where all went well."""

    result: Result
    reason: Reason | None = None
    code: int | None = None
    message: str = ""


class _ChangeResult(Struct, frozen=True, kw_only=True):
    """The fields that an Outcome and a Prediction share, for those who only show them."""

    change: Change
    result: Result
    reason: Reason
    code: int | None
    message: str


class Outcome(_ChangeResult, frozen=True, kw_only=True):
    """What a Change came to. `code` is the HTTP status if a request was made."""

    @property
    def is_write(self) -> bool:
        """Whether the cluster is different for it."""
        return self.result in {Result.CREATED, Result.UPDATED, Result.DELETED}


class Prediction(_ChangeResult, frozen=True, kw_only=True):
    """What a Change comes to if the API server agrees. `code` is None: nobody was asked."""


AnyOutcome: TypeAlias = Outcome | Prediction
"""For who shows an outcome or counts it, and does nothing because of it."""


class StatusUpdate(Struct, frozen=True, kw_only=True):
    """The status that a config should have after a run, and the version it was computed from."""

    namespaced_name: NamespacedName
    uid: str
    resource_version: str
    existing: PodConfigMapConfigStatus
    desired: PodConfigMapConfigStatus

    @property
    def is_needed(self) -> bool:
        """Whether writing it would change anything."""
        return self.existing != self.desired


class _StatusResult(Struct, frozen=True, kw_only=True):
    """The fields that a StatusOutcome and a StatusPrediction share."""

    update: StatusUpdate
    result: Result
    reason: Reason | None
    message: str


class StatusOutcome(_StatusResult, frozen=True, kw_only=True):
    """What a StatusUpdate came to; `result` is UNCHANGED if there was nothing to write."""


class StatusPrediction(_StatusResult, frozen=True, kw_only=True):
    """What a StatusUpdate comes to if the API server agrees to it and to the plan."""


AnyStatusOutcome: TypeAlias = StatusOutcome | StatusPrediction
