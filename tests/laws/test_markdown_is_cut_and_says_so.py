"""However large the report: within the limit, whole Markdown, and exact about what is not shown.

Deletions, failures and problems are the last to be cut.
"""

import re

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from podcm_sync.output.markdown import markdown
from podcm_sync.reconcile.changes import AnyOutcome, Result
from podcm_sync.reconcile.report import Report
from tests.laws.gfm import Page
from tests.laws.reports import reports
from tests.laws.test_markdown_is_inert import diffs, entries, lines_of_lists

NOTE = re.compile(
    r"Cut to [0-9,]+ bytes\. Not shown: ([0-9,]+) diffs? in whole or in part \(([0-9,]+) lines?\), "
    r"and ([0-9,]+) lines? of the lists above"
)
FIRST = {
    "Incomplete: nothing is deleted there",
    "To delete",
    "Deleted",
    "Held back",
    "Problems",
    "Failed",
    "Statuses not written",
    "Blocked",
}


@st.composite
def large_reports(draw: st.DrawFn) -> Report:
    """The same outcomes and problems over and over."""
    report = draw(reports())
    times = draw(st.integers(1, 120))
    return replace(
        report,
        outcomes=report.outcomes * times,
        problems=report.problems * draw(st.integers(1, 60)),
    )


def cut_of(page: Page) -> tuple[int, int, int]:
    """How many diffs, their lines, and lines of lists the comment says are missing."""
    found = NOTE.search(" ".join(page.outside.split()))
    if found is None:
        return 0, 0, 0
    diffs, lines, entries = (int(each.replace(",", "")) for each in found.groups())
    return diffs, lines, entries


@given(report=large_reports(), max_bytes=st.integers(4_000, 70_000))
def test_a_comment_keeps_within_its_limit_and_stays_whole(report: Report, max_bytes: int) -> None:
    said = markdown(report, exit_code=3, max_bytes=max_bytes)
    assert len(said.encode()) <= max_bytes
    page = Page(said)
    assert page.odd == []
    assert page.tags.count("details") == page.tags.count("pre") == len(page.pre)


@given(report=large_reports(), max_bytes=st.integers(4_000, 70_000))
def test_what_is_cut_is_counted_exactly(report: Report, max_bytes: int) -> None:
    page = Page(markdown(report, exit_code=3, max_bytes=max_bytes))
    wanted = diffs(report)
    shown = [each for each in page.pre if each in set(wanted)]
    cut_diffs, cut_lines, cut_entries = cut_of(page)
    assert cut_diffs == len(wanted) - len(shown)
    assert cut_lines == sum(each.count("\n") for each in wanted) - sum(
        each.count("\n") for each in page.pre
    )
    listed = page.tags.count("li") + page.tags.count("details")
    assert cut_entries == lines_of_lists(report) + len(wanted) - listed


@given(report=large_reports(), max_bytes=st.integers(4_000, 20_000))
def test_what_matters_most_is_cut_last(report: Report, max_bytes: int) -> None:
    """Where any update or create is listed, every deletion, problem and failure is."""
    _, *sections = markdown(report, exit_code=0, max_bytes=max_bytes).split("\n### ")
    listed = {}
    for section in sections:
        title, total, body = re.split(r" \(([0-9,]+)\)\n", section, maxsplit=1)
        shown = re.findall(r"^(?:- \S|<details>)", body, re.MULTILINE)
        listed[title] = (int(total.replace(",", "")), len(shown))
    if listed.keys() - FIRST:
        assert all(total == shown for title, (total, shown) in listed.items() if title in FIRST)
        assert {"To delete", "Deleted"} & listed.keys() or not deletions(report)
        assert "Problems" in listed or not report.problems


def deletions(report: Report) -> list[AnyOutcome]:
    return [each for each in entries(report) if each.result is Result.DELETED]
