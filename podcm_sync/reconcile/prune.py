"""Plan → Plan: limits what a run may delete. The guard can only turn a delete into a skip.

`--max-prune` is checked for each namespace, so that no tenant can hold back another's deletions.
`--max-prune-total` leaves out the namespace that would delete the most, so that no tenant can trip
it alone (docs/design/behavior.md §6).
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from podcm_sync.api.meta import GENERATED_BY_LABEL, NamespacedName
from podcm_sync.api.phrases import count
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile import names
from podcm_sync.reconcile.changes import Change, Outcome, Plan, Result, SyncPolicy, Verb
from podcm_sync.reconcile.snapshot import Snapshot

_LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_NEVER_DELETED: Final = frozenset({Reason.COPY, Reason.LEFT_TO_GARBAGE_COLLECTOR})


class PruneLimit(Struct, frozen=True, kw_only=True):
    """One value of a limit: a count of ConfigMaps, or a percentage of those there are."""

    amount: int
    is_percentage: bool

    def of(self, total: int) -> int:
        """How many of `total` ConfigMaps may be deleted; a percentage is rounded up."""
        return math.ceil(total * self.amount / 100) if self.is_percentage else self.amount


class Spent(Struct, frozen=True, kw_only=True):
    """What the passes of a watching loop deleted since its last full run, by namespace.

    `sizes` has the ConfigMaps of all namespaces, for the total; `is_one_namespace` as in the
    PruneBudget of the full run.
    """

    deleted: Mapping[str, int] = {}
    sizes: Mapping[str, int] = {}
    is_one_namespace: bool = False


class Guards(Struct, frozen=True, kw_only=True):
    """The options that limit deletions. Of several limits, the most generous applies."""

    max_prune: tuple[PruneLimit, ...] = ()
    max_prune_total: tuple[PruneLimit, ...] = ()
    sync_policy: SyncPolicy = SyncPolicy.SYNC
    spent: Spent | None = None
    """What earlier passes deleted counts too; None for a run that stands alone."""


class PruneBudget(Struct, frozen=True, kw_only=True):
    """What a run may delete over all its passes. The mappings are by namespace.

    A namespace that was over its limit stays closed: a later pass covers fewer namespaces and must
    not slip under a limit.
    """

    guards: Guards
    sizes: Mapping[str, int]
    """How many ConfigMaps a run could delete, by the first pass's lists: 100 % of a percentage."""
    is_one_namespace: bool
    """Whether the run covers one namespace only, which then counts for the total."""
    deleted: Mapping[str, int] = {}
    """How many were deleted so far, including deletes that have no answer yet."""
    wanted: Mapping[str, int] = {}
    """How many the passes so far would delete together."""
    has_deferred: bool = False
    """Whether some namespaces are not planned yet. Until they are, nobody can judge the total."""
    adds_sizes: bool = False
    """Whether the next pass is the one of the deferred namespaces, so that their sizes count."""
    closed: frozenset[str] = frozenset()
    is_total_closed: bool = False

    @staticmethod
    def of(guards: Guards, snapshot: Snapshot, proposed: Plan) -> "PruneBudget":
        """The budget of a run, from what its first pass listed and proposed."""
        spared = {
            change.namespaced_name for change in proposed.changes if change.reason in _NEVER_DELETED
        }
        sizes = Counter(
            config_map.namespaced_name.namespace
            for config_map in snapshot.config_maps
            if names.is_ours(config_map)
            and not (config_map.terminating or names.is_prune_disabled(config_map))
            and config_map.namespaced_name not in spared
            and not snapshot.is_incomplete(config_map.namespaced_name.namespace)
        )
        namespaces = snapshot.scope.namespaces
        budget = PruneBudget(
            guards=guards,
            sizes=sizes,
            is_one_namespace=namespaces is not None and len(namespaces) == 1,
            has_deferred=bool(snapshot.deferred),
        )
        return budget if guards.spent is None else budget._following(guards.spent)

    def _following(self, spent: Spent) -> "PruneBudget":
        """The budget with what was deleted before. Percentages count what there was before it."""
        sizes = {name: size + spent.deleted.get(name, 0) for name, size in self.sizes.items()}
        return replace(
            self,
            sizes={**spent.sizes, **sizes},
            is_one_namespace=spent.is_one_namespace,
            deleted=spent.deleted,
            wanted=spent.deleted,
        )

    def extended(self, snapshot: Snapshot, proposed: Plan) -> "PruneBudget":
        """The budget once the deferred namespaces are planned, from this snapshot of them."""
        later = PruneBudget.of(self.guards, snapshot, proposed)
        sizes = {**self.sizes, **later.sizes}
        return replace(self, sizes=sizes, has_deferred=False, adds_sizes=False)

    def allowed(self, namespace: str) -> int | None:
        """How many deletions `--max-prune` allows in a namespace. None means no limit."""
        size = self.sizes.get(namespace, 0)
        return max((limit.of(size) for limit in self.guards.max_prune), default=None)

    @property
    def largest(self) -> str | None:
        """The namespace that would delete the most, which the total leaves out; None if it counts.

        If several would, the one with the fewest ConfigMaps: a percentage then allows the most. A
        limit of 0 means that nothing may be deleted, so nothing is left out.
        """
        is_zero = not any(limit.amount for limit in self.guards.max_prune_total)
        if self.is_one_namespace or not self.wanted or is_zero:
            return None
        return max(
            self.wanted, key=lambda name: (self.wanted[name], -self.sizes.get(name, 0), name)
        )

    @property
    def total(self) -> int:
        """How many deletions count for `--max-prune-total`."""
        return sum(count for name, count in self.wanted.items() if name != self.largest)

    @property
    def total_allowed(self) -> int | None:
        """How many deletions `--max-prune-total` allows. None means no limit, or not judged yet."""
        if self.has_deferred:
            return None
        size = sum(count for name, count in self.sizes.items() if name != self.largest)
        return max((limit.of(size) for limit in self.guards.max_prune_total), default=None)

    def judged(self, proposed: Plan) -> "PruneBudget":
        """The budget with another pass's deletions counted, and the namespaces that they close."""
        deletes = Counter(
            change.namespaced_name.namespace
            for change in proposed.changes
            if change.verb is Verb.DELETE
        )
        wanted = {
            name: max(self.wanted.get(name, 0), self.deleted.get(name, 0) + count)
            for name, count in deletes.items()
        }
        budget = replace(self, wanted={**self.wanted, **wanted})
        return replace(
            budget,
            closed=self.closed | {name for name in wanted if budget.is_over(name)},
            is_total_closed=self.is_total_closed or _exceeds(budget.total, budget.total_allowed),
        )

    def after(
        self, proposed: Plan, outcomes: Iterable[Outcome], under_way: Iterable[Change] = ()
    ) -> "PruneBudget":
        """The budget after a pass. A delete under way counts: the server may still carry it out."""
        changes = [outcome.change for outcome in outcomes if outcome.result is Result.DELETED]
        changes += [change for change in under_way if change.verb is Verb.DELETE]
        deleted = Counter(change.namespaced_name.namespace for change in changes)
        return replace(self.judged(proposed), deleted=Counter(self.deleted) + deleted)

    def is_over(self, namespace: str) -> bool:
        """Whether a namespace would delete more than `--max-prune` allows."""
        return _exceeds(self.wanted[namespace], self.allowed(namespace))


