"""The one table of metrics: name, type, labels, and meaning. A table of the docs is made from it.

Every label has a bounded set of values. Only gauges have the label `namespace`. Every metric also
has the label `scope`.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from podcm_sync.errors import RUN_FAILURES


class Type(StrEnum):
    """The type of a Prometheus metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(Struct, frozen=True, kw_only=True):
    """One row of the table. `meaning` is the HELP text, and goes into the documentation."""

    name: str
    type: Type
    labels: tuple[str, ...] = ()
    meaning: str


SCOPE_LABEL: Final = "scope"
BUILD_INFO: Final = "podcm_sync_build_info"
SHARDS: Final = "podcm_sync_scope_shards"
LEADER: Final = "podcm_sync_leader"
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
SUSPENDED: Final = "podcm_sync_configs_suspended"
PROTECTED: Final = "podcm_sync_configmaps_protected"
CLOSED: Final = "podcm_sync_namespaces_closed"
FAILURES: Final = "podcm_sync_failures_total"
REQUESTS: Final = "podcm_sync_api_requests_total"
RETRIES: Final = "podcm_sync_api_retries_total"
WATCHES: Final = "podcm_sync_watches"
WATCHES_OPEN: Final = "podcm_sync_watches_open"
WATCH_AGE: Final = "podcm_sync_watch_age_seconds"
WATCH_EVENTS: Final = "podcm_sync_watch_events_total"
REACTION: Final = "podcm_sync_watch_reaction_seconds"
WATCH_QUEUE: Final = "podcm_sync_watch_queue"
WATCH_RESTARTS: Final = "podcm_sync_watch_restarts_total"
WATCH_DIVERGENCE: Final = "podcm_sync_watch_divergence_total"

DURATION_BUCKETS: Final = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Upper bounds in seconds: from a small run to the longest that the CronJob allows."""
REACTION_BUCKETS: Final = (
    *(0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""Upper bounds in seconds, dense between one round trip of a write and 30 ms, the p99 to keep."""
MAX_NAMESPACES: Final = 1_000
"""If a run saw more, a gauge by namespace has those with the greatest values, and one sum of the
others, with an empty namespace."""
OF_WATCHES: Final = frozenset({WATCHES, WATCHES_OPEN, WATCH_AGE, WATCH_QUEUE})
"""The gauges that are read at each scrape. Those of an earlier process mean nothing."""
OF_PROCESS: Final = frozenset({BUILD_INFO, SHARDS, LEADER, WATCHES, WATCHES_OPEN, WATCH_AGE})
"""The gauges that are about the process, not about its last run. A standby has only these: it
watches too, and only the leader has passes to do."""


def _row(name: str, kind: Type, meaning: str, *labels: str) -> Metric:
    return Metric(name=name, type=kind, labels=labels, meaning=meaning)


_COUNTER, _GAUGE, _HISTOGRAM = Type.COUNTER, Type.GAUGE, Type.HISTOGRAM

