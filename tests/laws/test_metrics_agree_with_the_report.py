"""Metrics are the Report's own counts and the cluster's own state; labels never run free."""

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.api.reasons import Reason
from podcm_sync.errors import RUN_FAILURES
from podcm_sync.metrics import table
from podcm_sync.metrics.exposition import Exposition
from podcm_sync.metrics.finished_run import FinishedRun, RunResult
from podcm_sync.metrics.samples import samples
from podcm_sync.metrics.scope import MetricScope
from podcm_sync.metrics.table import BY_NAME, METRICS, Type
from podcm_sync.reconcile.changes import Result, SyncPolicy, Verb
from podcm_sync.reconcile.report import Report, exit_code, summary
from podcm_sync.sync import Policy, run
from tests.builders import NOW
from tests.laws.test_outcomes_add_up import ANSWERS, refusing
from tests.laws.worlds import EVERYWHERE, NAMESPACES, World, is_ours, worlds

CODES = st.sampled_from([0, 1, 2, 3, 4, 5, 70, 130, 143])
FAILURES = st.sampled_from(["", *RUN_FAILURES])


def ended(report: Report | None, code: int, failure: str = "") -> FinishedRun:
    return FinishedRun(
        at=1_000.0, duration_seconds=1.5, exit_code=code, report=report, failure=failure
    )


@given(world=worlds(), reasons=ANSWERS)
def test_sums_agree_with_the_summary(world: World, reasons: list[Reason | None]) -> None:
    cluster = world.cluster()
    cluster.before_write = refusing(reasons)
    report = run(EVERYWHERE, cluster, cluster, Policy(concurrency=1), now=NOW)
    found = samples(ended(report, exit_code(report)))
    by_result = Counter[str]()
    for (_, result), count in found[table.OPERATIONS].items():
        by_result[result] += int(count)
    counts = summary(report)
    assert dict(+by_result) == dict(
        +Counter(
            created=counts.created,
            updated=counts.updated,
            deleted=counts.deleted,
            unchanged=counts.unchanged,
            skipped=counts.skipped + counts.blocked + counts.held_back,
            failed=counts.failed,
        )
    )
    assert sum(found[table.HELD_BACK].values()) == counts.held_back
    assert sum(found[table.LEFT_TO_GC].values()) == len(report.left_to_gc)
    # Something failed by the metrics just where the exit code says so.
    assert (sum(found[table.FAILURES].values()) > 0) == (exit_code(report) != 0)
    assert found[table.FAILURES] == found[table.LAST_FAILURES]


@given(world=worlds(), reasons=ANSWERS)
def test_gauges_are_what_is_in_the_cluster_after_the_run(
    world: World, reasons: list[Reason | None]
) -> None:
    cluster = world.cluster()
    cluster.before_write = refusing(reasons)
    report = run(EVERYWHERE, cluster, cluster, Policy(concurrency=1), now=NOW)
    found = samples(ended(report, exit_code(report)))
    there: dict[str, Counter[str]] = {"ConfigMap": Counter(), "PodConfigMapConfig": Counter()}
    for (kind, name), raw in cluster.dump().items():
        if kind == "PodConfigMapConfig" or (kind == "ConfigMap" and is_ours(raw)):
            there[kind][name.namespace] += 1
    undecodable = Counter(
        each.namespaced_name.namespace for each in report.problems if each.kind == "ConfigMap"
    )
    for namespace in NAMESPACES:
        managed = int(found[table.MANAGED].get((namespace,), 0))
        # One that does not decode may be ours or not.
        assert 0 <= there["ConfigMap"][namespace] - managed <= undecodable[namespace]
        configs = int(found[table.CONFIGS].get((namespace,), 0))
        assert configs == there["PodConfigMapConfig"][namespace]
        for part in (table.NOT_READY, table.INVALID, table.SUSPENDED):
            assert 0 <= found[part].get((namespace,), 0) <= configs
        assert 0 <= found[table.PROTECTED].get((namespace,), 0) <= managed


@given(world=worlds(), reasons=ANSWERS, code=CODES, failure=FAILURES)
def test_every_label_has_one_of_a_known_few_values(
    world: World, reasons: list[Reason | None], code: int, failure: str
) -> None:
    """Words of the code's own tables, and namespaces on gauges alone."""
    cluster = world.cluster()
    cluster.before_write = refusing(reasons)
    report = None if failure else run(EVERYWHERE, cluster, cluster, Policy(), now=NOW)
    few = {
        "result": {*RunResult, *Result},
        "verb": {*Verb, "list", "get", "patch"},
        "code": {"200", "201"},
        "kind": {"blocking", "held_back", "api", "run"},
        "reason": {*Reason, *RUN_FAILURES},
        "namespace": {*NAMESPACES, ""},
        "policy": {*SyncPolicy},
    }
    found = samples(ended(report, code, failure))
    for name, values in found.items():
        row = BY_NAME[name]
        assert values
        for labels in values:
            for label, value in zip(row.labels, labels, strict=True):
                assert value in few[label]
    assert sum(found[table.RUNS].values()) == 1


def test_a_namespace_is_a_label_of_gauges_alone() -> None:
    for row in METRICS:
        assert "namespace" not in row.labels or row.type is Type.GAUGE


@given(runs=st.lists(st.tuples(worlds(), CODES), min_size=1, max_size=4))
def test_counters_add_up_over_runs_and_gauges_are_the_last_ones(
    runs: list[tuple[World, int]],
) -> None:
    exposition = Exposition(MetricScope(label="here"))
    totals: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for world, code in runs:
        cluster = world.cluster()
        each = ended(run(EVERYWHERE, cluster, cluster, Policy(), now=NOW), code)
        before = msgspec.structs.asdict(each)
        exposition.add(each)
        assert msgspec.structs.asdict(each) == before
        for name, values in samples(each).items():
            row = BY_NAME[name]
            if row.type is Type.GAUGE:
                totals = {key: value for key, value in totals.items() if key[0] != name}
            for labels, value in values.items():
                named = [("scope", "here"), *zip(row.labels, labels, strict=True)]
                key = (name, tuple(sorted(named)))
                earlier = totals.get(key, 0.0) if row.type is Type.COUNTER else 0.0
                totals[key] = earlier + value
    shown = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in exposition.registry.collect()
        for sample in family.samples
        if not sample.name.startswith(table.RUN_DURATION) and sample.name not in table.OF_PROCESS
    }
    expected = {key: value for key, value in totals.items() if key[0] != table.RUN_DURATION}
    assert shown == expected