def _exceeds(count: int, allowed: int | None) -> bool:
    return allowed is not None and count > allowed


def parse_limit(text: str) -> PruneLimit:
    """Parse `N` or `P%`. Raises ValueError with what to write instead."""
    match = re.fullmatch(r"([0-9]{1,9})(%?)", text.strip())
    if match is None or (match[2] and int(match[1]) > 100):
        raise ValueError(
            f"{text!r} isn't a count below a billion or a percentage up to 100%; write 100 or 50%"
        )
    return PruneLimit(amount=int(match[1]), is_percentage=bool(match[2]))


def guard(plan: Plan, budget: PruneBudget, snapshot: Snapshot) -> Plan:
    """The plan, with a skip in place of each delete that the policy or a limit holds back."""
    if budget.guards.sync_policy is SyncPolicy.UPSERT_ONLY:
        message = "--policy upsert-only deletes nothing"
        return _without_deletes(plan, lambda _: (Reason.UPSERT_ONLY, message))
    judged = budget.judged(plan)
    if not (judged.closed or judged.is_total_closed):
        return plan
    configs = {config.namespaced_name for config in snapshot.configs if not config.terminating}
    # `kubectl delete` by label would ignore the annotation, so there it isn't suggested.
    protected = {
        NamespacedName(existing.namespaced_name.namespace, names.generated_by(existing))
        for existing in snapshot.config_maps
        if names.is_prune_disabled(existing)
    }

    def verdict(change: Change) -> tuple[Reason, str] | None:
        namespace = change.namespaced_name.namespace
        is_closed = namespace in judged.closed
        if judged.is_total_closed:
            return Reason.PRUNE_TOTAL_BLOCKED, _of_total(judged, namespace if is_closed else None)
        if not is_closed:
            return None
        is_gone = NamespacedName(namespace, change.pcmc_name) not in configs | protected
        command = _command(change) if is_gone and snapshot.has_garbage_collector else ""
        return Reason.PRUNE_BLOCKED, _of_namespace(judged, namespace) + command

    return _without_deletes(plan, verdict)


