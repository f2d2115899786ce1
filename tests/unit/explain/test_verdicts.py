"""What is told of a Pod and a config: the plan's word, or why the plan has none."""

import pytest

from podcm_sync.api.reasons import Reason, ReasonClass
from podcm_sync.explain.explanation import Contender, HeldBack, Verdict
from podcm_sync.reconcile.changes import Verb
from tests.builders import GENERATED_BY, POD_UID, Object, config_map, newer_pcmc, pcmc, pod
from tests.explanations import explanation_of

WEB = pod(labels={"app": "web"})
OTHER = pcmc(match_labels={"app": "other"})


def verdict(*objects: Object, config: str = "web", max_prune: tuple[str, ...] = ()) -> Verdict:
    """The one verdict on Pod web-0 and a config."""
    explanation = explanation_of("Pod", "web-0", *objects, max_prune=max_prune)
    (found,) = [each for each in explanation.verdicts if each.pod_config_map_config == config]
    return found


@pytest.mark.parametrize(
    ("objects", "verb", "reason"),
    [
        ([WEB, pcmc()], Verb.CREATE, Reason.MISSING),
        ([WEB, pcmc(), config_map()], Verb.KEEP, Reason.IN_SYNC),
        ([WEB, pcmc(), config_map(data={})], Verb.UPDATE, Reason.OUT_OF_SYNC),
        ([WEB, OTHER, config_map()], Verb.DELETE, Reason.NOT_SELECTED),
        ([WEB, config_map()], Verb.DELETE, Reason.CONFIG_GONE),
        ([WEB, pcmc(suspend=True), config_map()], Verb.SKIP, Reason.SUSPENDED),
        ([WEB, OTHER], None, Reason.NOT_SELECTED),
        ([WEB, pcmc(suspend=True)], None, Reason.SUSPENDED),
        ([WEB, pcmc(terminating=True)], None, Reason.CONFIG_GONE),
        ([WEB, pcmc(match_expressions=[("a", "in", ["b"])])], None, Reason.INVALID_SPEC),
        ([WEB, pcmc(spec_error="garbage")], None, Reason.INVALID_SPEC),
        ([WEB, newer_pcmc()], None, Reason.NEWER_SPEC),
        ([WEB, newer_pcmc(), config_map()], Verb.SKIP, Reason.CONFIG_NEWER),
        ([pod(terminating=True), pcmc()], Verb.SKIP, Reason.POD_TERMINATING),
        ([pod(terminating=True), OTHER], None, Reason.NOT_SELECTED),
    ],
)
def test_a_pair_has_the_plans_verb_and_reason_or_none_and_why(
    objects: list[Object], verb: Verb | None, reason: Reason
) -> None:
    found = verdict(*objects)
    assert (found.verb, found.reason) == (verb, reason)


def test_all_requirements_are_told_in_their_order_with_the_pods_own_value() -> None:
    config = pcmc(
        match_labels={"app": "db", "zone": "a"},
        match_expressions=[("tier", "Exists", []), ("app", "NotIn", ["db"])],
    )
    found = [(str(each), each.satisfied, each.actual) for each in verdict(WEB, config).requirements]
    assert found == [
        ("app=db", False, "web"),
        ("zone=a", False, None),
        ("tier Exists", False, None),
        ("app NotIn [db]", True, "web"),
    ]


def test_a_config_that_means_nothing_has_no_requirements_but_a_problem() -> None:
    found = verdict(WEB, pcmc(match_expressions=[("a", "in", ["b"])]))
    assert found.requirements == ()
    assert "write In, NotIn, Exists or DoesNotExist" in found.problem
    assert found.action == "fix the spec"


def test_an_update_names_every_path_that_differs() -> None:
    """A plan's line has three of them."""
    drifted = config_map(data={"added": "x"})
    assert verdict(WEB, pcmc(), drifted).differing == (
        "data.added",
        "data.namespace",
        "data.nodeName",
        "data.phase",
        "data.podName",
    )


def test_a_deletion_that_is_held_back_keeps_its_own_reason() -> None:
    found = verdict(WEB, OTHER, config_map(), max_prune=("0",))
    assert (found.verb, found.reason, found.kind) == (
        Verb.SKIP,
        Reason.PRUNE_BLOCKED,
        ReasonClass.HELD_BACK,
    )
    message = "PodConfigMapConfig web no longer selects its Pod"
    assert found.held_back == HeldBack(reason=Reason.NOT_SELECTED, message=message)


def test_winner_and_loser_of_a_name_know_of_each_other() -> None:
    """behavior.md §3: the older config has it."""
    old = pcmc("c", created="2026-01-01T00:00:00Z", match_labels={"n": "old"})
    young = pcmc("b-from-c", created="2026-02-01T00:00:00Z", match_labels={"n": "young"})
    pods = pod("a-from-b", labels={"n": "old"}), pod("a", labels={"n": "young"})
    said = explanation_of("ConfigMap", "pod-a-from-b-from-c-cfg", *pods, old, young).verdicts
    winner, loser = said
    assert (winner.pod, winner.verb) == ("a-from-b", Verb.CREATE)
    assert winner.contenders == (Contender(pod="a", pod_config_map_config="b-from-c"),)
    assert (loser.pod, loser.reason) == ("a", Reason.NAME_TAKEN)
    assert "the older c has it for Pod a-from-b" in loser.message


def test_what_stays_of_a_suspended_config_exists_though_the_plan_speaks_of_another() -> None:
    """The plan has one Change for the name, and it is the other config's."""
    pods = pod("a", labels={"n": "old"}), pod("a-from-b", labels={"n": "young"})
    holder = pcmc("b-from-c", suspend=True)
    wants = pcmc("c", match_labels={"n": "young"})
    held = config_map(made_for=pods[0], made_by="b-from-c")
    said = explanation_of("Pod", "a", *pods, holder, wants, held).verdicts
    (found,) = [each for each in said if each.pod_config_map_config == "b-from-c"]
    assert (found.verb, found.reason, found.exists) == (None, Reason.SUSPENDED, True)
    assert found.config_map == "pod-a-from-b-from-c-cfg"


def test_one_made_for_an_earlier_pod_of_the_name_says_so() -> None:
    earlier = config_map(made_for=pod(uid="earlier"))
    found = verdict(WEB, OTHER, earlier)
    assert (found.reason, found.earlier_uid) == (Reason.LEFT_TO_GARBAGE_COLLECTOR, "earlier")
    assert verdict(WEB, pcmc(), config_map()).earlier_uid == ""


def test_a_foreign_one_says_which_condition_it_fails() -> None:
    found = verdict(WEB, pcmc(), config_map(labels={POD_UID: None}))
    assert found.message.endswith(f"it has no label {POD_UID}")
    assert found.exists
    unlabelled = config_map(labels={POD_UID: None, GENERATED_BY: None})
    assert verdict(WEB, pcmc(), unlabelled).reason is Reason.FOREIGN


def test_a_config_that_is_being_deleted_counts_as_gone_and_is_not_said_to_be_gone() -> None:
    found = verdict(WEB, pcmc(terminating=True), config_map())
    assert (found.verb, found.reason) == (Verb.DELETE, Reason.CONFIG_GONE)
    assert found.message == "PodConfigMapConfig web is being deleted, which counts as gone"


def test_a_pod_that_only_a_uid_speaks_of_is_found() -> None:
    """Without an owner reference the plan has no Pod's name."""
    found = verdict(WEB, OTHER, config_map(owners=[]))
    assert (found.verb, found.pod) == (Verb.DELETE, "web-0")
