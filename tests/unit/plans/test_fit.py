"""A saved change stays if today's plan has exactly the same; else it is held back with a reason."""

from collections.abc import Sequence

import pytest
from msgspec import structs

from podcm_sync.api.reasons import Reason
from podcm_sync.apply import hold_back_conflict
from podcm_sync.plans.fit import APPLY_FIRST, still_valid
from podcm_sync.reconcile.changes import Change, Plan, Result, Verb
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.plan import Planned, diff
from podcm_sync.reconcile.snapshot import Snapshot
from tests.builders import (
    Object,
    change,
    config_map,
    outcome,
    pcmc,
    pod,
    snapshot,
)

OUT_OF_SYNC = config_map(more_data={"added": "x"})
UNWANTED = config_map(made_by="old")
FAILED = pod(phase="Failed")


def plan_of(seen: Snapshot) -> Plan:
    return diff(seen, build(seen), {})


def planned(seen: Snapshot) -> Planned:
    desired = build(seen)
    proposed = diff(seen, desired, {})
    # The guard's verdict doesn't matter here: it judged when the plan was made.
    return Planned(snapshot=seen, desired=desired, proposed=proposed, plan=Plan(changes=()))


def held(
    before: Sequence[Object],
    after: Sequence[Object],
    *,
    is_of_files: bool = False,
    unplannable: Sequence[str] = (),
) -> list[Change]:
    """The changes of a plan for one state of the cluster that are still valid in another."""
    now = snapshot(*after, unplannable=unplannable)
    today = planned(now)
    return list(
        still_valid(plan_of(snapshot(*before)).changes, today, is_of_files=is_of_files).changes
    )


CREATE = (pod(), pcmc())
UPDATE = (pod(), pcmc(), OUT_OF_SYNC)
DELETE = (pod(), pcmc(), config_map(), UNWANTED)


@pytest.mark.parametrize("world", [CREATE, UPDATE, DELETE])
def test_in_the_same_world_the_plan_is_as_it_was(world: Sequence[Object]) -> None:
    assert held(world, world) == list(plan_of(snapshot(*world)).changes)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (CREATE, (pcmc(),), "Pod web-0 is gone"),
        (CREATE, (pod(),), "PodConfigMapConfig web doesn't exist"),
        (CREATE, (pod(), pcmc(terminating=True)), "PodConfigMapConfig web doesn't exist"),
        (CREATE, (pod(), pcmc(suspend=True)), "the config is suspended now"),
        (
            CREATE,
            (pod(), pcmc(match_labels={"a": "b"})),
            "PodConfigMapConfig web doesn't select Pod web-0",
        ),
        (CREATE, (pod(uid="new"), pcmc()), "Pod web-0 was recreated"),
        (
            CREATE,
            (pod(phase="Failed", node_name="b"), pcmc()),
            "the desired content changed since the plan was made: data.nodeName, data.phase",
        ),
        (CREATE, UPDATE, "a ConfigMap with this name exists now"),
        (
            CREATE,
            (pod(terminating=True), pcmc()),
            "a run would leave it alone now: PodTerminating: its Pod is terminating",
        ),
        (UPDATE, CREATE, "the ConfigMap is gone"),
        # Applied; then the Pod changed, and another run synced it.
        (
            UPDATE,
            (FAILED, pcmc(), config_map(made_for=FAILED, resource_version="3")),
            "the ConfigMap was overwritten since the plan was made: data.phase",
        ),
        (
            CREATE,
            (FAILED, pcmc(), config_map(made_for=FAILED)),
            "the ConfigMap was overwritten since the plan was made: data.phase",
        ),
        (
            (FAILED, pcmc(), config_map()),
            (pod(), pcmc(), config_map()),
            "the ConfigMap already matches its config",
        ),
        (
            (pod(), pcmc(match_labels={"a": "b"}), config_map()),
            (pod(), pcmc(), config_map()),
            "PodConfigMapConfig web needs it now",
        ),
        (
            UPDATE,
            (pod(), pcmc(), config_map(more_data={"added": "y", "b": ""}, resource_version="2")),
            "the ConfigMap changed since the plan was made: data.added, data.b",
        ),
        (
            UPDATE,
            (pod(), pcmc(), structs.replace(OUT_OF_SYNC, resource_version="2")),
            "the ConfigMap changed since the plan was made",
        ),
        (
            UPDATE,
            (pod(), pcmc(), structs.replace(OUT_OF_SYNC, uid="another")),
            "the ConfigMap changed since the plan was made",
        ),
        (
            UPDATE,
            (pod(), pcmc(match_labels={"a": "b"}), OUT_OF_SYNC),
            "a run would delete it now: PodConfigMapConfig web no longer selects its Pod",
        ),
        (
            DELETE,
            (pod(), pcmc(), config_map(), structs.replace(UNWANTED, resource_version="2")),
            "the ConfigMap changed since the plan was made",
        ),
        (DELETE, (pod(), pcmc(), pcmc("old")), "PodConfigMapConfig old exists"),
        (DELETE, (*DELETE, pcmc("old", suspend=True)), "PodConfigMapConfig old exists"),
    ],
)
def test_what_moved_is_said_of_what_is_held_back(
    before: Sequence[Object], after: Sequence[Object], message: str
) -> None:
    outdated = [skip for skip in held(before, after) if skip.reason is Reason.PLAN_OUTDATED]
    assert [(skip.verb, skip.message) for skip in outdated] == [(Verb.SKIP, message)]


