"""The one table of reasons: what each means, whether it fails a run, and what to do about it.

Everything that says why (a plan's change, an outcome, a condition, the README) takes its word
from here. A new reason is a new member and a new row; a test keeps README equal.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct


class Reason(StrEnum):
    """Why something was done, left alone, or failed; CamelCase, as in the API's own conditions."""

    MISSING = "Missing"
    DRIFTED = "Drifted"
    POD_RECREATED = "PodRecreated"
    IN_STEP = "InStep"
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
    NAMESPACE_TERMINATING = "NamespaceTerminating"
    CONFIG_INVALID = "ConfigInvalid"

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
    UNREADABLE = "Unreadable"


class Kind(StrEnum):
    """What a reason means for the run; decides the exit code and the Ready condition."""

    ROUTINE = "routine"
    """The sync did, or had no need to do, its work."""
    INTENDED = "intended"
    """Left alone because somebody asked for it or it is about to go; changes nothing."""
    BLOCKING = "blocking"
    """A failure of this object (exit 3, Ready=False): held up until somebody acts."""
    HELD_BACK = "held back"
    """A delete that a guard refused, or a change of a saved plan that no longer fits (exit 4)."""
    API = "api"
    """No sure answer from the API server (exit 5)."""


class Row(Struct, frozen=True, kw_only=True):
    """One reason's row: its kind, what it means, and what to do ("" where nothing is to do)."""

    kind: Kind
    meaning: str
    action: str = ""


def _routine(meaning: str) -> Row:
    return Row(kind=Kind.ROUTINE, meaning=meaning)


def _intended(meaning: str, action: str = "") -> Row:
    return Row(kind=Kind.INTENDED, meaning=meaning, action=action)


def _blocking(meaning: str, action: str) -> Row:
    return Row(kind=Kind.BLOCKING, meaning=meaning, action=action)


def _api(meaning: str, action: str) -> Row:
    return Row(kind=Kind.API, meaning=meaning, action=action)


