"""Report → text for people: what changed or would, what did not and why, and a line to end with."""

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Final

from podcm_sync.core.report import Report, Summary, summary
from podcm_sync.model.changes import AnyOutcome, AnyStatusOutcome, Change, Result, Verb
from podcm_sync.model.objects import Problem
from podcm_sync.model.reasons import REASONS, Reason
from podcm_sync.render import words
from podcm_sync.render.columns import columns, folded
from podcm_sync.render.diff import unified
from podcm_sync.render.escape import printable
from podcm_sync.render.narrow import narrowed

WIDTH: Final = 10
INDENT: Final = " " * (WIDTH + 1)
NARROWEST: Final = 40
"""Columns below which lines are not made to fit: little would be left of them."""
NAMED: Final = 3
"""How many of many are shown without -v."""
MAX_DIFF_LINES: Final = 200
"""Lines of one diff that a terminal is shown; elsewhere diffs are whole."""
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


def text(
    report: Report,
    *,
    is_coloured: bool = False,
    is_verbose: bool = False,
    width: int | None = None,
) -> str:
    """The whole report, ending in a newline. `is_verbose` shows what is in step or left alone.

    `width` is a terminal's, in columns: sentences are folded to it, values cut. None: nothing is.
    """
    if width is not None and width < NARROWEST:
        width = None
    shown = _Text(report, is_coloured, is_verbose, width)
    return "".join(f"{line}\n" for line in shown.lines())


