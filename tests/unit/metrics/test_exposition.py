"""What is shown over several runs: what went is gone, what a run cannot know stays."""

from msgspec.structs import replace

from podcm_sync.core.ended import Ended
from podcm_sync.core.report import Count
from podcm_sync.metrics.exposition import Exposition
from tests.unit.core.test_report import CREATED, report


def ended(namespaces: tuple[str, ...], seconds: float = 1.0) -> Ended:
    made = replace(report(CREATED), counts=dict.fromkeys(namespaces, Count(configs=1)))
    return Ended(at=1_000.0, duration_seconds=seconds, exit_code=0, report=made)


FAILED = Ended(at=2_000.0, duration_seconds=400.0, exit_code=5, failure="ServerUnreachable")


def value(exposition: Exposition, name: str, **labels: str) -> float | None:
    return exposition.registry.get_sample_value(name, labels)


def test_before_the_first_run_it_says_what_runs_and_no_more() -> None:
    """So that replicas which all wait to lead can be told from none at all."""
    (family,) = Exposition().registry.collect()
    assert family.name == "podcm_sync_build_info"
    assert [sample.value for sample in family.samples] == [1]


def test_a_namespace_that_vanished_vanishes() -> None:
    exposition = Exposition()
    exposition.add(ended(("shop", "bank")))
    assert value(exposition, "podcm_sync_configs", namespace="bank") == 1
    exposition.add(ended(("shop",)))
    assert value(exposition, "podcm_sync_configs", namespace="bank") is None
    assert value(exposition, "podcm_sync_configs", namespace="shop") == 1


def test_a_failed_run_leaves_what_it_did_not_see() -> None:
    exposition = Exposition()
    exposition.add(ended(("shop",)))
    exposition.add(FAILED)
    assert value(exposition, "podcm_sync_configs", namespace="shop") == 1
    assert value(exposition, "podcm_sync_last_success_timestamp_seconds") == 1_000
    assert value(exposition, "podcm_sync_last_run_timestamp_seconds") == 2_000
    failed = {"kind": "run", "reason": "ServerUnreachable"}
    assert value(exposition, "podcm_sync_last_run_failures", **failed) == 1
    exposition.add(ended(("shop",)))
    assert value(exposition, "podcm_sync_last_run_failures", **failed) == 0
    assert value(exposition, "podcm_sync_failures_total", **failed) == 1


def test_durations_fall_into_cumulative_buckets() -> None:
    exposition = Exposition()
    for seconds in (0.25, 0.3, 700.0):
        exposition.add(ended(("shop",), seconds))
    name = "podcm_sync_run_duration_seconds"
    buckets = {le: value(exposition, f"{name}_bucket", le=le) for le in ("0.25", "0.5", "600.0")}
    assert buckets == {"0.25": 1, "0.5": 2, "600.0": 2}
    assert value(exposition, f"{name}_bucket", le="+Inf") == 3
    assert value(exposition, f"{name}_count") == 3
    assert value(exposition, f"{name}_sum") == 700.55


def test_a_replica_that_waits_says_nothing_of_its_last_run_and_counts_on() -> None:
    """Else what it last saw as the leader would stay, and with it its alerts."""
    exposition = Exposition()
    exposition.add(ended(("shop",)))
    exposition.stand_by()
    assert value(exposition, "podcm_sync_last_run_timestamp_seconds") is None
    assert value(exposition, "podcm_sync_configs", namespace="shop") is None
    assert value(exposition, "podcm_sync_runs_total", result="succeeded") == 1
    names = {family.name for family in exposition.registry.collect()}
    assert "podcm_sync_build_info" in names
    exposition.add(ended(("shop",)))
    assert value(exposition, "podcm_sync_runs_total", result="succeeded") == 2
