"""Report → Markdown for a comment on a pull request: what would go comes first, diffs fold away.

What others wrote stands in code spans, diff fences or `<code>` alone, where neither Markdown, HTML,
mentions nor references mean anything. A limit in bytes cuts from the end, and the end says what.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from podcm_sync.core.report import Report, summary
from podcm_sync.core.status import SYNCED
from podcm_sync.errors import EXIT_CODES
from podcm_sync.model.changes import AnyOutcome, AnyStatusOutcome, Result, SyncPolicy
from podcm_sync.model.reasons import REASONS, Reason
from podcm_sync.render import words
from podcm_sync.render.budget import Entry, Section, cut_to
from podcm_sync.render.spans import code, html_code, shortened

DEFAULT_MAX_BYTES: Final = 60_000
MAX_NAME: Final = 260
MAX_MESSAGE: Final = 500
"""Characters of one message: nobody's mistake may crowd out the deletions."""
MAX_GUARD_MESSAGE: Final = 400
NAMED: Final = 3
"""How many messages of guards are shown."""


def markdown(report: Report, *, exit_code: int, max_bytes: int = DEFAULT_MAX_BYTES) -> str:
    """The whole report, ending in a newline, in at most `max_bytes` (4,000 or more) of UTF-8."""
    head = "\n".join(_head(report, exit_code)) + "\n"
    return cut_to(max_bytes, head, _first_sections(report), _other_sections(report))


def _head(report: Report, exit_code: int) -> Iterator[str]:
    yield f"## podcm-sync {_sentence(report)}"
    yield ""
    yield f"{words.beginning(report)}. {_verdict(report)}"
    yield (
        f"Scope: {code(shortened(str(report.scope), 100))}. "
        f"Exit code {exit_code}: {EXIT_CODES.get(exit_code, 'unknown')}."
    )
    if report.is_redacted:
        yield "Values are masked by `--redact`: equal ones alike."
    yield ""
    yield from _counts(report)
    if report.digest:
        yield ""
        yield f"Digest: {code(shortened(report.digest, 80))}"


def _sentence(report: Report) -> str:
    """What would happen, or happened, deletions first."""
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
        notes.append(f"; {nothing}")
    if report.problems:
        notes.append(f"; {words.count(len(report.problems), 'problem')}")
    if not parts:
        return "".join([f"{would}change nothing" if would else "changed nothing", *notes])
    listed = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
    noun = "ConfigMap" if sum(numbers) == 1 else "ConfigMaps"
    return "".join([f"{would}{listed} {noun}", *notes])


def _verdict(report: Report) -> str:
    """The guard's."""
    if report.sync_policy is SyncPolicy.UPSERT_ONLY:
        spared = sum(each.reason is Reason.UPSERT_ONLY for each in report.outcomes)
        return f"The policy keeps {words.count(spared, 'ConfigMap')} that `sync` would delete."
    held_back = [each for each in report.outcomes if words.is_held_back(each)]
    if not held_back:
        return "No guard holds anything back."
    messages = [each for each in words.guard_messages(report) if each]
    shown = [code(shortened(message, MAX_GUARD_MESSAGE)) for message in messages[:NAMED]]
    if more := len(messages) - len(shown):
        shown.append(words.count(more, "more message"))
    said = "; ".join(shown) or "no reason given"
    return f"**The guard holds back {words.count(len(held_back), 'deletion')}:** {said}."


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
    yield f"| {' | '.join(f'**{each:,}**' if each else '0' for each in numbers)} |"


