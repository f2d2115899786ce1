"""Report → text for people (spec §7): what changed or would, what did not and why, and an end."""

import msgspec
import pytest
from msgspec import structs

from podcm_sync.core.report import Report
from podcm_sync.model.changes import Outcome, Result, StatusOutcome, StatusUpdate, Verb
from podcm_sync.model.meta import NamespacedName
from podcm_sync.model.objects import PodConfigMapConfigStatus, Problem, Scope
from podcm_sync.model.reasons import Reason
from podcm_sync.render.text import text
from tests.builders import change, condition, config_map, desired, outcome, pod, problem

POD = pod(uid="u-1")
CREATED = outcome(Result.CREATED)
UNCHANGED = outcome(Result.UNCHANGED, Reason.IN_STEP, name="pod-b-from-web-cfg")
SUSPENDED = outcome(Result.SKIPPED, Reason.SUSPENDED, message="it belongs to web")
FOREIGN = outcome(Result.SKIPPED, Reason.FOREIGN, message="a ConfigMap of this name exists")
HELD_BACK = outcome(
    Result.SKIPPED, Reason.PRUNE_BLOCKED, message="held back: --max-prune 3 lets them through"
)
FORBIDDEN = outcome(
    Result.FAILED, Reason.FORBIDDEN, name="pod-c-from-web-cfg", code=403, message="no right"
)


def report(
    *outcomes: Outcome,
    is_prediction: bool = False,
    statuses: tuple[StatusOutcome, ...] = (),
    problems: tuple[Problem, ...] = (),
    incomplete: dict[str, str] | None = None,
) -> Report:
    return Report(
        is_prediction=is_prediction,
        scope=Scope(namespaces=("shop",)),
        outcomes=outcomes,
        statuses=statuses,
        problems=problems,
        incomplete=incomplete or {},
    )


def status(
    result: Result, message: str = "1 ConfigMap in step, 1 Pod selected", **failure: Reason
) -> StatusOutcome:
    after = PodConfigMapConfigStatus(conditions=(condition(message=message),))
    update = StatusUpdate(
        namespaced_name=NamespacedName("shop", "web"),
        uid="uid-1",
        resource_version="1",
        existing=PodConfigMapConfigStatus(),
        desired=after,
    )
    return StatusOutcome(
        update=update, result=result, reason=failure.get("reason"), message="no right"
    )


def shown(of: Report, *, is_verbose: bool = False) -> list[str]:
    whole = text(of, is_verbose=is_verbose)
    assert whole.endswith("\n")
    return whole.splitlines()


def last(of: Report) -> str:
    return shown(of)[-1]


def test_a_run_with_nothing_to_do() -> None:
    assert shown(report(UNCHANGED)) == [
        "Done, nothing to do: 0 created, 0 updated, 0 deleted, 1 unchanged"
    ]


def test_a_run_that_did_something() -> None:
    drifted = outcome(
        Result.UPDATED, Reason.DRIFTED, name="pod-d-from-web-cfg", message="data.phase"
    )
    gone = outcome(
        Result.DELETED, Reason.POD_GONE, name="pod-e-from-web-cfg", message="its Pod is gone"
    )
    assert shown(report(CREATED, UNCHANGED, drifted, gone)) == [
        "created    shop/pod-web-0-from-web-cfg",
        "updated    shop/pod-d-from-web-cfg  Drifted: data.phase",
        "deleted    shop/pod-e-from-web-cfg  PodGone: its Pod is gone",
        "Done: 1 created, 1 updated, 1 deleted, 1 unchanged",
    ]


def test_what_failed_or_is_blocked_says_what_to_do() -> None:
    foreign, failed, end = shown(report(FOREIGN, FORBIDDEN))
    assert foreign.startswith(
        "blocked    shop/pod-web-0-from-web-cfg  Foreign: a ConfigMap of this name exists; "
    )
    assert "rename" in foreign
    assert failed.startswith("failed     shop/pod-c-from-web-cfg  Forbidden: no right; ")
    assert "deploy/rbac.yaml" in failed
    assert end == "Done: 0 created, 0 updated, 0 deleted, 0 unchanged, 1 blocked, 1 failed"


