"""A saved change is done if today's plan has the very same; else it is held back, and said why."""

from collections.abc import Sequence

import pytest
from msgspec import structs

from podcm_sync.core.desired import build
from podcm_sync.core.outdated import APPLY_FIRST, fitted, refused
from podcm_sync.core.plan import Planned, diff
from podcm_sync.model.changes import Change, Plan, Result, Verb
from podcm_sync.model.objects import Snapshot
from podcm_sync.model.reasons import Reason
from tests.builders import (
    Object,
    change,
    config_map,
    outcome,
    pcmc,
    pod,
    snapshot,
)

DRIFTED = config_map(more_data={"added": "x"})
UNWANTED = config_map(made_by="old")


def plan_of(seen: Snapshot) -> Plan:
    return diff(seen, build(seen), {})


def planned(seen: Snapshot) -> Planned:
    desired = build(seen)
    proposed = diff(seen, desired, {})
    # What a guard makes of it is no matter: it has spoken when the plan was made.
    return Planned(snapshot=seen, desired=desired, proposed=proposed, plan=Plan(changes=()))


def held(
    before: Sequence[Object],
    after: Sequence[Object],
    *,
    is_of_files: bool = False,
    unplannable: Sequence[str] = (),
) -> list[Change]:
    """What of the plan of one world is left in another."""
    now = snapshot(*after, unplannable=unplannable)
    today = planned(now)
    return list(fitted(plan_of(snapshot(*before)).changes, today, is_of_files=is_of_files).changes)


CREATE = (pod(), pcmc())
UPDATE = (pod(), pcmc(), DRIFTED)
DELETE = (pod(), pcmc(), config_map(), UNWANTED)


@pytest.mark.parametrize("world", [CREATE, UPDATE, DELETE])
def test_in_the_same_world_the_plan_is_as_it_was(world: Sequence[Object]) -> None:
    assert held(world, world) == list(plan_of(snapshot(*world)).changes)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (CREATE, (pcmc(),), "Pod web-0 is gone"),
        (CREATE, (pod(),), "PodConfigMapConfig web is not there"),
        (CREATE, (pod(), pcmc(terminating=True)), "PodConfigMapConfig web is not there"),
        (CREATE, (pod(), pcmc(suspend=True)), "the config is suspended now"),
        (
            CREATE,
            (pod(), pcmc(match_labels={"a": "b"})),
            "PodConfigMapConfig web does not select Pod web-0",
        ),
        (CREATE, (pod(uid="new"), pcmc()), "Pod web-0 was made anew"),
        (
            CREATE,
            (pod(phase="Failed", node_name="b"), pcmc()),
            "what its Pod and config ask for changed: data.nodeName, data.phase",
        ),
        (CREATE, UPDATE, "a ConfigMap of its name exists by now"),
        (
            CREATE,
            (pod(terminating=True), pcmc()),
            "now it is left alone: PodTerminating: its Pod is terminating",
        ),
        (UPDATE, CREATE, "the ConfigMap is gone"),
        (
            UPDATE,
            (pod(), pcmc(), config_map(more_data={"added": "y", "b": ""}, resource_version="2")),
            "the ConfigMap changed since the plan was made: data.added, data.b",
        ),
        (
            UPDATE,
            (pod(), pcmc(), structs.replace(DRIFTED, resource_version="2")),
            "the ConfigMap changed since the plan was made",
        ),
        (
            UPDATE,
            (pod(), pcmc(), structs.replace(DRIFTED, uid="another")),
            "the ConfigMap changed since the plan was made",
        ),
        (
            UPDATE,
            (pod(), pcmc(match_labels={"a": "b"}), DRIFTED),
            "now it would be deleted: PodConfigMapConfig web no longer selects its Pod",
        ),
        (
            DELETE,
            (pod(), pcmc(), config_map(), structs.replace(UNWANTED, resource_version="2")),
            "the ConfigMap changed since the plan was made",
        ),
        (DELETE, (pod(), pcmc(), pcmc("old")), "PodConfigMapConfig old is there"),
        (DELETE, (*DELETE, pcmc("old", suspend=True)), "PodConfigMapConfig old is there"),
    ],
)
def test_what_moved_is_said_of_what_is_held_back(
    before: Sequence[Object], after: Sequence[Object], message: str
) -> None:
    found = [each for each in held(before, after) if each.reason is Reason.PLAN_OUTDATED]
    assert [(each.verb, each.message) for each in found] == [(Verb.SKIP, message)]