def _first_sections(report: Report) -> Iterator[Section]:
    """What a reviewer must see: the last to be cut."""
    of = _by_word(report)
    yield Section(
        title="Incomplete: nothing is deleted there",
        total=len(report.incomplete),
        entries=(
            Entry(line=f"{code(_name(where)) if where else 'all namespaces'}: {_message(message)}")
            for where, message in sorted(report.incomplete.items())
        ),
    )
    is_prediction = report.is_prediction
    yield _section("To delete" if is_prediction else "Deleted", of["deleted"], is_prediction)
    yield _section("Held back", of["held back"], is_prediction)
    yield Section(
        title="Problems",
        total=len(report.problems),
        entries=(
            Entry(
                line=f"{each.kind} {code(_name(str(each.namespaced_name)))} "
                + _why(each.reason, each.message, REASONS[each.reason].action)
            )
            for each in report.problems
        ),
    )
    yield _section("Failed", of["failed"], is_prediction)
    unwritten = [each for each in report.statuses if each.result is Result.FAILED]
    yield Section(
        title="Statuses not written",
        total=len(unwritten),
        entries=(
            Entry(
                line=f"{code(_name(str(each.update.namespaced_name)))} "
                + _why(each.reason, each.message)
            )
            for each in unwritten
        ),
    )
    yield _section("Blocked", of["blocked"], is_prediction)


def _other_sections(report: Report) -> Iterator[Section]:
    of = _by_word(report)
    is_prediction = report.is_prediction
    yield _section("To update" if is_prediction else "Updated", of["updated"], is_prediction)
    yield _section("To create" if is_prediction else "Created", of["created"], is_prediction)
    skips = Counter(
        (each.change.namespaced_name.namespace, each.change.pcmc_name, each.reason)
        for each in of["skipped"]
    )
    yield Section(
        title="Left alone",
        total=len(skips),
        entries=(
            Entry(
                line=f"{code(_name(namespace))}: {words.count(number, 'ConfigMap')} of "
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
        each for each in report.statuses if each.result not in {Result.UNCHANGED, Result.FAILED}
    ]
    yield Section(
        title="Statuses that would change" if is_prediction else "Statuses",
        total=len(statuses),
        entries=(Entry(line=_status(each)) for each in statuses),
    )


def _by_word(report: Report) -> dict[str, list[AnyOutcome]]:
    of: dict[str, list[AnyOutcome]] = defaultdict(list)
    for outcome in report.outcomes:
        of[words.word(outcome)].append(outcome)
    return of


def _section(title: str, outcomes: list[AnyOutcome], is_prediction: bool) -> Section:
    entries = (_entry(each, is_prediction) for each in outcomes)
    return Section(title=title, total=len(outcomes), entries=entries)


def _entry(outcome: AnyOutcome, is_prediction: bool) -> Entry:
    change = outcome.change
    name = _name(str(change.namespaced_name))
    reason, message, action = outcome.reason, outcome.message, ""
    if change.planned_reason is not None and words.is_held_back(outcome):
        reason, message = change.planned_reason, change.planned_message
    elif words.word(outcome) in {"failed", "blocked"}:
        action = REASONS[reason].action
    is_shown = is_prediction and not (change.existing is None and change.desired is None)
    shown = html_code(shortened(message, MAX_MESSAGE)) if message else ""
    return Entry(
        line=f"{code(name)} {_why(reason, message, action)}",
        summary=f"{html_code(name)} {reason}{': ' if shown else ''}{shown}",
        change=change if is_shown else None,
    )


def _status(status: AnyStatusOutcome) -> str:
    name = code(_name(str(status.update.namespaced_name)))
    ready = [each for each in status.update.desired.conditions if each.type == "Ready"]
    if not ready:
        return name
    said = code(shortened(f"Ready={ready[0].status} {ready[0].reason}", 100))
    # What is not Synced was said above, object for object.
    is_said = ready[0].reason != SYNCED
    return f"{name} {said}" + ("" if is_said else f": {_message(ready[0].message)}")


def _why(reason: Reason | None, message: str, action: str = "") -> str:
    parts = [str(reason)] if reason else []
    parts += [_message(message)] if message else []
    return ": ".join(parts) + (f"; {action}" if action else "")


def _message(message: str) -> str:
    return code(shortened(message, MAX_MESSAGE))


def _name(name: str) -> str:
    return shortened(name, MAX_NAME)
