"""Outcomes → StatusUpdates: the status of each PodConfigMapConfig after a run (behavior.md §5).

A status is computed from Outcomes, so observedGeneration can't be stamped before the work is done.
Two runs over the same objects compute equal statuses: messages contain counts but no times, and
lastTransitionTime only moves with the condition's status.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from podcm_sync.api.finding import Quotes, all_quotes, joined
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import Condition, PodConfigMapConfig, PodConfigMapConfigStatus
from podcm_sync.api.phrases import NAMED, count, listed
from podcm_sync.api.reasons import REASONS, Reason, ReasonClass, class_of
from podcm_sync.reconcile.changes import (
    AnyOutcome,
    Desired,
    Outcome,
    Prediction,
    Result,
    StatusPrediction,
    StatusUpdate,
)
from podcm_sync.reconcile.desired import is_active
from podcm_sync.reconcile.failures import grouped, of_outcome
from podcm_sync.reconcile.snapshot import Closed, Snapshot

READY: Final = "Ready"
STALLED: Final = "Stalled"
SYNCED: Final = "Synced"
SOME_FAILED: Final = "SomeConfigMapsFailed"
WAITING: Final = "Waiting"
MAX_MESSAGE: Final = 2_048
"""Far below the CRD's 32,768: a status is read in a terminal."""

_UNFINISHED: Final = {
    Reason.INCOMPLETE,
    Reason.INTERRUPTED,
    Reason.PLAN_OUTDATED,
    Reason.NOT_IN_PLAN,
    Reason.UNCONFIRMED,
}
_IN_PLACE: Final = {Result.CREATED, Result.UPDATED, Result.UNCHANGED}


def conditions(
    snapshot: Snapshot, desired: Desired, outcomes: Iterable[Outcome], now: str
) -> tuple[StatusUpdate, ...]:
    """The status that each config should have after these outcomes, sorted by name.

    A config gets none if it is suspended or being deleted, if a list of its namespace failed, or if
    the run didn't finish its changes. `now` is RFC 3339 in UTC with whole seconds (`metav1.Time`).
    """
    return _updates(snapshot, desired, outcomes, now)


def predicted_conditions(
    snapshot: Snapshot, desired: Desired, predictions: Iterable[Prediction], now: str
) -> tuple[StatusPrediction, ...]:
    """The statuses that a run would write. A StatusPrediction can't be written, by its type."""
    return tuple(
        StatusPrediction(
            update=update,
            result=Result.UPDATED if update.is_needed else Result.UNCHANGED,
            reason=None,
            message="",
        )
        for update in _updates(snapshot, desired, predictions, now)
    )


def _updates(
    snapshot: Snapshot, desired: Desired, outcomes: Iterable[AnyOutcome], now: str
) -> tuple[StatusUpdate, ...]:
    by_config: dict[NamespacedName, list[AnyOutcome]] = {}
    unfinished: set[NamespacedName] = set()
    for outcome in outcomes:
        change = outcome.change
        key = NamespacedName(change.namespaced_name.namespace, change.pcmc_name)
        by_config.setdefault(key, []).append(outcome)
        if outcome.reason in _UNFINISHED:
            unfinished.add(key)
    return tuple(
        StatusUpdate(
            namespaced_name=config.namespaced_name,
            uid=config.uid,
            resource_version=config.resource_version,
            existing=config.status,
            desired=_status(
                config,
                desired,
                by_config.get(config.namespaced_name, []),
                snapshot.closed.get(config.namespaced_name.namespace),
                now,
            ),
            quoted=_quoted(config.namespaced_name, snapshot, desired),
        )
        for config in sorted(snapshot.configs, key=lambda config: config.namespaced_name)
        if is_active(config)
        and config.namespaced_name not in unfinished
        # Nobody parsed its templates. If it has no Pods either, no outcome says so.
        and not (
            config.namespaced_name in desired.unjudged and config.namespaced_name not in by_config
        )
        and not snapshot.is_incomplete(config.namespaced_name.namespace)
    )


def _quoted(config: NamespacedName, snapshot: Snapshot, desired: Desired) -> Quotes:
    if config.namespace in snapshot.closed:
        return ()
    findings = desired.invalid.get(config)
    return all_quotes(findings) if findings else None


def _status(
    config: PodConfigMapConfig,
    desired: Desired,
    outcomes: list[AnyOutcome],
    closed: Closed | None,
    now: str,
) -> PodConfigMapConfigStatus:
    if closed is not None:
        message = f"{closed.message}. Its ConfigMaps stay unchanged."
        return _unprocessed(config, Reason.BOUND_EXCEEDED, message, now)
    invalid = desired.invalid.get(config.namespaced_name)
    if invalid and invalid[0].reason is Reason.NEWER_SPEC:
        message = f"{joined(invalid)}. Its ConfigMaps stay unchanged until you upgrade podcm-sync."
        return _unprocessed(config, Reason.NEWER_SPEC, message, now)
    if invalid:
        stop = "" if str(invalid[-1]).endswith("?") else "."
        message = (
            f"{joined(invalid)}{stop} Existing ConfigMaps stay unchanged until you fix the spec."
        )
        ready = _condition(READY, "False", Reason.INVALID_SPEC, message)
        stalled = _condition(STALLED, "True", Reason.INVALID_SPEC, message)
        return PodConfigMapConfigStatus(
            observed_generation=config.generation,
            matched_pods=0,
            config_maps=0,
            failures=0,
            conditions=_merged(config, (ready, stalled), now),
        )
    matched_pods = desired.matched_pods.get(config.namespaced_name, 0)
    config_maps = sum(outcome.result in _IN_PLACE for outcome in outcomes)
    failed = [outcome for outcome in outcomes if is_failure(outcome)]
    held_back = [
        outcome for outcome in outcomes if class_of(outcome.reason) is ReasonClass.HELD_BACK
    ]
    waiting = [outcome for outcome in outcomes if _is_waiting(outcome)]
    is_settled = not (failed or held_back or waiting)
    return PodConfigMapConfigStatus(
        observed_generation=(
            config.generation if is_settled else config.status.observed_generation
        ),
        matched_pods=matched_pods,
        config_maps=config_maps,
        failures=len(failed),
        conditions=_merged(
            config, (_ready(matched_pods, config_maps, failed, held_back, waiting),), now
        ),
    )


