"""The exported values over several runs: old series go, and unknown values stay."""

from msgspec.structs import replace

from podcm_sync.metrics.exposition import Exposition
from podcm_sync.metrics.finished_run import FinishedRun
from podcm_sync.metrics.scope import MetricScope
from podcm_sync.reconcile.report import Count
from tests.unit.reconcile.test_report import CREATED, report


def finished(namespaces: tuple[str, ...], seconds: float = 1.0) -> FinishedRun:
    made = replace(report(CREATED), counts=dict.fromkeys(namespaces, Count(configs=1)))
    return FinishedRun(at=1_000.0, duration_seconds=seconds, exit_code=0, report=made)


FAILED = FinishedRun(at=2_000.0, duration_seconds=400.0, exit_code=5, failure="ServerUnreachable")


def exposed(shards: int | None = None) -> Exposition:
    return Exposition(MetricScope(label="here", shards=shards))


def value(exposition: Exposition, name: str, **labels: str) -> float | None:
    return exposition.registry.get_sample_value(name, {"scope": "here", **labels})


def test_before_the_first_run_it_says_what_runs_and_no_more() -> None:
    """So a person can tell replicas that all wait to lead from no replicas at all."""
    (family,) = exposed().registry.collect()
    assert family.name == "podcm_sync_build_info"
    assert [sample.value for sample in family.samples] == [1]
    assert value(exposed(shards=4), "podcm_sync_scope_shards") == 4


def test_every_sample_has_the_label_scope() -> None:
    """Two loops of one job are told apart by it, so a failing one isn't hidden by the other."""
    exposition = exposed()
    exposition.add(finished(("shop",)))
    samples = [sample for family in exposition.registry.collect() for sample in family.samples]
    assert len(samples) > 50
    assert {sample.labels["scope"] for sample in samples} == {"here"}


def test_a_namespace_that_vanished_vanishes() -> None:
    exposition = exposed()
    exposition.add(finished(("shop", "bank")))
    assert value(exposition, "podcm_sync_configs", namespace="bank") == 1
    exposition.add(finished(("shop",)))
    assert value(exposition, "podcm_sync_configs", namespace="bank") is None
    assert value(exposition, "podcm_sync_configs", namespace="shop") == 1


def test_a_failed_run_leaves_what_it_did_not_see() -> None:
    exposition = exposed()
    exposition.add(finished(("shop",)))
    exposition.add(FAILED)
    assert value(exposition, "podcm_sync_configs", namespace="shop") == 1
    assert value(exposition, "podcm_sync_last_success_timestamp_seconds") == 1_000
    assert value(exposition, "podcm_sync_last_run_timestamp_seconds") == 2_000
    failed = {"kind": "run", "reason": "ServerUnreachable"}
    assert value(exposition, "podcm_sync_last_run_failures", **failed) == 1
    exposition.add(finished(("shop",)))
    assert value(exposition, "podcm_sync_last_run_failures", **failed) == 0
    assert value(exposition, "podcm_sync_failures_total", **failed) == 1


def test_durations_fall_into_cumulative_buckets() -> None:
    exposition = exposed()
    for seconds in (0.25, 0.3, 700.0):
        exposition.add(finished(("shop",), seconds))
    name = "podcm_sync_run_duration_seconds"
    buckets = {le: value(exposition, f"{name}_bucket", le=le) for le in ("0.25", "0.5", "600.0")}
    assert buckets == {"0.25": 1, "0.5": 2, "600.0": 2}
    assert value(exposition, f"{name}_bucket", le="+Inf") == 3
    assert value(exposition, f"{name}_count") == 3
    assert value(exposition, f"{name}_sum") == 700.55


def test_a_replica_that_waits_says_nothing_of_its_last_run_and_counts_on() -> None:
    """Otherwise its last values as the leader would stay, and their alerts too."""
    exposition = exposed()
    exposition.add(finished(("shop",)))
    exposition.leads("ns/lease", is_leading=False)
    assert value(exposition, "podcm_sync_last_run_timestamp_seconds") is None
    assert value(exposition, "podcm_sync_configs", namespace="shop") is None
    assert value(exposition, "podcm_sync_runs_total", result="succeeded") == 1
    names = {family.name for family in exposition.registry.collect()}
    assert "podcm_sync_build_info" in names
    assert value(exposition, "podcm_sync_leader", lease="ns/lease") == 0
    exposition.leads("ns/lease", is_leading=True)
    exposition.add(finished(("shop",)))
    assert value(exposition, "podcm_sync_leader", lease="ns/lease") == 1
    assert value(exposition, "podcm_sync_runs_total", result="succeeded") == 2
