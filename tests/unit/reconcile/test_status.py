"""Outcomes → statuses (behavior.md §5)."""

import pytest
from msgspec.structs import replace

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import Condition, PodConfigMapConfig, PodConfigMapConfigStatus
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.changes import Outcome, Result, StatusUpdate
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.snapshot import Snapshot
from podcm_sync.reconcile.status import conditions, is_failure
from tests.builders import (
    EARLIER,
    NOW,
    condition,
    newer_pcmc,
    outcome,
    pcmc,
    pod,
    problem,
    snapshot,
)

PENDING = condition(
    status="Unknown",
    reason="Pending",
    message="Waiting for the first run of podcm-sync",
    since="1970-01-01T00:00:00Z",
    generation=None,
)
NEW = PodConfigMapConfigStatus(conditions=(PENDING,))
OTHERS = condition("example.com/Audited", "True", "Fine", since="2020-01-01T00:00:00Z")
DONE = outcome(Result.CREATED)
FAILED = outcome(Result.FAILED, Reason.FORBIDDEN, name="pod-b-from-web-cfg", message="no right")
HELD = outcome(
    Result.SKIPPED, Reason.PRUNE_BLOCKED, name="pod-c-from-web-cfg", message="held back: 1"
)
TERMINATING = outcome(Result.SKIPPED, Reason.CONFIG_MAP_TERMINATING, name="pod-d-from-web-cfg")


def updates(seen: Snapshot, *outcomes: Outcome, now: str = NOW) -> tuple[StatusUpdate, ...]:
    return conditions(seen, build(seen), outcomes, now)


def status(config: PodConfigMapConfig, *outcomes: Outcome) -> PodConfigMapConfigStatus:
    """The status of a config that selects the one Pod there is, after these outcomes."""
    (update,) = updates(snapshot(pod(), config), *outcomes)
    assert update.existing == config.status
    return update.desired


def ready(of: PodConfigMapConfigStatus) -> Condition:
    (found,) = (each for each in of.conditions if each.type == "Ready")
    return found


def test_all_in_place_is_ready_and_stamped() -> None:
    after = status(pcmc(generation=4, status=NEW), DONE)
    assert after == PodConfigMapConfigStatus(
        observed_generation=4,
        matched_pods=1,
        config_maps=1,
        failures=0,
        conditions=(
            Condition(
                type="Ready",
                status="True",
                reason="Synced",
                message="1 ConfigMap in sync, 1 Pod selected",
                last_transition_time=NOW,
                observed_generation=4,
            ),
        ),
    )


def test_a_config_with_nothing_to_do_is_ready() -> None:
    (update,) = updates(snapshot(pcmc(status=NEW)))
    assert update.desired.observed_generation == 1
    assert (update.desired.matched_pods, update.desired.config_maps) == (0, 0)
    assert ready(update.desired).reason == "Synced"


@pytest.mark.parametrize(
    ("outcomes", "reason", "counts"),
    [
        pytest.param([DONE, FAILED], "SomeConfigMapsFailed", (1, 1), id="a refused write"),
        pytest.param(
            [DONE, outcome(Result.SKIPPED, Reason.FOREIGN, name="pod-x-from-web-cfg")],
            "SomeConfigMapsFailed",
            (1, 1),
            id="a blocking skip",
        ),
        pytest.param([DONE, HELD], "PruneBlocked", (1, 0), id="held back"),
        pytest.param([FAILED, HELD], "SomeConfigMapsFailed", (0, 1), id="failed and held back"),
        pytest.param([DONE, TERMINATING], "Waiting", (1, 0), id="being deleted, but desired"),
        pytest.param([TERMINATING, FAILED], "SomeConfigMapsFailed", (0, 1), id="failed as well"),
    ],
)
def test_failed_or_held_back_is_not_ready_and_not_stamped(
    outcomes: list[Outcome], reason: str, counts: tuple[int, int]
) -> None:
    """What was observed stays what it was; the condition's own is stamped in any case."""
    before = PodConfigMapConfigStatus(observed_generation=3, conditions=(PENDING,))
    after = status(pcmc(generation=4, status=before), *outcomes)
    assert after.observed_generation == 3
    assert (after.config_maps, after.failures) == counts
    assert (ready(after).status, ready(after).reason) == ("False", reason)
    assert ready(after).observed_generation == 4


