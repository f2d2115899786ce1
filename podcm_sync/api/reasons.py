"""The one table of reasons: what each means, whether it fails a run, and what to do about it.

Every plan, outcome, condition, and document takes its reasons from here. A new reason is a new
member and a new row; a test keeps the documents equal.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct


class Reason(StrEnum):
    """Why something was done, left alone, or failed: CamelCase, as in the API's own conditions."""

    MISSING = "Missing"
    OUT_OF_SYNC = "OutOfSync"
    POD_RECREATED = "PodRecreated"
    IN_SYNC = "InSync"
    NOT_SELECTED = "NotSelected"
    CONFIG_GONE = "ConfigGone"
    POD_GONE = "PodGone"

    SUSPENDED = "Suspended"
    PRUNE_DISABLED = "PruneDisabled"
    LEFT_TO_GARBAGE_COLLECTOR = "LeftToGarbageCollector"
    COPY = "Copy"
    UPSERT_ONLY = "UpsertOnly"
    POD_TERMINATING = "PodTerminating"
    CONFIG_MAP_TERMINATING = "ConfigMapTerminating"
    AWAITING_LIST = "AwaitingList"
    UNCONFIRMED = "Unconfirmed"
    NAMESPACE_TERMINATING = "NamespaceTerminating"
    CONFIG_INVALID = "ConfigInvalid"
    CONFIG_NEWER = "ConfigNewer"

    FOREIGN = "Foreign"
    NAME_TAKEN = "NameTaken"
    IMMUTABLE = "Immutable"
    TOO_LARGE = "TooLarge"
    INVALID_NAME = "InvalidName"
    TEMPLATE_FAILED = "TemplateFailed"
    TEMPLATE_BUDGET_EXCEEDED = "TemplateBudgetExceeded"
    TEMPLATE_ENGINE_UNAVAILABLE = "TemplateEngineUnavailable"
    UNDECODABLE = "Undecodable"
    BOUND_EXCEEDED = "BoundExceeded"

    PRUNE_BLOCKED = "PruneBlocked"
    PRUNE_TOTAL_BLOCKED = "PruneTotalBlocked"
    PLAN_OUTDATED = "PlanOutdated"
    NOT_IN_PLAN = "NotInPlan"
    ALREADY_GONE = "AlreadyGone"
    INCOMPLETE = "Incomplete"
    INTERRUPTED = "Interrupted"

    CONFLICT = "Conflict"
    FORBIDDEN = "Forbidden"
    QUOTA_EXCEEDED = "QuotaExceeded"
    REJECTED = "Rejected"
    WEBHOOK_FAILED = "WebhookFailed"
    CHANGED_BY_ADMISSION = "ChangedByAdmission"
    READ_ONLY = "ReadOnlyManifest"
    WRITE_FAILED = "WriteFailed"
    STATUS_NOT_STORED = "StatusNotStored"
    SERVER_ERROR = "ServerError"
    UNREACHABLE = "Unreachable"
    UNAUTHORIZED = "Unauthorized"

    INVALID_SPEC = "InvalidSpec"
    NEWER_SPEC = "NewerSpec"
    UNREADABLE = "Unreadable"


class ReasonClass(StrEnum):
    """What a reason means for the run. It decides the exit code and the Ready condition."""

    ROUTINE = "routine"
    """The sync did its work, or there was none."""
    INTENDED = "intended"
    """Left alone because somebody asked for it, or because it is being deleted anyway."""
    BLOCKING = "blocking"
    """A failure of this object (exit 3, Ready=False). Somebody must act."""
    HELD_BACK = "held back"
    """A deletion that a guard refused, or a saved change that no longer fits (exit 4)."""
    API = "api"
    """The API server gave no certain answer (exit 5)."""


class ReasonInfo(Struct, frozen=True, kw_only=True):
    """One reason's row: its class, what it means, and what to do ("" if there is nothing to do).

    The meaning is a clause, and the action an imperative, both without a full stop.
    """

    reason_class: ReasonClass
    meaning: str
    action: str = ""


def _routine(meaning: str) -> ReasonInfo:
    return ReasonInfo(reason_class=ReasonClass.ROUTINE, meaning=meaning)


def _intended(meaning: str, action: str = "") -> ReasonInfo:
    return ReasonInfo(reason_class=ReasonClass.INTENDED, meaning=meaning, action=action)


def _blocking(meaning: str, action: str) -> ReasonInfo:
    return ReasonInfo(reason_class=ReasonClass.BLOCKING, meaning=meaning, action=action)


