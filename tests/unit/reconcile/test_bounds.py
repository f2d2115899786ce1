"""A namespace past a bound is closed, and no other one is; nothing of it is planned or stamped."""

import functools
from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from podcm_sync.api.objects import LabelSelector, PodConfigMapConfigStatus
from podcm_sync.api.reasons import Reason, ReasonClass, class_of
from podcm_sync.reconcile.bounds import BOUNDS, LIMITS, Bound, close, closed_by, past
from podcm_sync.reconcile.changes import Desired
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.plan import diff
from podcm_sync.reconcile.report import exit_code, problems
from podcm_sync.reconcile.selector import Matcher, compile_selector
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.reconcile.status import conditions, ready
from podcm_sync.sync import Policy, run
from tests.builders import NOW, pcmc, pod, snapshot
from tests.fakes import FakeCluster

EXPENSIVE = [("app", "NotIn", [str(number)]) for number in range(64)]


def hostile_and_ordinary() -> Snapshot:
    """Namespace bad: 3 configs of 64 requirements, 4 Pods. Namespace shop: 1 config, 2 Pods."""
    pods = [pod(f"web-{number}", namespace="bad") for number in range(4)]
    pods += [pod(f"web-{number}") for number in range(2)]
    configs = [
        pcmc(f"c{number}", namespace="bad", match_expressions=EXPENSIVE) for number in range(3)
    ]
    return snapshot(*pods, *configs, pcmc())


def namespaces(desired: Desired) -> set[str]:
    return {name.namespace for name in desired.config_maps}


@pytest.mark.parametrize(
    ("bound", "limit"),
    [
        (Bound.SELECTOR_STEPS, 3 * 4 * 64 + 3 * 64 - 1),
        (Bound.DESIRED, 11),
        (Bound.DESIRED_BYTES, 200),
    ],
)
def test_a_namespace_that_asks_for_more_than_a_bound_is_closed_alone(
    bound: Bound, limit: int
) -> None:
    desired = build(hostile_and_ordinary(), limits={**LIMITS, bound: limit})
    assert {name: why.bound for name, why in desired.closed.items()} == {"bad": str(bound)}
    assert namespaces(desired) == {"shop"}
    assert set(desired.matched_pods) == {pcmc().namespaced_name}


@pytest.mark.parametrize(
    ("bound", "limit"),
    [(Bound.SELECTOR_STEPS, 3 * 4 * 64 + 3 * 64), (Bound.DESIRED, 12), (Bound.DESIRED_BYTES, 900)],
)
def test_a_namespace_at_its_bound_is_open(bound: Bound, limit: int) -> None:
    desired = build(hostile_and_ordinary(), limits={**LIMITS, bound: limit})
    assert desired.closed == {}
    assert namespaces(desired) == {"bad", "shop"}


def test_no_requirement_is_checked_in_a_namespace_that_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The cost is known before it is spent."""
    compiled: list[LabelSelector] = []

    def compiling(selector: LabelSelector) -> Matcher:
        compiled.append(selector)
        return compile_selector(selector)

    monkeypatch.setattr("podcm_sync.reconcile.selection.compile_selector", compiling)
    build(hostile_and_ordinary(), limits={**LIMITS, Bound.SELECTOR_STEPS: 100})
    assert compiled == [LabelSelector(match_labels={}, match_expressions=())]


@pytest.mark.parametrize(
    ("spent", "closed"),
    [
        ({"a": 10, "b": 9, "c": 8}, {"a"}),
        ({"c": 8, "b": 9, "a": 10}, {"a"}),
        ({"a": 9, "b": 9, "c": 9}, {"a"}),
        ({"a": 30, "b": 9, "c": 9}, {"a"}),
        ({"a": 4, "b": 4, "c": 4, "d": 4, "e": 4}, set()),
        ({"a": 10, "b": 10, "c": 10, "d": 10}, {"a", "b"}),
    ],
)
def test_past_a_runs_bound_the_namespaces_that_spend_the_most_are_closed(
    monkeypatch: pytest.MonkeyPatch, spent: Mapping[str, int], closed: set[str]
) -> None:
    """However they are listed, and never a namespace that spends no more than its share."""
    monkeypatch.setitem(BOUNDS, Bound.RUN_DESIRED, replace(BOUNDS[Bound.RUN_DESIRED], share=4))
    limits = {**LIMITS, Bound.DESIRED: 20, Bound.RUN_DESIRED: 20}
    assert set(past(spent, Bound.DESIRED, Bound.RUN_DESIRED, limits)) == closed


def test_a_closed_namespace_keeps_what_it_has_and_its_configs_say_why() -> None:
    stored = PodConfigMapConfigStatus(observed_generation=3, matched_pods=7, config_maps=7)
    config = pcmc("c0", namespace="bad", generation=4, status=stored)
    seen = snapshot(pod(namespace="bad"), config, pod(), pcmc())
    seen = close(seen, {"bad": closed_by(Bound.PODS, LIMITS)})
    desired = build(seen)
    assert {change.namespaced_name.namespace for change in diff(seen, desired, {}).changes} == {
        "shop"
    }
    (update,) = [
        update
        for update in conditions(seen, desired, (), NOW)
        if update.namespaced_name.namespace == "bad"
    ]
    status = ready(update.desired)
    assert status is not None
    assert (status.status, status.reason) == ("False", "BoundExceeded")
    assert "`pods`" in status.message
    assert "20,000 Pods" in status.message
    assert update.desired.observed_generation == 3
    assert (update.desired.matched_pods, update.desired.config_maps) == (7, 7)
    (problem,) = problems(seen, desired)
    assert (problem.kind, problem.namespaced_name.namespace) == ("Namespace", "bad")
    assert class_of(problem.reason) is ReasonClass.BLOCKING


def test_a_run_syncs_the_others_and_exits_3_or_0_if_that_is_tolerated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = hostile_and_ordinary()
    cluster = FakeCluster(*seen.pods, *seen.configs)
    limits = {**LIMITS, Bound.SELECTOR_STEPS: 100}
    monkeypatch.setattr("podcm_sync.sync.build", functools.partial(build, limits=limits))
    for _ in range(2):
        report = run(Scope(namespaces=None), cluster, cluster, Policy(concurrency=1), now=NOW)
        assert exit_code(report) == 3
        assert exit_code(report, tolerate_object_failures=True) == 0
        assert [str(each.namespaced_name) for each in report.problems] == ["bad"]
        assert {problem.reason for problem in report.problems} == {Reason.BOUND_EXCEEDED}
    written = [write for write in cluster.writes if write.verb != "event"]
    assert sorted((write.verb, write.name.namespace) for write in written) == [
        *[("create", "shop")] * 2,
        *[("status", "bad")] * 3,
        ("status", "shop"),
    ]


def test_each_bound_says_what_it_bounds_and_what_happens_past_it() -> None:
    assert set(BOUNDS) == set(Bound)
    for info in BOUNDS.values():
        assert info.limit > info.share >= 0
        assert all((info.unit, info.meaning, info.effect))
