"""A report as text for people (§7): changes, what was left alone and why, and totals."""

import msgspec
import pytest
from msgspec import structs

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import PodConfigMapConfigStatus, Problem
from podcm_sync.api.reasons import Reason
from podcm_sync.output.terminal import Style
from podcm_sync.output.text import Occasion, text
from podcm_sync.reconcile.changes import Outcome, Result, StatusOutcome, StatusUpdate, Verb
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.snapshot import Scope
from tests.builders import change, condition, config_map, desired, outcome, pod, problem

POD = pod(uid="u-1")
CREATED = outcome(Result.CREATED)
UNCHANGED = outcome(Result.UNCHANGED, Reason.IN_SYNC, name="pod-b-from-web-cfg")
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
    result: Result, message: str = "1 ConfigMap in sync, 1 Pod selected", **failure: Reason
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
    output = text(of, is_verbose=is_verbose)
    assert output.endswith("\n")
    return output.splitlines()


def last(of: Report) -> str:
    return shown(of)[-1]


def test_a_run_with_nothing_to_do() -> None:
    assert shown(report(UNCHANGED)) == [
        "Done, nothing to do: 0 created, 0 updated, 0 deleted, 1 unchanged"
    ]


def test_a_run_that_did_something() -> None:
    drifted = outcome(
        Result.UPDATED, Reason.OUT_OF_SYNC, name="pod-d-from-web-cfg", message="data.phase"
    )
    gone = outcome(
        Result.DELETED, Reason.POD_GONE, name="pod-e-from-web-cfg", message="its Pod is gone"
    )
    done = report(CREATED, UNCHANGED, drifted, gone, statuses=(status(Result.UPDATED),))
    assert shown(done) == [
        "✔ shop/web  1 created, 1 updated, 1 deleted  Ready",
        "Done: 1 created, 1 updated, 1 deleted, 1 unchanged",
    ]
    assert shown(done, is_verbose=True) == [
        "created    shop/pod-web-0-from-web-cfg",
        "unchanged  shop/pod-b-from-web-cfg  InSync: the ConfigMap is as it should be",
        "updated    shop/pod-d-from-web-cfg  OutOfSync: data.phase",
        "deleted    shop/pod-e-from-web-cfg  PodGone: its Pod is gone",
        "✔ shop/web  1 created, 1 updated, 1 deleted  Ready",
        "Done: 1 created, 1 updated, 1 deleted, 1 unchanged",
    ]


def test_each_config_has_a_line_in_aligned_columns() -> None:
    other = outcome(Result.CREATED, name="pod-web-0-from-api-gateway-cfg", pcmc_name="api-gateway")
    assert shown(report(CREATED, other, FORBIDDEN))[:2] == [
        "· shop/api-gateway  1 created",
        "✘ shop/web          1 created, 1 failed",
    ]


def test_what_failed_or_is_blocked_says_what_to_do() -> None:
    assert shown(report(FOREIGN, FORBIDDEN)) == [
        "✘ shop/web  1 failed, 1 blocked",
        "✘ shop/pod-web-0-from-web-cfg blocked  Foreign: a ConfigMap of this name exists",
        "    hint: rename or delete that ConfigMap, or rename the config",
        "✘ shop/pod-c-from-web-cfg failed  Forbidden: no right",
        "    hint: grant the verb (deploy/rbac.yaml), or check the policy that the message names",
        "Done: 0 created, 0 updated, 0 deleted, 0 unchanged, 1 blocked, 1 failed",
    ]


def test_equal_failures_are_shown_once_and_named_with_v() -> None:
    """Also if an API server's message has the object's name."""
    failed = [
        outcome(Result.FAILED, Reason.QUOTA_EXCEEDED, name=name, message=f'"{name}": over quota')
        for name in (f"pod-{number}-cfg" for number in range(300))
    ]
    lines = shown(report(*failed))
    assert lines[1:4] == [
        '✘ 300 ConfigMaps failed  QuotaExceeded: "pod-0-cfg": over quota',
        "    shop/pod-0-cfg, shop/pod-1-cfg, shop/pod-2-cfg and 297 more",
        "    hint: raise the quota",
    ]
    assert len(lines) == 5
    assert "shop/pod-299-cfg" in text(report(*failed), is_verbose=True)


def test_causes_beyond_twenty_are_counted() -> None:
    failed = [
        outcome(Result.FAILED, Reason.REJECTED, name=f"pod-{number}-cfg", message=f"no {number}")
        for number in range(25)
    ]
    assert shown(report(*failed))[-2] == "✘ … 5 more causes of failures; -v shows all of them"
    assert "no 24" in text(report(*failed), is_verbose=True)


