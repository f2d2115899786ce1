"""The metrics of single runs: one failure for each reason, and what a run can't know."""

import pytest
from msgspec.structs import replace

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import Problem
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.interfaces import RequestCount, Traffic
from podcm_sync.metrics import table
from podcm_sync.metrics.finished_run import FinishedRun
from podcm_sync.metrics.samples import Samples, samples
from podcm_sync.reconcile.changes import Result, StatusOutcome
from podcm_sync.reconcile.report import Count, Report
from tests.builders import outcome, problem
from tests.unit.reconcile.test_report import (
    CREATED,
    FOREIGN,
    HELD_BACK,
    INTERRUPTED,
    LOST,
    SUSPENDED,
    UNCHANGED,
    report,
    status,
)

KIND = "PodConfigMapConfig"


def of(made: Report | None, code: int = 0, failure: str = "") -> Samples:
    return samples(
        FinishedRun(at=1_000.0, duration_seconds=2.0, exit_code=code, report=made, failure=failure)
    )


def failed(values: Samples) -> dict[tuple[str, ...], float]:
    return {labels: value for labels, value in values[table.FAILURES].items() if value}


@pytest.mark.parametrize(
    ("made", "labels"),
    [
        (report(FOREIGN), ("blocking", "Foreign")),
        (report(HELD_BACK), ("held_back", "PruneBlocked")),
        (report(outcome(Result.FAILED, Reason.FORBIDDEN)), ("blocking", "Forbidden")),
        (report(outcome(Result.FAILED, Reason.SERVER_ERROR)), ("api", "ServerError")),
        (report(outcome(Result.FAILED, Reason.UNREACHABLE)), ("api", "Unreachable")),
        (report(INTERRUPTED), ("api", "Interrupted")),
        (report(incomplete=LOST), ("api", "Incomplete")),
        # Deletions that an incomplete list prevents are part of that one failure.
        (
            report(outcome(Result.SKIPPED, Reason.INCOMPLETE), incomplete=LOST),
            ("api", "Incomplete"),
        ),
        (report(broken=(problem(KIND),)), ("blocking", "Unreadable")),
        (report(statuses=(status(Result.FAILED, Reason.FORBIDDEN),)), ("blocking", "Forbidden")),
    ],
)
def test_each_failure_is_in_one_series(made: Report, labels: tuple[str, ...]) -> None:
    assert failed(of(made)) == {labels: 1.0}


def test_a_status_that_the_crd_refuses_for_its_spec_is_the_specs_failure_once() -> None:
    """The server can't check its rules on some older specs; a missing permission is different."""
    invalid = replace(
        problem(KIND), namespaced_name=NamespacedName("shop", "web"), reason=Reason.INVALID_SPEC
    )
    refused = status(Result.FAILED, Reason.REJECTED)
    assert failed(of(report(broken=(invalid,), statuses=(refused,)))) == {
        ("blocking", "InvalidSpec"): 1.0
    }
    assert failed(of(report(statuses=(refused,)))) == {("blocking", "Rejected"): 1.0}
    forbidden = status(Result.FAILED, Reason.FORBIDDEN)
    assert failed(of(report(broken=(invalid,), statuses=(forbidden,)))) == {
        ("blocking", "InvalidSpec"): 1.0,
        ("blocking", "Forbidden"): 1.0,
    }


@pytest.mark.parametrize(
    "made",
    [
        report(CREATED, UNCHANGED, SUSPENDED),
        # behavior.md §5: a conflict on a status isn't a failure of the ConfigMaps.
        report(statuses=(status(Result.FAILED, Reason.CONFLICT),)),
    ],
)
def test_what_is_no_failure_is_in_none(made: Report) -> None:
    assert failed(of(made)) == {}


def test_a_run_that_an_error_ended_says_so_and_nothing_of_what_is_there() -> None:
    values = of(None, 5, "ServerUnreachable")
    assert failed(values) == {("run", "ServerUnreachable"): 1.0}
    assert values[table.RUNS]["failed",] == 1.0
    assert values[table.LAST_CODE] == {(): 5.0}
    unknown = {table.LAST_SUCCESS, table.MANAGED, table.CONFIGS, table.NOT_READY, table.INVALID}
    assert unknown.isdisjoint(values)
    # But it knows about itself that it held nothing back.
    assert values[table.HELD_BACK] == {("",): 0.0}


@pytest.mark.parametrize(("code", "is_success"), [(0, True), (1, True), (3, False), (143, False)])
def test_a_success_is_an_exit_code_of_0_or_1(code: int, is_success: bool) -> None:
    assert of(report(CREATED), code).get(table.LAST_SUCCESS) == (
        {(): 1_000.0} if is_success else None
    )


