"""Report → text for people: what changed or would, what did not and why, and a line to end with."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from podcm_sync.core.report import Report, Summary, summary
from podcm_sync.model.changes import Outcome, Result, StatusOutcome, Verb
from podcm_sync.model.objects import Problem
from podcm_sync.model.reasons import REASONS, Kind, Reason, kind_of
from podcm_sync.render.diff import unified
from podcm_sync.render.escape import printable

WIDTH: Final = 10
_BOLD, _RED, _GREEN, _YELLOW, _CYAN, _DIM = "1", "31", "32", "33", "36", "2"
_COLOURS: Final = {
    "create": _GREEN,
    "created": _GREEN,
    "update": _YELLOW,
    "updated": _YELLOW,
    "delete": _RED,
    "deleted": _RED,
    "failed": _RED,
    "blocked": _RED,
    "problem": _RED,
    "held back": _YELLOW,
}


def text(report: Report, *, is_coloured: bool = False, is_verbose: bool = False) -> str:
    """The whole report, ending in a newline. `is_verbose` shows what is in step or left alone."""
    return "".join(f"{line}\n" for line in _Text(report, is_coloured, is_verbose).lines())


class _Text:
    def __init__(self, report: Report, is_coloured: bool, is_verbose: bool) -> None:
        self.report = report
        self.is_coloured = is_coloured
        self.is_verbose = is_verbose

    def lines(self) -> Iterator[str]:
        for outcome in self.report.outcomes:
            yield from self._outcome(outcome)
        if not self.is_verbose:
            yield from self._left_alone()
        for problem in self.report.problems:
            yield self._problem(problem)
        for status in self.report.statuses:
            yield from self._status(status)
        yield from self._end()

    def _outcome(self, outcome: Outcome) -> Iterator[str]:
        change = outcome.change
        is_planned = self.report.is_prediction and change.verb not in {Verb.KEEP, Verb.SKIP}
        if is_planned:
            yield self._line(change.verb, str(change.namespaced_name), _why(outcome))
            for line in unified(change):
                yield self._diff_line(line)
            return
        word = _word(outcome)
        if word in {"unchanged", "skipped"} and not self.is_verbose:
            return
        yield self._line(word, str(change.namespaced_name), _why(outcome))

    def _left_alone(self) -> Iterator[str]:
        """Intended skips, by config and reason: a suspended config may have thousands."""
        skips = Counter(
            (outcome.change.namespaced_name.namespace, outcome.change.pcmc_name, outcome.reason)
            for outcome in self.report.outcomes
            if _word(outcome) == "skipped"
        )
        for (namespace, pcmc_name, reason), count in sorted(skips.items()):
            what = f"{namespace}: {_count(count, 'ConfigMap')} of {pcmc_name}"
            yield self._line("skipped", what, _reason(reason, REASONS[reason].meaning))

    def _problem(self, problem: Problem) -> str:
        what = f"{problem.kind} {problem.namespaced_name}"
        said = _reason(problem.reason, problem.message)
        return self._line("problem", what, f"{said}; {REASONS[problem.reason].action}")

    def _status(self, status: StatusOutcome) -> Iterator[str]:
        if status.result is Result.UNCHANGED and not self.is_verbose:
            return
        name = str(status.update.namespaced_name)
        if status.result is Result.FAILED and status.reason is not None:
            yield self._line("failed", f"status of {name}", _reason(status.reason, status.message))
            return
        for condition in status.update.desired.conditions:
            if condition.type == "Ready":
                colour = _GREEN if condition.status == "True" else _YELLOW
                said = self._coloured(f"Ready={condition.status} {condition.reason}", colour)
                # An invalid spec was said in full as a problem, a few lines above.
                is_said = condition.reason == Reason.INVALID_SPEC
                message = "" if is_said else f": {printable(condition.message)}"
                yield f"{'status':{WIDTH}} {name}  {said}{message}"

    def _end(self) -> Iterator[str]:
        totals = summary(self.report)
        is_stuck = totals.blocked or totals.held_back or totals.failed or self.report.problems
        is_stamped = any(each.result is Result.UPDATED for each in self.report.statuses)
        is_cut_short = any(each.reason is Reason.INTERRUPTED for each in self.report.outcomes)
        said = _totals(
            _beginning(self.report),
            totals,
            is_prediction=self.report.is_prediction,
            is_idle=not (
                totals.changed or is_stuck or is_stamped or is_cut_short or self.report.incomplete
            ),
        )
        if self.report.problems:
            said += f"; {_count(len(self.report.problems), 'problem')}"
        if self.report.incomplete:
            where = ", ".join(name or "all namespaces" for name in sorted(self.report.incomplete))
            said += f"; incomplete: {where}, where nothing is deleted"
        if self.report.digest:
            yield f"Plan {self.report.digest}{self._expected()}"
        yield self._coloured(said, _BOLD)
        for message in sorted({x.message for x in self.report.outcomes if _is_held_back(x)}):
            yield self._coloured(printable(message), _YELLOW)

    def _expected(self) -> str:
        if not self.report.is_unexpected:
            return ""
        return f" is not the expected {self.report.expected_digest}"

    def _line(self, word: str, what: str, why: str) -> str:
        line = f"{self._coloured(f'{word:{WIDTH}}', _COLOURS.get(word, _DIM))} {printable(what)}"
        return f"{line}  {printable(why)}" if why else line

    def _diff_line(self, line: str) -> str:
        if line.startswith(("--- ", "+++ ")):
            return self._coloured(line, _BOLD)
        colour = {"+": _GREEN, "-": _RED, "@": _CYAN}.get(line[:1])
        return self._coloured(line, colour) if colour else line

    def _coloured(self, said: str, colour: str) -> str:
        return f"\x1b[{colour}m{said}\x1b[0m" if self.is_coloured else said


def _word(outcome: Outcome) -> str:
    if outcome.result is not Result.SKIPPED:
        return str(outcome.result)
    match kind_of(outcome.reason):
        case Kind.BLOCKING:
            return "blocked"
        case Kind.HELD_BACK:
            return "held back"
        case _:
            return "skipped"


def _why(outcome: Outcome) -> str:
    """What is worth saying: nothing of a create or of what is in step, else reason and message."""
    if outcome.reason in {Reason.MISSING, Reason.IN_STEP} or _is_held_back(outcome):
        return ""
    said = _reason(outcome.reason, outcome.message)
    is_failure = outcome.result is Result.FAILED or _word(outcome) in {"blocked", "held back"}
    action = REASONS[outcome.reason].action if is_failure else ""
    return f"{said}; {action}" if action else said


def _is_held_back(outcome: Outcome) -> bool:
    """Whether a guard held it back, which is said once, at the end."""
    return outcome.reason is Reason.PRUNE_BLOCKED


def _reason(reason: Reason, message: str) -> str:
    return f"{reason}: {message}" if message else str(reason)


def _beginning(report: Report) -> str:
    """What sort of end it was, in the summary's first words."""
    if report.signal_number is not None:
        return f"Interrupted by signal {report.signal_number}"
    if any(outcome.reason is Reason.INTERRUPTED for outcome in report.outcomes):
        return "Out of time"
    if report.is_unexpected:
        return "Not the expected plan, nothing was changed"
    if report.is_prediction:
        return "Dry run, nothing was changed"
    return "Incomplete" if report.incomplete else "Done"


def _totals(start: str, totals: Summary, *, is_prediction: bool, is_idle: bool) -> str:
    before = "to " if is_prediction else ""
    words = ("create", "update", "delete") if is_prediction else ("created", "updated", "deleted")
    counts = zip(words, (totals.created, totals.updated, totals.deleted), strict=True)
    parts = [f"{count} {before}{word}" for word, count in counts]
    parts.append(f"{totals.unchanged} unchanged")
    others = {
        "skipped": totals.skipped,
        "blocked": totals.blocked,
        "held back": totals.held_back,
        "failed": totals.failed,
    }
    parts += [f"{count} {word}" for word, count in others.items() if count]
    if is_idle:
        start += "; nothing to do" if is_prediction else ", nothing to do"
    return f"{start}: {', '.join(parts)}"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
