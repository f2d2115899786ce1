"""Plan and Writer → outcomes (§2.4): order, concurrency, and failures that stay alone."""

import threading
from collections.abc import Callable

import pytest

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.interfaces import Confirm, needs_no_look
from podcm_sync.reconcile.changes import (
    Answer,
    Change,
    DesiredConfigMap,
    Outcome,
    Plan,
    Result,
    StatusUpdate,
    Verb,
)
from podcm_sync.reconcile.snapshot import Scope
from tests import builders
from tests.builders import change, config_map, desired, pcmc, pod
from tests.fakes import FakeCluster, Write, carried_out, outcomes_of

FORBIDDEN = Answer(result=Result.FAILED, reason=Reason.FORBIDDEN, code=403, message="no right")


def create(name: str) -> Change:
    made = desired(pod(name))
    return change(Verb.CREATE, name=made.namespaced_name.name, wanted=made)


def update(name: str) -> Change:
    existing = config_map(made_for=pod(name), more_data={"phase": "Pending"})
    wanted = desired(pod(name))
    return change(
        Verb.UPDATE,
        Reason.OUT_OF_SYNC,
        name=wanted.namespaced_name.name,
        message="data.phase",
        existing=existing,
        wanted=wanted,
    )


def delete(name: str) -> Change:
    existing = config_map(made_for=pod(name))
    return change(
        Verb.DELETE, Reason.POD_GONE, name=existing.namespaced_name.name, existing=existing
    )


def keep(name: str) -> Change:
    return change(Verb.KEEP, Reason.IN_SYNC, name=name)


def skip(name: str) -> Change:
    return change(Verb.SKIP, Reason.FOREIGN, name=name, message="another's")


class Recorder:
    """A Writer that answers what a test says, and notes what it was asked."""

    def __init__(self, answer: Callable[[str, str], Answer] | None = None) -> None:
        self.asked: list[tuple[str, str]] = []
        self._answer = answer or (lambda verb, _: Answer(result=RESULTS[verb], code=200))

    def create(self, desired: DesiredConfigMap) -> Answer:
        return self._note("create", desired.namespaced_name)

    def update(self, existing: ConfigMap, desired: DesiredConfigMap) -> Answer:
        assert existing.namespaced_name == desired.namespaced_name
        return self._note("update", existing.namespaced_name)

    def delete(self, existing: ConfigMap, confirm: Confirm = needs_no_look) -> Answer:
        return self._note("delete", existing.namespaced_name)

    def update_status(self, update: StatusUpdate) -> Answer:
        return self._note("status", update.namespaced_name)

    def _note(self, verb: str, name: NamespacedName) -> Answer:
        self.asked.append((verb, name.name))
        return self._answer(verb, name.name)


RESULTS = {
    "create": Result.CREATED,
    "update": Result.UPDATED,
    "delete": Result.DELETED,
    "status": Result.UPDATED,
}


def plan(*changes: Change) -> Plan:
    return Plan(changes=changes)


def test_every_change_has_one_outcome_in_the_plans_order() -> None:
    of = plan(delete("a"), keep("b"), create("c"), skip("d"), update("e"))
    outcomes = outcomes_of(of, Recorder(), concurrency=4)
    assert [each.change for each in outcomes] == list(of.changes)
    assert [each.result for each in outcomes] == [
        Result.DELETED,
        Result.UNCHANGED,
        Result.CREATED,
        Result.SKIPPED,
        Result.UPDATED,
    ]


@pytest.mark.parametrize("concurrency", [1, 4])
def test_creates_and_updates_go_before_deletes(concurrency: int) -> None:
    """behavior.md §2.4."""
    writer = Recorder()
    deletes = [delete(f"old-{number}") for number in range(5)]
    others = [create(f"new-{number}") for number in range(5)] + [update("x"), update("y")]
    outcomes_of(plan(*deletes, *others), writer, concurrency=concurrency)
    verbs = [verb for verb, _ in writer.asked]
    assert sorted(verbs[:7]) == ["create"] * 5 + ["update"] * 2
    assert verbs[7:] == ["delete"] * 5


def test_what_is_kept_or_skipped_asks_nothing_of_the_server() -> None:
    writer = Recorder()
    kept, skipped = outcomes_of(plan(keep("a"), skip("b")), writer, concurrency=4)
    assert writer.asked == []
    assert (kept.reason, kept.code, kept.message) == (Reason.IN_SYNC, None, "")
    assert (skipped.reason, skipped.code, skipped.message) == (Reason.FOREIGN, None, "another's")