def test_a_first_run_that_failed_stamps_nothing() -> None:
    assert status(pcmc(status=NEW), FAILED).observed_generation is None


@pytest.mark.parametrize(
    "reason",
    [
        Reason.PRUNE_DISABLED,
        Reason.POD_TERMINATING,
        Reason.NAMESPACE_TERMINATING,
    ],
)
def test_an_intended_skip_changes_nothing(reason: Reason) -> None:
    """behavior.md §3: an intended one changes none of exit code, Ready and observedGeneration."""
    after = status(pcmc(status=NEW), DONE, outcome(Result.SKIPPED, reason, name="pod-x-cfg"))
    assert after.observed_generation == 1
    assert ready(after).status == "True"
    assert (after.config_maps, after.failures) == (1, 0)


def test_config_maps_are_counted_in_their_desired_state() -> None:
    after = status(
        pcmc(),
        outcome(Result.CREATED, name="pod-a-cfg"),
        outcome(Result.UPDATED, Reason.OUT_OF_SYNC, name="pod-b-cfg"),
        outcome(Result.UNCHANGED, Reason.IN_SYNC, name="pod-c-cfg"),
        outcome(Result.DELETED, Reason.POD_GONE, name="pod-d-cfg"),
    )
    assert after.config_maps == 3


def test_an_invalid_spec_is_stamped_not_ready_and_stalled() -> None:
    """behavior.md §5: processed to a verdict."""
    after = status(pcmc(generation=5, labels=["a b"], status=NEW))
    assert after.observed_generation == 5
    assert (after.matched_pods, after.config_maps, after.failures) == (0, 0, 0)
    by_type = {each.type: each for each in after.conditions}
    assert set(by_type) == {"Ready", "Stalled"}
    assert (by_type["Ready"].status, by_type["Ready"].reason) == ("False", "InvalidSpec")
    assert (by_type["Stalled"].status, by_type["Stalled"].reason) == ("True", "InvalidSpec")
    assert {each.observed_generation for each in after.conditions} == {5}
    assert by_type["Ready"].message.startswith("spec.labelsToInclude: ")


def test_a_newer_spec_is_not_stamped_and_not_stalled() -> None:
    """behavior.md §1: nothing was processed, so the counts stay those of an earlier run."""
    before = status(pcmc(generation=4, labels=["a b"], status=NEW))
    before = replace(before, observed_generation=4, matched_pods=3, config_maps=2, failures=1)
    after = status(newer_pcmc(generation=5, status=before))
    assert after.observed_generation == 4
    assert (after.matched_pods, after.config_maps, after.failures) == (3, 2, 1)
    (found,) = after.conditions
    assert (found.type, found.status, found.reason) == ("Ready", "False", "NewerSpec")
    assert found.message == (
        "spec: field `maxPods` is newer than this version of podcm-sync. Its ConfigMaps stay "
        "unchanged until you upgrade podcm-sync."
    )


def test_stalled_goes_when_the_spec_is_fixed() -> None:
    before = status(pcmc(labels=["a b"], status=NEW))
    after = status(pcmc(generation=2, status=before), DONE)
    assert [each.type for each in after.conditions] == ["Ready"]
    assert ready(after).status == "True"


def test_conditions_of_other_types_stay_where_they_are() -> None:
    before = PodConfigMapConfigStatus(conditions=(OTHERS, PENDING))
    after = status(pcmc(status=before), DONE)
    assert after.conditions[0] == OTHERS
    assert [each.type for each in after.conditions] == ["example.com/Audited", "Ready"]


def test_ready_is_made_where_it_is_not_there_yet() -> None:
    before = PodConfigMapConfigStatus(conditions=(OTHERS,))
    after = status(pcmc(status=before), DONE)
    assert [each.type for each in after.conditions] == ["example.com/Audited", "Ready"]
    assert ready(after).last_transition_time == NOW


