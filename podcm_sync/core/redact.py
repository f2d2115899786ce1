"""Report → Report with every value masked: applied before any rendering, so no format can leak one.

Equal values get the same mask within one report, so that a diff still informs; a mask says nothing
else. Names, verbs, reasons, counts and the exit code stay as they are.
"""

from collections import defaultdict
from typing import Final

from msgspec.structs import replace

from podcm_sync.core import scrub, status
from podcm_sync.core.data import FACTS
from podcm_sync.core.report import Report
from podcm_sync.model.changes import (
    AnyOutcome,
    AnyStatusOutcome,
    Change,
    DesiredConfigMap,
    Result,
    Verb,
)
from podcm_sync.model.meta import GROUP, MANAGED_BY_LABEL, NAMESPACE, NamespacedName
from podcm_sync.model.objects import (
    Condition,
    ConfigMap,
    PodConfigMapConfigStatus,
    Problem,
)
from podcm_sync.model.reasons import Reason

_PHASES: Final = frozenset({"", "Pending", "Running", "Succeeded", "Failed", "Unknown"})
_OURS: Final = frozenset(
    {
        Reason.MISSING,
        Reason.DRIFTED,
        Reason.POD_RECREATED,
        Reason.IN_STEP,
        Reason.NOT_SELECTED,
        Reason.CONFIG_GONE,
        Reason.POD_GONE,
        Reason.SUSPENDED,
        Reason.PRUNE_DISABLED,
        Reason.LEFT_TO_GARBAGE_COLLECTOR,
        Reason.COPY,
        Reason.UPSERT_ONLY,
        Reason.POD_TERMINATING,
        Reason.CONFIG_MAP_TERMINATING,
        Reason.CONFIG_INVALID,
        Reason.FOREIGN,
        Reason.NAME_TAKEN,
        Reason.IMMUTABLE,
        Reason.TOO_LARGE,
        Reason.INVALID_NAME,
        Reason.PRUNE_BLOCKED,
        Reason.PRUNE_TOTAL_BLOCKED,
        Reason.INCOMPLETE,
        Reason.INTERRUPTED,
        Reason.READ_ONLY,
    }
)
"""Reasons whose messages a plan makes of names, keys and counts alone."""


def redacted(report: Report) -> Report:
    """The report as others may see it; statuses in the cluster are another matter."""
    masks = _ReportMasks(report)
    outcomes = tuple(masks.outcome(outcome) for outcome in report.outcomes)
    failed: dict[NamespacedName, list[AnyOutcome]] = defaultdict(list)
    for outcome in outcomes:
        if status.is_failure(outcome):
            change = outcome.change
            config = NamespacedName(change.namespaced_name.namespace, change.pcmc_name)
            failed[config].append(outcome)
    return replace(
        report,
        is_redacted=True,
        outcomes=outcomes,
        statuses=tuple(
            _status(each, failed.get(each.update.namespaced_name, [])) for each in report.statuses
        ),
        problems=tuple(map(_problem, report.problems)),
        incomplete={
            namespace: scrub.list_failure(message)
            for namespace, message in report.incomplete.items()
        },
    )


class Masks:
    """Masks given so far, numbered in the order in which their values are first asked about."""

    def __init__(self) -> None:
        self._masks: dict[str, str] = {}

    def mask(self, value: str) -> str:
        """The value's mask, always the same one."""
        return self._masks.setdefault(value, f"<redacted-{len(self._masks) + 1}>")


