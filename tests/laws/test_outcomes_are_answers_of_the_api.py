"""Each outcome of a real run comes from an answer of the API: what nobody answered, nobody did."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.interfaces import Confirm, needs_no_look
from podcm_sync.reconcile.changes import (
    Answer,
    DesiredConfigMap,
    Outcome,
    Prediction,
    Result,
    StatusUpdate,
)
from podcm_sync.reconcile.report import Report, exit_code, summary
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.sync import Policy, run
from tests.builders import NOW
from tests.fakes import FakeCluster
from tests.laws.worlds import EVERYWHERE, World, worlds

UNAVAILABLE = Answer(result=Result.FAILED, reason=Reason.SERVER_ERROR, code=503)
WEBHOOK = Answer(result=Result.FAILED, reason=Reason.REJECTED, code=400, message="webhook")
LOST = Answer(result=Result.FAILED, reason=Reason.UNREACHABLE)
NOT_THERE = Answer(result=Result.FAILED, reason=Reason.UNREACHABLE, code=404)
"""A create without an answer, of which a look found nothing: it may still come."""
FAULTS = ("none", "none", "none", "refused", "webhook", "lost", "late", "later")


class FaultyServer:
    """An API server that fails writes as a seed says, whatever order they come in.

    `answered` are the writes that it carried out and answered, each as (result, name).
    """

    def __init__(self, cluster: FakeCluster, seed: int) -> None:
        self.answered: Counter[tuple[Result, NamespacedName]] = Counter()
        self._cluster = cluster
        self._seed = seed
        self._attempts: Counter[tuple[str, NamespacedName]] = Counter()
        self._late: dict[str, list[Callable[[], Answer]]] = {"late": [], "later": []}

    def snapshot(self, scope: Scope, *, may_defer: bool = False) -> Snapshot:
        self._land("late")
        return self._cluster.snapshot(scope, may_defer=may_defer)

    def namespaces(self) -> Collection[str]:
        return self._cluster.namespaces()

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        self._land("later")
        return self._cluster.occupied_names(namespaces)

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        return self._cluster.remaining(config_maps)

    def create(self, desired: DesiredConfigMap) -> Answer:
        name = desired.namespaced_name
        return self._write("create", name, lambda: self._cluster.create(desired))

    def update(self, existing: ConfigMap, desired: DesiredConfigMap) -> Answer:
        name = existing.namespaced_name
        return self._write("update", name, lambda: self._cluster.update(existing, desired))

    def delete(self, existing: ConfigMap, confirm: Confirm = needs_no_look) -> Answer:
        name = existing.namespaced_name
        return self._write("delete", name, lambda: self._cluster.delete(existing, confirm))

    def update_status(self, update: StatusUpdate) -> Answer:
        name = update.namespaced_name
        return self._write("status", name, lambda: self._cluster.update_status(update))

    def _write(self, verb: str, name: NamespacedName, carry_out: Callable[[], Answer]) -> Answer:
        self._attempts[verb, name] += 1
        chance = Random(f"{self._seed}/{verb}/{name}/{self._attempts[verb, name]}")  # noqa: S311 - a test
        match chance.choice(FAULTS):
            case "refused":
                return UNAVAILABLE
            case "webhook":
                return WEBHOOK
            case "lost":
                carry_out()
                return LOST
            case "late" | "later" as when if verb == "create":
                self._late[when].append(carry_out)
                return NOT_THERE
            case _:
                answer = carry_out()
                if answer.result in {Result.CREATED, Result.UPDATED, Result.DELETED}:
                    self.answered[answer.result, name] += 1
                return answer

    def _land(self, when: str) -> None:
        """Carry out what came without an answer, just before a list."""
        landing, self._late[when] = self._late[when], []
        for carry_out in landing:
            carry_out()


def claims(report: Report) -> Counter[tuple[Result, NamespacedName]]:
    """What the report says was written, ConfigMaps and statuses."""
    claimed = Counter(
        (outcome.result, outcome.change.namespaced_name)
        for outcome in report.outcomes
        if isinstance(outcome, Outcome) and outcome.is_write
    )
    claimed.update(
        (status.result, status.update.namespaced_name)
        for status in report.statuses
        if status.result is Result.UPDATED
    )
    return claimed


@given(world=worlds(), seed=st.integers(), is_expected=st.booleans())
def test_a_run_claims_exactly_the_writes_that_were_answered(
    world: World, seed: int, is_expected: bool
) -> None:
    cluster = world.cluster()
    digest = run(EVERYWHERE, cluster, None, Policy(), now=NOW).digest if is_expected else ""
    server = FaultyServer(cluster, seed)
    policy = Policy(concurrency=1, expected_digest=digest)
    report = run(EVERYWHERE, server, server, policy, now=NOW)
    assert all(isinstance(outcome, Outcome) for outcome in report.outcomes)
    assert claims(report) == server.answered
    counts = summary(report)
    config_maps = Counter(result for result, name in server.answered.elements() if "-" in name.name)
    assert (counts.created, counts.deleted) == (
        config_maps[Result.CREATED],
        config_maps[Result.DELETED],
    )
    if any(outcome.result is Result.FAILED for outcome in report.outcomes):
        assert exit_code(report) in {3, 4, 5}


@given(world=worlds(), seed=st.integers())
def test_a_plan_that_is_not_the_expected_one_claims_nothing(world: World, seed: int) -> None:
    server = FaultyServer(world.cluster(), seed)
    policy = Policy(concurrency=1, expected_digest=f"sha256:{'0' * 64}")
    report = run(EVERYWHERE, server, server, policy, now=NOW)
    assert not server.answered
    assert report.is_prediction
    assert all(isinstance(outcome, Prediction) for outcome in report.outcomes)
