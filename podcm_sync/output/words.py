"""The words that the formats for people share, for an outcome and its reason."""

from collections.abc import Sequence

from podcm_sync.api.phrases import listed
from podcm_sync.api.reasons import REASONS, Reason, ReasonClass, class_of
from podcm_sync.errors import ExitCode
from podcm_sync.reconcile.changes import AnyOutcome, Result, SyncPolicy
from podcm_sync.reconcile.report import Report, exit_code
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES


def word(outcome: AnyOutcome) -> str:
    """The word for an outcome: its result, or for a skip whether it is blocked or held back."""
    if outcome.result is not Result.SKIPPED:
        return str(outcome.result)
    match class_of(outcome.reason):
        case ReasonClass.BLOCKING:
            return "blocked"
        case ReasonClass.HELD_BACK:
            return "held back"
        case _:
            return "skipped"


def why(outcome: AnyOutcome) -> str:
    """The reason of an outcome, its message, and for a failure what to do; "" for a create.

    For a deletion that is held back, the reason why it was planned. The guard's message is the same
    for all of them, so a report shows it once.
    """
    change = outcome.change
    if is_held_back(outcome):
        planned = change.planned_reason
        return "" if planned is None else reason_and(planned, change.planned_message)
    if outcome.reason is Reason.MISSING and outcome.result is not Result.FAILED:
        return ""
    if outcome.reason is Reason.IN_SYNC:
        return reason_and(outcome.reason, outcome.message or REASONS[outcome.reason].meaning)
    text = reason_and(outcome.reason, outcome.message)
    is_failure = outcome.result is Result.FAILED or word(outcome) in {"blocked", "held back"}
    action = REASONS[outcome.reason].action if is_failure else ""
    return f"{text}; {action}" if action else text


def is_held_back(outcome: AnyOutcome) -> bool:
    """Whether a guard held the deletion back (docs/design/behavior.md §6)."""
    return outcome.reason in {Reason.PRUNE_BLOCKED, Reason.PRUNE_TOTAL_BLOCKED}


def reason_and(reason: Reason, message: str) -> str:
    """A reason with its message, if it has one."""
    return f"{reason}: {message}" if message else str(reason)


def severity(report: Report) -> str:
    """The level that a log line about the run has: INFO, WARNING, or ERROR.

    Options that tolerate failures don't change it.
    """
    match exit_code(report):
        case ExitCode.DONE:
            return "INFO"
        case ExitCode.INCOMPLETE:
            return "ERROR"
        case _:
            return "WARNING"


def beginning(report: Report) -> str:
    """How the run ended, as the first words of a summary."""
    policy = "" if report.sync_policy is SyncPolicy.SYNC else f" (--policy {report.sync_policy})"
    return _beginning(report) + policy


def _beginning(report: Report) -> str:
    if report.signal_number is not None:
        return f"Interrupted by signal {report.signal_number}"
    if any(outcome.reason is Reason.INTERRUPTED for outcome in report.outcomes):
        return "Out of time"
    if report.is_unexpected:
        return "Not the expected plan, nothing was changed"
    if report.is_prediction:
        return "Dry run"
    return "Incomplete" if report.incomplete else "Done"


def guard_messages(report: Report) -> list[str]:
    """The messages of the guards, each once. A message is for one namespace, or for all."""
    return sorted({outcome.message for outcome in report.outcomes if is_held_back(outcome)})


def without_pods(report: Report) -> str:
    """A note about a scope without configs or Pods, which can be misspelled; "" if it has both."""
    names = report.namespaces_without_pods
    if _has_nothing(report):
        return without_configs(report)
    if not names:
        return ""
    if ALL_NAMESPACES in names:
        return "no Pods were read"
    empty = [name for name in names if name not in report.counts]
    where = "namespace" if len(names) == 1 else "namespaces"
    return f"no Pods in {where} {listed(names)}{_unchecked(empty)}"


def without_configs(report: Report) -> str:
    """A note about a scope without configs, and about its Pods if it has none."""
    scope = report.scope.namespaces
    is_without_pods = len(report.namespaces_without_pods) == (1 if scope is None else len(scope))
    what = "no Pods and no PodConfigMapConfigs" if is_without_pods else "no PodConfigMapConfigs"
    return f"{what} in {report.scope}{_unchecked(scope or ()) if is_without_pods else ''}"


def _unchecked(empty: Sequence[str]) -> str:
    """A remark on namespaces in which nothing was found: no permission of a run looks them up."""
    if not empty:
        return ""
    they = "it exists" if len(empty) == 1 else "they exist"
    return f" (podcm-sync can't check whether {they})"


def _has_nothing(report: Report) -> bool:
    """Whether the scope has no config, not even a suspended one, and no ConfigMap of ours."""
    is_idle = not (report.outcomes or report.statuses or report.problems or report.incomplete)
    return is_idle and not any(count.configs for count in report.counts.values())