def test_a_missing_crd_is_reported_once_and_not_for_each_config() -> None:
    """behavior.md §5: StatusNotStored is about the CRD."""
    failed = [
        structs.replace(each, update=structs.replace(each.update, namespaced_name=name))
        for each in [status(Result.FAILED, reason=Reason.STATUS_NOT_STORED)]
        for name in (NamespacedName("shop", f"web-{number}") for number in range(5))
    ]
    lines = shown(report(statuses=tuple(failed)))
    assert "✘ 5 statuses  StatusNotStored: no right" in lines
    assert sum("kubectl apply -f crd/" in line for line in lines) == 1


def test_in_a_loop_a_run_is_one_line_with_its_time_and_level() -> None:
    done = text(
        report(CREATED, statuses=(status(Result.UPDATED),)),
        occasion=Occasion(time="2026-11-22T12:00:00Z"),
    )
    assert done == "2026-11-22T12:00:00Z Done: 1 created, 0 updated, 0 deleted, 0 unchanged\n"
    failed = text(report(FOREIGN), occasion=Occasion(time="2026-11-22T12:00:00Z")).splitlines()
    assert failed[0].startswith("2026-11-22T12:00:00Z warning: Done: ")
    assert failed[1].startswith("✘ shop/pod-web-0-from-web-cfg blocked  Foreign: ")


def test_what_is_left_alone_is_counted_by_config_and_reason() -> None:
    """A suspended config can have thousands."""
    others = outcome(Result.SKIPPED, Reason.SUSPENDED, pcmc_name="api")
    skipped = shown(report(SUSPENDED, SUSPENDED, others))
    assert skipped[0].startswith("· 1 ConfigMap of shop/api left alone  Suspended: ")
    assert skipped[1].startswith("· 2 ConfigMaps of shop/web left alone  Suspended: ")
    assert skipped[2].endswith("3 skipped")


def test_verbose_shows_each_that_is_in_step_or_left_alone() -> None:
    assert shown(report(UNCHANGED, SUSPENDED), is_verbose=True)[:2] == [
        "unchanged  shop/pod-b-from-web-cfg  InSync: the ConfigMap is as it should be",
        "skipped    shop/pod-web-0-from-web-cfg  Suspended: it belongs to web",
    ]


def test_what_is_held_back_says_with_which_option_it_goes_through() -> None:
    """behavior.md §6: once for all deletions."""
    assert shown(report(HELD_BACK, HELD_BACK)) == [
        "· shop/web  2 held back",
        "! 2 deletions held back: --max-prune 3 lets them through",
        "    shop/pod-web-0-from-web-cfg, shop/pod-web-0-from-web-cfg",
        "Done: 0 created, 0 updated, 0 deleted, 0 unchanged, 2 held back",
    ]


