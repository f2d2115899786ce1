"""Prints a Report as text for people: changes, then what needs a person, then the verdict.

A dry run shows each change field by field, or as unified diffs. A real run shows a line for each
config, and with `is_verbose` a line for each ConfigMap. Equal failures are shown once.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from podcm_sync.api.phrases import NAMED, count, listed
from podcm_sync.api.reasons import REASONS, Reason
from podcm_sync.output import words
from podcm_sync.output.config_table import table
from podcm_sync.output.diff import unified
from podcm_sync.output.escape import printable
from podcm_sync.output.plan_text import PlanText, why_deleted
from podcm_sync.output.terminal import PLAIN, Color, Style, columns, narrowed
from podcm_sync.reconcile.changes import AnyOutcome, Result, Verb
from podcm_sync.reconcile.failures import Failure, Group, grouped, of_outcome
from podcm_sync.reconcile.report import Report, Summary, summary

WIDTH: Final = 10
"""The columns of the word before an object."""
INDENT: Final = " " * (WIDTH + 1)
MAX_GROUPS: Final = 20
"""How many kinds of failures are shown without -v."""
MAX_DIFF_LINES: Final = 200
"""Lines of one unified diff on a terminal. Other outputs have the complete diff."""
_MORE: Final = "    "
_COLORS: Final = {
    "create": Color.GREEN,
    "created": Color.GREEN,
    "update": Color.YELLOW,
    "updated": Color.YELLOW,
    "delete": Color.RED,
    "deleted": Color.RED,
    "failed": Color.RED,
    "blocked": Color.RED,
    "held back": Color.YELLOW,
}


class Occasion(Struct, frozen=True, kw_only=True):
    """What a report is shown for. `next_step` says how to apply a dry run.

    If `time` is given, the report is one of many: its verdict is one line, which comes first and
    begins with the time, and with the level if that is a warning or worse.
    """

    next_step: str = ""
    time: str = ""


ALONE: Final = Occasion()


def text(
    report: Report,
    *,
    style: Style = PLAIN,
    is_verbose: bool = False,
    is_full_diff: bool = False,
    occasion: Occasion = ALONE,
) -> str:
    """The report, ending in a newline.

    `is_verbose` also shows what is in sync or left alone, and names all objects. `is_full_diff`
    shows a dry run as unified diffs.
    """
    next_step, time = occasion.next_step, occasion.time
    shown = _Text(report, style, is_verbose=is_verbose, is_full_diff=is_full_diff)
    sections = [list(section) for section in shown.sections(is_one_of_many=bool(time))]
    # In the output of a loop, the line with the time begins what belongs to a run.
    sections.insert(0 if time else len(sections), list(shown.end(next_step, time)))
    is_airy = report.is_prediction and not is_full_diff
    lines = ("\n\n" if is_airy else "\n").join("\n".join(lines) for lines in sections if lines)
    return "".join(f"{style.finish(line)}\n" for line in lines.split("\n"))


def verdict(report: Report) -> str:
    """How the run ended and its counts, in one line of plain text."""
    shown = _Text(report, PLAIN, is_verbose=False, is_full_diff=False)
    return next(shown.end("", ""))


class Notice(Struct, frozen=True, kw_only=True):
    """What needs a person, for one cause. `cause` is equal for the same cause with other counts."""

    cause: tuple[str, ...]
    text: str
    reason: Reason
    namespaces: frozenset[str]
    hint: str = ""

    def __str__(self) -> str:
        return self.text


def notices(report: Report) -> Iterator[Notice]:
    """What needs a person, one for each cause. What is tried again anyway doesn't."""
    held = [outcome for outcome in report.outcomes if words.is_held_back(outcome)]
    for message, outcomes in _by_message(held).items():
        reason = outcomes[0].reason
        text = f"{count(len(outcomes), 'deletion')} {message or 'held back'}"
        where = frozenset(outcome.change.namespaced_name.namespace for outcome in outcomes)
        yield Notice(cause=(reason,), text=text, reason=reason, namespaces=where)
    for group in grouped(_failures(report)):
        label, reason, message = group.first.cause
        if reason in {Reason.CONFLICT, Reason.INTERRUPTED}:
            continue
        names = f" ({group.names()})" if len(group.failures) > 1 else ""
        text = f"{_heading(group)}: {group.why}{names}"
        yield Notice(
            cause=(label, reason, message),
            text=text,
            reason=reason,
            namespaces=frozenset(failure.name.namespace for failure in group.failures),
            hint=group.action,
        )