def _of_namespace(budget: PruneBudget, namespace: str) -> str:
    number = budget.wanted[namespace]
    return (
        f"held back: the run would delete {count(number, 'ConfigMap')} in namespace {namespace}, "
        f"but --max-prune allows {budget.allowed(namespace)}; {_to_allow(number)} "
        f"--max-prune {number}"
    )


def _of_total(budget: PruneBudget, closed: str | None) -> str:
    """`closed` is the change's namespace if `--max-prune` holds it back too."""
    where = f" outside namespace {budget.largest}" if budget.largest is not None else ""
    message = (
        f"held back: the run would delete {count(budget.total, 'ConfigMap')}{where}, but "
        f"--max-prune-total allows {budget.total_allowed}; {_to_allow(budget.total)} "
        f"--max-prune-total {budget.total}"
    )
    if closed is None:
        return message
    return f"{message} with --max-prune {budget.wanted[closed]}"


def _to_allow(number: int) -> str:
    return f"to allow {'it' if number == 1 else 'them'}, use"


def _command(change: Change) -> str:
    """The command that a tenant can run once the config is gone.

    It selects by config: while that exists, it would delete wanted ConfigMaps too.
    """
    value = change.existing.labels.get(GENERATED_BY_LABEL, "") if change.existing else ""
    if not _LABEL_VALUE.fullmatch(value):
        return ""
    namespace = change.namespaced_name.namespace
    return f", or: kubectl -n {namespace} delete configmap -l {GENERATED_BY_LABEL}={value}"


def _without_deletes(plan: Plan, verdict: Callable[[Change], tuple[Reason, str] | None]) -> Plan:
    """The plan, with a skip for each delete that `verdict` has a reason and message for."""

    def judged(change: Change) -> Change:
        held_back = verdict(change) if change.verb is Verb.DELETE else None
        if held_back is None:
            return change
        reason, message = held_back
        return replace(
            change,
            verb=Verb.SKIP,
            reason=reason,
            message=message,
            planned_reason=change.reason,
            planned_message=change.message,
        )

    return Plan(changes=tuple(map(judged, plan.changes)))
