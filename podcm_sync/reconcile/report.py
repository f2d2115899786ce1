"""The Report of a run, from which every format, the exit code, and the metrics are made."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from msgspec import Struct

from podcm_sync.api.finding import Quote, all_quotes, joined
from podcm_sync.api.meta import KIND, NAMESPACE, NamespacedName
from podcm_sync.api.objects import ConfigMap, PodConfigMapConfig, Problem
from podcm_sync.api.reasons import Reason, ReasonClass, class_of
from podcm_sync.errors import ExitCode
from podcm_sync.reconcile.changes import (
    AnyOutcome,
    Desired,
    Outcome,
    Plan,
    Prediction,
    Result,
    StatusOutcome,
    StatusPrediction,
    StatusUpdate,
    SyncPolicy,
    Verb,
)
from podcm_sync.reconcile.names import is_ours, is_prune_disabled
from podcm_sync.reconcile.plan import Planned
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES, Scope, Snapshot
from podcm_sync.reconcile.status import is_failure, predicted_conditions

_RESULTS: Final = {
    Verb.CREATE: Result.CREATED,
    Verb.UPDATE: Result.UPDATED,
    Verb.DELETE: Result.DELETED,
    Verb.KEEP: Result.UNCHANGED,
    Verb.SKIP: Result.SKIPPED,
}


class Count(Struct, frozen=True, kw_only=True):
    """How many readable configs and ConfigMaps of ours a namespace has.

    `suspended` are the configs of these with `suspend: true`, and `protected` the ConfigMaps with
    `prune: disabled`.
    """

    configs: int = 0
    config_maps: int = 0
    suspended: int = 0
    protected: int = 0


class Report(Struct, frozen=True, kw_only=True):
    """One run. If it is a prediction, it has Predictions and nothing was written.

    Otherwise each outcome comes from an answer of the API server. `incomplete` maps a namespace (""
    for all) to the list that failed, and why.
    """

    is_prediction: bool
    scope: Scope
    outcomes: tuple[Outcome, ...] | tuple[Prediction, ...]
    statuses: tuple[StatusOutcome, ...] | tuple[StatusPrediction, ...]
    problems: tuple[Problem, ...]
    incomplete: dict[str, str]
    quoted: dict[str, tuple[Quote, ...]] = {}
    """What the messages of `incomplete` quote, by message; of others that is not known."""
    counts: dict[str, Count] = {}
    """How many objects there are after the run, by namespace, in the namespaces that it listed."""
    namespaces_without_pods: tuple[str, ...] = ()
    """The namespaces of the scope that have no Pod; ("",) if the whole cluster has none."""
    signal_number: int | None = None
    """The signal that cut the run short, if one did."""
    digest: str = ""
    """`sha256:…` over what the plan would write; "" if the run doesn't need it."""
    is_redacted: bool = False
    """Whether `output.redact` has masked its values."""
    expected_digest: str = ""
    """The digest that --expect-plan requires; "" if any plan may be applied."""
    sync_policy: SyncPolicy = SyncPolicy.SYNC
    left_to_gc: tuple[NamespacedName, ...] = ()
    """ConfigMaps that the garbage collector had not deleted by the end of a run."""

    @property
    def reviewable_digest(self) -> str:
        """The digest, for a person or a pipeline to expect; "" if it isn't of a complete plan.

        A run that applied the expected plan has its digest, whatever it couldn't list.
        """
        return "" if self.incomplete and self.is_prediction else self.digest

    @property
    def is_unexpected(self) -> bool:
        """Whether the plan isn't the expected one: then nothing was written."""
        return bool(self.expected_digest) and self.digest != self.expected_digest

    @property
    def served_nothing(self) -> bool:
        """Whether every namespace of the run is incomplete: the server may be down."""
        if ALL_NAMESPACES in self.incomplete:
            return True
        namespaces = self.scope.namespaces or self.counts.keys()
        return bool(self.incomplete) and not set(namespaces) - self.incomplete.keys()


class Summary(Struct, frozen=True, kw_only=True):
    """How many ConfigMaps had which result. The counts add up to the outcomes."""

    created: int
    updated: int
    deleted: int
    unchanged: int
    skipped: int
    blocked: int
    held_back: int
    failed: int

    @property
    def changed(self) -> int:
        """How many objects the run changed (or, in a dry run, would change)."""
        return self.created + self.updated + self.deleted


def predicted(plan: Plan) -> tuple[Prediction, ...]:
    """The outcomes of a plan if the API server accepts every write."""
    return tuple(
        Prediction(
            change=change,
            result=_RESULTS[change.verb],
            reason=change.reason,
            code=None,
            message=change.message,
            quoted=change.quoted,
        )
        for change in plan.changes
    )


