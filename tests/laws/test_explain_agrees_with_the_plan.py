"""`explain` never disagrees with the plan: each Change is told with its own verb and reason.

Of each of the three objects that a Change is about; and what the plan has nothing for is told as
such, never with a verb.
"""

from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.api.meta import KIND
from podcm_sync.api.reasons import Reason, ReasonClass
from podcm_sync.explain.explain import explain
from podcm_sync.explain.explanation import CONFIG_MAP, POD, Explanation, Subject, Verdict
from podcm_sync.explain.explanation_text import explained
from podcm_sync.reconcile.changes import Change, Verb
from podcm_sync.reconcile.plan import Planned
from tests.builders import NOW, Object
from tests.explanations import decided, valid_explanation
from tests.laws.test_rendered_text_is_printable import is_harmless
from tests.laws.worlds import NAMESPACES, World, worlds

LIMITS = st.sampled_from([(), ("0",), ("1",), ("50%",)])
NOT_PLANNED = {
    Reason.NOT_SELECTED,
    Reason.SUSPENDED,
    Reason.CONFIG_GONE,
    Reason.INVALID_SPEC,
    Reason.NEWER_SPEC,
    Reason.UNREADABLE,
    Reason.POD_TERMINATING,
}


def tell(plan: Planned, kind: str, namespace: str, name: str) -> Explanation:
    return explain(plan, Subject(kind=kind, name=name), namespace, now=NOW)


def told(change: Change, verdict: Verdict) -> bool:
    return (
        (verdict.verb, verdict.reason) == (change.verb, change.reason)
        and verdict.config_map == change.namespaced_name.name
        and verdict.pod_config_map_config == change.pcmc_name
        and (verdict.pod == change.pod_name or not change.pod_name)
    )


@given(world=worlds(), limits=LIMITS)
def test_each_change_is_told_of_its_pod_its_config_and_its_config_map(
    world: World, limits: tuple[str, ...]
) -> None:
    plan = decided(world.cluster(), *limits)
    for change in plan.plan.changes:
        namespace, name = change.namespaced_name
        subjects = [(CONFIG_MAP, name), (KIND, change.pcmc_name)]
        if change.pod_name:
            subjects.append((POD, change.pod_name))
        for kind, subject in subjects:
            explanation = tell(plan, kind, namespace, subject)
            assert explanation.is_known
            assert sum(told(change, each) for each in explanation.verdicts) == 1


@given(world=worlds(), limits=LIMITS)
def test_each_verb_that_is_told_is_the_plans(world: World, limits: tuple[str, ...]) -> None:
    plan = decided(world.cluster(), *limits)
    snapshot = plan.snapshot
    listed: tuple[Object, ...] = (*snapshot.pods, *snapshot.configs, *snapshot.config_maps)
    names = {(type(each).__name__, *each.namespaced_name) for each in listed}
    names |= {(each.kind, *each.namespaced_name) for each in snapshot.problems}
    for kind, namespace, name in sorted(names):
        explanation = tell(plan, kind, namespace, name)
        assert explanation.exists
        here = [each for each in plan.plan.changes if each.namespaced_name.namespace == namespace]
        for verdict in explanation.verdicts:
            if verdict.verb is None:
                assert verdict.reason in NOT_PLANNED
            else:
                assert sum(told(change, verdict) for change in here) == 1
            is_held_back = verdict.kind is ReasonClass.HELD_BACK
            assert (verdict.held_back is not None) is is_held_back
        valid_explanation(explanation)
        assert is_harmless(explained(explanation, is_verbose=True))


@given(world=worlds())
def test_every_pod_and_config_of_a_namespace_are_told_of_each_other(world: World) -> None:
    """A pair has a verdict, or the Pod stands among those that the config does not select."""
    plan = decided(world.cluster())
    for namespace in NAMESPACES:
        pods = [each for each in plan.snapshot.pods if each.namespaced_name.namespace == namespace]
        configs = {
            each.namespaced_name.name: each
            for each in plan.snapshot.configs
            if each.namespaced_name.namespace == namespace
        }
        for pod in pods:
            name = pod.namespaced_name.name
            explanation = tell(plan, POD, namespace, name)
            assert configs.keys() <= {each.pod_config_map_config for each in explanation.verdicts}
            for verdict in explanation.verdicts:
                fails = [each for each in verdict.requirements if not each.satisfied]
                if verdict.verb is None and verdict.reason is Reason.NOT_SELECTED:
                    assert fails
                if verdict.verb in {Verb.CREATE, Verb.UPDATE, Verb.KEEP}:
                    assert not fails
        for config in configs:
            explanation = tell(plan, KIND, namespace, config)
            facts = explanation.pod_config_map_config
            assert facts is not None
            if facts.selected_pods is not None:
                fails_some = sum(each.count for each in explanation.unselected)
                assert facts.pods == facts.selected_pods + fails_some