def test_what_is_left_alone_is_counted_by_config_and_reason() -> None:
    """A suspended config may have thousands."""
    others = outcome(Result.SKIPPED, Reason.SUSPENDED, pcmc_name="api")
    skipped = shown(report(SUSPENDED, SUSPENDED, others))
    assert skipped[0].startswith("skipped    shop: 1 ConfigMap of api  Suspended: ")
    assert skipped[1].startswith("skipped    shop: 2 ConfigMaps of web  Suspended: ")
    assert skipped[2].endswith("3 skipped")


def test_verbose_shows_each_that_is_in_step_or_left_alone() -> None:
    assert shown(report(UNCHANGED, SUSPENDED), is_verbose=True)[:2] == [
        "unchanged  shop/pod-b-from-web-cfg  InStep: the ConfigMap is what it should be",
        "skipped    shop/pod-web-0-from-web-cfg  Suspended: it belongs to web",
    ]


def test_what_is_held_back_says_with_which_option_it_goes_through() -> None:
    """Spec §6; once for all of them, at the end."""
    assert shown(report(HELD_BACK, HELD_BACK)) == [
        "held back  shop/pod-web-0-from-web-cfg",
        "held back  shop/pod-web-0-from-web-cfg",
        "Done: 0 created, 0 updated, 0 deleted, 0 unchanged, 2 held back",
        "held back: --max-prune 3 lets them through",
    ]


def test_problems_are_said_one_a_line() -> None:
    broken = problem(name="web-9", message="uid: must be text")
    assert shown(report(problems=(broken,))) == [
        "problem    Pod shop/web-9  Undecodable: uid: must be text; mend the object",
        "Done: 0 created, 0 updated, 0 deleted, 0 unchanged; 1 problem",
    ]


@pytest.mark.parametrize(
    ("incomplete", "where"),
    [
        ({"shop": "no right"}, "shop"),
        ({"b": "no right", "a": "no right"}, "a, b"),
        ({"": "no right"}, "all namespaces"),
    ],
)
def test_an_incomplete_run_says_where(incomplete: dict[str, str], where: str) -> None:
    end = last(report(incomplete=incomplete))
    assert end.startswith("Incomplete: ")
    assert end.endswith(f"; incomplete: {where}, where nothing is deleted")


def test_all_namespaces_and_one_again_are_said_as_such() -> None:
    """The first pass over all, a later one over a namespace that could not be listed."""
    end = last(report(incomplete={"": "no right", "a": "no answer"}))
    assert end.endswith("; incomplete: all namespaces, a, where nothing is deleted")


def test_a_run_cut_short_says_so() -> None:
    cut = report(CREATED, outcome(Result.SKIPPED, Reason.INTERRUPTED))
    assert last(cut).startswith("Out of time: ")
    by_signal = msgspec.structs.replace(cut, signal_number=15)
    assert last(by_signal).startswith("Interrupted by signal 15: ")


def test_a_run_cut_short_before_its_first_write_had_something_to_do() -> None:
    assert "nothing to do" not in last(report(outcome(Result.SKIPPED, Reason.INTERRUPTED)))


def test_statuses_that_were_written_are_shown_and_others_not() -> None:
    assert shown(report(statuses=(status(Result.UPDATED), status(Result.UNCHANGED))))[:-1] == [
        "status     shop/web  Ready=True Synced: 1 ConfigMap in step, 1 Pod selected"
    ]


def test_a_status_that_could_not_be_written_says_why() -> None:
    failed = status(Result.FAILED, reason=Reason.FORBIDDEN)
    assert shown(report(statuses=(failed,)))[0] == (
        "failed     status of shop/web  Forbidden: no right"
    )


def test_a_dry_run_shows_verbs_and_diffs_and_that_nothing_was_changed() -> None:
    planned = outcome(of=change(Verb.CREATE, wanted=desired(POD)))
    lines = shown(report(planned, is_prediction=True))
    assert lines[0] == "create     shop/pod-web-0-from-web-cfg"
    assert lines[1:3] == ["--- /dev/null", "+++ shop/pod-web-0-from-web-cfg"]
    assert "+  phase: Running" in lines
    assert lines[-1] == (
        "Dry run, nothing was changed: 1 to create, 0 to update, 0 to delete, 0 unchanged"
    )