def forecast(
    planned: Planned, now: str, *, sync_policy: SyncPolicy, digest: str, expected_digest: str
) -> Report:
    """What a run of this plan would report if the API server accepted every write."""
    snapshot, desired = planned.snapshot, planned.desired
    outcomes = predicted(planned.plan)
    return Report(
        is_prediction=True,
        scope=snapshot.scope,
        outcomes=outcomes,
        statuses=predicted_conditions(snapshot, desired, outcomes, now),
        problems=problems(snapshot, desired),
        incomplete=snapshot.incomplete,
        quoted=snapshot.quoted,
        counts=counted(snapshot, outcomes),
        namespaces_without_pods=without_pods(snapshot),
        digest=digest,
        expected_digest=expected_digest,
        sync_policy=sync_policy,
    )


def problems(snapshot: Snapshot, desired: Desired) -> tuple[Problem, ...]:
    """What the run couldn't use: undecodable objects, invalid specs, closed namespaces."""
    undecodable = {problem.namespaced_name for problem in snapshot.problems if problem.kind == KIND}
    invalid = (
        Problem(
            kind=KIND,
            namespaced_name=name,
            reason=findings[0].reason,
            message=joined(findings),
            quoted=all_quotes(findings),
        )
        for name, findings in desired.invalid.items()
        if name not in undecodable
    )
    closed = (
        Problem(
            kind=NAMESPACE,
            namespaced_name=NamespacedName(namespace, ""),
            reason=Reason.BOUND_EXCEEDED,
            message=why.message,
            quoted=(),
        )
        for namespace, why in snapshot.closed.items()
    )
    every = (*snapshot.problems, *invalid, *closed)
    return tuple(sorted(every, key=lambda problem: (problem.namespaced_name, problem.kind)))


def counted(snapshot: Snapshot, outcomes: Iterable[AnyOutcome]) -> dict[str, Count]:
    """How many objects each namespace has after these outcomes."""
    ours = [config_map for config_map in snapshot.config_maps if is_ours(config_map)]
    configs = _by_namespace(snapshot.configs)
    suspended = _by_namespace(config for config in snapshot.configs if config.suspend)
    config_maps = _by_namespace(ours)
    protected = _by_namespace(config_map for config_map in ours if is_prune_disabled(config_map))
    for outcome in outcomes:
        namespace = outcome.change.namespaced_name.namespace
        config_maps[namespace] += outcome.result is Result.CREATED
        config_maps[namespace] -= outcome.result is Result.DELETED
    return {
        namespace: Count(
            configs=configs[namespace],
            config_maps=config_maps[namespace],
            suspended=suspended[namespace],
            protected=protected[namespace],
        )
        for namespace in configs | config_maps
    }


def _by_namespace(objects: Iterable[PodConfigMapConfig | ConfigMap]) -> Counter[str]:
    return Counter(obj.namespaced_name.namespace for obj in objects)


def without_pods(snapshot: Snapshot) -> tuple[str, ...]:
    """The namespaces of the scope whose complete list has no Pod.

    A list doesn't show whether a namespace is empty or doesn't exist, so a person should know.
    """
    seen = {pod.namespaced_name.namespace for pod in snapshot.pods}
    seen |= {
        problem.namespaced_name.namespace for problem in snapshot.problems if problem.kind == "Pod"
    }
    scope = snapshot.scope.namespaces
    if scope is None:
        return () if seen or snapshot.incomplete else (ALL_NAMESPACES,)
    seen |= snapshot.deferred
    return tuple(name for name in scope if name not in seen and not snapshot.is_incomplete(name))


def summary(report: Report) -> Summary:
    """Count the outcomes by result."""
    outcomes = report.outcomes

    def count(result: Result) -> int:
        return sum(outcome.result is result for outcome in outcomes)

    skips = [outcome for outcome in outcomes if outcome.result is Result.SKIPPED]
    blocked = sum(is_failure(skip) for skip in skips)
    held_back = sum(class_of(skip.reason) is ReasonClass.HELD_BACK for skip in skips)
    return Summary(
        created=count(Result.CREATED),
        updated=count(Result.UPDATED),
        deleted=count(Result.DELETED),
        unchanged=count(Result.UNCHANGED),
        skipped=len(skips) - blocked - held_back,
        blocked=blocked,
        held_back=held_back,
        failed=count(Result.FAILED),
    )


def exit_code(
    report: Report, *, tolerate_object_failures: bool = False, changes_are_1: bool = False
) -> int:
    """The exit code of a run (§7). If several apply, the first of signal, 5, 4, 3, 1."""
    if report.signal_number is not None:
        return 128 + report.signal_number
    reasons = set(failed_reasons(report))
    # Interrupted without a signal: the deadline came before the end of the work.
    if Reason.INTERRUPTED in reasons or ReasonClass.API in map(class_of, reasons):
        return ExitCode.INCOMPLETE
    held_back = {reason for reason in reasons if class_of(reason) is ReasonClass.HELD_BACK}
    # A namespace that `--max-prune` holds back is a tenant's business. A total, or a plan that no
    # longer fits, is the platform's.
    tolerable = {Reason.PRUNE_BLOCKED} if tolerate_object_failures else set[Reason]()
    if held_back - tolerable or report.is_unexpected:
        return ExitCode.HELD_BACK
    if reasons - held_back and not tolerate_object_failures:
        return ExitCode.FAILED_OBJECTS
    if changes_are_1 and summary(report).changed:
        return ExitCode.CHANGES
    return ExitCode.DONE