METRICS: Final = (
    _row(
        BUILD_INFO,
        _GAUGE,
        "Always 1. The labels have the versions of podcm-sync and Python.",
        "version",
        "python_version",
    ),
    _row(
        SHARDS,
        _GAUGE,
        "How many scopes share the cluster: the COUNT of --shard, 1 with -A. Absent if the scope "
        "names namespaces.",
    ),
    _row(
        LEADER,
        _GAUGE,
        "1 if this process leads, 0 if it waits to lead; only with --leader-elect. The lease is "
        "NAMESPACE/NAME.",
        "lease",
    ),
    _row(
        RUNS,
        _COUNTER,
        "Runs by result: succeeded, failed_objects (exit code 3), held_back (4), incomplete (5), "
        "failed (an error ended the run: 2, 5, or 70), interrupted.",
        "result",
    ),
    _row(RUN_DURATION, _HISTOGRAM, "Duration of runs in seconds."),
    _row(LAST_RUN, _GAUGE, "Time when the last run ended, in Unix seconds."),
    _row(LAST_DURATION, _GAUGE, "Duration of the last run in seconds."),
    _row(
        LAST_CODE,
        _GAUGE,
        "Exit code of the last run. In a loop, the exit code that a single run would have.",
    ),
    _row(
        LAST_FAILURES,
        _GAUGE,
        "Failures in the last run, with the labels of podcm_sync_failures_total.",
        "kind",
        "reason",
    ),
    _row(
        LAST_SUCCESS, _GAUGE, "Time when a run last ended with exit code 0 or 1, in Unix seconds."
    ),
    _row(DEADLINE, _GAUGE, "The --deadline of a run in seconds; 0 if there is none."),
    _row(
        OPERATIONS,
        _COUNTER,
        "ConfigMaps by planned verb (create, update, delete, keep, skip) and result (created, "
        "updated, deleted, unchanged, skipped, failed).",
        "verb",
        "result",
    ),
    _row(
        POLICY,
        _GAUGE,
        "1 for the --policy of the last run, 0 for the other policy.",
        "policy",
    ),
    _row(
        HELD_BACK,
        _GAUGE,
        "Deletions that --max-prune or --max-prune-total held back in the last run.",
        "namespace",
    ),
    _row(
        LEFT_TO_GC,
        _GAUGE,
        "ConfigMaps of deleted Pods that the garbage collector hadn't deleted at the end of the "
        "last run.",
        "namespace",
    ),
    _row(
        MANAGED,
        _GAUGE,
        "Generated ConfigMaps that existed after the last run, in the namespaces that it listed.",
        "namespace",
    ),
    _row(CONFIGS, _GAUGE, "PodConfigMapConfigs, including suspended ones.", "namespace"),
    _row(NOT_READY, _GAUGE, "PodConfigMapConfigs that aren't Ready.", "namespace"),
    _row(
        INVALID,
        _GAUGE,
        "PodConfigMapConfigs whose spec is invalid or unreadable.",
        "namespace",
    ),
    _row(SUSPENDED, _GAUGE, "PodConfigMapConfigs with suspend: true.", "namespace"),
    _row(
        PROTECTED,
        _GAUGE,
        "Generated ConfigMaps with the annotation podconfig.example.com/prune: disabled, which "
        "podcm-sync never deletes.",
        "namespace",
    ),
    _row(
        CLOSED,
        _GAUGE,
        "Namespaces that the last run left unchanged because they exceed a bound.",
        "namespace",
    ),
    _row(
        FAILURES,
        _COUNTER,
        "Failures by kind (blocking, held_back, api, run) and reason (docs/reference.md). The "
        f"reasons of kind run: {', '.join(RUN_FAILURES)}.",
        "kind",
        "reason",
    ),
    _row(
        REQUESTS,
        _COUNTER,
        "Requests to the API server by verb and HTTP status. The code <error> means no answer.",
        "verb",
        "code",
    ),
    _row(RETRIES, _COUNTER, "Requests to the API server that repeated an earlier one."),
    _row(
        WATCHES,
        _GAUGE,
        "Watches that the scope needs. This and all metrics below are only with --watch.",
        "resource",
    ),
    _row(WATCHES_OPEN, _GAUGE, "Watches that are open.", "resource"),
    _row(
        WATCH_AGE,
        _GAUGE,
        "Seconds since the last sign of life of the watch that has been silent the longest.",
    ),
    _row(
        WATCH_EVENTS,
        _COUNTER,
        "Events of watches by type: ADDED, MODIFIED, DELETED. They include those of podcm-sync's "
        "own writes.",
        "resource",
        "type",
    ),
    _row(
        REACTION,
        _HISTOGRAM,
        "Seconds from an event to the API server's answer to the write that it caused.",
    ),
    _row(WATCH_QUEUE, _GAUGE, "Namespaces whose pass is due and hasn't begun; only of a leader."),
    _row(
        WATCH_RESTARTS,
        _COUNTER,
        "Restarts of watches by reason: ended, expired, silent, missing, refused, broken. A watch "
        "normally after some minutes (ended). One that expired needs a new list.",
        "resource",
        "reason",
    ),
    _row(
        WATCH_DIVERGENCE,
        _COUNTER,
        "Objects that the watches had wrong, as a full run found. The run corrects them.",
        "resource",
    ),
)
OF_NAMESPACES: Final = {row.name for row in METRICS if row.labels == ("namespace",)}
"""The gauges by namespace."""
BY_NAME: Final = {row.name: row for row in METRICS}
