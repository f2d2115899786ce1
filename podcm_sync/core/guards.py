"""Plan → Plan: limits on what a run may delete. A guard may only turn a delete into a skip."""

import math
import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from podcm_sync.core import names
from podcm_sync.model.changes import Change, Outcome, Plan, Result, Verb
from podcm_sync.model.meta import POD_UID_LABEL
from podcm_sync.model.objects import Snapshot
from podcm_sync.model.reasons import Reason


class PruneLimit(Struct, frozen=True, kw_only=True):
    """One `--max-prune`: a count of ConfigMaps, or a percentage of ours in the run's scope."""

    amount: int
    is_percentage: bool

    def of(self, total: int) -> int:
        """How many of `total` ConfigMaps may be deleted; a percentage is rounded up."""
        return math.ceil(total * self.amount / 100) if self.is_percentage else self.amount


NOTHING: Final = Plan(changes=())


class PruneBudget(Struct, frozen=True, kw_only=True):
    """What a run may delete over all its passes, and has deleted; `allowed` None is no limit.

    Once exceeded it stays closed: a later pass over fewer namespaces must not slip under it.
    """

    allowed: int | None
    spent: int = 0
    wanted: int = 0
    """How many deletions closed it; 0 while it is open."""

    @staticmethod
    def of(limits: tuple[PruneLimit, ...], snapshot: Snapshot) -> "PruneBudget":
        """The budget of a whole run from its first snapshot; the most generous limit holds."""
        if not limits:
            return PruneBudget(allowed=None)
        total = sum(1 for each in snapshot.config_maps if names.is_ours(each))
        return PruneBudget(allowed=max(limit.of(total) for limit in limits))

    @property
    def is_closed(self) -> bool:
        """Whether nothing may be deleted any more in this run."""
        return self.wanted > 0

    def after(
        self,
        outcomes: Iterable[Outcome],
        proposed: Plan = NOTHING,
        under_way: Iterable[Change] = (),
    ) -> "PruneBudget":
        """The budget when these outcomes are counted, of what was `proposed` to the guard.

        A delete that is `under_way` may still be carried out, so that it counts as well.
        """
        outcomes = tuple(outcomes)
        deleted = [each.change for each in outcomes if each.result is Result.DELETED]
        held_back = any(each.reason is Reason.PRUNE_BLOCKED for each in outcomes)
        total = max(1, self.spent + _counted(proposed.changes))
        return PruneBudget(
            allowed=self.allowed,
            spent=self.spent + _counted(deleted) + _counted(under_way),
            wanted=max(self.wanted, total) if held_back else self.wanted,
        )


def parse_limit(text: str) -> PruneLimit:
    """`N` or `P%` as a limit. Raises ValueError for anything else, with what to write."""
    match = re.fullmatch(r"([0-9]{1,9})(%?)", text.strip())
    if match is None or (match[2] and int(match[1]) > 100):
        raise ValueError(
            f"{text!r} is neither a number under a billion nor a percentage up to 100%: "
            "write 100, say, or 50%"
        )
    return PruneLimit(amount=int(match[1]), is_percentage=bool(match[2]))


def guard(plan: Plan, budget: PruneBudget) -> Plan:
    """The plan, without any delete if they would exceed the budget.

    Only ConfigMaps whose Pod still exists count: the others go with their Pod in any case.
    """
    total = max(budget.wanted, budget.spent + _counted(plan.changes))
    if budget.allowed is None or (total <= budget.allowed and not budget.is_closed):
        return plan
    message = (
        f"held back: {total} ConfigMaps of Pods that still exist would be deleted, at most "
        f"{budget.allowed} may be; --max-prune {total} lets them through"
    )
    return Plan(changes=tuple(_held_back(change, message) for change in plan.changes))


def _counted(changes: Iterable[Change]) -> int:
    return sum(
        change.verb is Verb.DELETE
        and (change.reason is not Reason.POD_GONE or not _names_a_pod(change))
        for change in changes
    )


def _names_a_pod(change: Change) -> bool:
    """Whether it was made for a Pod with a uid: without one, that its Pod is gone is no proof."""
    return change.existing is None or change.existing.labels.get(POD_UID_LABEL) != ""


def _held_back(change: Change, message: str) -> Change:
    if change.verb is not Verb.DELETE:
        return change
    return replace(
        change,
        verb=Verb.SKIP,
        reason=Reason.PRUNE_BLOCKED,
        message=message,
        planned_reason=change.reason,
        planned_message=change.message,
    )
