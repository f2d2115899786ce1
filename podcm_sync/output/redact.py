"""Report → Report with every value masked: applied before any rendering, so no format can leak one.

Equal values get the same mask within one report, so that a diff still informs; a mask says nothing
else. Names, verbs, reasons, counts and the exit code stay as they are.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from podcm_sync.api.finding import Quotes
from podcm_sync.api.meta import GROUP, MANAGED_BY_LABEL, NamespacedName
from podcm_sync.api.objects import Condition, ConfigMap, PodConfigMapConfigStatus, Problem
from podcm_sync.api.reasons import Reason
from podcm_sync.output.withhold import WITHHELD, withheld
from podcm_sync.reconcile import status
from podcm_sync.reconcile.changes import (
    AnyOutcome,
    AnyStatusOutcome,
    Change,
    DesiredConfigMap,
    Verb,
)
from podcm_sync.reconcile.data import FACTS
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.selector import Requirement

_PHASES: Final = frozenset({"", "Pending", "Running", "Succeeded", "Failed", "Unknown"})


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
            namespace: withheld(message, report.quoted.get(message))
            for namespace, message in report.incomplete.items()
        },
        quoted={},
    )


class Masks:
    """Masks given so far, numbered in the order in which their values are first asked about."""

    def __init__(self) -> None:
        self._masks: dict[str, str] = {}

    def mask(self, value: str) -> str:
        """The value's mask, always the same one."""
        return self._masks.setdefault(value, f"<redacted-{len(self._masks) + 1}>")

    def requirement(self, requirement: Requirement) -> Requirement:
        """The requirement with masked values, of the selector and of the object's label."""
        actual = requirement.actual
        return replace(
            requirement,
            values=tuple(map(self.mask, requirement.values)),
            actual=None if actual is None else self.mask(actual),
        )


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
            message=_answer(outcome.message, outcome.quoted, outcome.code),
            quoted=(),
        )

    def _change(self, change: Change) -> Change:
        is_shown = change.verb is not Verb.KEEP  # what is in sync is never shown
        existing = change.existing if is_shown else None
        desired = change.desired if is_shown else None
        return replace(
            change,
            message=withheld(change.message, change.quoted),
            quoted=(),
            failing=tuple(map(self.requirement, change.failing)),
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


def _answer(message: str, quoted: Quotes, code: int | None) -> str:
    """What an outcome says; of an answer of which no word may be shown, the HTTP status."""
    shown = withheld(message, quoted)
    return f"HTTP {code} {WITHHELD}" if shown == WITHHELD and code is not None else shown


def _problem(problem: Problem) -> Problem:
    message = withheld(problem.message, problem.quoted)
    return replace(problem, message=message, quoted=(), labels=None)


def _status(outcome: AnyStatusOutcome, failed: list[AnyOutcome]) -> AnyStatusOutcome:
    update = outcome.update
    quoted = {each.message: update.quoted for each in update.desired.conditions}
    return replace(
        outcome,
        message=withheld(outcome.message, outcome.quoted),
        quoted=(),
        update=replace(
            update,
            existing=_with_messages(update.existing, [], quoted),
            desired=_with_messages(update.desired, failed, quoted),
            quoted=(),
        ),
    )


def _with_messages(
    whole: PodConfigMapConfigStatus, failed: list[AnyOutcome], quoted: Mapping[str, Quotes]
) -> PodConfigMapConfigStatus:
    return replace(
        whole,
        conditions=tuple(
            replace(each, message=condition_message(each, failed, quoted.get(each.message)))
            for each in whole.conditions
        ),
    )


def condition_message(condition: Condition, failed: list[AnyOutcome], quoted: Quotes) -> str:
    """Our own words stay; of failures, what the outcomes say when masked; others' are withheld."""
    is_ours = condition.type in {status.READY, status.STALLED}
    if is_ours and condition.reason == status.SOME_FAILED and failed:
        return status.failures(failed)
    if is_ours and condition.reason in {status.SYNCED, Reason.PRUNE_BLOCKED}:
        return condition.message
    return withheld(condition.message, quoted if is_ours else None)