class _Text:
    def __init__(
        self, report: Report, style: Style, *, is_verbose: bool, is_full_diff: bool
    ) -> None:
        self.report = report
        self.style = style
        self.is_verbose = is_verbose
        self.is_full_diff = is_full_diff and report.is_prediction

    def sections(self, *, is_one_of_many: bool) -> Iterator[Iterable[str]]:
        outcomes, style = self.report.outcomes, self.style
        if self.report.is_prediction and not self.is_full_diff:
            plan = PlanText(outcomes, style, is_verbose=self.is_verbose)
            yield plan.deletions()
            yield plan.changes()
        if self.is_verbose or self.is_full_diff:
            yield itertools.chain.from_iterable(map(self._outcome, outcomes))
        if self.report.is_prediction or self.is_verbose or not is_one_of_many:
            yield table(self.report, style, is_verbose=self.is_verbose)
        yield self._left_alone()
        yield self._needs_a_person()

    def _outcome(self, outcome: AnyOutcome) -> Iterator[str]:
        """A ConfigMap with a word and a reason, and its diff if diffs are asked for."""
        change = outcome.change
        is_planned = self.report.is_prediction and change.verb not in {Verb.KEEP, Verb.SKIP}
        word = str(change.verb) if is_planned else words.word(outcome)
        if word in {"failed", "blocked"} or (is_planned and not self.is_full_diff):
            return
        if word in {"unchanged", "skipped"} and not self.is_verbose:
            return
        why = why_deleted(change) if change.failing else words.why(outcome)
        yield from self._line(word, str(change.namespaced_name), why)
        is_spared = self.is_verbose and change.planned_reason is not None
        if self.is_full_diff and (is_planned or is_spared):
            yield from self._diff(outcome)

    def _diff(self, outcome: AnyOutcome) -> Iterator[str]:
        lines = unified(outcome.change)
        if self.style.width is None:
            yield from map(self._diff_line, lines)
            return
        first = map(self.style.finish, itertools.islice(lines, MAX_DIFF_LINES))
        for line in narrowed(first, self.style.width):
            yield self._diff_line(line)
        if more := sum(1 for _ in lines):
            yield self.style.paint(
                f"… {count(more, 'more line')}; -o json has all of it", Color.DIM
            )

    def _diff_line(self, line: str) -> str:
        if line.startswith(("--- ", "+++ ")):
            return self.style.paint(line, Color.BOLD)
        colors = {"+": Color.GREEN, "-": Color.RED, "@": Color.CYAN}
        return self.style.paint(line, colors.get(line[:1]))

    def _needs_a_person(self) -> Iterator[str]:
        """What is held back or failed, one paragraph for each cause."""
        yield from self._held_back()
        groups = grouped(_failures(self.report))
        shown = groups if self.is_verbose else groups[:MAX_GROUPS]
        for group in shown:
            yield from self._group(group)
        if more := len(groups) - len(shown):
            hidden = f"… {count(more, 'more cause')} of failures; -v shows all of them"
            yield from self._marked("✘", hidden, Color.RED)
        yield from self._left_to_gc()

    def _group(self, group: Group) -> Iterator[str]:
        names = [str(failure.name) for failure in group.failures]
        yield from self._marked("✘", f"{_heading(group)}  {group.why}", Color.RED)
        if len(names) > 1:
            shown = listed(names, None if self.is_verbose else NAMED)
            yield from self.style.fold(printable(shown), _MORE)
        yield from self._hint(group.action)

    def _held_back(self) -> Iterator[str]:
        """The deletions that a guard holds back, once for each message of the guards."""
        held = _by_message(filter(words.is_held_back, self.report.outcomes))
        shown = list(held.items())[: None if self.is_verbose else NAMED]
        for message, outcomes in shown:
            what = f"{count(len(outcomes), 'deletion')} {message or 'held back'}"
            yield from self._marked("!", what, Color.YELLOW)
            names = [str(outcome.change.namespaced_name) for outcome in outcomes]
            if not self.is_verbose:  # otherwise each is on a line of its own
                yield from self.style.fold(printable(listed(names)), _MORE)
        if more := len(held) - len(shown):
            hidden = f"… {count(more, 'more message')}; -v shows all of them"
            yield from self._marked("!", hidden, Color.YELLOW)
        if self.is_verbose or self.is_full_diff:
            return
        outdated = (
            of_outcome(outcome, "ConfigMap held back")
            for outcome in self.report.outcomes
            if words.word(outcome) == "held back" and not words.is_held_back(outcome)
        )
        for group in grouped(outdated):
            yield from self._group(group)

    def _left_to_gc(self) -> Iterator[str]:
        """What the garbage collector hadn't deleted by the end of the run, by namespace."""
        by_namespace: dict[str, list[str]] = {}
        for namespace, name in self.report.left_to_gc:
            by_namespace.setdefault(namespace, []).append(name)
        reason = Reason.LEFT_TO_GARBAGE_COLLECTOR
        for namespace, names in sorted(by_namespace.items()):
            shown = listed(names, None if self.is_verbose else NAMED)
            what = f"{namespace}: {count(len(names), 'ConfigMap')} still there"
            yield from self._marked("!", f"{what}  {reason}: {shown}", Color.YELLOW)
        if by_namespace:
            yield from self._hint(REASONS[reason].action)

    def _left_alone(self) -> Iterator[str]:
        """Intended skips, counted by config and reason: a suspended config can have thousands."""
        if self.is_verbose:  # then each is on a line of its own
            return
        skips = Counter(
            (outcome.change.namespaced_name.namespace, outcome.change.pcmc_name, outcome.reason)
            for outcome in self.report.outcomes
            if words.word(outcome) == "skipped"
        )
        for (namespace, pcmc_name, reason), number in sorted(skips.items()):
            what = f"{count(number, 'ConfigMap')} of {namespace}/{pcmc_name} left alone"
            why = words.reason_and(reason, REASONS[reason].meaning)
            yield from self._marked("·", f"{what}  {why}", Color.DIM)

    def end(self, next_step: str, time: str) -> Iterator[str]:
        """The verdict: counts, digest, and how to go on."""
        report, style = self.report, self.style
        totals = summary(report)
        is_stuck = totals.blocked or totals.held_back or totals.failed or report.problems
        is_stamped = any(status.result is Result.UPDATED for status in report.statuses)
        is_cut_short = any(outcome.reason is Reason.INTERRUPTED for outcome in report.outcomes)
        is_idle = not (
            totals.changed
            or is_stuck
            or is_stamped
            or is_cut_short
            or report.incomplete
            or report.is_unexpected
        )
        start = words.beginning(report)
        if time:
            level = words.severity(report)
            start = f"{time} {'' if level == 'INFO' else f'{level.lower()}: '}{start}"
        start += ", nothing to do" if is_idle else ""
        parts = [*_totals(totals, is_prediction=report.is_prediction)]
        after = "".join(f"; {printable(remark)}" for remark in self._remarks())
        plain = style.finish(f"{start}: {', '.join(part for part, _ in parts)}{after}")
        if style.width is not None and columns(plain) > style.width:
            yield from (style.paint(line, Color.BOLD) for line in style.fold(plain, "  ", start=""))
        else:
            counts = ", ".join(style.paint(part, color) for part, color in parts)
            yield f"{style.paint(f'{start}:', Color.BOLD)} {counts}{style.paint(after, Color.BOLD)}"
        if report.reviewable_digest:
            yield from self._digest()
        if report.is_prediction and not report.is_unexpected:
            is_due = totals.changed and next_step and not report.incomplete
            # A saved plan names files, and anybody can have written it.
            step = f" {printable(next_step)}" if is_due else ""
            yield from style.fold(f"Nothing was changed.{step}")

    def _remarks(self) -> Iterator[str]:
        """What limits the result: problems, incomplete namespaces, and namespaces without Pods."""
        if self.report.problems:
            yield count(len(self.report.problems), "problem")
        if self.report.incomplete:
            names = [name or "all namespaces" for name in sorted(self.report.incomplete)]
            shown = listed(names, None if self.is_verbose else NAMED)
            yield f"incomplete: {shown}, where nothing is deleted"
        if nothing := words.without_pods(self.report):
            yield nothing

    def _digest(self) -> Iterator[str]:
        """The digest, always on one line: people copy it, and a newline would cut it."""
        plan = f"Plan {self.report.digest}"
        unlike = f"is not the expected {self.report.expected_digest}"
        width = self.style.width
        if not self.report.is_unexpected:
            yield plan
        elif width is None or columns(f"{plan} {unlike}") <= width:
            yield f"{plan} {unlike}"
        else:
            yield from (plan, f"  {unlike}")

    def _line(self, word: str, what: str, why: str) -> Iterator[str]:
        """The lines for a word, an object, and a reason."""
        start = f"{word:{WIDTH}} "
        line = printable(f"{what}  {why}" if why else what)
        first, *rest = self.style.fold(line, INDENT, start=start)
        yield self.style.paint(start[:-1], _COLORS.get(word, Color.DIM)) + first[WIDTH:]
        yield from rest

    def _marked(self, mark: str, text: str, color: Color) -> Iterator[str]:
        return self.style.marked(mark, printable(text), color)

    def _hint(self, action: str) -> Iterator[str]:
        if action:
            yield from self.style.fold(f"hint: {action}", _MORE)