def test_an_outcome_has_the_servers_word_and_else_the_plans() -> None:
    refused = outcomes_of(plan(update("a")), Recorder(lambda *_: FORBIDDEN), concurrency=1)[0]
    assert (refused.result, refused.reason, refused.code, refused.message) == (
        Result.FAILED,
        Reason.FORBIDDEN,
        403,
        "no right",
    )
    done = outcomes_of(plan(update("a")), Recorder(), concurrency=1)[0]
    assert (done.reason, done.code, done.message) == (Reason.OUT_OF_SYNC, 200, "data.phase")


@pytest.mark.parametrize("concurrency", [1, 8])
def test_one_failure_stops_nobody_else(concurrency: int) -> None:
    """behavior.md §2.4: one object's failure never stops another's work."""

    def answer(verb: str, name: str) -> Answer:
        return FORBIDDEN if "bad" in name else Answer(result=RESULTS[verb])

    of = plan(create("bad-1"), delete("bad-2"), *(create(f"c-{n}") for n in range(9)), delete("d"))
    outcomes = outcomes_of(of, Recorder(answer), concurrency=concurrency)
    results = [each.result for each in outcomes]
    assert results == [Result.FAILED] * 2 + [Result.CREATED] * 9 + [Result.DELETED]


def test_after_a_signal_nothing_new_is_begun_and_all_is_accounted_for() -> None:
    writer = Recorder()
    of = plan(create("a"), create("b"), create("c"), delete("d"), keep("e"), skip("f"))
    stopping = builders.stopping(is_stopping=lambda: len(writer.asked) >= 2)
    outcomes = outcomes_of(of, writer, concurrency=1, stopping=stopping)
    assert writer.asked == [
        ("create", "pod-a-from-web-cfg"),
        ("create", "pod-b-from-web-cfg"),
    ]
    assert [(each.result, each.reason) for each in outcomes] == [
        (Result.CREATED, Reason.MISSING),
        (Result.CREATED, Reason.MISSING),
        (Result.SKIPPED, Reason.INTERRUPTED),
        (Result.SKIPPED, Reason.INTERRUPTED),
        (Result.UNCHANGED, Reason.IN_SYNC),
        (Result.SKIPPED, Reason.FOREIGN),
    ]
    assert outcomes[2].message == outcomes[3].message == "not begun: the test says stop"


def test_what_needs_no_write_is_told_apart_from_what_was_not_begun() -> None:
    stopping = builders.stopping(is_stopping=lambda: True)
    of = plan(keep("a"), skip("b"), create("c"))
    outcomes = outcomes_of(of, Recorder(), concurrency=1, stopping=stopping)
    assert [each.reason for each in outcomes] == [
        Reason.IN_SYNC,
        Reason.FOREIGN,
        Reason.INTERRUPTED,
    ]


def test_writes_go_as_many_at_a_time_as_allowed_and_no_more() -> None:
    """All four meet at the barrier, so four are under way at once; never a fifth."""
    meeting = threading.Barrier(4, timeout=30)
    lock = threading.Lock()
    under_way, most = 0, 0

    def answer(verb: str, _: str) -> Answer:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        meeting.wait()
        with lock:
            under_way -= 1
        return Answer(result=RESULTS[verb])

    of = plan(*(create(f"c-{number}") for number in range(12)))
    outcomes_of(of, Recorder(answer), concurrency=4)
    assert most == 4


def test_a_concurrency_of_one_keeps_the_plans_order() -> None:
    writer = Recorder()
    outcomes_of(plan(*(create(name) for name in "cab")), writer, concurrency=1)
    assert [name for _, name in writer.asked] == [f"pod-{name}-from-web-cfg" for name in "cab"]