def test_a_tolerated_failure_is_a_success_that_shows_its_failures() -> None:
    """`--tolerate-object-failures` exits 0, but the result still shows the failures."""
    values = of(report(FOREIGN), 0)
    assert values[table.LAST_SUCCESS] == {(): 1_000.0}
    assert values[table.RUNS]["failed_objects",] == 1.0
    assert failed(values) == {("blocking", "Foreign"): 1.0}


def test_a_plan_that_was_not_the_expected_one_did_nothing() -> None:
    """If `--expect-plan` doesn't match, the outcomes are predictions: nobody made a ConfigMap."""
    made = replace(
        report(CREATED, FOREIGN),
        is_prediction=True,
        digest="sha256:a",
        expected_digest="sha256:b",
        counts={"shop": Count(configs=1, config_maps=1)},
    )
    values = of(made, 4)
    assert not any(values[table.OPERATIONS].values())
    assert table.MANAGED not in values
    assert values[table.RUNS]["held_back",] == 1.0
    assert failed(values) == {("blocking", "Foreign"): 1.0}


def counts(**configs: int) -> dict[str, Count]:
    return {namespace: Count(configs=count) for namespace, count in configs.items()}


def not_ready(*statuses: StatusOutcome, broken: tuple[Problem, ...] = ()) -> dict[str, float]:
    made = replace(report(statuses=statuses, broken=broken), counts=counts(shop=2))
    values = of(made)
    return {name: values[name]["shop",] for name in (table.CONFIGS, table.NOT_READY, table.INVALID)}


def test_an_unreadable_config_is_there_not_ready_and_invalid() -> None:
    broken = (problem(KIND, "broken"),)
    assert not_ready(broken=broken) == {
        table.CONFIGS: 3.0,
        table.NOT_READY: 1.0,
        table.INVALID: 1.0,
    }


def test_a_config_that_is_newer_is_not_invalid() -> None:
    """Its author made no mistake. The failures by reason show it."""
    newer = replace(problem(KIND, "newer"), reason=Reason.NEWER_SPEC)
    assert not_ready(broken=(newer,))[table.INVALID] == 0.0
    assert failed(of(report(broken=(newer,)))) == {("blocking", "NewerSpec"): 1.0}


def test_a_namespace_that_was_not_seen_has_no_gauge() -> None:
    """If no list completed at all, the earlier gauges stay."""
    assert table.MANAGED not in of(report(incomplete=LOST), 5)
    made = replace(report(incomplete=LOST), counts=counts(bank=1))
    assert of(made, 5)[table.MANAGED] == {("bank",): 0.0}


def test_an_empty_scope_says_0_and_so_replaces_what_was_pushed_before() -> None:
    assert of(report())[table.MANAGED] == {("",): 0.0}


def test_beyond_a_thousand_namespaces_those_with_the_most_are_named() -> None:
    """An alert must name the namespace that has a problem, however many namespaces have none."""
    thousand = {f"n-{number}": Count(configs=2) for number in range(1_000)}
    assert len(of(replace(report(), counts=thousand))[table.CONFIGS]) == 1_000
    more = thousand | {"one": Count(configs=3, suspended=1)}
    values = of(replace(report(broken=(problem(KIND, namespace="n-7"),)), counts=more))
    assert len(values[table.CONFIGS]) == 1_001
    assert values[table.CONFIGS]["one",] == 3.0
    assert values[table.CONFIGS]["",] == 2.0
    assert (values[table.INVALID]["n-7",], values[table.INVALID]["",]) == (1.0, 0.0)
    assert (values[table.SUSPENDED]["one",], values[table.SUSPENDED]["",]) == (1.0, 0.0)


def test_problems_of_more_than_a_thousand_namespaces_are_summed_beyond_them() -> None:
    broken = tuple(problem(KIND, namespace=f"n-{number}") for number in range(1_200))
    values = of(report(broken=broken))[table.INVALID]
    assert (len(values), values["",], sum(values.values())) == (1_001, 200.0, 1_200.0)


def test_requests_are_the_traffics() -> None:
    traffic = Traffic(
        requests=(
            RequestCount(verb="list", code="200", count=3),
            RequestCount(verb="create", code="<error>", count=1),
        ),
        retries=2,
    )
    finished = FinishedRun(
        at=0.0, duration_seconds=0.0, exit_code=0, report=report(), traffic=traffic
    )
    values = samples(finished)
    requests = {labels: value for labels, value in values[table.REQUESTS].items() if value}
    assert requests == {("list", "200"): 3.0, ("create", "<error>"): 1.0}
    assert values[table.RETRIES] == {(): 2.0}