REASONS: Final[dict[Reason, Row]] = {
    Reason.MISSING: _routine("a selected Pod has no ConfigMap yet"),
    Reason.DRIFTED: _routine("the ConfigMap differs from what its Pod and config ask for"),
    Reason.POD_RECREATED: _routine("the Pod was recreated under its name, with another uid"),
    Reason.IN_STEP: _routine("the ConfigMap is what it should be"),
    Reason.NOT_SELECTED: _routine("the config no longer selects the Pod"),
    Reason.CONFIG_GONE: _routine("the PodConfigMapConfig is gone"),
    Reason.POD_GONE: _routine("the Pod is gone"),
    Reason.SUSPENDED: _intended(
        "the config says `suspend: true`", "set `spec.suspend` to false to resume"
    ),
    Reason.PRUNE_DISABLED: _intended(
        "the ConfigMap carries the annotation `podconfig.example.com/prune: disabled`",
        "remove the annotation, or delete the ConfigMap yourself",
    ),
    Reason.LEFT_TO_GARBAGE_COLLECTOR: _intended(
        "the list of Pods doesn't have the Pod that owns the ConfigMap; if the Pod is gone, the "
        "garbage collector deletes the ConfigMap",
        "if it stays, check that the garbage collector works and that podcm-sync can list all Pods",
    ),
    Reason.COPY: _intended(
        "another tool copied the ConfigMap from another namespace, as its `data.namespace` shows",
        "delete it yourself, or change the tool that copies it",
    ),
    Reason.UPSERT_ONLY: _intended(
        "the run would delete the ConfigMap, but `--policy upsert-only` deletes nothing",
        "to delete it, run with `--policy sync`",
    ),
    Reason.POD_TERMINATING: _intended("the Pod is terminating; its ConfigMap goes with it"),
    Reason.CONFIG_MAP_TERMINATING: _intended(
        "the ConfigMap is being deleted; a later run makes it anew",
        "if it stays, look at its finalizers",
    ),
    Reason.NAMESPACE_TERMINATING: _intended("the namespace is terminating or gone"),
    Reason.CONFIG_INVALID: _intended(
        "its config's spec is invalid, so what exists stays as it is", "mend the config's spec"
    ),
    Reason.FOREIGN: _blocking(
        "a ConfigMap of that name exists and is not podcm-sync's",
        "rename or delete it, or rename the config",
    ),
    Reason.NAME_TAKEN: _blocking(
        "another Pod and config give the same name, or a suspended or invalid config holds it",
        "rename one of the two configs or Pods",
    ),
    Reason.IMMUTABLE: _blocking(
        "the ConfigMap is `immutable: true` and would have to change",
        "delete it: the next run makes it anew",
    ),
    Reason.TOO_LARGE: _blocking(
        "the data is over 1 MiB, the request over 3 MiB, or the whole object more than etcd takes",
        "include fewer or smaller values, or remove labels and annotations that others put on it",
    ),
    Reason.INVALID_NAME: _blocking(
        "the data key, name or uid is not one that a ConfigMap can have",
        "rename the key or the object",
    ),
    Reason.TEMPLATE_FAILED: _blocking(
        "a template of the config fails on this Pod", "mend `spec.configMapDataTemplate`"
    ),
    Reason.TEMPLATE_BUDGET_EXCEEDED: _blocking(
        "the templates of its config or namespace need more CPU or memory than one run grants them",
        "make the templates cheaper, or select fewer Pods (docs/templates.md lists the limits)",
    ),
    Reason.TEMPLATE_ENGINE_UNAVAILABLE: _blocking(
        "the template engine cannot start where podcm-sync runs",
        "raise the limit on virtual memory (`ulimit -v`) where podcm-sync runs",
    ),
    Reason.UNDECODABLE: _blocking(
        "the Pod or ConfigMap cannot be decoded, so nothing is changed for it",
        "mend the object",
    ),
    Reason.BOUND_EXCEEDED: _blocking(
        "the namespace is past a bound of what a run spends on it; what it has stays as it is",
        "remove objects there, or split the namespace; docs/operations.md lists the bounds",
    ),
    Reason.PRUNE_BLOCKED: Row(
        kind=Kind.HELD_BACK,
        meaning="the run would delete more in this namespace than `--max-prune` allows",
        action="check the deletions; if they are intended, raise `--max-prune`",
    ),
    Reason.PRUNE_TOTAL_BLOCKED: Row(
        kind=Kind.HELD_BACK,
        meaning="the run would delete more in all than `--max-prune-total` allows",
        action="check the deletions; if they are intended, raise `--max-prune-total`",
    ),
    Reason.PLAN_OUTDATED: Row(
        kind=Kind.HELD_BACK,
        meaning="what was planned does not fit the cluster any more, so it was not done",
        action="make the plan anew and review it",
    ),
    Reason.NOT_IN_PLAN: _intended(
        "it is due by now, but was not in the plan that was applied",
        "make another plan, or leave it to the next run",
    ),
    Reason.ALREADY_GONE: _intended("it was to be deleted, and is gone already"),
    Reason.INCOMPLETE: _api(
        "a list did not complete, so nothing is deleted there", "mend what the error names"
    ),
    Reason.INTERRUPTED: _intended(
        "a signal or the deadline ended the run before it came to this object", "run again"
    ),
    Reason.CONFLICT: _blocking(
        "the object changed while the run was at work, three times over",
        "run again; if it stays, find what else writes it",
    ),
    Reason.FORBIDDEN: _blocking(
        "the API server refuses the write for want of rights or by an admission policy",
        "grant the verb (deploy/rbac.yaml) or look at the policy named",
    ),
    Reason.QUOTA_EXCEEDED: _blocking(
        "the namespace's ResourceQuota allows no more ConfigMaps", "raise the quota"
    ),
    Reason.REJECTED: _blocking(
        "the API server or an admission policy finds the object invalid",
        "see its message; report it if it is ours",
    ),
    Reason.WEBHOOK_FAILED: _blocking(
        "an admission webhook that the API server must ask does not answer",
        "repair the webhook named, or change its failurePolicy",
    ),
    Reason.CHANGED_BY_ADMISSION: _blocking(
        "the API server stored something else than podcm-sync wrote",
        "find the admission policy or webhook that changes the field named",
    ),
    Reason.READ_ONLY: _blocking(
        "the manifest lies outside `generated/`, and manifests that were read are never edited",
        "delete it there yourself",
    ),
    Reason.WRITE_FAILED: _blocking(
        "the manifest below `generated/` cannot be written or removed", "mend what the error names"
    ),
    Reason.STATUS_NOT_STORED: _api(
        "the API server does not store the status of PodConfigMapConfigs as it was sent",
        "install podcm-sync's CRD: kubectl apply -f crd/podconfigmapconfig_crd.yaml",
    ),
    Reason.SERVER_ERROR: _api(
        "the API server failed to answer the write", "run again; look at the API server"
    ),
    Reason.UNREACHABLE: _api(
        "no answer of the API server came, or one that is not its own",
        "run again; look at the network, and at proxies before the API server",
    ),
    Reason.UNAUTHORIZED: _api("the API server did not accept the credentials", "renew them"),
    Reason.INVALID_SPEC: _blocking(
        "the config's spec is invalid; its ConfigMaps stay as they are", "mend the spec"
    ),
    Reason.UNREADABLE: _blocking(
        "the config cannot be decoded; its ConfigMaps stay as they are",
        "mend the config",
    ),
}


def kind_of(reason: Reason) -> Kind:
    """The kind of a reason, from its row."""
    return REASONS[reason].kind
