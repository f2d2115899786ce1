"""Outcomes → StatusUpdates: what each PodConfigMapConfig's status says after a run (spec.md §5).

It takes Outcomes, so nothing can be stamped before the work is done. Two runs over the same world
compute equal statuses: times move only with a condition's status, and messages count, never date.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from podcm_sync.core.desired import is_active
from podcm_sync.model.changes import (
    AnyOutcome,
    Desired,
    Outcome,
    Prediction,
    Result,
    StatusPrediction,
    StatusUpdate,
)
from podcm_sync.model.meta import NamespacedName
from podcm_sync.model.objects import (
    Closed,
    Condition,
    PodConfigMapConfig,
    PodConfigMapConfigStatus,
    Snapshot,
)
from podcm_sync.model.reasons import REASONS, Kind, Reason, kind_of

READY: Final = "Ready"
STALLED: Final = "Stalled"
SYNCED: Final = "Synced"
SOME_FAILED: Final = "SomeConfigMapsFailed"
MAX_MESSAGE: Final = 2_048
"""Far below the CRD's 32,768: a status is read in a terminal."""
NAMED: Final = 3

_UNFINISHED: Final = {
    Reason.INCOMPLETE,
    Reason.INTERRUPTED,
    Reason.PLAN_OUTDATED,
    Reason.NOT_IN_PLAN,
}
_IN_PLACE: Final = {Result.CREATED, Result.UPDATED, Result.UNCHANGED}


def conditions(
    snapshot: Snapshot, desired: Desired, outcomes: Iterable[Outcome], now: str
) -> tuple[StatusUpdate, ...]:
    """The status each config should have after these outcomes.

    None for a config that is suspended, going, incompletely seen, cut short by a signal, or not
    done as a saved plan has it.

    `now` is an RFC 3339 time in UTC with whole seconds, as `metav1.Time` has it.
    """
    return _updates(snapshot, desired, outcomes, now)


def predicted_conditions(
    snapshot: Snapshot, desired: Desired, predictions: Iterable[Prediction], now: str
) -> tuple[StatusPrediction, ...]:
    """The statuses as a run would leave them. No StatusUpdate comes out: nobody can write it."""
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
        )
        for config in sorted(snapshot.configs, key=lambda each: each.namespaced_name)
        if is_active(config)
        and config.namespaced_name not in unfinished
        # One without Pods has no outcome that could fail it.
        and not (
            config.namespaced_name in desired.unjudged and config.namespaced_name not in by_config
        )
        and not snapshot.is_incomplete(config.namespaced_name.namespace)
    )


def _status(
    config: PodConfigMapConfig,
    desired: Desired,
    outcomes: list[AnyOutcome],
    closed: Closed | None,
    now: str,
) -> PodConfigMapConfigStatus:
    if closed is not None:
        message = f"{closed.message}. Its ConfigMaps stay as they are."
        ready = _condition(READY, "False", Reason.BOUND_EXCEEDED, message)
        # Nothing was counted, so what an earlier run counted still stands.
        return PodConfigMapConfigStatus(
            observed_generation=config.status.observed_generation,
            matched_pods=config.status.matched_pods or 0,
            config_maps=config.status.config_maps or 0,
            failures=config.status.failures or 0,
            conditions=_merged(config, (ready,), now),
        )
    if invalid := desired.invalid.get(config.namespaced_name):
        message = f"{invalid}. What it has stays as it is until the spec is mended."
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
    held_back = [outcome for outcome in outcomes if kind_of(outcome.reason) is Kind.HELD_BACK]
    is_settled = not (failed or held_back)
    return PodConfigMapConfigStatus(
        observed_generation=(
            config.generation if is_settled else config.status.observed_generation
        ),
        matched_pods=matched_pods,
        config_maps=config_maps,
        failures=len(failed),
        conditions=_merged(config, (_ready(matched_pods, config_maps, failed, held_back),), now),
    )


def ready(status: PodConfigMapConfigStatus) -> Condition | None:
    """The Ready condition of a status; None where it has none."""
    return next((each for each in status.conditions if each.type == READY), None)


def is_failure(outcome: AnyOutcome) -> bool:
    """Whether an outcome is a failure of its ConfigMap: a blocking skip, or a refused write."""
    return outcome.result is Result.FAILED or (
        outcome.result is Result.SKIPPED and kind_of(outcome.reason) is Kind.BLOCKING
    )


def _ready(
    matched_pods: int, config_maps: int, failed: list[AnyOutcome], held_back: list[AnyOutcome]
) -> Condition:
    if failed:
        return _condition(READY, "False", SOME_FAILED, failures(failed))
    if held_back:
        message = f"{_why_held_back(held_back[0])}. Not deleted: {_named(held_back)}."
        return _condition(READY, "False", Reason.PRUNE_BLOCKED, message)
    message = f"{_count(config_maps, 'ConfigMap')} in step, {_count(matched_pods, 'Pod')} selected"
    return _condition(READY, "True", SYNCED, message)


def _why_held_back(outcome: AnyOutcome) -> str:
    """The guard's message, but nothing about other namespaces: they aren't this tenant's business.

    A status that counted them would also change whenever they do.
    """
    if outcome.reason is Reason.PRUNE_TOTAL_BLOCKED:
        return f"held back: {REASONS[outcome.reason].meaning}"
    return outcome.message


def failures(failed: Sequence[AnyOutcome]) -> str:
    """Up to three objects with reason, message and what to do; the rest as a count."""
    parts = []
    for outcome in failed[:NAMED]:
        action = REASONS[outcome.reason].action
        parts.append(
            f"{outcome.change.namespaced_name.name}: {outcome.reason}"
            + (f": {outcome.message}" if outcome.message else "")
            + (f" ({action})" if action else "")
        )
    return "; ".join(parts) + _more(failed)


def _named(outcomes: Sequence[AnyOutcome]) -> str:
    return ", ".join(each.change.namespaced_name.name for each in outcomes[:NAMED]) + _more(
        outcomes
    )


def _more(outcomes: Sequence[AnyOutcome]) -> str:
    return f" and {len(outcomes) - NAMED} more" if len(outcomes) > NAMED else ""


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _condition(kind: str, status: str, reason: str, message: str) -> Condition:
    if len(message) > MAX_MESSAGE:
        message = message[: MAX_MESSAGE - 1] + "…"
    return Condition(type=kind, status=status, reason=str(reason), message=message)


def _merged(
    config: PodConfigMapConfig, computed: tuple[Condition, ...], now: str
) -> tuple[Condition, ...]:
    """Our conditions with the others' among them, each in the place that it had.

    A merge patch replaces the whole list, so the others' must be sent along; Stalled is ours and
    is absent unless computed.
    """
    ours = {each.type: each for each in computed}
    existing = {each.type: each for each in config.status.conditions}

    def kept() -> Iterator[Condition]:
        for each in existing.values():
            if each.type in ours:
                yield _stamped(config, ours[each.type], each, now)
            elif each.type not in {READY, STALLED}:
                yield each
        for each in ours.values():
            if each.type not in existing:
                yield _stamped(config, each, None, now)

    return tuple(kept())


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