def test_problems_are_said_one_a_line() -> None:
    broken = problem(name="web-9", message="uid: must be text")
    assert shown(report(problems=(broken,))) == [
        "✘ Pod shop/web-9  Undecodable: uid: must be text",
        "    hint: fix the object",
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
    """The first pass covers all namespaces, a later one a namespace that it couldn't list."""
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
    unchanged = status(Result.UNCHANGED)
    unchanged = structs.replace(
        unchanged,
        update=structs.replace(unchanged.update, namespaced_name=NamespacedName("shop", "api")),
    )
    assert shown(report(statuses=(status(Result.UPDATED), unchanged)))[:-1] == ["✔ shop/web  Ready"]


def test_a_status_that_could_not_be_written_says_why() -> None:
    failed = status(Result.FAILED, reason=Reason.FORBIDDEN)
    assert shown(report(statuses=(failed,)))[:2] == [
        "✘ shop/web  status not written",
        "✘ status of shop/web  Forbidden: no right",
    ]


def test_a_dry_run_shows_verbs_and_diffs_and_that_nothing_was_changed() -> None:
    planned = outcome(of=change(Verb.CREATE, wanted=desired(POD)))
    of = report(planned, is_prediction=True)
    lines = text(
        of, is_full_diff=True, occasion=Occasion(next_step="To apply: go on.")
    ).splitlines()
    assert lines[0] == "create     shop/pod-web-0-from-web-cfg"
    assert lines[1:3] == ["--- /dev/null", "+++ shop/pod-web-0-from-web-cfg"]
    assert "+  phase: Running" in lines
    assert lines[-2:] == [
        "Dry run: 1 to create, 0 to update, 0 to delete, 0 unchanged",
        "Nothing was changed. To apply: go on.",
    ]


def test_a_dry_run_with_nothing_to_do() -> None:
    idle = report(UNCHANGED, is_prediction=True)
    assert text(idle, occasion=Occasion(next_step="To apply: go on.")).splitlines() == [
        "Dry run, nothing to do: 0 to create, 0 to update, 0 to delete, 1 unchanged",
        "Nothing was changed.",
    ]


@pytest.mark.parametrize("width", [60, 80])
def test_no_newline_breaks_a_digest_however_narrow_the_terminal(width: int) -> None:
    """People copy it into --expect-plan."""
    one, other = (f"sha256:{digit * 64}" for digit in "ab")
    plan = structs.replace(report(CREATED, is_prediction=True), digest=one)
    assert f"Plan {one}" in text(plan, style=Style(columns=width)).splitlines()
    plan = structs.replace(plan, expected_digest=other)
    lines = text(plan, style=Style(columns=width)).splitlines()
    assert {f"Plan {one}", f"  is not the expected {other}"} <= set(lines)


def test_a_plans_digest_stands_after_the_summary_and_nowhere_else() -> None:
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
    first, end = text(unexpected, occasion=Occasion(next_step="Go on.")).splitlines()[-2:]
    assert end == f"Plan {one} is not the expected {other}"
    assert first.startswith("Not the expected plan, nothing was changed: 1 to create")


def test_each_outdated_change_says_what_moved_and_what_to_do() -> None:
    """A guard's message, in contrast, is at the end, once."""
    outdated = outcome(Result.SKIPPED, Reason.PLAN_OUTDATED, message="Pod web-0 is gone")
    _, line, hint, end = shown(report(outdated))
    assert line == "✘ shop/pod-web-0-from-web-cfg held back  PlanOutdated: Pod web-0 is gone"
    assert hint == "    hint: make a new plan, and review it"
    assert end == "Done: 0 created, 0 updated, 0 deleted, 0 unchanged, 1 held back"


def test_colours_are_put_around_words_only_where_asked_for() -> None:
    of = report(CREATED, FORBIDDEN, statuses=(status(Result.UPDATED),))
    coloured = text(of, style=Style(is_colored=True), is_verbose=True)
    assert "\x1b[38;5;28mcreated   \x1b[0m shop/pod-web-0-from-web-cfg" in coloured
    assert "\x1b[38;5;160m✘\x1b[0m shop/pod-c-from-web-cfg failed" in coloured
    assert "\x1b[38;5;28m✔\x1b[0m shop/web" in coloured
    assert "\x1b" not in text(of)


def test_a_coloured_diff() -> None:
    existing = config_map(made_for=POD, more_data={"phase": "Pending"})
    planned = outcome(
        Result.UPDATED,
        Reason.OUT_OF_SYNC,
        of=change(Verb.UPDATE, existing=existing, wanted=desired(POD)),
    )
    style = Style(is_colored=True)
    of = report(planned, is_prediction=True)
    assert "      phase  Pending → Running" in text(of, style=style).splitlines()
    coloured = text(of, style=style, is_full_diff=True).splitlines()
    assert "\x1b[1m--- shop/pod-web-0-from-web-cfg\x1b[0m" in coloured
    assert "\x1b[38;5;160m-  phase: Pending\x1b[0m" in coloured
    assert "\x1b[38;5;28m+  phase: Running\x1b[0m" in coloured
    assert "   nodeName: node-a" in coloured


def test_no_value_moves_a_terminals_cursor() -> None:
    """behavior.md §7: control characters in values are escaped in diffs, reasons, and statuses."""
    evil = "\x1b[2J\x1b[H\r\u202e\x9b0m"
    planned = outcome(
        of=change(Verb.CREATE, wanted=desired(POD, more_data={"annotation_a": f"{evil}\nb\n"}))
    )
    failed = outcome(Result.FAILED, Reason.REJECTED, message=evil)
    output = text(
        report(
            planned,
            failed,
            is_prediction=True,
            statuses=(status(Result.UPDATED, message=evil),),
            problems=(problem(message=evil),),
        )
    )
    assert all(line.isprintable() for line in output.split("\n"))
    assert r"\x1b[2J" in output


def test_a_dry_run_from_incomplete_lists_has_no_digest_and_no_way_to_apply_it() -> None:
    """Its digest was often the one of every empty plan."""
    plan = structs.replace(
        report(CREATED, is_prediction=True, incomplete={"shop": "no right"}),
        digest=f"sha256:{'a' * 64}",
    )
    shown = text(plan, occasion=Occasion(next_step="Go on."))
    assert "sha256" not in shown
    assert shown.endswith("\nNothing was changed.\n")


@pytest.mark.parametrize("is_prediction", [True, False])
def test_what_needs_a_person_stands_last_before_the_totals(is_prediction: bool) -> None:
    shown = text(
        report(
            *(CREATED, FOREIGN, SUSPENDED),
            is_prediction=is_prediction,
            statuses=(status(Result.UPDATED),),
        )
    )
    lines = [line for line in shown.splitlines() if line[:1] in {"✔", "✘", "·"}]
    assert [line[0] for line in lines] == ["✔", "·", "✘"]
    assert "Foreign" in lines[-1]


def test_a_message_that_says_what_to_write_has_no_hint() -> None:
    wrong = Problem(
        kind="PodConfigMapConfig",
        namespaced_name=NamespacedName("shop", "web"),
        reason=Reason.INVALID_SPEC,
        message='spec: "in" is not an operator: write In',
        quoted=(),
    )
    shown = text(report(problems=(wrong,)))
    assert "write In" in shown
    assert "hint:" not in shown
