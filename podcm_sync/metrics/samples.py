"""A run as it ended → the values of its metrics. Pure, and the only place that counts for them.

A family that a run cannot speak of is absent, not 0: whoever keeps values keeps the earlier ones.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from podcm_sync import __version__
from podcm_sync.core.ended import RUN_FAILURES, Ended, RunResult
from podcm_sync.core.report import Report
from podcm_sync.core.status import is_failure, ready
from podcm_sync.metrics import table
from podcm_sync.model.changes import AnyOutcome, AnyStatusOutcome, Result, SyncPolicy, Verb
from podcm_sync.model.meta import KIND, NAMESPACE
from podcm_sync.model.reasons import REASONS, Kind, Reason, kind_of

Labels = tuple[str, ...]
Samples = dict[str, dict[Labels, float]]
"""By metric, and in it by the values of its labels in their order."""

RUN_KIND: Final = "run"
_KINDS: Final = {Kind.BLOCKING: "blocking", Kind.HELD_BACK: "held_back", Kind.API: "api"}
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


def build_info() -> Samples:
    """What runs; true before any run has ended."""
    return {table.BUILD_INFO: {(__version__, ".".join(map(str, sys.version_info[:3]))): 1.0}}


def samples(ended: Ended) -> Samples:
    """One run's own values; a counter's is what the run adds to it."""
    failures = _failures(ended)
    found: Samples = {
        **build_info(),
        table.RUNS: {(str(result),): float(result is ended.result) for result in RunResult},
        table.RUN_DURATION: {(): ended.duration_seconds},
        table.LAST_RUN: {(): ended.at},
        table.LAST_DURATION: {(): ended.duration_seconds},
        table.LAST_CODE: {(): float(ended.exit_code)},
        table.LAST_FAILURES: failures,
        table.FAILURES: failures,
        table.DEADLINE: {(): ended.deadline_seconds or 0.0},
        table.HELD_BACK: {("",): 0.0},
        table.OPERATIONS: dict.fromkeys(_OPERATIONS, 0.0),
        table.REQUESTS: dict.fromkeys(_REQUESTS, 0.0)
        | {(each.verb, each.code): float(each.count) for each in ended.traffic.requests},
        table.RETRIES: {(): float(ended.traffic.retries)},
    }
    if ended.is_success:
        found[table.LAST_SUCCESS] = {(): ended.at}
    if ended.report is not None:
        in_effect = ended.report.sync_policy
        found[table.POLICY] = {(str(each),): float(each is in_effect) for each in SyncPolicy}
    # What --expect-plan kept from being done is foretold only: nobody did it.
    if ended.report is not None and not ended.report.is_prediction:
        found |= _of_report(ended.report, found[table.OPERATIONS])
    return found


def _of_report(report: Report, operations: dict[Labels, float]) -> Samples:
    done = Counter((str(each.change.verb), str(each.result)) for each in report.outcomes)
    held_back = Counter(
        outcome.change.namespaced_name.namespace
        for outcome in report.outcomes
        if outcome.result is Result.SKIPPED and kind_of(outcome.reason) is Kind.HELD_BACK
    )
    left_to_gc = Counter(name.namespace for name in report.left_to_gc)
    found: Samples = {
        table.OPERATIONS: operations | {key: float(count) for key, count in done.items()},
        table.HELD_BACK: _bounded(held_back, sorted(held_back)),
        table.LEFT_TO_GC: _bounded(left_to_gc, sorted(left_to_gc)),
    }
    return found | _by_namespace(report)


def _by_namespace(report: Report) -> Samples:
    """The gauges of each namespace that was seen; nothing where none could be."""
    unreadable = [
        each for each in report.problems if each.kind == KIND and each.reason is Reason.UNREADABLE
    ]
    managed = {namespace: count.config_maps for namespace, count in report.counts.items()}
    configs = Counter({namespace: count.configs for namespace, count in report.counts.items()})
    configs.update(each.namespaced_name.namespace for each in unreadable)
    not_ready = Counter(
        each.update.namespaced_name.namespace for each in report.statuses if not _is_ready(each)
    )
    not_ready.update(each.namespaced_name.namespace for each in unreadable)
    invalid = Counter(
        each.namespaced_name.namespace for each in report.problems if each.kind == KIND
    )
    closed = Counter(
        each.namespaced_name.namespace for each in report.problems if each.kind == NAMESPACE
    )
    seen = configs.keys() | closed.keys()
    if report.incomplete and not seen:
        return {}
    gauges = {
        table.MANAGED: managed,
        table.CONFIGS: configs,
        table.NOT_READY: not_ready,
        table.INVALID: invalid,
        table.CLOSED: closed,
    }
    return {name: _bounded(counts, sorted(seen)) for name, counts in gauges.items()}


def _bounded(counts: Mapping[str, int], seen: list[str]) -> dict[Labels, float]:
    """Each namespace's count; one sum where there are too many. Never empty.

    An empty family would not be pushed, and the Pushgateway would keep the one from before.
    """
    if not seen or len(seen) > table.MAX_NAMESPACES:
        return {("",): float(sum(counts.values()))}
    return {(namespace,): float(counts.get(namespace, 0)) for namespace in seen}


def _is_ready(status: AnyStatusOutcome) -> bool:
    found = ready(status.update.desired)
    return found is not None and found.status == "True"


def _failures(ended: Ended) -> dict[Labels, float]:
    """Failures by kind and reason; every reason that there is from the beginning, with 0."""
    found = dict.fromkeys(_known_failures(), 0.0)
    if ended.failure:
        found[RUN_KIND, ended.failure] = 1.0
    if ended.report is not None:
        for reason in _failed_reasons(ended.report):
            key = (_kind(reason), str(reason))
            found[key] = found.get(key, 0.0) + 1.0
    return found


def _known_failures() -> Iterator[Labels]:
    for reason, row in REASONS.items():
        if row.kind in _KINDS or reason is Reason.INTERRUPTED:
            yield _kind(reason), str(reason)
    for failure in RUN_FAILURES:
        yield RUN_KIND, failure


def _kind(reason: Reason) -> str:
    """The kind of failure; what is left undone for want of time is as one of the API's (exit 5)."""
    if reason is Reason.INTERRUPTED:
        return _KINDS[Kind.API]
    return _KINDS.get(kind_of(reason), _KINDS[Kind.BLOCKING])


def _failed_reasons(report: Report) -> Iterator[Reason]:
    """What the exit code is made of, one for each object or list that failed."""
    yield from (each.reason for each in report.outcomes if _is_failed(each))
    yield from (each.reason for each in report.problems)
    yield from (Reason.INCOMPLETE for _ in report.incomplete)
    broken = {each.namespaced_name for each in report.problems if each.kind == KIND}
    for status in report.statuses:
        if status.result is not Result.FAILED or status.reason in {None, Reason.CONFLICT}:
            continue
        # The CRD's rules cannot be evaluated on some specs from before them, and so refuse all that
        # is written to the object: that is the spec's failure once more.
        is_told = status.update.namespaced_name in broken and status.reason is Reason.REJECTED
        if status.reason is not None and not is_told:
            yield status.reason


def _is_failed(outcome: AnyOutcome) -> bool:
    if outcome.result is Result.UNCHANGED or outcome.reason is Reason.INCOMPLETE:
        return False  # an incomplete list is one failure, not one for each object that it keeps
    is_api = kind_of(outcome.reason) in {Kind.API, Kind.HELD_BACK}
    return is_failure(outcome) or is_api or outcome.reason is Reason.INTERRUPTED