class _ReportMasks(Masks):
    """The masks of one report."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        desired = (outcome.change.desired for outcome in report.outcomes)
        self.nodes = {""} | {
            each.data["nodeName"]
            for each in desired
            if each is not None and "nodeName" in each.data.keys() - each.replaced_facts
        }
        """Nodes of Pods: an existing nodeName among them is one, not what somebody put there."""

    def outcome(self, outcome: AnyOutcome) -> AnyOutcome:
        return replace(
            outcome,
            change=self._change(outcome.change),
            message=message_of(outcome.reason, outcome.message, outcome.result, outcome.code),
        )

    def _change(self, change: Change) -> Change:
        is_shown = change.verb is not Verb.KEEP  # what is in step is never shown
        existing = change.existing if is_shown else None
        desired = change.desired if is_shown else None
        return replace(
            change,
            message=message_of(change.reason, change.message),
            existing=existing and self._existing(existing, change),
            desired=desired and self._desired(desired),
        )

    def _existing(self, existing: ConfigMap, change: Change) -> ConfigMap:
        def is_fact(key: str, value: str) -> bool:
            if change.desired is not None and key in change.desired.replaced_facts:
                return False
            match key:
                case "podName":
                    return value == change.pod_name
                case "namespace":
                    return value == change.namespaced_name.namespace
                case "nodeName":
                    return value in self.nodes
                case "phase":
                    return value in _PHASES
                case _:
                    return False

        return replace(
            existing,
            labels={key: existing.labels[key] for key in existing.labels if _is_our_key(key)},
            annotations={
                key: existing.annotations[key] for key in existing.annotations if _is_our_key(key)
            },
            data={
                key: value if is_fact(key, value) else self.mask(value)
                for key, value in sorted(existing.data.items())
            },
            binary_data={
                key: self.mask(value) for key, value in sorted(existing.binary_data.items())
            },
        )

    def _desired(self, desired: DesiredConfigMap) -> DesiredConfigMap:
        facts = set(FACTS) - set(desired.replaced_facts)
        return replace(
            desired,
            data={
                key: value if key in facts else self.mask(value)
                for key, value in sorted(desired.data.items())
            },
        )


def _is_our_key(key: str) -> bool:
    """Others' annotations may hold anything, such as what kubectl last applied."""
    return key == MANAGED_BY_LABEL or key.startswith(f"{GROUP}/")


def message_of(
    reason: Reason, message: str, result: Result | None = None, code: int | None = None
) -> str:
    """What is said of a change, or with a result of its outcome, without what it may quote."""
    is_answer = result is Result.FAILED or (result is Result.SKIPPED and code is not None)
    if reason in _OURS and not is_answer:
        return message
    if reason in {Reason.TEMPLATE_FAILED, Reason.UNDECODABLE} and not is_answer:
        return scrub.scrubbed(message)
    return scrub.refusal(message, code)


def _problem(problem: Problem) -> Problem:
    if problem.kind == NAMESPACE:  # a bound's own words, which quote nothing
        return problem
    return replace(problem, message=scrub.scrubbed(problem.message), labels=None)


def _status(outcome: AnyStatusOutcome, failed: list[AnyOutcome]) -> AnyStatusOutcome:
    update = outcome.update
    return replace(
        outcome,
        message=scrub.refusal(outcome.message, None),
        update=replace(
            update,
            existing=_with_messages(update.existing, []),
            desired=_with_messages(update.desired, failed),
        ),
    )


def _with_messages(
    whole: PodConfigMapConfigStatus, failed: list[AnyOutcome]
) -> PodConfigMapConfigStatus:
    return replace(
        whole,
        conditions=tuple(
            replace(each, message=condition_message(each, failed)) for each in whole.conditions
        ),
    )


def condition_message(condition: Condition, failed: list[AnyOutcome]) -> str:
    """Our own words stay; of failures, what the outcomes say when masked; others' are withheld."""
    is_ours = condition.type in {status.READY, status.STALLED}
    if is_ours and condition.reason == status.SOME_FAILED and failed:
        return status.failures(failed)
    if is_ours and condition.reason in {status.SYNCED, Reason.PRUNE_BLOCKED}:
        return condition.message
    if is_ours and condition.reason == Reason.INVALID_SPEC:
        return scrub.scrubbed(condition.message)
    return scrub.WITHHELD if condition.message else ""
