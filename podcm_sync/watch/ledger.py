"""What the passes deleted since the last full run, so that the guards hold over all of them."""

import threading
from collections import Counter

from msgspec.structs import replace

from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.changes import Outcome, Result, Verb
from podcm_sync.reconcile.prune import Spent
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.sync import Policy


class Ledger:
    """Callable from any thread."""

    def __init__(self, scope: Scope) -> None:
        namespaces = scope.namespaces
        is_one = namespaces is not None and len(namespaces) == 1
        self._spent = Spent(is_one_namespace=is_one)
        self._lock = threading.Lock()

    def within(self, policy: Policy) -> Policy:
        """The policy for the next pass or full run, with what was deleted before it."""
        return replace(policy, spent=self._spent)

    def add(self, report: Report) -> None:
        """Count what a pass deleted."""
        deleted = Counter(
            outcome.change.namespaced_name.namespace
            for outcome in report.outcomes
            if isinstance(outcome, Outcome) and _may_be_deleted(outcome)
        )
        with self._lock:
            self._spent = replace(self._spent, deleted=Counter(self._spent.deleted) + deleted)

    def restart(self, report: Report) -> None:
        """A full run has ended: count from here on."""
        sizes = {name: count.config_maps for name, count in report.counts.items()}
        with self._lock:
            self._spent = replace(self._spent, deleted={}, sizes=sizes)


def _may_be_deleted(outcome: Outcome) -> bool:
    """Whether the server deleted it, or may have: the answer was lost."""
    is_delete = outcome.change.verb is Verb.DELETE
    return is_delete and (outcome.result is Result.DELETED or outcome.reason is Reason.UNREACHABLE)