def failed_reasons(report: Report) -> Iterator[Reason]:
    """One reason for each object, list, and status that failed or was held back, or for the CRD.

    The exit code and the metrics of failures are made of these.
    """
    yield from (outcome.reason for outcome in report.outcomes if _is_failed(outcome))
    yield from (problem.reason for problem in report.problems)
    yield from (Reason.INCOMPLETE for _ in report.incomplete)
    broken = {problem.namespaced_name for problem in report.problems if problem.kind == KIND}
    # An API server that doesn't store statuses has a wrong CRD: one failure, not one per config.
    if any(status.reason is Reason.STATUS_NOT_STORED for status in report.statuses):
        yield Reason.STATUS_NOT_STORED
    for status in report.statuses:
        # A status that changed meanwhile is the next run's business, not a failure of any object.
        elsewhere = {Reason.CONFLICT, Reason.STATUS_NOT_STORED}
        if status.result is not Result.FAILED or status.reason in elsewhere:
            continue
        # The API server evaluates the CRD's rules on the whole object. If a spec is older than the
        # rules and breaks one, every status is refused: that is the spec's failure, counted above.
        if status.update.namespaced_name in broken and status.reason is Reason.REJECTED:
            continue
        yield status.reason or Reason.WRITE_FAILED


def _is_failed(outcome: AnyOutcome) -> bool:
    """Whether an outcome counts as a failure of the run, or as held back."""
    if outcome.result is Result.UNCHANGED or outcome.reason is Reason.INCOMPLETE:
        return False  # an incomplete list is one failure, not one for each object that it keeps
    is_of_run = class_of(outcome.reason) in {ReasonClass.API, ReasonClass.HELD_BACK}
    return is_failure(outcome) or is_of_run or outcome.reason is Reason.INTERRUPTED


def merged(
    earlier: Iterable[Outcome], later: Iterable[Outcome], supersedes: Callable[[str], bool]
) -> tuple[Outcome, ...]:
    """Merge the outcomes of two passes, where the later one supersedes some namespaces.

    The earlier pass's writes stay counted. What it failed to do there is replaced by what the later
    pass did about it.
    """
    stays = {
        outcome.change.key: outcome
        for outcome in earlier
        if outcome.is_write or not supersedes(outcome.change.namespaced_name.namespace)
    }
    comes = [
        outcome
        for outcome in later
        if outcome.result is not Result.UNCHANGED or outcome.change.key not in stays
    ]
    return tuple(sorted((*stays.values(), *comes), key=lambda outcome: outcome.change.key))


NOT_FOUND: Final = 404


class Pass(Struct, frozen=True, kw_only=True):
    """A finished pass over a scope."""

    snapshot: Snapshot
    desired: Desired
    outcomes: tuple[Outcome, ...]

    def covers(self, namespace: str) -> bool:
        """Whether this pass listed a namespace."""
        namespaces = self.snapshot.scope.namespaces
        return namespaces is None or namespace in namespaces

    def supersedes(self, namespace: str) -> bool:
        """Whether this pass's outcomes replace the failures of an earlier pass there."""
        return self.covers(namespace) and self.snapshot.is_plannable(namespace)


def namespaces_to_requeue(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """The namespaces that need another pass, sorted: a write conflicted, or may arrive late."""
    return tuple(
        sorted(
            {
                outcome.change.namespaced_name.namespace
                for outcome in outcomes
                if outcome.reason is Reason.CONFLICT or _is_open(outcome)
            }
        )
    )


def _is_open(outcome: Outcome) -> bool:
    """Whether it is a create without an answer whose ConfigMap doesn't exist (404).

    The API server may still carry it out. Another pass sees it, or creates the ConfigMap.
    """
    is_create = outcome.change.verb is Verb.CREATE
    return is_create and outcome.result is Result.FAILED and outcome.code == NOT_FOUND


Named = TypeVar("Named", StatusUpdate, Problem)


def latest_by_namespace(
    passes: Sequence[Pass], values_of: Callable[[Pass], Iterable[Named]]
) -> tuple[Named, ...]:
    """The values of all passes, for each namespace from the last pass that listed it."""
    return tuple(
        value
        for number, finished in enumerate(passes, start=1)
        for value in values_of(finished)
        if not any(later.covers(value.namespaced_name.namespace) for later in passes[number:])
    )


def latest_counts(passes: Sequence[Pass]) -> dict[str, Count]:
    """How many objects each namespace has, by the last pass that listed it completely."""
    counts: dict[str, Count] = {}
    for finished in passes:
        later = counted(finished.snapshot, finished.outcomes).items()
        counts = {name: count for name, count in counts.items() if not finished.supersedes(name)}
        counts |= {name: count for name, count in later if finished.supersedes(name)}
    return counts
