"""A comment for a pull request: its order, and what it cuts.

tests/laws has the rules for all reports; tests/golden/formats has complete ones.
"""

import tracemalloc

from msgspec.structs import replace

from podcm_sync.api.reasons import Reason
from podcm_sync.output.markdown import markdown
from podcm_sync.reconcile.changes import Outcome, Result, Verb
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.snapshot import Scope
from tests.builders import change, config_map, desired, outcome, pod, problem

NOTHING = "no PodConfigMapConfigs in namespace shop"


def report(*outcomes: Outcome, is_prediction: bool = True) -> Report:
    return Report(
        is_prediction=is_prediction,
        scope=Scope(namespaces=("shop",)),
        outcomes=outcomes,
        statuses=(),
        problems=(),
        incomplete={},
    )


def create(number: int = 0, **more_data: str) -> Outcome:
    wanted = desired(pod(f"web-{number}"), more_data=more_data)
    of = change(Verb.CREATE, name=wanted.namespaced_name.name, wanted=wanted)
    return outcome(Result.CREATED, Reason.MISSING, of=of)


def delete(number: int = 9) -> Outcome:
    existing = config_map(made_for=pod(f"web-{number}"))
    of = change(Verb.DELETE, Reason.POD_GONE, name=existing.namespaced_name.name, existing=existing)
    return outcome(Result.DELETED, Reason.POD_GONE, of=of, message="its Pod is gone")


def spared() -> Outcome:
    of = replace(
        delete().change,
        verb=Verb.SKIP,
        reason=Reason.PRUNE_BLOCKED,
        planned_reason=Reason.NOT_SELECTED,
        planned_message="no longer selected",
    )
    return outcome(Result.SKIPPED, Reason.PRUNE_BLOCKED, of=of, message="--max-prune 3 lets them")


def heading(of: Report, code: int = 0) -> str:
    return markdown(of, exit_code=code).partition("\n")[0]


def test_the_heading_says_what_would_happen() -> None:
    assert heading(report()) == f"## podcm-sync would change nothing; {NOTHING}"
    assert heading(report(create())) == "## podcm-sync would create 1 ConfigMap"
    both = report(create(), create(1), delete())
    assert heading(both) == "## podcm-sync would delete 1 and create 2 ConfigMaps"


def test_the_heading_says_what_happened() -> None:
    done = report(create(), delete(), is_prediction=False)
    assert heading(done) == "## podcm-sync deleted 1 and created 1 ConfigMaps"
    assert heading(report(is_prediction=False)) == f"## podcm-sync changed nothing; {NOTHING}"


def test_the_heading_says_what_stands_in_the_way() -> None:
    failed = outcome(Result.FAILED, Reason.FORBIDDEN)
    blocked = outcome(Result.SKIPPED, Reason.FOREIGN)
    of = replace(report(spared(), failed, blocked), problems=(problem(),), incomplete={"a": "x"})
    assert heading(of) == (
        "## podcm-sync would change nothing; 1 held back; 1 failed; 1 blocked; 1 incomplete; "
        "1 problem"
    )


def test_the_guards_verdict_and_the_exit_code_are_said_in_words() -> None:
    comment = markdown(report(spared()), exit_code=4)
    assert "**A limit holds back 1 deletion:** `--max-prune 3 lets them`." in comment
    assert "Exit code 4: held back by a limit on deletions, or a saved or expected" in comment
    assert "No limit holds a deletion back." in markdown(report(create()), exit_code=0)


def test_deletions_come_first_and_say_why() -> None:
    comment = markdown(report(create(), delete(), spared()), exit_code=4)
    order = ["### To delete (1)", "### Held back (1)", "### To create (1)"]
    assert [line for line in comment.splitlines() if line.startswith("### ")] == order
    assert (
        "<code>shop/pod-web-9-from-web-cfg</code> PodGone: <code>its Pod is gone</code>" in comment
    )
    assert "NotSelected: <code>no longer selected</code>" in comment


def test_a_dry_run_has_diffs_and_a_real_run_has_none() -> None:
    assert "-  podName: web-9\n" in markdown(report(delete()), exit_code=0)
    done = markdown(report(delete(), is_prediction=False), exit_code=0)
    assert "```" not in done
    assert "- `shop/pod-web-9-from-web-cfg` PodGone: `its Pod is gone`\n" in done


def test_the_digest_is_said_where_there_is_one() -> None:
    of = report(create())
    assert "Digest" not in markdown(of, exit_code=0)
    digest = f"sha256:{'0' * 64}"
    assert f"\nDigest: `{digest}`\n" in markdown(replace(of, digest=digest), exit_code=0)


def test_a_fence_is_longer_than_any_within() -> None:
    comment = markdown(report(create(a="x\n````\ny\n")), exit_code=0)
    assert "\n`````diff\n" in comment
    assert "+    ````\n" in comment


def test_the_first_diffs_stay_and_the_rest_are_counted() -> None:
    """Each diff of a create has 3 + 16 lines. The last visible one is cut inside."""
    of = report(*(create(number) for number in range(10)))
    comment = markdown(of, exit_code=0, max_bytes=4_000)
    assert len(comment.encode()) <= 4_000
    shown = comment.count("```diff\n")
    lines = sum(line.startswith(("+", "--- ", "@@")) for line in comment.splitlines())
    assert 1 < shown < 10
    assert "10 diffs" not in comment
    assert f"({10 * 19 - lines} lines), and 0 lines of the lists above." in comment


def test_ten_thousand_creates_do_not_crowd_out_a_deletion() -> None:
    of = report(*(create(number) for number in range(10_000)), delete(99_999))
    comment = markdown(of, exit_code=0)
    assert len(comment.encode()) <= 60_000
    assert "### To create (10,000)" in comment
    assert "-  podName: web-99999\n" in comment
    assert "> **Cut to 60,000 bytes.**" in comment


def test_the_limit_is_in_bytes_and_counts_line_ends() -> None:
    for line in ("日" * 20, "y"):
        comment = markdown(report(create(a=f"x\n{line}\n" * 2_000)), exit_code=0, max_bytes=8_000)
        assert 7_000 < len(comment.encode()) <= 8_000


def test_nothing_of_less_weight_slips_in_where_deletions_are_cut() -> None:
    """No matter how little room the long name of the next deletion leaves."""
    of = report(*(delete(int(f"{number}{'9' * 200}")) for number in range(100)), create(1))
    for max_bytes in range(12_000, 12_300, 20):
        assert "### To create" not in markdown(of, exit_code=0, max_bytes=max_bytes)


def test_what_is_cut_takes_no_memory() -> None:
    """The diffs are made one at a time, and only visible ones stay in memory."""
    of = report(*(create(number, a="x" * 2_000) for number in range(2_000)))
    tracemalloc.start()
    markdown(of, exit_code=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_one_huge_value_is_cut_and_its_lines_are_counted() -> None:
    of = report(create(a="x" * 200_000), create(1))
    comment = markdown(of, exit_code=0)
    assert len(comment.encode()) <= 60_000
    assert "5 more lines of this diff cut." in comment
    assert "- `shop/pod-web-1-from-web-cfg` Missing\n" in comment


def test_that_values_are_masked_is_said() -> None:
    comment = markdown(replace(report(create()), is_redacted=True), exit_code=0)
    assert "`--redact` masks the values. Equal values have the same mask." in comment