def test_the_time_moves_only_with_the_condition_s_status() -> None:
    before = PodConfigMapConfigStatus(
        conditions=(condition(status="False", reason="SomeConfigMapsFailed", since=EARLIER),)
    )
    other_failure = outcome(Result.FAILED, Reason.QUOTA_EXCEEDED, message="exceeded quota")
    assert ready(status(pcmc(status=before), other_failure)).last_transition_time == EARLIER
    assert ready(status(pcmc(status=before), DONE)).last_transition_time == NOW


def test_a_status_equal_to_the_one_stored_is_not_needed() -> None:
    """behavior.md §5: not written; a second run has another time and the same status."""
    (first,) = updates(snapshot(pod(), pcmc(status=NEW)), DONE)
    assert first.is_needed
    again = outcome(Result.UNCHANGED, Reason.IN_SYNC)
    (second,) = updates(
        snapshot(pod(), pcmc(status=first.desired)), again, now="2027-01-01T00:00:00Z"
    )
    assert not second.is_needed


def test_a_second_equal_failure_is_not_needed_either() -> None:
    (first,) = updates(snapshot(pod(), pcmc(status=NEW)), FAILED)
    (second,) = updates(snapshot(pod(), pcmc(status=first.desired)), FAILED, now="2027-01-01")
    assert not second.is_needed


def test_a_new_generation_is_needed_even_where_all_else_is_equal() -> None:
    before = status(pcmc(status=NEW), DONE)
    (update,) = updates(snapshot(pod(), pcmc(generation=2, status=before)), DONE)
    assert update.is_needed
    assert ready(update.desired).last_transition_time == NOW


def test_at_most_three_failed_objects_are_named_and_the_rest_counted() -> None:
    """behavior.md §5: the message says which objects and what to do."""
    failed = [
        outcome(Result.FAILED, Reason.FORBIDDEN, name=f"pod-{letter}-from-web-cfg", message="no")
        for letter in "abcde"
    ]
    message = ready(status(pcmc(), *failed)).message
    assert [letter for letter in "abcde" if f"pod-{letter}-from-web-cfg" in message] == [*"abc"]
    assert message == (
        "Forbidden: no (5 ConfigMaps: pod-a-from-web-cfg, pod-b-from-web-cfg, pod-c-from-web-cfg "
        "and 2 more). Grant the verb (deploy/rbac.yaml), or check the policy that the message "
        "names."
    )


def test_failures_that_differ_only_in_the_object_s_name_are_one_cause() -> None:
    """An API server names the object in its answer."""
    failed = [
        outcome(Result.FAILED, Reason.QUOTA_EXCEEDED, name=name, message=f'"{name}": over quota')
        for name in ("pod-a-cfg", "pod-b-cfg")
    ]
    message = ready(status(pcmc(), *failed)).message
    assert message == (
        'QuotaExceeded: "pod-a-cfg": over quota (2 ConfigMaps: pod-a-cfg, pod-b-cfg). '
        "Raise the quota."
    )


def test_at_most_three_causes_are_shown() -> None:
    failed = [
        outcome(Result.FAILED, Reason.FORBIDDEN, name=f"pod-{letter}-cfg", message=letter * 3)
        for letter in "abcde"
    ]
    message = ready(status(pcmc(), *failed)).message
    assert [letter for letter in "abcde" if letter * 3 in message] == [*"abc"]
    assert message.endswith(" And 2 other causes.")


def test_at_most_three_held_back_objects_are_named() -> None:
    held = [
        outcome(Result.SKIPPED, Reason.PRUNE_BLOCKED, name=f"pod-{letter}-cfg", message="held")
        for letter in "abcd"
    ]
    message = ready(status(pcmc(), *held)).message
    assert [letter for letter in "abcd" if f"pod-{letter}-cfg" in message] == [*"abc"]
    assert " and 1 more" in message


def test_three_failures_have_no_rest_to_count() -> None:
    failed = [outcome(Result.FAILED, Reason.FORBIDDEN, name=f"pod-{x}-cfg") for x in "abc"]
    assert "more" not in ready(status(pcmc(), *failed)).message


def test_a_message_is_far_within_what_the_crd_allows() -> None:
    endless = outcome(Result.FAILED, Reason.REJECTED, message="x" * 100_000)
    assert len(ready(status(pcmc(), endless)).message) == 2_048