class _Text:
    def __init__(
        self, report: Report, is_coloured: bool, is_verbose: bool, width: int | None
    ) -> None:
        self.report = report
        self.is_coloured = is_coloured
        self.is_verbose = is_verbose
        self.width = width

    def lines(self) -> Iterator[str]:
        for outcome in self.report.outcomes:
            yield from self._outcome(outcome)
        if not self.is_verbose:
            yield from self._left_alone()
        for problem in self.report.problems:
            yield from self._problem(problem)
        for status in self.report.statuses:
            yield from self._status(status)
        yield from self._left_to_gc()
        yield from self._end()

    def _outcome(self, outcome: AnyOutcome) -> Iterator[str]:
        change = outcome.change
        is_planned = self.report.is_prediction and change.verb not in {Verb.KEEP, Verb.SKIP}
        word = str(change.verb) if is_planned else words.word(outcome)
        if word in {"unchanged", "skipped"} and not self.is_verbose:
            return
        yield from self._line(word, str(change.namespaced_name), words.why(outcome))
        is_spared = self.report.is_prediction and change.planned_reason is not None
        if is_planned or (is_spared and self.is_verbose):
            yield from self._diff(change)

    def _diff(self, change: Change) -> Iterator[str]:
        lines = unified(change)
        if self.width is None:
            yield from map(self._diff_line, lines)
            return
        for line in narrowed(itertools.islice(lines, MAX_DIFF_LINES), self.width):
            yield self._diff_line(line)
        if more := sum(1 for _ in lines):
            yield self._coloured(f"… {words.count(more, 'more line')}; -o json has all of it", _DIM)

    def _left_alone(self) -> Iterator[str]:
        """Intended skips, by config and reason: a suspended config may have thousands."""
        skips = Counter(
            (outcome.change.namespaced_name.namespace, outcome.change.pcmc_name, outcome.reason)
            for outcome in self.report.outcomes
            if words.word(outcome) == "skipped"
        )
        for (namespace, pcmc_name, reason), count in sorted(skips.items()):
            what = f"{namespace}: {words.count(count, 'ConfigMap')} of {pcmc_name}"
            yield from self._line(
                "skipped", what, words.reason_and(reason, REASONS[reason].meaning)
            )

    def _left_to_gc(self) -> Iterator[str]:
        """What the garbage collector had not deleted by the end, by namespace."""
        left: dict[str, list[str]] = {}
        for namespace, name in self.report.left_to_gc:
            left.setdefault(namespace, []).append(name)
        for namespace, names in sorted(left.items()):
            shown = names if self.is_verbose else names[:NAMED]
            more = len(names) - len(shown)
            listed = ", ".join(shown) + (f" and {more} more" if more else "")
            reason = Reason.LEFT_TO_GARBAGE_COLLECTOR
            why = f"{reason}: {listed}; {REASONS[reason].action}"
            what = f"{namespace}: {words.count(len(names), 'ConfigMap')} still there"
            yield from self._line("left", what, why)

    def _problem(self, problem: Problem) -> Iterator[str]:
        what = f"{problem.kind} {problem.namespaced_name}"
        said = words.reason_and(problem.reason, problem.message)
        yield from self._line("problem", what, f"{said}; {REASONS[problem.reason].action}")

    def _status(self, status: AnyStatusOutcome) -> Iterator[str]:
        if status.result is Result.UNCHANGED and not self.is_verbose:
            return
        name = str(status.update.namespaced_name)
        if status.result is Result.FAILED and status.reason is not None:
            why = words.reason_and(status.reason, status.message)
            yield from self._line("failed", f"status of {name}", why)
            return
        for condition in status.update.desired.conditions:
            if condition.type == "Ready":
                colour = _GREEN if condition.status == "True" else _YELLOW
                mark = f"Ready={condition.status} {condition.reason}"
                # An invalid spec was said in full as a problem, a few lines above.
                is_said = condition.reason == Reason.INVALID_SPEC
                message = "" if is_said else f": {condition.message}"
                yield from self._line("status", name, mark + message, printable(mark), colour)

    def _end(self) -> Iterator[str]:
        totals = summary(self.report)
        is_stuck = totals.blocked or totals.held_back or totals.failed or self.report.problems
        is_stamped = any(each.result is Result.UPDATED for each in self.report.statuses)
        is_cut_short = any(each.reason is Reason.INTERRUPTED for each in self.report.outcomes)
        is_idle = not (
            totals.changed or is_stuck or is_stamped or is_cut_short or self.report.incomplete
        )
        start = words.beginning(self.report)
        if is_idle:
            start += "; nothing to do" if self.report.is_prediction else ", nothing to do"
        parts = [*_totals(totals, is_prediction=self.report.is_prediction)]
        after = "".join(f"; {printable(remark)}" for remark in self._remarks())
        if self.report.digest:
            yield from self._digest()
        said = f"{start}: {', '.join(said for said, _ in parts)}{after}"
        if self.width is not None and columns(said) > self.width:
            for line in folded(said.split(" "), self.width, "  "):
                yield self._coloured(line, _BOLD)
        else:
            counts = ", ".join(self._coloured(said, colour) for said, colour in parts)
            end = self._coloured(after, _BOLD) if after else ""
            yield f"{self._coloured(f'{start}:', _BOLD)} {counts}{end}"
        messages = words.guard_messages(self.report)
        shown = messages if self.is_verbose else messages[:NAMED]
        if more := len(messages) - len(shown):
            shown = [*shown, f"… {words.count(more, 'more message')}; -v shows all of them"]
        for message in shown:
            for line in self._folded(printable(message), ""):
                yield self._coloured(line, _YELLOW)

    def _remarks(self) -> Iterator[str]:
        """What limits the verdict, after the counts."""
        if self.report.problems:
            yield words.count(len(self.report.problems), "problem")
        if self.report.incomplete:
            where = ", ".join(name or "all namespaces" for name in sorted(self.report.incomplete))
            yield f"incomplete: {where}, where nothing is deleted"
        if nothing := words.without_pods(self.report):
            yield nothing

    def _digest(self) -> Iterator[str]:
        """Digests are there to be copied: a terminal may wrap one, a newline would break it."""
        said = f"Plan {self.report.digest}"
        unlike = f"is not the expected {self.report.expected_digest}"
        if not self.report.is_unexpected:
            yield said
        elif self.width is None or columns(f"{said} {unlike}") <= self.width:
            yield f"{said} {unlike}"
        else:
            yield from (said, f"  {unlike}")

    def _line(
        self, word: str, what: str, why: str, mark: str = "", colour: str = ""
    ) -> Iterator[str]:
        """A word, what it is about, and why, which may begin with a mark in a colour of its own."""
        what, why = printable(what), printable(why)
        first, rest = f"{word:{WIDTH}}", f" {what}  {why}" if why else f" {what}"
        if self.width is None or columns(first + rest) <= self.width:
            shown = [f"{first} {what}  " + why if why else first + rest]
        else:
            shown = [*folded([first, *what.split(" ")], self.width, INDENT)]
            shown += self._folded(why, INDENT) if why else []
        if word != "status":
            shown[0] = shown[0].replace(first, self._coloured(first, _COLOURS.get(word, _DIM)), 1)
        for line in shown:
            yield line.replace(mark, self._coloured(mark, colour), 1) if mark else line

    def _diff_line(self, line: str) -> str:
        if line.startswith(("--- ", "+++ ")):
            return self._coloured(line, _BOLD)
        colour = {"+": _GREEN, "-": _RED, "@": _CYAN}.get(line[:1])
        return self._coloured(line, colour) if colour else line

    def _folded(self, said: str, indent: str) -> Iterator[str]:
        if self.width is None:
            return iter([said])
        return folded(said.split(" "), self.width, indent, start=indent)

    def _coloured(self, said: str, colour: str) -> str:
        return f"\x1b[{colour}m{said}\x1b[0m" if self.is_coloured else said


def _totals(totals: Summary, *, is_prediction: bool) -> Iterator[tuple[str, str]]:
    """The counts in words, each with a colour that catches the eye where it is not 0."""
    before = "to " if is_prediction else ""
    verbs = ("create", "update", "delete") if is_prediction else ("created", "updated", "deleted")
    counts = zip(verbs, (totals.created, totals.updated, totals.deleted), strict=True)
    for word, number in counts:
        yield f"{number} {before}{word}", _COLOURS[word] if number else _BOLD
    yield f"{totals.unchanged} unchanged", _BOLD
    others = {
        "skipped": totals.skipped,
        "blocked": totals.blocked,
        "held back": totals.held_back,
        "failed": totals.failed,
    }
    for word, number in others.items():
        if number:
            yield f"{number} {word}", _COLOURS.get(word, _BOLD)
