"""A saved plan is what apply does: all of it in a quiet cluster, and else only what still fits.

After any moves of the world nothing is written that today's plan would not also write, nothing that
is not in the file, and whatever was planned is done or named.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster import interfaces
from podcm_sync.plans import plan_file
from podcm_sync.plans.apply_plan import apply_saved
from podcm_sync.reconcile.changes import AnyOutcome, Change, Result, Verb
from podcm_sync.reconcile.prune import PruneLimit
from podcm_sync.reconcile.report import Report, exit_code
from podcm_sync.sync import Policy, run
from tests.builders import GENERATED_BY, NOW, Json, pod
from tests.fakes import FakeCluster
from tests.laws.worlds import EVERYWHERE, World, outline, status_facts, worlds

ONE = Policy(concurrency=1)
WRITES = {Verb.CREATE: "create", Verb.UPDATE: "update", Verb.DELETE: "delete"}
MOVES = ("remove", "touch", "drift", "relabel", "phase", "suspend", "narrow", "disown", "newcomer")
moves = st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 20)), min_size=1, max_size=5)


def planned(cluster: FakeCluster, policy: Policy = ONE) -> Report:
    """A dry run's report, saved and loaded again."""
    report = run(EVERYWHERE, cluster, None, policy, now=NOW)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.json"
        saved = plan_file.SavedPlan(
            created=NOW,
            origin=interfaces.Origin(server="https://one"),
            run_id="0123456789abcdef",
            exit_code=exit_code(report),
            report=report,
        )
        plan_file.write(path, saved)
        return plan_file.load(path).report


def writes_of(changes: Sequence[Change]) -> set[tuple[str, NamespacedName]]:
    return {(WRITES[each.verb], each.namespaced_name) for each in changes if each.verb in WRITES}


def written(cluster: FakeCluster) -> set[tuple[str, NamespacedName]]:
    return {(verb, name) for verb, name in cluster.writes if verb != "status"}


def move(cluster: FakeCluster, what: str, which: int) -> None:
    """One thing that others do to the cluster between the plan and its being applied."""
    kinds = {
        "relabel": "Pod",
        "phase": "Pod",
        "suspend": "PodConfigMapConfig",
        "narrow": "PodConfigMapConfig",
        "drift": "ConfigMap",
        "disown": "ConfigMap",
    }
    found = sorted(
        key
        for key, raw in cluster.stored.items()
        if kinds.get(what, key[0]) == key[0] and raw["metadata"].get("generation") != "many"
    )
    if what == "newcomer":
        cluster.add(pod(f"new-{which % 2}", namespace="one"))
        return
    if not found:
        return
    kind, name = found[which % len(found)]
    if what == "remove":
        cluster.remove(kind, name)
        return
    patches: dict[str, Json] = {
        "touch": {"metadata": {"annotations": {"touched": "yes"}}},
        "drift": {"data": {"phase": "Moved"}},
        "relabel": {"metadata": {"labels": {"app": "moved"}}},
        "phase": {"status": {"phase": "Failed"}},
        "suspend": {"spec": {"suspend": True}},
        "narrow": {"spec": {"podSelector": {"matchLabels": {"app": "moved"}}}},
        "disown": {"metadata": {"labels": {GENERATED_BY: None}}},
    }
    cluster.edit(kind, name, patches[what])


def is_as_planned(saved: Report, cluster: FakeCluster, names: set[NamespacedName]) -> bool:
    """Whether what is said to be done already is: the data is there, or nothing of ours is."""

    def holds(change: Change) -> bool:
        found = cluster.stored.get(("ConfigMap", change.namespaced_name))
        if change.desired is not None:
            return found is not None and found["data"] == change.desired.data
        return found is None or GENERATED_BY not in found["metadata"]["labels"]

    writes = [each.change for each in saved.outcomes if each.change.verb in WRITES]
    return all(holds(change) for change in writes if change.namespaced_name in names)


def copy_of(cluster: FakeCluster) -> FakeCluster:
    """Another cluster in the same state, to the resourceVersions."""
    other = FakeCluster()
    other.stored = cluster.dump()
    other._version = cluster._version
    return other


