"""Prints a line for each config of a Report: what was done for it, and whether it is Ready."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import Condition
from podcm_sync.output import words
from podcm_sync.output.escape import printable
from podcm_sync.output.terminal import Color, Style, columns, padded
from podcm_sync.reconcile.changes import AnyStatusOutcome, Result
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.status import WAITING, ready

_WORDS: Final = ("created", "updated", "deleted", "held back", "failed", "blocked")
_PLANNED: Final = {"created": "to create", "updated": "to update", "deleted": "to delete"}
_MARKS: Final = {"✔": Color.GREEN, "✘": Color.RED, "!": Color.YELLOW, "·": Color.DIM}
_MAX_COLUMNS: Final = 40


def table(report: Report, style: Style, *, is_verbose: bool) -> Iterator[str]:
    """A line for each config with a change, a failure, or a new status; all if `is_verbose`."""
    counts: dict[NamespacedName, Counter[str]] = {}
    for outcome in report.outcomes:
        change = outcome.change
        config = NamespacedName(change.namespaced_name.namespace, change.pcmc_name)
        counts.setdefault(config, Counter())[words.word(outcome)] += 1
    statuses = {status.update.namespaced_name: status for status in report.statuses}
    rows = []
    for config in sorted({*counts, *statuses}):
        status, counter = statuses.get(config), counts.get(config, Counter())
        shown = [
            f"{counter[word]:,} {_PLANNED.get(word, word) if report.is_prediction else word}"
            for word in _WORDS
            if counter[word]
        ]
        is_news = shown or (status is not None and status.result is not Result.UNCHANGED)
        if is_news or is_verbose:
            mark, state = _state(status, counter, is_prediction=report.is_prediction)
            others = [f"{counter[x]:,} {x}" for x in ("unchanged", "skipped") if counter[x]]
            done = ", ".join(shown or others)
            rows.append((mark, printable(str(config)), done, state))
    names = min(max((columns(name) for _, name, _, _ in rows), default=0), _MAX_COLUMNS)
    dones = min(max((columns(done) for _, _, done, _ in rows), default=0), _MAX_COLUMNS)
    for mark, name, done, state in rows:
        between = f"{padded(done, dones)}  " if dones else ""
        line = f"{padded(name, names)}  {between}{state}".rstrip()
        # In ASCII, the mark of success has two columns.
        aligned = padded(style.finish(mark), 2) if style.is_ascii else mark
        yield from style.marked(aligned, line, _MARKS[mark])


def _state(
    status: AnyStatusOutcome | None, counter: Counter[str], *, is_prediction: bool
) -> tuple[str, str]:
    """The mark of a config, and whether it is Ready."""
    is_failed = bool(counter["failed"] or counter["blocked"])
    if status is None:
        return ("✘" if is_failed else "·"), ""
    if status.result is Result.FAILED:
        return "✘", "status not written"
    condition = ready(status.update.desired)
    if condition is None:
        return "·", ""
    return _mark(condition), ready_words(condition, is_prediction=is_prediction)


def _mark(condition: Condition) -> str:
    if condition.status == "True":
        return "✔"
    return "!" if condition.reason == WAITING else "✘"


def ready_words(condition: Condition, *, is_prediction: bool) -> str:
    """Whether a config is Ready, or would be after the run, with the reason if it isn't."""
    if condition.status == "True":
        return "would be Ready" if is_prediction else "Ready"
    return f"not Ready: {condition.reason}"