def _unprocessed(
    config: PodConfigMapConfig, reason: Reason, message: str, now: str
) -> PodConfigMapConfigStatus:
    """The status of a config that this run couldn't process. Its counts are of an earlier run."""
    ready = _condition(READY, "False", reason, message)
    return PodConfigMapConfigStatus(
        observed_generation=config.status.observed_generation,
        matched_pods=config.status.matched_pods or 0,
        config_maps=config.status.config_maps or 0,
        failures=config.status.failures or 0,
        conditions=_merged(config, (ready,), now),
    )


def ready(status: PodConfigMapConfigStatus) -> Condition | None:
    """The Ready condition of a status; None if it has none."""
    return next((condition for condition in status.conditions if condition.type == READY), None)


def is_failure(outcome: AnyOutcome) -> bool:
    """Whether an outcome is its ConfigMap's failure: a blocking skip or a refused write."""
    return outcome.result is Result.FAILED or (
        outcome.result is Result.SKIPPED and class_of(outcome.reason) is ReasonClass.BLOCKING
    )


def _is_waiting(outcome: AnyOutcome) -> bool:
    """Whether a desired ConfigMap can't be created yet because the old one is being deleted.

    A ConfigMap that nothing desires has `existing`, and nobody waits for it.
    """
    is_terminating = outcome.reason is Reason.CONFIG_MAP_TERMINATING
    return is_terminating and outcome.change.existing is None


def _ready(
    matched_pods: int,
    config_maps: int,
    failed: list[AnyOutcome],
    held_back: list[AnyOutcome],
    waiting: list[AnyOutcome],
) -> Condition:
    if failed:
        return _condition(READY, "False", SOME_FAILED, failures(failed))
    if held_back:
        message = f"{_why_held_back(held_back[0])}. Not deleted: {_named(held_back)}."
        return _condition(READY, "False", Reason.PRUNE_BLOCKED, message)
    if waiting:
        message = f"To be created again when the old ones are deleted: {_named(waiting)}."
        return _condition(READY, "False", WAITING, message)
    message = f"{count(config_maps, 'ConfigMap')} in sync, {count(matched_pods, 'Pod')} selected"
    return _condition(READY, "True", SYNCED, message)


def _why_held_back(outcome: AnyOutcome) -> str:
    """The guard's message, without counts of other namespaces, which tenants must not see.

    Those counts would also change this status whenever another namespace changes.
    """
    if outcome.reason is Reason.PRUNE_TOTAL_BLOCKED:
        return f"held back: {REASONS[outcome.reason].meaning}"
    return outcome.message


def failures(failed: Iterable[AnyOutcome]) -> str:
    """Up to three causes with their objects and what to do; the others as a count."""
    groups = grouped(map(of_outcome, failed))
    parts = []
    for group in groups[:NAMED]:
        objects = f"{count(len(group.failures), 'ConfigMap')}: {group.names()}"
        action = f" {group.action[0].upper()}{group.action[1:]}." if group.action else ""
        parts.append(f"{group.why} ({objects}).{action}")
    more = len(groups) - NAMED
    return " ".join(parts) + (f" And {count(more, 'other cause')}." if more > 0 else "")


def _named(outcomes: Sequence[AnyOutcome]) -> str:
    return listed([outcome.change.namespaced_name.name for outcome in outcomes])


def _condition(kind: str, status: str, reason: str, message: str) -> Condition:
    if len(message) > MAX_MESSAGE:
        message = message[: MAX_MESSAGE - 1] + "…"
    return Condition(type=kind, status=status, reason=str(reason), message=message)


def _merged(
    config: PodConfigMapConfig, computed: tuple[Condition, ...], now: str
) -> tuple[Condition, ...]:
    """Our conditions and others', each in its old place.

    A merge patch replaces the whole list, so others' conditions must be in it. Stalled is ours: it
    is dropped unless it was computed.
    """
    ours = {condition.type: condition for condition in computed}
    existing = {condition.type: condition for condition in config.status.conditions}

    def merged() -> Iterator[Condition]:
        for condition in existing.values():
            if condition.type in ours:
                yield _stamped(config, ours[condition.type], condition, now)
            elif condition.type not in {READY, STALLED}:
                yield condition
        for condition in ours.values():
            if condition.type not in existing:
                yield _stamped(config, condition, None, now)

    return tuple(merged())


def _stamped(
    config: PodConfigMapConfig, computed: Condition, existing: Condition | None, now: str
) -> Condition:
    is_unmoved = existing is not None and existing.status == computed.status
    return Condition(
        type=computed.type,
        status=computed.status,
        reason=computed.reason,
        message=computed.message,
        last_transition_time=existing.last_transition_time if existing and is_unmoved else now,
        observed_generation=config.generation,
    )
