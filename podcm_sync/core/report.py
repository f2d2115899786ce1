"""Everything a run has to say, once: the Report that text, exit code and all else are made from."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from podcm_sync.core.names import is_ours
from podcm_sync.core.plan import Planned
from podcm_sync.core.status import is_failure, predicted_conditions
from podcm_sync.model.changes import (
    AnyOutcome,
    Change,
    Desired,
    Outcome,
    Plan,
    Prediction,
    Result,
    StatusOutcome,
    StatusPrediction,
    SyncPolicy,
    Verb,
)
from podcm_sync.model.meta import KIND, NAMESPACE, NamespacedName
from podcm_sync.model.objects import ALL_NAMESPACES, Problem, Scope, Snapshot
from podcm_sync.model.reasons import Kind, Reason, kind_of

_RESULTS: Final = {
    Verb.CREATE: Result.CREATED,
    Verb.UPDATE: Result.UPDATED,
    Verb.DELETE: Result.DELETED,
    Verb.KEEP: Result.UNCHANGED,
    Verb.SKIP: Result.SKIPPED,
}


class Count(Struct, frozen=True, kw_only=True):
    """How many objects a namespace has: readable configs, and ConfigMaps of ours."""

    configs: int = 0
    config_maps: int = 0


class Report(Struct, frozen=True, kw_only=True):
    """One run. A prediction holds Predictions, and nothing was done; else each is a fact.

    `incomplete` maps a namespace ("" for all) to the list that did not complete, and why.
    """

    is_prediction: bool
    scope: Scope
    outcomes: tuple[Outcome, ...] | tuple[Prediction, ...]
    statuses: tuple[StatusOutcome, ...] | tuple[StatusPrediction, ...]
    problems: tuple[Problem, ...]
    incomplete: dict[str, str]
    counts: dict[str, Count] = {}
    """How much there is after the run, by namespace, in those that it saw."""
    namespaces_without_pods: tuple[str, ...] = ()
    """The namespaces of the scope in which no Pod was read; "" if there is none in any."""
    signal_number: int | None = None
    """The signal that cut the run short, if one did."""
    digest: str = ""
    """`sha256:…` over what the plan would write; "" where nobody asked."""
    is_redacted: bool = False
    """Whether `core.redact` has masked its values."""
    expected_digest: str = ""
    """The digest that the plan had to have for anything to be written; "" where any would do."""
    sync_policy: SyncPolicy = SyncPolicy.SYNC
    left_to_gc: tuple[NamespacedName, ...] = ()
    """ConfigMaps that the garbage collector had not deleted by the end of a run."""

    @property
    def is_unexpected(self) -> bool:
        """Whether the plan is another than the one that was asked for: nothing was written."""
        return bool(self.expected_digest) and self.digest != self.expected_digest

    @property
    def served_nothing(self) -> bool:
        """Whether the server served none of the run's namespaces: each one is incomplete."""
        if ALL_NAMESPACES in self.incomplete:
            return True
        namespaces = self.scope.namespaces or self.counts.keys()
        return bool(self.incomplete) and not set(namespaces) - self.incomplete.keys()


class Summary(Struct, frozen=True, kw_only=True):
    """How many ConfigMaps came to what. The counts add up to the outcomes."""

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
        """How many objects differ for the run (or, in a dry run, would)."""
        return self.created + self.updated + self.deleted


def predicted(plan: Plan) -> tuple[Prediction, ...]:
    """What a plan comes to if the API server agrees to all of it."""
    return tuple(
        Prediction(
            change=change,
            result=_RESULTS[change.verb],
            reason=change.reason,
            code=None,
            message=change.message,
        )
        for change in plan.changes
    )


def forecast(
    planned: Planned, now: str, *, sync_policy: SyncPolicy, digest: str, expected_digest: str
) -> Report:
    """What a run of this plan would report if the API server agreed to all of it."""
    snapshot, desired = planned.snapshot, planned.desired
    outcomes = predicted(planned.plan)
    return Report(
        is_prediction=True,
        scope=snapshot.scope,
        outcomes=outcomes,
        statuses=predicted_conditions(snapshot, desired, outcomes, now),
        problems=problems(snapshot, desired),
        incomplete=snapshot.incomplete,
        counts=counted(snapshot, outcomes),
        namespaces_without_pods=without_pods(snapshot),
        digest=digest,
        expected_digest=expected_digest,
        sync_policy=sync_policy,
    )