@given(world=worlds(), limit=st.sampled_from([None, 0, 1, 2]))
def test_in_a_quiet_cluster_it_does_what_the_plan_says_as_a_run_would(
    world: World, limit: int | None
) -> None:
    limits = () if limit is None else (PruneLimit(amount=limit, is_percentage=False),)
    policy = Policy(concurrency=1, max_prune=limits)
    cluster, alone = world.cluster(), world.cluster()
    foretold = run(EVERYWHERE, cluster, None, policy, now=NOW)
    done = apply_saved(planned(cluster, policy), cluster, cluster, ONE, now=NOW)
    real = run(EVERYWHERE, alone, alone, policy, now=NOW)

    def facts(outcome: AnyOutcome) -> tuple[object, ...]:
        return outcome.change, outcome.result, outcome.reason, outcome.message

    assert [facts(each) for each in done.outcomes] == [facts(each) for each in foretold.outcomes]
    assert status_facts(done) == status_facts(foretold)
    assert done.problems == foretold.problems
    assert done.digest == foretold.digest
    assert done.counts == real.counts
    assert outline(cluster) == outline(alone)
    assert exit_code(done) == exit_code(foretold) == exit_code(real)


@given(world=worlds(), moved=moves)
def test_after_any_moves_it_writes_only_what_both_plans_would(
    world: World, moved: list[tuple[str, int]]
) -> None:
    cluster = world.cluster()
    saved = planned(cluster)
    for what, which in moved:
        move(cluster, what, which)
    before, alone = cluster.dump(), copy_of(cluster)
    today = [each.change for each in run(EVERYWHERE, cluster, None, ONE, now=NOW).outcomes]
    done = apply_saved(saved, cluster, cluster, ONE, now=NOW)

    in_file = writes_of([each.change for each in saved.outcomes])
    assert written(cluster) <= in_file & writes_of(today)
    refused = {
        each.change.namespaced_name for each in done.outcomes if each.reason is Reason.PLAN_OUTDATED
    }
    done_before = {
        each.change.namespaced_name
        for each in done.outcomes
        if each.result is Result.UNCHANGED or each.reason is Reason.ALREADY_GONE
    }
    names = {name for _, name in written(cluster)}
    assert {name for _, name in in_file} <= refused | names | done_before
    assert refused.isdisjoint(names | done_before)
    assert is_as_planned(saved, cluster, done_before)
    assert (exit_code(done) in {4, 5}) == bool(refused or done.incomplete)

    # What was done is what a run would have done, statuses too; all else is as it was.
    run(EVERYWHERE, alone, alone, ONE, now=NOW)
    touched = {
        ("PodConfigMapConfig" if verb == "status" else "ConfigMap", name)
        for verb, name in cluster.writes
    }
    after, would_be = outline(cluster), outline(alone)
    assert {key: after.get(key) for key in touched} == {key: would_be.get(key) for key in touched}
    left = cluster.dump()
    assert {key: left[key] for key in left if key not in touched} == {
        key: before[key] for key in before if key not in touched
    }


@given(world=worlds(), moved=moves)
def test_what_moves_while_it_is_at_work_is_refused_in_the_one_pass(
    world: World, moved: list[tuple[str, int]]
) -> None:
    cluster = world.cluster()
    saved = planned(cluster)
    coming = iter(moved)

    def meddle(_: object) -> None:
        for what, which in coming:
            move(cluster, what, which)
            return

    lists = cluster.lists
    cluster.before_write = meddle
    done = apply_saved(saved, cluster, cluster, ONE, now=NOW)
    assert cluster.lists == lists + 1
    assert Reason.CONFLICT not in {each.reason for each in done.outcomes}
    for each in done.outcomes:
        if each.reason is Reason.PLAN_OUTDATED:
            assert each.result is Result.SKIPPED
    configs = {
        NamespacedName(each.change.namespaced_name.namespace, each.change.pcmc_name)
        for each in done.outcomes
        if each.reason is Reason.PLAN_OUTDATED
    }
    assert configs.isdisjoint(each.update.namespaced_name for each in done.statuses)
