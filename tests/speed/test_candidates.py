"""Candidates: a short cut that leaves out no Pod, and makes planning linear."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.api.objects import LabelSelector, LabelSelectorRequirement
from podcm_sync.reconcile import desired, selection
from podcm_sync.reconcile.selector import Candidates, Labels, Matcher, compile_selector
from tests.speed.worlds import config, pod, snapshot

KEYS, VALUES = ("a", "b", "c"), ("x", "y", "")
labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))
value_lists = st.lists(st.sampled_from(VALUES), min_size=1, max_size=3).map(tuple)
keys = st.sampled_from(KEYS)


def requirement(key: str, operator: str, values: tuple[str, ...]) -> LabelSelectorRequirement:
    is_bare = operator in {"Exists", "DoesNotExist"}
    return LabelSelectorRequirement(key=key, operator=operator, values=() if is_bare else values)


operators = st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"])
expressions = st.lists(st.builds(requirement, keys, operators, value_lists), max_size=3)
selectors = st.builds(
    lambda wanted, more: LabelSelector(match_labels=wanted, match_expressions=tuple(more)),
    labels,
    expressions,
)


@given(st.lists(labels, max_size=8), st.lists(selectors, min_size=1, max_size=4))
def test_every_pod_that_a_selector_matches_is_a_candidate_once(
    all_labels: list[dict[str, str]], all_selectors: list[LabelSelector]
) -> None:
    pods = [pod(number, labels=each) for number, each in enumerate(all_labels)]
    candidates = Candidates(pods, all_selectors)
    for selector in all_selectors:
        found = list(candidates.of(selector))
        matches = compile_selector(selector)
        assert len(found) == len({each.uid for each in found})
        selected = [each for each in pods if matches(each.labels)]
        assert {each.uid for each in selected} == {
            each.uid for each in found if matches(each.labels)
        }


def counted(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """An entry for each time that a selector is evaluated."""
    evaluations: list[None] = []

    def compile_counting(selector: LabelSelector) -> Matcher:
        matches = compile_selector(selector)

        def counting(labels: Labels) -> bool:
            evaluations.append(None)
            return matches(labels)

        return counting

    monkeypatch.setattr(selection, "compile_selector", compile_counting)
    return evaluations


@pytest.mark.parametrize("operator", ["", "In", "Exists"])
def test_each_of_many_configs_is_held_against_its_own_pods_alone(
    monkeypatch: pytest.MonkeyPatch, operator: str
) -> None:
    """100 configs and 1,000 Pods, each selected by one: 1,000 evaluations, not 100,000."""
    evaluations = counted(monkeypatch)
    pods = [pod(number, labels={"app": "x", f"of-{number % 100}": "c"}) for number in range(1000)]
    configs = [config(number, {f"of-{number}": "c"}, operator) for number in range(100)]
    built = desired.build(snapshot(pods, configs))
    assert len(built.config_maps) == 1000
    assert len(evaluations) == 1000


def test_the_rarest_label_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluations = counted(monkeypatch)
    pods = [pod(number, labels={"app": "x", "shard": str(number)}) for number in range(1000)]
    built = desired.build(snapshot(pods, [config(0, {"app": "x", "shard": "7"})]))
    assert len(built.config_maps) == 1
    assert len(evaluations) == 1


def test_a_selector_that_only_excludes_is_held_against_all(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluations = counted(monkeypatch)
    pods = [pod(number, labels={"app": "x"}) for number in range(10)]
    assert len(desired.build(snapshot(pods, [config(0, {"b": "c"}, "NotIn")])).config_maps) == 10
    assert len(evaluations) == 10
