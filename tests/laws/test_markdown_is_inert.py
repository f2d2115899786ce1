"""In a comment on GitHub, whatever others wrote is shown as text and is nothing else.

Rendered by cmark-gfm: only the report's own tags come out, as many as planned, and code holds what
others wrote to the letter. Mentions, references and emoji are a later filter's business, which
leaves code alone: so nothing of others stands outside code.
"""

import re
from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from podcm_sync.api.reasons import REASONS, Reason
from podcm_sync.output import words
from podcm_sync.output.diff import unified
from podcm_sync.output.escape import code, html_code, printable, shortened
from podcm_sync.output.markdown import markdown
from podcm_sync.reconcile.changes import AnyOutcome, Result
from podcm_sync.reconcile.failures import Failure, Group, grouped, of_outcome
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.snapshot import Scope
from tests.laws.gfm import Page
from tests.laws.reports import MARKUP, TEXTS, reports

ENOUGH = 10_000_000
LEAST = Report(
    is_prediction=True,
    scope=Scope(namespaces=None),
    outcomes=(),
    statuses=(),
    problems=(),
    incomplete={},
)
OURS = {
    "--max-prune",
    "--redact",
    "-o json",
    *(
        each
        for row in REASONS.values()
        for each in re.findall("`([^`]*)`", f"{row.action} {row.meaning}")
    ),
}


def entries(report: Report) -> list[AnyOutcome]:
    """Outcomes that have an entry of their own."""
    shared = {"unchanged", "skipped", "failed", "blocked"}
    return [each for each in report.outcomes if words.word(each) not in shared]


def causes(report: Report) -> list[Group]:
    """What failed, with one entry for each cause; tests/unit/reconcile has how they are grouped."""
    return [
        *grouped(
            Failure(label=x.kind, name=x.namespaced_name, reason=x.reason, message=x.message)
            for x in report.problems
        ),
        *grouped(of_outcome(x) for x in report.outcomes if words.word(x) == "failed"),
        *grouped(of_outcome(x) for x in report.outcomes if words.word(x) == "blocked"),
        *grouped(
            Failure(
                label="",
                name=x.update.namespaced_name,
                reason=x.reason or Reason.WRITE_FAILED,
                message=x.message,
            )
            for x in report.statuses
            if x.result is Result.FAILED
        ),
    ]


def diffs(report: Report) -> list[str]:
    """The diffs to be shown, each as one text."""
    if not report.is_prediction:
        return []
    shown = ("".join(f"{line}\n" for line in unified(each.change)) for each in entries(report))
    return [each for each in shown if each]


def others_words(report: Report) -> Counter[str]:
    """What must be in code outside diffs: every name and message, made printable."""
    said = [shortened(str(report.scope), 100)]  # of hundreds of namespaces the first few will do
    held_back = [each for each in entries(report) if words.is_held_back(each)]
    said += [each.message for each in held_back[:1]]
    for each in entries(report):
        is_planned = words.is_held_back(each) and each.change.planned_reason is not None
        said += [str(each.change.namespaced_name)]
        said += [each.change.planned_message if is_planned else each.message]
    for cause in causes(report):
        said += [str(each.name) for each in cause.failures[:3]]
        said += [cause.first.message]
    for namespace, message in report.incomplete.items():
        said += [namespace, message]
    return Counter(printable(each) for each in said if each)


def lines_of_lists(report: Report) -> int:
    left_alone = {
        (each.change.namespaced_name.namespace, each.change.pcmc_name, each.reason)
        for each in report.outcomes
        if words.word(each) == "skipped"
    }
    return (
        len(entries(report))
        - len(diffs(report))
        + len(left_alone)
        + len(causes(report))
        + len(report.incomplete)
        + sum(each.result not in {Result.UNCHANGED, Result.FAILED} for each in report.statuses)
    )


@given(report=reports())
def test_a_comment_has_the_tags_that_were_planned_and_no_others(report: Report) -> None:
    page = Page(markdown(report, exit_code=0, max_bytes=ENOUGH))
    assert page.odd == []
    counts = Counter(page.tags)
    assert (counts["table"], counts["tr"], counts["th"], counts["td"]) == (1, 2, 9, 9)
    assert counts["details"] == counts["summary"] == counts["pre"] == len(diffs(report))
    assert counts["li"] == lines_of_lists(report)
    assert counts["h2"] == 1


@given(report=reports())
@example(report=replace(LEAST, scope=Scope(namespaces=("shop", "x" * 90))))
def test_what_others_wrote_is_in_code_to_the_letter(report: Report) -> None:
    page = Page(markdown(report, exit_code=0, max_bytes=ENOUGH))
    assert Counter(page.pre) == Counter(diffs(report))
    assert others_words(report) - Counter(page.code) == Counter()


@given(report=reports())
def test_nothing_of_others_is_outside_code(report: Report) -> None:
    """No `@name`, `#1`, address or `:emoji:` can be there: the alphabet has none of them."""
    page = Page(markdown(report, exit_code=0, max_bytes=ENOUGH))
    assert re.search(r"[^A-Za-z0-9\s.,:;()/'-]", page.outside) is None
    assert re.search(r":\w+:|//|www\.|GH-", page.outside) is None


@given(
    text=TEXTS | st.text() | st.sampled_from(MARKUP), around=st.sampled_from(["{}", "- {}\n- b"])
)
def test_a_code_span_holds_any_text_to_the_letter(text: str, around: str) -> None:
    page = Page(around.format(f"a {code(text)} b"))
    assert page.odd == []
    assert page.code == ([printable(text)] if text else [])


@given(text=TEXTS | st.text() | st.sampled_from(MARKUP))
def test_code_in_a_summary_holds_any_text_to_the_letter(text: str) -> None:
    page = Page(f"<details>\n<summary>{html_code(text)}</summary>\n\nb\n\n</details>\n")
    assert page.odd == []
    assert page.code == [printable(text)]


@given(lengths=st.lists(st.integers(1, 120), min_size=1, max_size=5))
def test_a_code_span_holds_any_run_of_backticks(lengths: list[int]) -> None:
    text = " ".join("`" * length for length in lengths)
    assert Page(code(text)).code == [text]


def test_where_every_run_of_backticks_is_taken_they_are_escaped() -> None:
    text = " ".join("`" * length for length in range(1, 82))
    assert Page(code(text)).code == [text.replace("`", r"\x60")]