def _api(meaning: str, action: str) -> ReasonInfo:
    return ReasonInfo(reason_class=ReasonClass.API, meaning=meaning, action=action)


REASONS: Final[dict[Reason, ReasonInfo]] = {
    Reason.MISSING: _routine("a selected Pod has no ConfigMap yet"),
    Reason.OUT_OF_SYNC: _routine("the ConfigMap differs from what its Pod and config require"),
    Reason.POD_RECREATED: _routine("the Pod was deleted and created again with the same name"),
    Reason.IN_SYNC: _routine("the ConfigMap is as it should be"),
    Reason.NOT_SELECTED: _routine("the config no longer selects the Pod"),
    Reason.CONFIG_GONE: _routine("the PodConfigMapConfig is gone"),
    Reason.POD_GONE: _routine("the Pod is gone"),
    Reason.SUSPENDED: _intended(
        "the config has `suspend: true`", "to resume, set `spec.suspend` to false"
    ),
    Reason.PRUNE_DISABLED: _intended(
        "the ConfigMap has the annotation `podconfig.example.com/prune: disabled`",
        "to delete it, remove the annotation, or use kubectl",
    ),
    Reason.LEFT_TO_GARBAGE_COLLECTOR: _intended(
        "the list of Pods doesn't have the Pod that owns the ConfigMap; if the Pod is gone, the "
        "garbage collector deletes the ConfigMap",
        "if it stays, check that the garbage collector works and that podcm-sync can list all Pods",
    ),
    Reason.COPY: _intended(
        "another tool copied the ConfigMap from another namespace, as its `data.namespace` shows",
        "delete it with kubectl, or change the tool that copies it",
    ),
    Reason.UPSERT_ONLY: _intended(
        "podcm-sync would delete the ConfigMap, but `--policy upsert-only` deletes nothing",
        "to delete it, run with `--policy sync`",
    ),
    Reason.POD_TERMINATING: _intended(
        "the Pod is terminating, and Kubernetes deletes its ConfigMap with it"
    ),
    Reason.CONFIG_MAP_TERMINATING: _intended(
        "the ConfigMap is being deleted, and a later run creates it again",
        "if it stays, check its finalizers",
    ),
    Reason.AWAITING_LIST: _intended(
        "a loop with `--watch` can't know whether the ConfigMap is needed, so a later full run "
        "decides about deleting it"
    ),
    Reason.UNCONFIRMED: _intended(
        "a loop with `--watch` would delete the ConfigMap, but the API server doesn't confirm yet "
        "that nothing needs it, so a later pass decides"
    ),
    Reason.NAMESPACE_TERMINATING: _intended("the namespace is terminating or doesn't exist"),
    Reason.CONFIG_INVALID: _intended(
        "the spec of its config is invalid, so the ConfigMap stays unchanged",
        "fix the spec of the config",
    ),
    Reason.CONFIG_NEWER: _intended(
        "the spec of its config is newer than this version of podcm-sync, so the ConfigMap stays "
        "unchanged",
        "upgrade podcm-sync",
    ),
    Reason.FOREIGN: _blocking(
        "another ConfigMap has this name, and podcm-sync didn't create it",
        "rename or delete that ConfigMap, or rename the config",
    ),
    Reason.NAME_TAKEN: _blocking(
        "another pair of Pod and config has this name, or a suspended or invalid config owns it",
        "rename one of the two configs or Pods",
    ),
    Reason.IMMUTABLE: _blocking(
        "the ConfigMap has `immutable: true`, so podcm-sync can't update it",
        "delete it; the next run creates it again",
    ),
    Reason.TOO_LARGE: _blocking(
        "the data exceeds 1 MiB, the request 3 MiB, or the whole object the limit of etcd",
        "include fewer or smaller values, or remove labels and annotations that others added",
    ),
    Reason.INVALID_NAME: _blocking(
        "a ConfigMap can't have this data key, name, or uid",
        "rename the key or the object",
    ),
    Reason.TEMPLATE_FAILED: _blocking(
        "a template of the config fails for this Pod",
        "fix `spec.configMapDataTemplate` of the config",
    ),
    Reason.TEMPLATE_BUDGET_EXCEEDED: _blocking(
        "the templates of the config or namespace need more CPU or memory than a run allows",
        "simplify the templates, or select fewer Pods (docs/templates.md lists the limits)",
    ),
    Reason.TEMPLATE_ENGINE_UNAVAILABLE: _blocking(
        "the template engine can't start",
        "raise the limit of virtual memory (`ulimit -v`) where podcm-sync runs",
    ),
    Reason.UNDECODABLE: _blocking(
        "podcm-sync can't decode the Pod or ConfigMap, so it changes nothing for it",
        "fix the object",
    ),
    Reason.BOUND_EXCEEDED: _blocking(
        "the namespace exceeds a bound of a run, so its ConfigMaps stay unchanged",
        "remove objects there, or split the namespace (docs/operations.md lists the bounds)",
    ),
    Reason.PRUNE_BLOCKED: ReasonInfo(
        reason_class=ReasonClass.HELD_BACK,
        meaning="podcm-sync would delete more in this namespace than `--max-prune` allows",
        action="check the deletions; if they are intended, raise `--max-prune`",
    ),
    Reason.PRUNE_TOTAL_BLOCKED: ReasonInfo(
        reason_class=ReasonClass.HELD_BACK,
        meaning="podcm-sync would delete more in total than `--max-prune-total` allows",
        action="check the deletions; if they are intended, raise `--max-prune-total`",
    ),
    Reason.PLAN_OUTDATED: ReasonInfo(
        reason_class=ReasonClass.HELD_BACK,
        meaning="the cluster has changed since the plan, so podcm-sync didn't make this change",
        action="make a new plan, and review it",
    ),
    Reason.NOT_IN_PLAN: _intended(
        "the change became due after the plan was made",
        "make a new plan, or leave the change to the next run",
    ),
    Reason.ALREADY_GONE: _intended("the ConfigMap to delete is already gone"),
    Reason.INCOMPLETE: _api(
        "a list didn't complete, so podcm-sync deletes nothing there", "fix what the error names"
    ),
    Reason.INTERRUPTED: _intended(
        "a signal or the deadline ended the run before this change", "run podcm-sync again"
    ),
    Reason.CONFLICT: _blocking(
        "the object changed during the run, in each of three attempts",
        "run podcm-sync again; if it happens again, find out what else writes the object",
    ),
    Reason.FORBIDDEN: _blocking(
        "permission is missing, or an admission policy refuses the write",
        "grant the verb (deploy/rbac.yaml), or check the policy that the message names",
    ),
    Reason.QUOTA_EXCEEDED: _blocking(
        "the ResourceQuota of the namespace doesn't allow more ConfigMaps", "raise the quota"
    ),
    Reason.REJECTED: _blocking(
        "the API server or an admission policy rejects the object as invalid",
        "follow the message; if podcm-sync caused it, report a bug",
    ),
    Reason.WEBHOOK_FAILED: _blocking(
        "an admission webhook doesn't answer the API server",
        "fix the webhook that the message names, or change its failurePolicy",
    ),
    Reason.CHANGED_BY_ADMISSION: _blocking(
        "the API server stored something other than what podcm-sync sent",
        "find the admission policy or webhook that changes the field",
    ),
    Reason.READ_ONLY: _blocking(
        "the manifest is outside `generated/`, where podcm-sync never edits files",
        "delete it there",
    ),
    Reason.WRITE_FAILED: _blocking(
        "podcm-sync can't write or remove the manifest below `generated/`",
        "fix what the error names",
    ),
    Reason.STATUS_NOT_STORED: _api(
        "the API server doesn't store the status of PodConfigMapConfigs as podcm-sync sends it",
        "install the CRD of podcm-sync: `kubectl apply -f crd/podconfigmapconfig_crd.yaml`",
    ),
    Reason.SERVER_ERROR: _api(
        "the API server failed to handle the write",
        "run podcm-sync again; if it happens again, check the API server",
    ),
    Reason.UNREACHABLE: _api(
        "the API server didn't answer, or something else answered in its place",
        "run podcm-sync again; check the network, and proxies in front of the API server",
    ),
    Reason.UNAUTHORIZED: _api(
        "the API server didn't accept the credentials", "renew the credentials"
    ),
    Reason.INVALID_SPEC: _blocking(
        "the spec of the config is invalid, so its ConfigMaps stay unchanged", "fix the spec"
    ),
    Reason.NEWER_SPEC: _blocking(
        "the spec of the config has something that is newer than this version of podcm-sync, so "
        "its ConfigMaps stay unchanged",
        "upgrade podcm-sync, or remove from the spec what the message names",
    ),
    Reason.UNREADABLE: _blocking(
        "podcm-sync can't decode the config, so its ConfigMaps stay unchanged",
        "fix the config",
    ),
}


def class_of(reason: Reason) -> ReasonClass:
    """The class of a reason, from its row."""
    return REASONS[reason].reason_class