def _failures(report: Report) -> Iterator[Failure]:
    for outcome in report.outcomes:
        if (word := words.word(outcome)) in {"failed", "blocked"}:
            yield of_outcome(outcome, f"ConfigMap {word}")
    for problem in report.problems:
        yield Failure(
            label=problem.kind,
            name=problem.namespaced_name,
            reason=problem.reason,
            message=problem.message,
        )
    for status in report.statuses:
        if status.result is Result.FAILED and status.reason is not None:
            yield Failure(
                label="status",
                name=status.update.namespaced_name,
                reason=status.reason,
                message=status.message,
            )


def _heading(group: Group) -> str:
    """The one object, or how many there are, and the word for what happened."""
    noun, _, word = group.first.label.partition(" ")
    if len(group.failures) > 1:
        what = count(len(group.failures), noun)
    elif noun == "ConfigMap" and word:
        what = str(group.first.name)
    else:
        what = f"{noun} {group.first.name}".replace("status", "status of")
    return f"{what} {word}".rstrip()


def _by_message(outcomes: Iterable[AnyOutcome]) -> dict[str, list[AnyOutcome]]:
    """The outcomes of each message."""
    found: dict[str, list[AnyOutcome]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.message, []).append(outcome)
    return found


def _totals(totals: Summary, *, is_prediction: bool) -> Iterator[tuple[str, Color]]:
    """The counts in words, each with a color that stands out if the count isn't 0."""
    before = "to " if is_prediction else ""
    verbs = ("create", "update", "delete") if is_prediction else ("created", "updated", "deleted")
    counts = zip(verbs, (totals.created, totals.updated, totals.deleted), strict=True)
    for word, number in counts:
        yield f"{number} {before}{word}", _COLORS[word] if number else Color.BOLD
    yield f"{totals.unchanged} unchanged", Color.BOLD
    others = {
        "skipped": totals.skipped,
        "blocked": totals.blocked,
        "held back": totals.held_back,
        "failed": totals.failed,
    }
    for word, number in others.items():
        if number:
            yield f"{number} {word}", _COLORS.get(word, Color.BOLD)
