"""An explanation of each kind of object: what is in it, and what is found where there is none."""

from podcm_sync.api.objects import PodConfigMapConfigStatus
from podcm_sync.api.reasons import Reason
from podcm_sync.explain.explain import explain
from podcm_sync.explain.explanation import Explanation, Subject
from podcm_sync.explain.explanation_text import explained
from podcm_sync.explain.lookup import hint, namespaces_of
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.names import config_map_name
from podcm_sync.reconcile.prune import Guards
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.sync import plan_pass
from tests.builders import (
    GENERATED_BY,
    NOW,
    Object,
    condition,
    config_map,
    owner,
    pcmc,
    pod,
    snapshot,
)
from tests.explanations import decided, explanation_of, valid_explanation
from tests.fakes import FakeCluster

PCMC = "PodConfigMapConfig"
NAME = "pod-web-0-from-web-cfg"


def hint_of(kind: str, name: str, *objects: Object) -> str:
    return hint(decided(FakeCluster(*objects)), Subject(kind=kind, name=name), "shop")


def with_failing_list(kind: str, *objects: Object) -> Explanation:
    """Pod web-0, where the list of a kind fails."""
    cluster = FakeCluster(*objects)
    cluster.before_list = lambda listed, _: "cannot list: 403" if listed == kind else None
    plan = decided(cluster, scope=Scope(namespaces=("shop",)))
    return explain(plan, Subject(kind="Pod", name="web-0"), "shop", now=NOW)


def test_a_pod_has_its_facts_and_a_verdict_for_each_config() -> None:
    explanation = explanation_of(
        "Pod", "web-0", pod(labels={"app": "web"}), pcmc("b"), pcmc("a"), pod("web-1")
    )
    facts = explanation.pod
    assert facts is not None
    assert (facts.phase, facts.node_name, facts.labels) == ("Running", "node-a", {"app": "web"})
    assert [each.pod_config_map_config for each in explanation.verdicts] == ["a", "b"]
    valid_explanation(explanation)


def test_a_pod_that_is_gone_has_what_is_left_of_it() -> None:
    explanation = explanation_of("Pod", "web-0", pcmc(), config_map())
    assert not explanation.exists
    assert explanation.is_known
    assert [each.reason for each in explanation.verdicts] == [Reason.LEFT_TO_GARBAGE_COLLECTOR]


def test_what_neither_exists_nor_is_in_the_plan_is_not_known() -> None:
    for kind in ("Pod", "ConfigMap", PCMC):
        assert not explanation_of(kind, "no", pod(), pcmc(), config_map()).is_known


def test_a_config_map_tells_whose_it_is_and_what_bears_on_its_fate() -> None:
    existing = config_map(
        annotations={"podconfig.example.com/prune": "Disabled"},
        immutable=True,
        owners=[owner(), owner("team", uid="t", kind="Team", controller=False)],
    )
    explanation = explanation_of("ConfigMap", NAME, pod(), pcmc(), existing)
    facts = explanation.config_map
    assert facts is not None
    assert facts.ours
    assert facts.prune_disabled
    assert facts.immutable
    assert (facts.generated_by, facts.pod_uid) == ("web", pod().uid)
    assert [each.kind for each in facts.owner_references] == ["Pod", "Team"]
    assert explanation.pod is not None
    assert explanation.pod.name == "web-0"


def test_a_config_map_without_our_label_is_foreign_because_of_it() -> None:
    facts = explanation_of("ConfigMap", "settings", pod(), pcmc(), is_taken=True).config_map
    assert facts is not None
    assert (facts.exists, facts.ours) == (True, False)
    assert facts.foreign == f"it has no label {GENERATED_BY}"


def test_a_name_that_is_not_of_the_form_is_foreign_because_of_it() -> None:
    facts = explanation_of("ConfigMap", "settings", pod(), config_map("settings")).config_map
    assert facts is not None
    assert facts.foreign == "its name doesn't have the form pod-…-cfg"


def test_a_config_map_that_no_change_is_about_is_told_of_by_its_pair() -> None:
    explanation = explanation_of("ConfigMap", NAME, pod(), pcmc(match_labels={"a": "b"}))
    assert not explanation.exists
    assert [(each.verb, each.reason) for each in explanation.verdicts] == [
        (None, Reason.NOT_SELECTED)
    ]


def test_a_cut_and_hashed_name_finds_its_pair_again() -> None:
    long = pod("p" * 250)
    name = config_map_name("p" * 250, "web")
    assert len(name) == 253
    objects = long, pcmc(match_labels={"a": "b"})
    (found,) = explanation_of("ConfigMap", name, *objects).verdicts
    assert (found.pod, found.reason) == ("p" * 250, Reason.NOT_SELECTED)