def test_what_is_done_already_is_no_reason_to_refuse() -> None:
    """An apply that was cut short can be taken up, and one that was not, repeated."""
    in_step = (pod(), pcmc(), config_map())
    assert [(each.verb, each.reason) for each in held(CREATE, in_step)] == [
        (Verb.KEEP, Reason.IN_STEP)
    ]
    assert [(each.verb, each.reason) for each in held(UPDATE, in_step)] == [
        (Verb.KEEP, Reason.IN_STEP)
    ]
    assert {(each.verb, each.reason) for each in held(DELETE, in_step)} == {
        (Verb.KEEP, Reason.IN_STEP),
        (Verb.SKIP, Reason.ALREADY_GONE),
    }


def test_in_step_with_something_else_is_not_what_was_planned() -> None:
    moved = pod(phase="Failed")
    (found,) = held(CREATE, (moved, pcmc(), config_map(made_for=moved)))
    assert (found.verb, found.reason) == (Verb.SKIP, Reason.PLAN_OUTDATED)


def test_what_could_not_be_listed_is_not_said_to_be_gone() -> None:
    found = held(DELETE, (pod(), pcmc()), unplannable=["shop"])
    assert {each.reason for each in found} <= {Reason.PLAN_OUTDATED}


def test_a_deletion_of_a_config_that_is_suspended_since() -> None:
    unselected = pcmc(match_labels={"a": "b"})
    suspended = pcmc(match_labels={"a": "b"}, suspend=True)
    (found,) = held((pod(), unselected, config_map()), (pod(), suspended, config_map()))
    assert (found.reason, found.message) == (Reason.PLAN_OUTDATED, "the config is suspended now")


def test_a_namespace_that_cannot_be_listed_is_said() -> None:
    (found,) = held(UPDATE, UPDATE, unplannable=["shop"])
    assert found.message == "its namespace could not be listed"


def test_a_plan_of_files_says_to_apply_them_where_that_may_be_it() -> None:
    (absent,) = held(CREATE, (pod(),), is_of_files=True)
    assert absent.message == f"PodConfigMapConfig web is not there; {APPLY_FIRST}"
    (gone,) = held(CREATE, (pcmc(),), is_of_files=True)
    assert gone.message == "Pod web-0 is gone"


def test_what_only_todays_plan_would_write_is_no_part_of_it() -> None:
    found = held(CREATE, (*CREATE, pod("web-1")))
    assert [(each.verb, each.reason) for each in found] == [
        (Verb.CREATE, Reason.MISSING),
        (Verb.SKIP, Reason.NOT_IN_PLAN),
    ]
    assert found[1].message == "it would be a create: Missing"


def test_what_was_in_step_and_has_drifted_is_no_part_of_it_either() -> None:
    (found,) = held((pod(), pcmc(), config_map()), UPDATE)
    assert (found.verb, found.reason) == (Verb.SKIP, Reason.NOT_IN_PLAN)


def test_where_neither_writes_todays_word_counts() -> None:
    """A skip of the file's time would be stale: it is suspended no more, and in step."""
    world = (pod(), pcmc(suspend=True), config_map())
    (found,) = held(world, (pod(), pcmc(), config_map()))
    assert (found.verb, found.reason) == (Verb.KEEP, Reason.IN_STEP)


def test_a_deletion_that_the_guard_held_back_stays_held_back() -> None:
    now = snapshot(*DELETE)
    saved = [
        structs.replace(each, verb=Verb.SKIP, reason=Reason.PRUNE_BLOCKED, message="too many")
        if each.verb is Verb.DELETE
        else each
        for each in plan_of(now).changes
    ]
    today = planned(now)
    assert list(fitted(saved, today).changes) == saved


def test_a_conflict_is_held_back_and_all_else_is_as_it_was() -> None:
    contested = outcome(Result.FAILED, Reason.CONFLICT, code=409, message="it was modified")
    failed = outcome(Result.FAILED, Reason.FORBIDDEN, code=403, of=change())
    assert refused(failed) == failed
    found = refused(contested)
    assert (found.result, found.reason, found.code) == (Result.SKIPPED, Reason.PLAN_OUTDATED, 409)
    assert found.message == "it changed while the plan was being applied: it was modified"