def test_each_config_has_the_outcomes_of_its_own() -> None:
    seen = snapshot(pod(), pcmc("one"), pcmc("two"), pcmc("one", namespace="other"))
    found = updates(
        seen,
        outcome(Result.CREATED, pcmc_name="one"),
        outcome(Result.FAILED, Reason.FORBIDDEN, pcmc_name="two"),
    )
    assert {str(each.namespaced_name): each.desired.failures for each in found} == {
        "other/one": 0,
        "shop/one": 0,
        "shop/two": 1,
    }
    by_name = {str(each.namespaced_name): each.desired.config_maps for each in found}
    assert by_name == {"other/one": 0, "shop/one": 1, "shop/two": 0}


@pytest.mark.parametrize("config", [pcmc(suspend=True), pcmc(terminating=True)])
def test_a_suspended_or_going_config_is_left_as_it_is(config: PodConfigMapConfig) -> None:
    """behavior.md §1, suspend: its status too."""
    assert updates(snapshot(pod(), config)) == ()


@pytest.mark.parametrize("where", ["shop", ""])
def test_an_incomplete_namespace_is_not_stamped(where: str) -> None:
    """behavior.md §2.1."""
    assert updates(snapshot(pod(), pcmc(), incomplete={where: "no right"}), DONE) == ()


def test_another_namespace_that_is_incomplete_does_not_matter() -> None:
    assert len(updates(snapshot(pod(), pcmc(), incomplete={"other": "no"}), DONE)) == 1


def test_an_undecodable_config_has_no_status_to_write() -> None:
    assert updates(snapshot(problems=[problem("PodConfigMapConfig", "web")])) == ()


@pytest.mark.parametrize("reason", [Reason.INTERRUPTED, Reason.UNCONFIRMED])
def test_a_config_whose_work_is_not_done_is_not_stamped(reason: Reason) -> None:
    """By a signal, or because a watch is late and a later pass decides again."""
    seen = snapshot(pod(), pcmc("one"), pcmc("two"))
    found = updates(
        seen,
        outcome(Result.CREATED, pcmc_name="one"),
        outcome(Result.SKIPPED, reason, pcmc_name="two"),
    )
    assert [each.namespaced_name for each in found] == [NamespacedName("shop", "one")]


def test_an_update_names_the_version_it_was_computed_from() -> None:
    (update,) = updates(snapshot(pod(), pcmc(resource_version="42")), DONE)
    assert update.resource_version == "42"


@pytest.mark.parametrize(
    ("result", "reason", "expected"),
    [
        (Result.FAILED, Reason.FORBIDDEN, True),
        (Result.FAILED, Reason.SERVER_ERROR, True),
        (Result.FAILED, Reason.CONFLICT, True),
        (Result.SKIPPED, Reason.FOREIGN, True),
        (Result.SKIPPED, Reason.NAME_TAKEN, True),
        (Result.SKIPPED, Reason.IMMUTABLE, True),
        (Result.SKIPPED, Reason.TOO_LARGE, True),
        (Result.SKIPPED, Reason.INVALID_NAME, True),
        (Result.SKIPPED, Reason.UNDECODABLE, True),
        (Result.SKIPPED, Reason.SUSPENDED, False),
        (Result.SKIPPED, Reason.CONFIG_INVALID, False),
        (Result.SKIPPED, Reason.PRUNE_DISABLED, False),
        (Result.SKIPPED, Reason.POD_TERMINATING, False),
        (Result.SKIPPED, Reason.NAMESPACE_TERMINATING, False),
        (Result.SKIPPED, Reason.PRUNE_BLOCKED, False),
        (Result.SKIPPED, Reason.INCOMPLETE, False),
        (Result.SKIPPED, Reason.UNCONFIRMED, False),
        (Result.SKIPPED, Reason.INTERRUPTED, False),
        (Result.CREATED, Reason.MISSING, False),
        (Result.UNCHANGED, Reason.IN_SYNC, False),
    ],
)
def test_a_failure_is_a_refused_write_or_a_blocking_skip(
    result: Result, reason: Reason, expected: bool
) -> None:
    assert is_failure(outcome(result, reason)) is expected