def test_a_config_counts_its_pods_and_groups_the_others_by_what_they_fail() -> None:
    config = pcmc(match_labels={"app": "web"}, match_expressions=[("tier", "Exists", [])])
    pods = [
        pod("a", labels={"app": "web", "tier": "x"}),
        pod("b", labels={"app": "web"}),
        pod("c", labels={"app": "db", "tier": "x"}),
        *(pod(f"d{number}", labels={"app": "job"}) for number in range(5)),
        pod("e", terminating=True),
    ]
    explanation = explanation_of(PCMC, "web", config, *pods)
    facts = explanation.pod_config_map_config
    assert facts is not None
    assert (facts.pods, facts.selected_pods) == (8, 1)
    groups = [
        (tuple(map(str, each.requirements)), each.count, [named.name for named in each.pods])
        for each in explanation.unselected
    ]
    assert groups == [
        (("app=web", "tier Exists"), 5, ["d0", "d1", "d2"]),
        (("app=web",), 1, ["c"]),
        (("tier Exists",), 1, ["b"]),
    ]
    valid_explanation(explanation)


def test_a_config_has_its_ready_condition_as_it_is_and_as_a_run_would_stamp_it() -> None:
    stored = PodConfigMapConfigStatus(conditions=(condition(status="False", reason="Old"),))
    facts = explanation_of(PCMC, "web", pod(), pcmc(status=stored)).pod_config_map_config
    assert facts is not None
    assert facts.ready is not None
    assert facts.ready_planned is not None
    assert (facts.ready.reason, facts.ready_planned.reason) == ("Old", "Synced")
    facts = explanation_of(PCMC, "web", pcmc(suspend=True)).pod_config_map_config
    assert facts is not None
    assert facts.ready_planned is None


def test_an_invalid_config_has_each_finding_apart() -> None:
    config = pcmc(labels=["a/b", "a_b"], match_expressions=[("a", "in", ["b"])])
    facts = explanation_of(PCMC, "web", pod(), config).pod_config_map_config
    assert facts is not None
    assert len(facts.findings) == 2
    assert facts.selected_pods is None


def test_a_list_that_failed_is_said_and_leaves_nothing_decided() -> None:
    """Without all configs no winner of a name is known."""
    explanation = with_failing_list("ConfigMap", pod(), pcmc())
    assert explanation.incomplete == "cannot list: 403"
    assert not explanation.exists
    explanation = with_failing_list("names", pod(), pcmc())
    assert explanation.exists


def test_what_a_failed_list_may_have_is_not_said_to_be_missing() -> None:
    cluster = FakeCluster(pod(), pcmc(), config_map())
    cluster.before_list = lambda kind, _: "cannot list: 403" if kind == "Pod" else None
    plan = decided(cluster, scope=Scope(namespaces=("shop",)))
    explanation = explain(plan, Subject(kind="ConfigMap", name=NAME), "shop", now=NOW)
    assert explanation.pod is not None
    assert (explanation.pod.exists, explanation.pod.unknown) == (False, True)
    assert "  Pod      web-0  not seen, because a list did not complete\n" in explained(explanation)
    assert [each.reason for each in explanation.verdicts] == [Reason.INCOMPLETE]
    valid_explanation(explanation)


def test_where_nothing_could_be_planned_no_pair_is_said_to_be_unselected() -> None:
    """Ownership and the winners of names are not known there, so nothing is."""
    seen = snapshot(
        pod(),
        pcmc(match_labels={"a": "b"}),
        incomplete={"shop": "cannot list: 403"},
        unplannable=["shop"],
    )
    plan = plan_pass(seen, build(seen), FakeCluster(), Guards())
    explanation = explain(plan, Subject(kind="Pod", name="web-0"), "shop", now=NOW)
    (found,) = explanation.verdicts
    assert (found.verb, found.reason) == (None, Reason.INCOMPLETE)
    assert found.message == "cannot list: 403"


def test_names_that_are_near_are_hinted_at() -> None:
    objects = pod("web-0"), pod("web-1"), pcmc("web")
    assert hint_of("Pod", "web-2", *objects) == "similar names: web-1, web-0"
    assert hint_of(PCMC, "wb", *objects) == "similar names: web"
    assert hint_of("Pod", "zzz", *objects) == ""


def test_a_config_map_that_is_not_there_is_traced_to_what_would_give_it() -> None:
    objects = pod("web-0"), pcmc("web")
    assert hint_of("ConfigMap", "pod-web-9-from-web-cfg", *objects) == (
        "config web would generate it for Pod web-9, which does not exist (similar names: web-0)"
    )
    assert hint_of("ConfigMap", "pod-web-0-from-wbe-cfg", *objects) == (
        "config wbe would generate it for Pod web-0, but does not exist (similar names: web)"
    )
    assert hint_of("ConfigMap", "settings", *objects) == (
        "no Pod and config in this namespace give that name"
    )
    assert hint_of("ConfigMap", "pod-web-0-from-web-cf", *objects) == (
        f"no Pod and config in this namespace give that name (similar names: {NAME})"
    )


def test_the_namespaces_that_have_an_object_are_found() -> None:
    plan = decided(
        FakeCluster(
            pod(),
            pod(namespace="depot"),
            pcmc(),
            pcmc("far", namespace="depot", match_labels={"a": "b"}),
            config_map(made_for=pod("gone")),
        )
    )
    found = {
        (kind, name): namespaces_of(plan, Subject(kind=kind, name=name))
        for kind, name in [
            ("Pod", "web-0"),
            ("Pod", "gone"),
            (PCMC, "far"),
            ("ConfigMap", "pod-web-0-from-far-cfg"),
            ("Pod", "no"),
        ]
    }
    assert list(found.values()) == [["depot", "shop"], ["shop"], ["depot"], ["depot"], []]
