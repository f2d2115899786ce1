"""§6 over §10: the limits of deletions count everything since the last full run."""

from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.changes import Outcome, Result, Verb
from podcm_sync.reconcile.report import Count, Report
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.sync import Policy
from podcm_sync.watch.ledger import Ledger
from tests.builders import change, outcome


def report(*outcomes: Outcome, config_maps: int = 0) -> Report:
    counts = {"shop": Count(config_maps=config_maps)} if config_maps else {}
    return Report(
        is_prediction=False,
        scope=Scope(namespaces=("shop",)),
        outcomes=outcomes,
        statuses=(),
        problems=(),
        incomplete={},
        counts=counts,
    )


def deleted(result: Result = Result.DELETED, reason: Reason = Reason.CONFIG_GONE) -> Outcome:
    return outcome(result, reason, of=change(Verb.DELETE, Reason.CONFIG_GONE))


def spent(ledger: Ledger) -> dict[str, int]:
    policy = ledger.within(Policy())
    assert policy.spent is not None
    return dict(policy.spent.deleted)


def test_deletions_add_up_and_a_lost_answer_counts() -> None:
    ledger = Ledger(Scope(namespaces=("shop",)))
    ledger.add(report(deleted(), deleted()))
    ledger.add(report(deleted(Result.FAILED, Reason.UNREACHABLE)))
    assert spent(ledger) == {"shop": 3}


def test_what_was_not_deleted_does_not_count() -> None:
    ledger = Ledger(Scope(namespaces=("shop",)))
    ledger.add(report(deleted(Result.FAILED, Reason.CONFLICT), outcome(Result.CREATED)))
    ledger.add(report(deleted(Result.SKIPPED, Reason.ALREADY_GONE)))
    ledger.add(report(deleted(Result.SKIPPED, Reason.UNCONFIRMED)))
    assert spent(ledger) == {}


def test_a_full_run_begins_the_count_again_and_tells_the_sizes() -> None:
    ledger = Ledger(Scope(namespaces=("shop",)))
    ledger.add(report(deleted()))
    ledger.restart(report(deleted(), config_maps=7))
    policy = ledger.within(Policy())
    assert policy.spent is not None
    assert (dict(policy.spent.deleted), dict(policy.spent.sizes)) == ({}, {"shop": 7})


def test_only_a_scope_of_one_namespace_counts_that_one_for_the_total() -> None:
    for namespaces, is_one in ((("shop",), True), (("a", "b"), False), (None, False)):
        policy = Ledger(Scope(namespaces=namespaces)).within(Policy())
        assert policy.spent is not None
        assert policy.spent.is_one_namespace is is_one