def test_a_dry_run_with_nothing_to_do() -> None:
    assert last(report(UNCHANGED, is_prediction=True)) == (
        "Dry run, nothing was changed; nothing to do: "
        "0 to create, 0 to update, 0 to delete, 1 unchanged"
    )


@pytest.mark.parametrize("width", [60, 80])
def test_no_newline_breaks_a_digest_however_narrow_the_terminal(width: int) -> None:
    """It is there to be copied into --expect-plan."""
    one, other = (f"sha256:{each * 64}" for each in "ab")
    plan = structs.replace(report(CREATED, is_prediction=True), digest=one)
    assert f"Plan {one}" in text(plan, width=width).splitlines()
    plan = structs.replace(plan, expected_digest=other)
    lines = text(plan, width=width).splitlines()
    assert {f"Plan {one}", f"  is not the expected {other}"} <= set(lines)


def test_a_plans_digest_stands_before_the_summary_and_nowhere_else() -> None:
    digest = f"sha256:{'a' * 64}"
    foretold = structs.replace(report(CREATED, is_prediction=True), digest=digest)
    assert text(foretold).splitlines()[-2] == f"Plan {digest}"
    assert "Plan " not in text(report(CREATED))


def test_a_plan_that_was_not_expected_says_so_in_its_summary() -> None:
    one, other = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
    planned = outcome(of=change(Verb.CREATE, wanted=desired(POD)))
    unexpected = structs.replace(
        report(planned, is_prediction=True), digest=one, expected_digest=other
    )
    said, end = text(unexpected).splitlines()[-2:]
    assert said == f"Plan {one} is not the expected {other}"
    assert end.startswith("Not the expected plan, nothing was changed: 1 to create")


def test_each_outdated_change_says_what_moved_and_what_to_do() -> None:
    """Unlike a guard's, whose one message stands at the end."""
    outdated = outcome(Result.SKIPPED, Reason.PLAN_OUTDATED, message="Pod web-0 is gone")
    (line, end) = shown(report(outdated))
    assert line == (
        "held back  shop/pod-web-0-from-web-cfg  PlanOutdated: Pod web-0 is gone; "
        "make the plan anew and review it"
    )
    assert end == "Done: 0 created, 0 updated, 0 deleted, 0 unchanged, 1 held back"


def test_colours_are_put_around_words_only_where_asked_for() -> None:
    of = report(CREATED, FORBIDDEN, statuses=(status(Result.UPDATED),))
    coloured = text(of, is_coloured=True)
    assert "\x1b[32mcreated   \x1b[0m shop/pod-web-0-from-web-cfg" in coloured
    assert "\x1b[31mfailed    \x1b[0m" in coloured
    assert "\x1b[32mReady=True Synced\x1b[0m" in coloured
    assert "\x1b" not in text(of)


def test_a_coloured_diff() -> None:
    existing = config_map(made_for=POD, more_data={"phase": "Pending"})
    planned = outcome(
        Result.UPDATED,
        Reason.DRIFTED,
        of=change(Verb.UPDATE, existing=existing, wanted=desired(POD)),
    )
    coloured = text(report(planned, is_prediction=True), is_coloured=True).splitlines()
    assert "\x1b[1m--- shop/pod-web-0-from-web-cfg\x1b[0m" in coloured
    assert "\x1b[31m-  phase: Pending\x1b[0m" in coloured
    assert "\x1b[32m+  phase: Running\x1b[0m" in coloured
    assert "   nodeName: node-a" in coloured


def test_no_value_moves_a_terminals_cursor() -> None:
    """Spec §7: control characters in values are escaped, in diffs, reasons and statuses alike."""
    evil = "\x1b[2J\x1b[H\r\u202e\x9b0m"
    planned = outcome(
        of=change(Verb.CREATE, wanted=desired(POD, more_data={"annotation_a": f"{evil}\nb\n"}))
    )
    failed = outcome(Result.FAILED, Reason.REJECTED, message=evil)
    whole = text(
        report(
            planned,
            failed,
            is_prediction=True,
            statuses=(status(Result.UPDATED, message=evil),),
            problems=(problem(message=evil),),
        )
    )
    assert all(line.isprintable() for line in whole.split("\n"))
    assert r"\x1b[2J" in whole
