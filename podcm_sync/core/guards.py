"""Plan → Plan: limits on what a run may delete. A guard can only turn a delete into a skip.

`--max-prune` is judged namespace by namespace, so that nobody can hold back another's deletions.
`--max-prune-total` leaves out the namespace that would delete most, so that no one can trip it.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from podcm_sync.core import names
from podcm_sync.model.changes import Change, Outcome, Plan, Result, SyncPolicy, Verb
from podcm_sync.model.meta import GENERATED_BY_LABEL, NamespacedName
from podcm_sync.model.objects import Snapshot
from podcm_sync.model.reasons import Reason

_LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_NEVER_DELETED: Final = frozenset({Reason.COPY, Reason.LEFT_TO_GARBAGE_COLLECTOR})


class PruneLimit(Struct, frozen=True, kw_only=True):
    """One value of a limit: a count of ConfigMaps, or a percentage of those there are."""

    amount: int
    is_percentage: bool

    def of(self, total: int) -> int:
        """How many of `total` ConfigMaps may be deleted; a percentage is rounded up."""
        return math.ceil(total * self.amount / 100) if self.is_percentage else self.amount


class Guards(Struct, frozen=True, kw_only=True):
    """The options that limit deletions. Of several limits the most generous applies."""

    max_prune: tuple[PruneLimit, ...] = ()
    max_prune_total: tuple[PruneLimit, ...] = ()
    sync_policy: SyncPolicy = SyncPolicy.SYNC


class PruneBudget(Struct, frozen=True, kw_only=True):
    """What a run may delete over all its passes; each mapping is by namespace.

    What is closed stays closed: a later pass over fewer namespaces must not slip under a limit.
    """

    guards: Guards
    sizes: Mapping[str, int]
    """How many ConfigMaps there were at the first list that a run could delete."""
    is_one_namespace: bool
    """Whether the run is of one namespace, which then counts for the total."""
    deleted: Mapping[str, int] = {}
    """How many were deleted so far, including those whose answer is still to come."""
    wanted: Mapping[str, int] = {}
    """How many the passes so far would delete in all."""
    closed: frozenset[str] = frozenset()
    is_total_closed: bool = False

    @staticmethod
    def of(guards: Guards, snapshot: Snapshot, proposed: Plan) -> "PruneBudget":
        """The budget of a whole run, from what its first pass listed and proposed."""
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
        is_one = namespaces is not None and len(namespaces) == 1
        return PruneBudget(guards=guards, sizes=sizes, is_one_namespace=is_one)

    def allowed(self, namespace: str) -> int | None:
        """How many deletions `--max-prune` allows in a namespace; None is no limit."""
        size = self.sizes.get(namespace, 0)
        return max((limit.of(size) for limit in self.guards.max_prune), default=None)

    @property
    def largest(self) -> str | None:
        """The namespace that would delete most, which the total leaves out; None if it counts.

        Of several the smallest, so that a percentage is of as many ConfigMaps as possible.
        """
        if self.is_one_namespace or not self.wanted:
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
        """How many deletions `--max-prune-total` allows; None is no limit."""
        size = sum(count for name, count in self.sizes.items() if name != self.largest)
        return max((limit.of(size) for limit in self.guards.max_prune_total), default=None)

    def judged(self, proposed: Plan) -> "PruneBudget":
        """The budget when the deletions of another pass count too, with what they close."""
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
        """The budget after a pass; a delete that is under way may still be carried out."""
        changes = [each.change for each in outcomes if each.result is Result.DELETED]
        changes += [change for change in under_way if change.verb is Verb.DELETE]
        deleted = Counter(change.namespaced_name.namespace for change in changes)
        return replace(self.judged(proposed), deleted=Counter(self.deleted) + deleted)

    def is_over(self, namespace: str) -> bool:
        """Whether a namespace would delete more than `--max-prune` allows."""
        return _exceeds(self.wanted[namespace], self.allowed(namespace))


def _exceeds(count: int, allowed: int | None) -> bool:
    return allowed is not None and count > allowed


def parse_limit(text: str) -> PruneLimit:
    """`N` or `P%` as a limit. Raises ValueError for anything else, with what to write."""
    match = re.fullmatch(r"([0-9]{1,9})(%?)", text.strip())
    if match is None or (match[2] and int(match[1]) > 100):
        raise ValueError(
            f"{text!r} is neither a number under a billion nor a percentage up to 100%: "
            "write 100, say, or 50%"
        )
    return PruneLimit(amount=int(match[1]), is_percentage=bool(match[2]))


def guard(plan: Plan, budget: PruneBudget, snapshot: Snapshot) -> Plan:
    """The plan without the deletes that the policy or a limit holds back."""
    if budget.guards.sync_policy is SyncPolicy.UPSERT_ONLY:
        message = "--policy upsert-only deletes nothing"
        return _without_deletes(plan, lambda _: (Reason.UPSERT_ONLY, message))
    judged = budget.judged(plan)
    if not (judged.closed or judged.is_total_closed):
        return plan
    configs = {each.namespaced_name for each in snapshot.configs if not each.terminating}

    def verdict(change: Change) -> tuple[Reason, str] | None:
        namespace = change.namespaced_name.namespace
        is_closed = namespace in judged.closed
        if judged.is_total_closed:
            return Reason.PRUNE_TOTAL_BLOCKED, _of_total(judged, namespace if is_closed else None)
        if not is_closed:
            return None
        is_gone = NamespacedName(namespace, change.pcmc_name) not in configs
        command = _command(change) if is_gone and snapshot.has_garbage_collector else ""
        return Reason.PRUNE_BLOCKED, _of_namespace(judged, namespace) + command

    return _without_deletes(plan, verdict)


def _of_namespace(budget: PruneBudget, namespace: str) -> str:
    count = budget.wanted[namespace]
    return (
        f"held back: the run would delete {count} ConfigMaps in namespace {namespace}, and "
        f"--max-prune allows {budget.allowed(namespace)}; --max-prune {count} lets them through"
    )


def _of_total(budget: PruneBudget, closed: str | None) -> str:
    """`closed` is the change's namespace if `--max-prune` holds it back as well."""
    where = f" outside namespace {budget.largest}" if budget.largest is not None else ""
    message = (
        f"held back: the run would delete {budget.total} ConfigMaps{where}, and --max-prune-total "
        f"allows {budget.total_allowed}; --max-prune-total {budget.total}"
    )
    if closed is None:
        return f"{message} lets them through"
    return f"{message} with --max-prune {budget.wanted[closed]} lets them through"


def _command(change: Change) -> str:
    """What the tenant can run. While the config exists it would delete wanted ConfigMaps too."""
    value = change.existing.labels.get(GENERATED_BY_LABEL, "") if change.existing else ""
    if not _LABEL_VALUE.fullmatch(value):
        return ""
    namespace = change.namespaced_name.namespace
    return f", or: kubectl -n {namespace} delete configmap -l {GENERATED_BY_LABEL}={value}"


def _without_deletes(plan: Plan, verdict: Callable[[Change], tuple[Reason, str] | None]) -> Plan:
    """The plan, with a skip for each delete that has a verdict: its reason and message."""

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
