"""The words that the formats for people share: what an outcome is called, and why it is so."""

from podcm_sync.core.report import Report
from podcm_sync.model.changes import AnyOutcome, Result, SyncPolicy
from podcm_sync.model.objects import ALL_NAMESPACES
from podcm_sync.model.reasons import REASONS, Kind, Reason, kind_of


def word(outcome: AnyOutcome) -> str:
    """What it came to: a result, or of what sort a skip is."""
    if outcome.result is not Result.SKIPPED:
        return str(outcome.result)
    match kind_of(outcome.reason):
        case Kind.BLOCKING:
            return "blocked"
        case Kind.HELD_BACK:
            return "held back"
        case _:
            return "skipped"


def why(outcome: AnyOutcome) -> str:
    """What is worth saying: nothing of a create, else reason, message and what to do.

    Of a deletion that is held back, why it was planned: the guard speaks once for all of them.
    """
    change = outcome.change
    if is_held_back(outcome):
        planned = change.planned_reason
        return "" if planned is None else reason_and(planned, change.planned_message)
    if outcome.reason is Reason.MISSING and outcome.result is not Result.FAILED:
        return ""
    if outcome.reason is Reason.IN_STEP:
        return reason_and(outcome.reason, outcome.message or REASONS[outcome.reason].meaning)
    said = reason_and(outcome.reason, outcome.message)
    is_failure = outcome.result is Result.FAILED or word(outcome) in {"blocked", "held back"}
    action = REASONS[outcome.reason].action if is_failure else ""
    return f"{said}; {action}" if action else said


def is_held_back(outcome: AnyOutcome) -> bool:
    """Whether the guard held it back, which speaks once for all that it holds back."""
    return outcome.reason in {Reason.PRUNE_BLOCKED, Reason.PRUNE_TOTAL_BLOCKED}


def reason_and(reason: Reason, message: str) -> str:
    """A reason with its message, if it has one."""
    return f"{reason}: {message}" if message else str(reason)


def beginning(report: Report) -> str:
    """What sort of end it was, in the summary's first words."""
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
        return "Dry run, nothing was changed"
    return "Incomplete" if report.incomplete else "Done"


def guard_messages(report: Report) -> list[str]:
    """What the guards say, each once; of a namespace alone, or of all of them."""
    return sorted({outcome.message for outcome in report.outcomes if is_held_back(outcome)})


def without_pods(report: Report) -> str:
    """Where nothing was there to sync, so that a wrong namespace shows; "" if Pods were read."""
    names = report.namespaces_without_pods
    if not names:
        return ""
    if ALL_NAMESPACES in names:
        return "no Pods were read"
    where = f"namespace {names[0]}" if len(names) == 1 else f"{len(names)} namespaces"
    is_empty = not any(name in report.counts for name in names)
    hint = " (check that it exists)" if is_empty and len(names) == 1 else ""
    return f"no Pods in {where}{hint}"


def count(number: int, noun: str) -> str:
    """A number of things, `1 Pod` and `2 Pods`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
