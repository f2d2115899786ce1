"""Prints a Report as Markdown for a comment on a pull request, deletions first, with folded diffs.

Text that others wrote is only in code spans, diff fences, or `<code>`. There, Markdown, HTML,
mentions, and references have no effect. If the report exceeds the limit in bytes, it is cut from
the end, and a note says what was cut.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from podcm_sync.api.phrases import NAMED, count, listed
from podcm_sync.api.reasons import REASONS, Reason
from podcm_sync.errors import EXIT_CODES
from podcm_sync.output import words
from podcm_sync.output.byte_limit import Entry, Section, cut_to
from podcm_sync.output.config_table import ready_words
from podcm_sync.output.escape import code, html_code, shortened
from podcm_sync.output.plan_text import why_deleted
from podcm_sync.reconcile.changes import AnyOutcome, AnyStatusOutcome, Result, SyncPolicy
from podcm_sync.reconcile.failures import Failure, Group, grouped, of_outcome
from podcm_sync.reconcile.report import Report, summary
from podcm_sync.reconcile.status import SYNCED

DEFAULT_MAX_BYTES: Final = 60_000
MAX_NAME: Final = 260
MAX_MESSAGE: Final = 500
"""Characters of one message. Without a limit, one mistake could crowd out the deletions."""
MAX_GUARD_MESSAGE: Final = 400


def markdown(report: Report, *, exit_code: int, max_bytes: int = DEFAULT_MAX_BYTES) -> str:
    """The report in at most `max_bytes` of UTF-8 (4,000 or more). It ends in a newline."""
    head = "\n".join(_head(report, exit_code)) + "\n"
    return cut_to(max_bytes, head, _first_sections(report), _other_sections(report))


def _head(report: Report, exit_code: int) -> Iterator[str]:
    yield f"## podcm-sync {_headline(report)}"
    yield ""
    is_forecast = report.is_prediction and not report.is_unexpected
    nothing = ", nothing was changed" if is_forecast else ""
    yield f"{words.beginning(report)}{nothing}. {_limits_sentence(report)}"
    yield (
        f"Scope: {code(shortened(str(report.scope), 100))}. "
        f"Exit code {exit_code}: {EXIT_CODES.get(exit_code, 'unknown')}."
    )
    if report.is_redacted:
        yield "`--redact` masks the values. Equal values have the same mask."
    yield ""
    yield from _counts(report)
    if report.reviewable_digest:
        yield ""
        yield f"Digest: {code(shortened(report.reviewable_digest, 80))}"


def _headline(report: Report) -> str:
    """What a run would do or did, deletions first, as a heading."""
    totals = summary(report)
    numbers = (totals.deleted, totals.updated, totals.created)
    verbs = ("delete", "update", "create")
    if not report.is_prediction:
        verbs = ("deleted", "updated", "created")
    parts = [f"{verb} {number:,}" for verb, number in zip(verbs, numbers, strict=True) if number]
    would = "would " if report.is_prediction else ""
    also = {
        "held back": totals.held_back,
        "failed": totals.failed,
        "blocked": totals.blocked,
        "incomplete": len(report.incomplete),
    }
    notes = [f"; {number:,} {word}" for word, number in also.items() if number]
    if nothing := words.without_pods(report):
        # A namespace's name has no other characters. In a saved plan it can be anything.
        notes.append(
            f"; {nothing if re.fullmatch(r'[-.a-zA-Z0-9 ()]+', nothing) else code(nothing)}"
        )
    if report.problems:
        notes.append(f"; {count(len(report.problems), 'problem')}")
    if not parts:
        return "".join([f"{would}change nothing" if would else "changed nothing", *notes])
    listed = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
    noun = "ConfigMap" if sum(numbers) == 1 else "ConfigMaps"
    return "".join([f"{would}{listed} {noun}", *notes])


def _limits_sentence(report: Report) -> str:
    """What the policy or the limits hold back."""
    if report.sync_policy is SyncPolicy.UPSERT_ONLY:
        spared = sum(outcome.reason is Reason.UPSERT_ONLY for outcome in report.outcomes)
        return f"The policy keeps {count(spared, 'ConfigMap')} that `sync` would delete."
    held_back = [outcome for outcome in report.outcomes if words.is_held_back(outcome)]
    if not held_back:
        return "No limit holds a deletion back."
    messages = list(filter(None, words.guard_messages(report)))
    shown = [code(shortened(message, MAX_GUARD_MESSAGE)) for message in messages[:NAMED]]
    if more := len(messages) - len(shown):
        shown.append(count(more, "more message"))
    reasons = "; ".join(shown) or "no reason given"
    return f"**A limit holds back {count(len(held_back), 'deletion')}:** {reasons}."


def _counts(report: Report) -> Iterator[str]:
    totals = summary(report)
    to = "to " if report.is_prediction else ""
    verbs = ("delete", "update", "create") if to else ("deleted", "updated", "created")
    heads = [f"{to}{verb}" for verb in verbs]
    heads += ["held back", "failed", "blocked", "skipped", "unchanged", "problems"]
    numbers = (
        totals.deleted,
        totals.updated,
        totals.created,
        totals.held_back,
        totals.failed,
        totals.blocked,
        totals.skipped,
        totals.unchanged,
        len(report.problems),
    )
    yield f"| {' | '.join(heads)} |"
    yield f"|{' ---: |' * len(heads)}"
    yield f"| {' | '.join(f'**{number:,}**' if number else '0' for number in numbers)} |"


def _first_sections(report: Report) -> Iterator[Section]:
    """The sections that a reviewer must see, which are the last to be cut."""
    by_word = _by_word(report)
    yield Section(
        title="Incomplete: nothing is deleted there",
        total=len(report.incomplete),
        entries=(
            Entry(line=f"{code(_name(name)) if name else 'all namespaces'}: {_message(message)}")
            for name, message in sorted(report.incomplete.items())
        ),
    )
    is_prediction = report.is_prediction
    yield _section("To delete" if is_prediction else "Deleted", by_word["deleted"], is_prediction)
    yield _section("Held back", by_word["held back"], is_prediction)
    problems = (
        Failure(
            label=problem.kind,
            name=problem.namespaced_name,
            reason=problem.reason,
            message=problem.message,
        )
        for problem in report.problems
    )
    yield _causes("Problems", problems)
    yield _causes("Failed", map(of_outcome, by_word["failed"]))
    statuses = (
        Failure(
            label="",
            name=status.update.namespaced_name,
            reason=status.reason or Reason.WRITE_FAILED,
            message=status.message,
        )
        for status in report.statuses
        if status.result is Result.FAILED
    )
    yield _causes("Statuses not written", statuses)
    yield _causes("Blocked", map(of_outcome, by_word["blocked"]))


def _other_sections(report: Report) -> Iterator[Section]:
    by_word = _by_word(report)
    is_prediction = report.is_prediction
    yield _section("To update" if is_prediction else "Updated", by_word["updated"], is_prediction)
    yield _section("To create" if is_prediction else "Created", by_word["created"], is_prediction)
    skips = Counter(
        (skip.change.namespaced_name.namespace, skip.change.pcmc_name, skip.reason)
        for skip in by_word["skipped"]
    )
    yield Section(
        title="Left alone",
        total=len(skips),
        entries=(
            Entry(
                line=f"{code(_name(namespace))}: {count(number, 'ConfigMap')} of "
                f"{code(_name(pcmc_name))} {_why(reason, REASONS[reason].meaning)}"
            )
            for (namespace, pcmc_name, reason), number in sorted(skips.items())
        ),
    )
    yield Section(
        title="Left to the garbage collector, and still there",
        total=len(report.left_to_gc),
        entries=(Entry(line=code(_name(str(name)))) for name in report.left_to_gc),
    )
    statuses = [
        status
        for status in report.statuses
        if status.result not in {Result.UNCHANGED, Result.FAILED}
    ]
    yield Section(
        title="Statuses that would change" if is_prediction else "Statuses",
        total=len(statuses),
        entries=(Entry(line=_status(status, is_prediction)) for status in statuses),
    )


def _by_word(report: Report) -> dict[str, list[AnyOutcome]]:
    by_word: dict[str, list[AnyOutcome]] = defaultdict(list)
    for outcome in report.outcomes:
        by_word[words.word(outcome)].append(outcome)
    return by_word


def _section(title: str, outcomes: list[AnyOutcome], is_prediction: bool) -> Section:
    entries = (_entry(outcome, is_prediction) for outcome in outcomes)
    return Section(title=title, total=len(outcomes), entries=entries)


def _causes(title: str, failures: Iterable[Failure]) -> Section:
    """A line for each cause, with three of its objects and a count of the others."""
    groups = grouped(failures)

    def line(group: Group) -> str:
        first = group.first
        kind = f"{first.label} " if first.label else ""
        names = [code(_name(str(failure.name))) for failure in group.failures]
        return f"{kind}{listed(names)} {_why(first.reason, first.message, group.action)}"

    entries = (Entry(line=line(group)) for group in groups)
    return Section(title=title, total=len(groups), entries=entries)


def _entry(outcome: AnyOutcome, is_prediction: bool) -> Entry:
    change = outcome.change
    name = _name(str(change.namespaced_name))
    reason, message = outcome.reason, outcome.message
    if change.planned_reason is not None and words.is_held_back(outcome):
        reason, message = change.planned_reason, change.planned_message
    if change.failing:
        message = why_deleted(change)
    is_shown = is_prediction and not (change.existing is None and change.desired is None)
    shown = html_code(shortened(message, MAX_MESSAGE)) if message else ""
    return Entry(
        line=f"{code(name)} {_why(reason, message)}",
        summary=f"{html_code(name)} {reason}{': ' if shown else ''}{shown}",
        change=change if is_shown else None,
    )


def _status(status: AnyStatusOutcome, is_prediction: bool) -> str:
    name = code(_name(str(status.update.namespaced_name)))
    ready = [
        condition for condition in status.update.desired.conditions if condition.type == "Ready"
    ]
    if not ready:
        return name
    condition = shortened(ready_words(ready[0], is_prediction=is_prediction), 100)
    # If the config isn't Synced, the sections above have each object with its message.
    is_repeated = ready[0].reason != SYNCED
    return f"{name} {condition}" + ("" if is_repeated else f": {_message(ready[0].message)}")


def _why(reason: Reason | None, message: str, action: str = "") -> str:
    parts = [str(reason)] if reason else []
    parts += [_message(message)] if message else []
    return ": ".join(parts) + (f"; {action}" if action else "")


def _message(message: str) -> str:
    return code(shortened(message, MAX_MESSAGE))


def _name(name: str) -> str:
    return shortened(name, MAX_NAME)
