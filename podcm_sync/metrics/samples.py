"""Computes the metrics of a finished run. Pure, and the only place that counts for metrics.

If a run cannot know the values of a family, the family is absent, not 0, so that the earlier values
stay.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from heapq import nlargest
from typing import Final

from podcm_sync import __version__
from podcm_sync.api.meta import KIND, NAMESPACE
from podcm_sync.api.reasons import REASONS, Reason, ReasonClass, class_of
from podcm_sync.errors import RUN_FAILURES
from podcm_sync.metrics import table
from podcm_sync.metrics.finished_run import FinishedRun, RunResult
from podcm_sync.metrics.scope import MetricScope
from podcm_sync.reconcile.changes import AnyStatusOutcome, Result, SyncPolicy, Verb
from podcm_sync.reconcile.report import Report, failed_reasons
from podcm_sync.reconcile.status import ready

Labels = tuple[str, ...]
Samples = dict[str, dict[Labels, float]]
"""Metric name → values of its labels, in the order of the table → value."""

RUN_KIND: Final = "run"
_KINDS: Final = {
    ReasonClass.BLOCKING: "blocking",
    ReasonClass.HELD_BACK: "held_back",
    ReasonClass.API: "api",
}
_OPERATIONS: Final[list[Labels]] = [
    (str(verb), str(result))
    for verb, results in {
        Verb.CREATE: (Result.CREATED, Result.FAILED, Result.SKIPPED),
        Verb.UPDATE: (Result.UPDATED, Result.FAILED, Result.SKIPPED),
        Verb.DELETE: (Result.DELETED, Result.FAILED, Result.SKIPPED),
        Verb.KEEP: (Result.UNCHANGED,),
        Verb.SKIP: (Result.SKIPPED,),
    }.items()
    for result in results
]
_REQUESTS: Final[list[Labels]] = [
    ("list", "200"),
    ("get", "200"),
    ("create", "201"),
    ("patch", "200"),
    ("delete", "200"),
]


def of_process(scope: MetricScope) -> Samples:
    """What is known before any run has ended: the versions, and the share of the cluster."""
    versions = (__version__, ".".join(map(str, sys.version_info[:3])))
    values: Samples = {table.BUILD_INFO: {versions: 1.0}}
    if scope.shards is not None:
        values[table.SHARDS] = {(): float(scope.shards)}
    return values


def samples(finished: FinishedRun) -> Samples:
    """The values of one run. For a counter, that is what the run adds to it."""
    failures = _failures(finished)
    values: Samples = {
        table.RUNS: {(str(result),): float(result is finished.result) for result in RunResult},
        table.RUN_DURATION: {(): finished.duration_seconds},
        table.LAST_RUN: {(): finished.at},
        table.LAST_DURATION: {(): finished.duration_seconds},
        table.LAST_CODE: {(): float(finished.exit_code)},
        table.LAST_FAILURES: failures,
        table.FAILURES: failures,
        table.DEADLINE: {(): finished.deadline_seconds or 0.0},
        table.HELD_BACK: {("",): 0.0},
        table.OPERATIONS: dict.fromkeys(_OPERATIONS, 0.0),
        table.REQUESTS: dict.fromkeys(_REQUESTS, 0.0)
        | {
            (request.verb, request.code): float(request.count)
            for request in finished.traffic.requests
        },
        table.RETRIES: {(): float(finished.traffic.retries)},
    }
    if finished.is_success:
        values[table.LAST_SUCCESS] = {(): finished.at}
    if finished.report is not None:
        in_effect = finished.report.sync_policy
        values[table.POLICY] = {(str(policy),): float(policy is in_effect) for policy in SyncPolicy}
    # If --expect-plan stops a run, its report has only predictions, and nobody did them.
    if finished.report is not None and not finished.report.is_prediction:
        values |= _of_report(finished.report, values[table.OPERATIONS])
    return values


def samples_of_pass(report: Report, *, is_final: bool) -> Samples:
    """What a pass over one namespace between two runs adds and changes.

    The counters have its writes and failures, but not what was in sync. Only a final pass sees the
    whole namespace, so only its report has values of gauges.
    """
    done = Counter(
        (str(outcome.change.verb), str(outcome.result))
        for outcome in report.outcomes
        if outcome.result not in {Result.UNCHANGED, Result.SKIPPED}
    )
    failures = Counter((_kind(reason), str(reason)) for reason in failed_reasons(report))
    counters: Samples = {
        table.OPERATIONS: {key: float(count) for key, count in done.items()},
        table.FAILURES: {key: float(count) for key, count in failures.items()},
    }
    return counters | (_gauges_of_pass(report) if is_final and not report.incomplete else {})


def _gauges_of_pass(report: Report) -> Samples:
    """The gauges of the one namespace."""
    (namespace,) = report.scope.namespaces or ("",)
    gauges = _of_report(report, {})
    del gauges[table.OPERATIONS]
    return {name: {(namespace,): sum(values.values())} for name, values in gauges.items()}


def _of_report(report: Report, operations: dict[Labels, float]) -> Samples:
    done = Counter((str(outcome.change.verb), str(outcome.result)) for outcome in report.outcomes)
    held_back = Counter(
        outcome.change.namespaced_name.namespace
        for outcome in report.outcomes
        if outcome.result is Result.SKIPPED and class_of(outcome.reason) is ReasonClass.HELD_BACK
    )
    left_to_gc = Counter(name.namespace for name in report.left_to_gc)
    values: Samples = {
        table.OPERATIONS: operations | {key: float(count) for key, count in done.items()},
        table.HELD_BACK: _bounded(held_back, sorted(held_back)),
        table.LEFT_TO_GC: _bounded(left_to_gc, sorted(left_to_gc)),
    }
    return values | _by_namespace(report)


def _by_namespace(report: Report) -> Samples:
    """The gauges by namespace, for each namespace that the run saw; nothing if it saw none."""
    unreadable = [
        problem
        for problem in report.problems
        if problem.kind == KIND and problem.reason is Reason.UNREADABLE
    ]
    managed = {namespace: count.config_maps for namespace, count in report.counts.items()}
    protected = {namespace: count.protected for namespace, count in report.counts.items()}
    suspended = {namespace: count.suspended for namespace, count in report.counts.items()}
    configs = Counter({namespace: count.configs for namespace, count in report.counts.items()})
    configs.update(problem.namespaced_name.namespace for problem in unreadable)
    not_ready = Counter(
        status.update.namespaced_name.namespace
        for status in report.statuses
        if not _is_ready(status)
    )
    not_ready.update(problem.namespaced_name.namespace for problem in unreadable)
    invalid = Counter(
        problem.namespaced_name.namespace
        for problem in report.problems
        if problem.kind == KIND and problem.reason is not Reason.NEWER_SPEC
    )
    closed = Counter(
        problem.namespaced_name.namespace
        for problem in report.problems
        if problem.kind == NAMESPACE
    )
    seen = configs.keys() | closed.keys()
    if report.incomplete and not seen:
        return {}
    gauges = {
        table.MANAGED: managed,
        table.CONFIGS: configs,
        table.NOT_READY: not_ready,
        table.INVALID: invalid,
        table.SUSPENDED: suspended,
        table.PROTECTED: protected,
        table.CLOSED: closed,
    }
    return {name: _bounded(counts, sorted(seen)) for name, counts in gauges.items()}


def _bounded(counts: Mapping[str, int], seen: list[str]) -> dict[Labels, float]:
    """The count of each namespace. If there are too many, the greatest, and for "" the others' sum.

    So an alert names the namespaces that have a problem, however many others there are. The result
    is never empty, because an empty family is not pushed, and the Pushgateway would keep the values
    of an earlier run.
    """
    named = seen
    if len(seen) > table.MAX_NAMESPACES:
        named = nlargest(table.MAX_NAMESPACES, seen, key=lambda name: (counts.get(name, 0), name))
    values: dict[Labels, float] = {(name,): float(counts.get(name, 0)) for name in named}
    if len(named) < len(seen) or not seen:
        values["",] = float(sum(counts.values())) - sum(values.values())
    return values


def _is_ready(status: AnyStatusOutcome) -> bool:
    condition = ready(status.update.desired)
    return condition is not None and condition.status == "True"


def _failures(finished: FinishedRun) -> dict[Labels, float]:
    """The failures by kind and reason, with 0 for each reason that didn't occur.

    Prometheus can't see the increase of a counter whose first sample is already 1.
    """
    failures = dict.fromkeys(_known_failures(), 0.0)
    if finished.failure:
        failures[RUN_KIND, finished.failure] = 1.0
    if finished.report is not None:
        for reason in failed_reasons(finished.report):
            key = (_kind(reason), str(reason))
            failures[key] = failures.get(key, 0.0) + 1.0
    return failures


def _known_failures() -> Iterator[Labels]:
    for reason, row in REASONS.items():
        if row.reason_class in _KINDS or reason is Reason.INTERRUPTED:
            yield _kind(reason), str(reason)
    for failure in RUN_FAILURES:
        yield RUN_KIND, failure


def _kind(reason: Reason) -> str:
    """The kind of failure. Work that ran out of time counts as a failure of the API (exit 5)."""
    if reason is Reason.INTERRUPTED:
        return _KINDS[ReasonClass.API]
    return _KINDS.get(class_of(reason), _KINDS[ReasonClass.BLOCKING])
