"""Which namespace gets its turn when, in a run with namespaces that need much work."""

import time

import pytest

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.bounds import LIMITS, Bound
from podcm_sync.reconcile.changes import Result
from podcm_sync.reconcile.prune import parse_limit
from podcm_sync.reconcile.report import Report, exit_code
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.sync import Observer, Policy, run
from tests.builders import NOW, config_map, pcmc, pod, stopping
from tests.fakes import FakeCluster, Write

EVERYWHERE = Scope(namespaces=None)
NO_POD: tuple[str, str, list[str]] = ("x", "Exists", [])


def cluster() -> FakeCluster:
    """Both namespaces have a ConfigMap to create, and one to delete; `large` has a long list."""
    made = FakeCluster()
    for namespace in ("large", "small"):
        web = pod("web", namespace=namespace, labels={"app": "web"})
        other = pod("other", namespace=namespace)
        made.add(web)
        made.add(other)
        made.add(pcmc(namespace=namespace, match_labels={"app": "web"}))
        made.add(config_map(made_for=other))
    made.long_lists = frozenset({"large"})
    return made


def synced(made: FakeCluster, *total: str, is_stopping: bool = False) -> Report:
    policy = Policy(concurrency=1, max_prune_total=tuple(map(parse_limit, total)))
    observer = Observer(stopping=stopping(is_stopping=lambda: is_stopping))
    return run(EVERYWHERE, made, made, policy, now=NOW, observer=observer)


def order(made: FakeCluster) -> list[str]:
    return [
        f"{write.verb} {write.name.namespace}"
        for write in made.writes
        if write.verb in {"create", "delete"}
    ]


def test_a_deferred_namespace_is_listed_and_written_after_the_others() -> None:
    made = cluster()
    report = synced(made)
    assert order(made) == ["create small", "delete small", "create large", "delete large"]
    assert made.lists == 2
    assert exit_code(report) == 0
    assert report.counts.keys() == {"large", "small"}


def test_with_a_total_nothing_is_deleted_before_every_namespace_is_planned() -> None:
    """Past the total nothing is deleted anywhere, so the deletions of all must be known."""
    made = cluster()
    lists_at_delete: list[int] = []

    def before_write(write: Write) -> None:
        if write.verb == "delete":
            lists_at_delete.append(made.lists)

    made.before_write = before_write
    assert exit_code(synced(made, "1")) == 0
    assert lists_at_delete == [2, 2]
    made = cluster()
    made.before_write = before_write
    synced(made)
    assert lists_at_delete[2:] == [1, 2]


def test_the_deletions_of_a_deferred_namespace_count_for_the_total() -> None:
    made = cluster()
    for number in range(2):
        gone = pod(f"gone-{number}", namespace="small")
        made.add(gone)
        made.add(config_map(made_for=gone))
    # `small` would delete three, `large` one. The total leaves out the larger number.
    assert exit_code(synced(made, "0")) == 4
    assert [write for write in order(made) if write.startswith("delete")] == []
    made = cluster()
    report = synced(made, "0")
    held_back = [
        outcome.change.namespaced_name.namespace
        for outcome in report.outcomes
        if outcome.reason is Reason.PRUNE_TOTAL_BLOCKED
    ]
    assert held_back == ["large", "small"]


def test_without_time_a_namespace_with_a_long_list_fails_alone() -> None:
    """A tenant's long list is that tenant's failure: exit 3, not 5."""
    made = cluster()
    report = synced(made, is_stopping=True)
    (problem,) = report.problems
    assert problem.namespaced_name == NamespacedName("large", "")
    assert problem.reason is Reason.BOUND_EXCEEDED
    assert made.lists == 1
    assert made.writes == []


@pytest.mark.parametrize("bound", [Bound.FIRST_STEPS, Bound.FIRST_DESIRED])
def test_a_namespace_that_needs_much_planning_is_planned_from_the_first_lists(
    monkeypatch: pytest.MonkeyPatch, bound: Bound
) -> None:
    monkeypatch.setitem(LIMITS, bound, 6)
    made = cluster()
    made.long_lists = frozenset()
    for number in range(12):
        made.add(pod(f"web-{number}", namespace="large", labels={"app": "web"}))
    for number in range(3):
        config = pcmc(f"more-{number}", namespace="large", match_expressions=[NO_POD])
        made.add(config)
    report = synced(made)
    assert made.lists == 1
    assert order(made)[:2] == ["create small", "delete small"]
    assert order(made).count("create large") == 13
    assert {outcome.result for outcome in report.outcomes} == {Result.CREATED, Result.DELETED}


def test_in_a_loop_a_large_namespace_does_not_delay_the_next_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With 90,000 ConfigMaps due in one namespace, each run once took until its deadline."""
    monkeypatch.setitem(LIMITS, Bound.FIRST_WRITES, 5)
    made = cluster()
    made.long_lists = frozenset()
    for number in range(40):
        made.add(pod(f"web-{number}", namespace="large", labels={"app": "web"}))
    made.before_write = lambda _: time.sleep(0.01)
    policy = Policy(concurrency=1, interval=0.1)
    counts: list[int] = []
    for _ in range(20):
        report = run(EVERYWHERE, made, made, policy, now=NOW)
        counts.append(sum(outcome.reason is Reason.BOUND_EXCEEDED for outcome in report.outcomes))
        if not counts[-1]:
            break
        assert exit_code(report, tolerate_object_failures=True) == 0
    # Each run gets on, and the small namespace is done in the first one.
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == len(counts) > 2
    assert counts[-1] == 0
    assert order(made)[:2] == ["create small", "delete small"]