def test_what_is_done_already_is_no_reason_to_refuse() -> None:
    """You can repeat an `apply`, whether it was interrupted or not."""
    in_step = (pod(), pcmc(), config_map())
    assert [(change.verb, change.reason) for change in held(CREATE, in_step)] == [
        (Verb.KEEP, Reason.IN_SYNC)
    ]
    assert [(change.verb, change.reason) for change in held(UPDATE, in_step)] == [
        (Verb.KEEP, Reason.IN_SYNC)
    ]
    assert {(change.verb, change.reason) for change in held(DELETE, in_step)} == {
        (Verb.KEEP, Reason.IN_SYNC),
        (Verb.SKIP, Reason.ALREADY_GONE),
    }


def test_in_step_with_something_else_is_not_what_was_planned() -> None:
    moved = pod(phase="Failed")
    (change,) = held(CREATE, (moved, pcmc(), config_map(made_for=moved)))
    assert (change.verb, change.reason) == (Verb.SKIP, Reason.PLAN_OUTDATED)


def test_what_could_not_be_listed_is_not_said_to_be_gone() -> None:
    changes = held(DELETE, (pod(), pcmc()), unplannable=["shop"])
    assert {change.reason for change in changes} <= {Reason.PLAN_OUTDATED}


def test_a_deletion_of_a_config_that_is_suspended_since() -> None:
    unselected = pcmc(match_labels={"a": "b"})
    suspended = pcmc(match_labels={"a": "b"}, suspend=True)
    (change,) = held((pod(), unselected, config_map()), (pod(), suspended, config_map()))
    assert (change.reason, change.message) == (Reason.PLAN_OUTDATED, "the config is suspended now")
    assert change.failing == (), "a report would show why it was to be deleted, not this"


def test_a_namespace_that_cannot_be_listed_is_said() -> None:
    (change,) = held(UPDATE, UPDATE, unplannable=["shop"])
    assert change.message == "podcm-sync couldn't list its namespace"


def test_a_plan_of_files_says_to_apply_them_where_that_may_be_it() -> None:
    (absent,) = held(CREATE, (pod(),), is_of_files=True)
    assert absent.message == f"PodConfigMapConfig web doesn't exist; {APPLY_FIRST}"
    (gone,) = held(CREATE, (pcmc(),), is_of_files=True)
    assert gone.message == "Pod web-0 is gone"


def test_what_only_todays_plan_would_write_is_no_part_of_it() -> None:
    changes = held(CREATE, (*CREATE, pod("web-1")))
    assert [(change.verb, change.reason) for change in changes] == [
        (Verb.CREATE, Reason.MISSING),
        (Verb.SKIP, Reason.NOT_IN_PLAN),
    ]
    assert changes[1].message == "a run would create it: Missing"


def test_what_was_in_step_and_has_drifted_is_no_part_of_it_either() -> None:
    (change,) = held((pod(), pcmc(), config_map()), UPDATE)
    assert (change.verb, change.reason) == (Verb.SKIP, Reason.NOT_IN_PLAN)


def test_where_neither_writes_todays_word_counts() -> None:
    """The saved skip would be stale: the config isn't suspended any longer, and is in sync."""
    world = (pod(), pcmc(suspend=True), config_map())
    (change,) = held(world, (pod(), pcmc(), config_map()))
    assert (change.verb, change.reason) == (Verb.KEEP, Reason.IN_SYNC)


def test_a_deletion_that_the_guard_held_back_stays_held_back() -> None:
    now = snapshot(*DELETE)
    saved = [
        structs.replace(planned, verb=Verb.SKIP, reason=Reason.PRUNE_BLOCKED, message="too many")
        if planned.verb is Verb.DELETE
        else planned
        for planned in plan_of(now).changes
    ]
    today = planned(now)
    assert list(still_valid(saved, today).changes) == saved


def test_a_conflict_is_held_back_and_all_else_is_as_it_was() -> None:
    namespaces_to_requeue = outcome(
        Result.FAILED, Reason.CONFLICT, code=409, message="it was modified"
    )
    failed = outcome(Result.FAILED, Reason.FORBIDDEN, code=403, of=change())
    assert hold_back_conflict(failed) == failed
    held_back = hold_back_conflict(namespaces_to_requeue)
    assert (held_back.result, held_back.reason, held_back.code) == (
        Result.SKIPPED,
        Reason.PLAN_OUTDATED,
        409,
    )
    assert held_back.message == "it changed while the plan was being applied: it was modified"