@pytest.mark.parametrize("concurrency", [1, 4])
def test_what_is_waited_for_no_longer_is_unreachable_and_the_rest_was_done(
    concurrency: int,
) -> None:
    """A server that never answers does not keep a run for ever; nothing is said to be undone."""
    is_over, never_mind = threading.Event(), threading.Event()

    def answer(verb: str, name: str) -> Answer:
        if name == "pod-c-2-from-web-cfg":
            is_over.set()
            never_mind.wait(30)
        return Answer(result=RESULTS[verb])

    of = plan(*(create(f"c-{number}") for number in range(3)))
    stopping = builders.stopping(is_stopping=is_over.is_set, is_cancelled=is_over.is_set)
    outcomes = outcomes_of(of, Recorder(answer), concurrency=concurrency, stopping=stopping)
    never_mind.set()
    assert [(each.result, each.reason) for each in outcomes] == [
        (Result.CREATED, Reason.MISSING),
        (Result.CREATED, Reason.MISSING),
        (Result.FAILED, Reason.UNREACHABLE),
    ]
    words = "no answer: the test is over; whether it was carried out is unknown"
    assert outcomes[2].message == words


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_watcher_is_told_of_each_outcome_once_from_the_callers_thread(concurrency: int) -> None:
    heard: list[Outcome] = []
    threads: set[threading.Thread] = set()

    def watch(outcome: Outcome) -> None:
        heard.append(outcome)
        threads.add(threading.current_thread())

    of = plan(*(create(f"c-{number}") for number in range(8)), keep("k"), delete("d"))
    outcomes = outcomes_of(of, Recorder(), concurrency=concurrency, watch=watch)
    assert sorted(heard, key=lambda each: each.change.namespaced_name) == sorted(
        outcomes, key=lambda each: each.change.namespaced_name
    )
    assert threads == {threading.current_thread()}


class Bug(BaseException):
    """What no writer should raise."""


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_bug_in_a_writer_is_raised_here(concurrency: int) -> None:
    """Never taken for an object's failure."""

    def answer(verb: str, name: str) -> Answer:
        if name == "pod-c-3-from-web-cfg":
            raise Bug
        return Answer(result=RESULTS[verb])

    of = plan(*(create(f"c-{number}") for number in range(8)))
    with pytest.raises(Bug):
        outcomes_of(of, Recorder(answer), concurrency=concurrency)


def test_an_empty_plan_comes_to_nothing() -> None:
    assert outcomes_of(plan(), Recorder(), concurrency=4) == ()


def test_a_plan_is_applied_to_a_cluster_once() -> None:
    cluster = FakeCluster(config_map(made_for=pod("old")))
    outcomes = outcomes_of(plan(create("a")), cluster, concurrency=4)
    assert [each.code for each in outcomes] == [201]
    again = outcomes_of(plan(create("a")), cluster, concurrency=4)
    assert [(each.result, each.reason) for each in again] == [(Result.FAILED, Reason.CONFLICT)]


NOTHING = plan()


def test_only_statuses_that_differ_are_written() -> None:
    """behavior.md §5: a status equal to the one stored is not written."""
    (stamped,) = carried_out(NOTHING, FakeCluster(pcmc("a")), configs=(pcmc("a"),)).statuses
    in_sync = pcmc("a", status=stamped.update.desired)
    writer = Recorder()
    statuses = carried_out(NOTHING, writer, configs=(in_sync, pcmc("b")), concurrency=4).statuses
    assert writer.asked == [("status", "b")]
    assert [status.result for status in statuses] == [Result.UNCHANGED, Result.UPDATED]
    assert [status.update.namespaced_name.name for status in statuses] == ["a", "b"]


def test_a_status_that_is_refused_is_an_outcome() -> None:
    applied = carried_out(NOTHING, Recorder(lambda *_: FORBIDDEN), configs=(pcmc("a"),))
    (outcome,) = applied.statuses
    assert (outcome.result, outcome.reason, outcome.message) == (
        Result.FAILED,
        Reason.FORBIDDEN,
        "no right",
    )


INVALID = tuple(pcmc(name, match_labels={"a b": "c"}) for name in ("a", "b"))
"""Each of them is worth an Event."""


def test_an_event_that_is_refused_holds_up_no_other() -> None:
    cluster = FakeCluster(*INVALID)
    cluster.before_write = lambda write: (
        FORBIDDEN if write.verb == "event" and write.name.name == "a" else None
    )
    configs = cluster.snapshot(Scope(namespaces=None)).configs
    carried_out(NOTHING, cluster, configs=configs, recorder=cluster, concurrency=2)
    assert [event.config.name for event in cluster.events.values()] == ["b"]
    assert [write.verb for write in cluster.writes] == ["status"] * 2 + ["event"] * 2


def test_an_event_that_takes_for_ever_is_not_waited_for_when_time_is_up() -> None:
    never, is_asked = threading.Event(), threading.Event()
    cluster = FakeCluster(*INVALID)

    def hang(write: Write) -> None:
        if write.verb == "event":
            is_asked.set()
            never.wait()

    cluster.before_write = hang
    stopping = builders.stopping(is_cancelled=is_asked.is_set)
    configs = cluster.snapshot(Scope(namespaces=None)).configs
    carried_out(NOTHING, cluster, configs=configs, recorder=cluster, stopping=stopping)
    assert cluster.events == {}
    never.set()