def problems(snapshot: Snapshot, desired: Desired) -> tuple[Problem, ...]:
    """What the run could not use as it is.

    These are objects that did not decode, invalid specs, and namespaces that are closed.
    """
    undecodable = {problem.namespaced_name for problem in snapshot.problems if problem.kind == KIND}
    invalid = (
        Problem(kind=KIND, namespaced_name=name, reason=Reason.INVALID_SPEC, message=message)
        for name, message in desired.invalid.items()
        if name not in undecodable
    )
    closed = (
        Problem(
            kind=NAMESPACE,
            namespaced_name=NamespacedName(namespace, ""),
            reason=Reason.BOUND_EXCEEDED,
            message=why.message,
        )
        for namespace, why in snapshot.closed.items()
    )
    every = (*snapshot.problems, *invalid, *closed)
    return tuple(sorted(every, key=lambda each: (each.namespaced_name, each.kind)))


def counted(snapshot: Snapshot, outcomes: Iterable[AnyOutcome]) -> dict[str, Count]:
    """How much there is, by namespace, of what was listed and what then came of it."""
    configs = Counter(each.namespaced_name.namespace for each in snapshot.configs)
    config_maps = Counter(
        each.namespaced_name.namespace for each in snapshot.config_maps if is_ours(each)
    )
    for outcome in outcomes:
        namespace = outcome.change.namespaced_name.namespace
        config_maps[namespace] += outcome.result is Result.CREATED
        config_maps[namespace] -= outcome.result is Result.DELETED
    return {
        namespace: Count(configs=configs[namespace], config_maps=config_maps[namespace])
        for namespace in configs | config_maps
    }


def without_pods(snapshot: Snapshot) -> tuple[str, ...]:
    """The namespaces of the scope in which no Pod was read, though the list was complete.

    An API server's lists do not tell an empty namespace from one that doesn't exist.
    """
    seen = {pod.namespaced_name.namespace for pod in snapshot.pods}
    seen |= {each.namespaced_name.namespace for each in snapshot.problems if each.kind == "Pod"}
    scope = snapshot.scope.namespaces
    if scope is None:
        return () if seen or snapshot.incomplete else (ALL_NAMESPACES,)
    return tuple(name for name in scope if name not in seen and not snapshot.is_incomplete(name))


def summary(report: Report) -> Summary:
    """The counts, by what each outcome came to."""
    outcomes = report.outcomes

    def count(result: Result) -> int:
        return sum(outcome.result is result for outcome in outcomes)

    skips = [outcome for outcome in outcomes if outcome.result is Result.SKIPPED]
    blocked = sum(is_failure(skip) for skip in skips)
    held_back = sum(kind_of(skip.reason) is Kind.HELD_BACK for skip in skips)
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
    """The exit code of a run (spec.md §7): where several apply, the first of signal, 5, 4, 3, 1."""
    if report.signal_number is not None:
        return 128 + report.signal_number
    failed_writes = [each for each in report.statuses if each.result is Result.FAILED]
    reasons = {each.reason for each in failed_writes if each.reason is not None}
    reasons |= {
        outcome.reason for outcome in report.outcomes if outcome.result is not Result.UNCHANGED
    }
    kinds = {kind_of(reason) for reason in reasons - {Reason.INCOMPLETE}}
    # Cut short without a signal: the deadline came before the end of the work.
    if report.incomplete or Kind.API in kinds or Reason.INTERRUPTED in reasons:
        return 5
    # A namespace that `--max-prune` holds back is a tenant's business. A total, or a plan that no
    # longer fits, is the platform's.
    tolerable = {Reason.PRUNE_BLOCKED} if tolerate_object_failures else set[Reason]()
    held_back = {reason for reason in reasons if kind_of(reason) is Kind.HELD_BACK}
    if held_back - tolerable or report.is_unexpected:
        return 4
    is_failed = bool(report.problems) or any(map(is_failure, report.outcomes))
    # A status that changed meanwhile is the next run's business, not a failure of any object.
    is_failed |= any(each.reason is not Reason.CONFLICT for each in failed_writes)
    if is_failed and not tolerate_object_failures:
        return 3
    if changes_are_1 and summary(report).changed:
        return 1
    return 0


def merged(
    earlier: Iterable[Outcome], later: Iterable[Outcome], settles: Callable[[str], bool]
) -> tuple[Outcome, ...]:
    """The outcomes of a run of two passes, the later of which settles some namespaces anew.

    What the earlier pass wrote stays counted; what it failed to do there is replaced by what came
    of it in the later one.
    """
    stays = {
        _key(each.change): each
        for each in earlier
        if each.is_write or not settles(each.change.namespaced_name.namespace)
    }
    comes = [
        each
        for each in later
        if each.result is not Result.UNCHANGED or _key(each.change) not in stays
    ]
    return tuple(sorted((*stays.values(), *comes), key=lambda each: _key(each.change)))


def _key(change: Change) -> tuple[str, str, str, str]:
    return (*change.namespaced_name, change.pcmc_name, change.pod_name)
