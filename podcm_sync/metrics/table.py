"""The one table of metrics: name, type, labels, meaning. README's table is made from it.

Every label has a bounded set of values; a namespace is one on gauges alone.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from podcm_sync.core.ended import RUN_FAILURES


class Type(StrEnum):
    """A Prometheus type."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(Struct, frozen=True, kw_only=True):
    """One row."""

    name: str
    type: Type
    labels: tuple[str, ...] = ()
    meaning: str


BUILD_INFO: Final = "podcm_sync_build_info"
RUNS: Final = "podcm_sync_runs_total"
RUN_DURATION: Final = "podcm_sync_run_duration_seconds"
LAST_RUN: Final = "podcm_sync_last_run_timestamp_seconds"
LAST_DURATION: Final = "podcm_sync_last_run_duration_seconds"
LAST_CODE: Final = "podcm_sync_last_run_exit_code"
LAST_FAILURES: Final = "podcm_sync_last_run_failures"
LAST_SUCCESS: Final = "podcm_sync_last_success_timestamp_seconds"
DEADLINE: Final = "podcm_sync_run_deadline_seconds"
OPERATIONS: Final = "podcm_sync_configmap_operations_total"
HELD_BACK: Final = "podcm_sync_held_back_deletes"
POLICY: Final = "podcm_sync_policy_info"
LEFT_TO_GC: Final = "podcm_sync_configmaps_left_to_gc"
MANAGED: Final = "podcm_sync_managed_configmaps"
CONFIGS: Final = "podcm_sync_configs"
NOT_READY: Final = "podcm_sync_configs_not_ready"
INVALID: Final = "podcm_sync_configs_invalid"
CLOSED: Final = "podcm_sync_namespaces_closed"
FAILURES: Final = "podcm_sync_failures_total"
REQUESTS: Final = "podcm_sync_api_requests_total"
RETRIES: Final = "podcm_sync_api_retries_total"

DURATION_BUCKETS: Final = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds: from a small run to the longest that a CronJob is given."""
MAX_NAMESPACES: Final = 1_000
"""Where a run saw more, each gauge by namespace is one sum instead, with an empty namespace."""


def _row(name: str, kind: Type, meaning: str, *labels: str) -> Metric:
    return Metric(name=name, type=kind, labels=labels, meaning=meaning)


_COUNTER, _GAUGE, _HISTOGRAM = Type.COUNTER, Type.GAUGE, Type.HISTOGRAM

METRICS: Final = (
    _row(BUILD_INFO, _GAUGE, "Always 1; the labels say what runs.", "version", "python_version"),
    _row(
        RUNS,
        _COUNTER,
        "Runs by what they came to: succeeded, failed_objects (3), held_back (4), incomplete (5), "
        "failed (ended by an error: 2, 5, 70), interrupted.",
        "result",
    ),
    _row(RUN_DURATION, _HISTOGRAM, "How long runs took."),
    _row(LAST_RUN, _GAUGE, "When the last run ended, in Unix time."),
    _row(LAST_DURATION, _GAUGE, "How long the last run took."),
    _row(LAST_CODE, _GAUGE, "What the last run exited with, or as a process would have."),
    _row(
        LAST_FAILURES,
        _GAUGE,
        "Failures of the last run, as in podcm_sync_failures_total.",
        "kind",
        "reason",
    ),
    _row(LAST_SUCCESS, _GAUGE, "When a run last ended with exit code 0 or 1, in Unix time."),
    _row(DEADLINE, _GAUGE, "The --deadline of a run; 0 is none."),
    _row(
        OPERATIONS,
        _COUNTER,
        "ConfigMaps by what was to be done (create, update, delete, keep, skip) and what came of "
        "it (created, updated, deleted, unchanged, skipped, failed).",
        "verb",
        "result",
    ),
    _row(
        POLICY,
        _GAUGE,
        "1 for the --policy of the last run, 0 for the other one: upsert-only never deletes.",
        "policy",
    ),
    _row(
        HELD_BACK,
        _GAUGE,
        "Deletes that --max-prune or --max-prune-total held back in the last run.",
        "namespace",
    ),
    _row(
        LEFT_TO_GC,
        _GAUGE,
        "ConfigMaps of Pods that are gone, which the garbage collector had not deleted by the end "
        "of the last run.",
        "namespace",
    ),
    _row(
        MANAGED,
        _GAUGE,
        "ConfigMaps of podcm-sync that the last run left, in the namespaces that it saw.",
        "namespace",
    ),
    _row(CONFIGS, _GAUGE, "PodConfigMapConfigs there, suspended ones too.", "namespace"),
    _row(NOT_READY, _GAUGE, "PodConfigMapConfigs that are not Ready.", "namespace"),
    _row(
        INVALID,
        _GAUGE,
        "PodConfigMapConfigs whose spec is invalid or unreadable.",
        "namespace",
    ),
    _row(
        CLOSED,
        _GAUGE,
        "Namespaces that the last run left alone because they are past a bound.",
        "namespace",
    ),
    _row(
        FAILURES,
        _COUNTER,
        "Failures by kind (blocking, held_back, api, run) and reason: one of README's reasons, "
        f"or what ended a whole run: {', '.join(RUN_FAILURES)}.",
        "kind",
        "reason",
    ),
    _row(
        REQUESTS,
        _COUNTER,
        "Requests to the API server by verb and HTTP status; <error> is no answer.",
        "verb",
        "code",
    ),
    _row(RETRIES, _COUNTER, "Requests to the API server that repeated an earlier one."),
)
BY_NAME: Final = {row.name: row for row in METRICS}
