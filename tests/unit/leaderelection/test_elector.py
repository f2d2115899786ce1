"""One candidate with its threads, in simulated time: how long it leads, and what it logs.

The law that no two lead at once is in tests/laws/test_never_two_write.py.
"""

import logging
from collections.abc import Callable, Iterator

import pytest

from podcm_sync.api.objects import Lease, LeaseSpec
from podcm_sync.cluster.interfaces import Limit
from podcm_sync.errors import Interrupted
from podcm_sync.runtime.context import GRACE_SECONDS
from tests.laws.elections import TIMINGS, Fate, Process, World
from tests.laws.simulation import Actor

TIMING = TIMINGS[0]
FREE = LeaseSpec(holder_identity="", lease_duration_seconds=1, lease_transitions=0)
LOST = Fate(reaches=False)
UNANSWERED = Fate(is_answered=False)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """One candidate, a lease that nobody holds, and no faults."""
    made = World(seed=0, candidates=1, timing=TIMING)
    made.is_faulty = False
    made.server.store(FREE)
    made.patch(monkeypatch)
    yield made
    made.end()


@pytest.fixture
def one(world: World) -> Process:
    (process,) = world.processes
    process.pace = 1.0
    return process


def at(world: World, seconds: float) -> None:
    world.simulation.run(seconds)


def fates(world: World, monkeypatch: pytest.MonkeyPatch, fate: Callable[[], Fate]) -> None:
    monkeypatch.setattr(world, "fate", fate)


def holder(world: World) -> str | None:
    lease = world.server.lease
    return None if lease is None else lease.spec.holder_identity


def is_writing(world: World, process: Process) -> bool:
    """Whether the process began a write within the last two seconds."""
    return process.last_write > world.simulation.now - 2.0


def test_a_lease_that_nobody_holds_is_taken_and_kept(world: World, one: Process) -> None:
    at(world, 1.0)
    assert is_writing(world, one)
    at(world, 100.0)
    assert is_writing(world, one)
    assert holder(world) == one.name
    assert one.election.status.is_leading
    assert one.election.status.holder == one.name


def test_without_answers_it_begins_nothing_from_the_renew_deadline_on(
    world: World, one: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(world, 5.0)
    assert world.server.lease is not None
    version = world.server.lease.resource_version
    fates(world, monkeypatch, lambda: LOST)
    at(world, 60.0)
    assert world.server.lease.resource_version == version, "no renewal came"
    # The last renewal was just after 4.0; writes follow each other within a second.
    assert 13.0 < one.last_write < 14.1
    assert not one.election.status.is_leading


def test_a_term_is_counted_from_the_beginning_of_its_request(
    world: World, one: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If an answer takes four seconds, six remain."""
    coming = iter([Fate(), Fate(there=0.001, back=4.0)])  # a read and an acquisition
    fates(world, monkeypatch, lambda: next(coming, LOST))
    at(world, 60.0)
    assert 9.0 < one.last_write < 10.1


def test_a_renewal_that_is_answered_too_late_does_not_bring_the_term_back(
    world: World, one: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then the candidate's work has ended. It reads the lease again, and begins a new term."""
    terms: list[float] = []
    extend_leadership = one.context.extend_leadership

    def recorded(begin_by: float, finish_by: float) -> None:
        terms.append(world.simulation.now)
        extend_leadership(begin_by, finish_by)

    monkeypatch.setattr(one.context, "extend_leadership", recorded)
    at(world, 1.0)
    fates(world, monkeypatch, lambda: UNANSWERED)
    at(world, 11.9)
    assert terms == [pytest.approx(0.004, abs=0.01)]
    assert one.context.is_stopping()
    fates(world, monkeypatch, Fate)
    at(world, 20.0)
    assert is_writing(world, one)
    assert terms[1] > 10.0


def test_not_even_where_its_request_overran_its_own_limit(
    world: World, one: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(world, 1.0)
    write = one.write

    def late(spec: LeaseSpec, resource_version: str | None, limit: Limit) -> Lease:
        lease = write(spec, resource_version, limit)
        world.simulation.sleep(9.5)
        return lease

    monkeypatch.setattr(one, "write", late)
    at(world, 11.7)  # the renewal began at 2, so a term would last until 12
    assert not one.context.may_write()
    assert one.last_write < 10.1


def test_each_request_has_the_option_that_limits_it_by_name(
    world: World, one: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remaining time differs each time, so a message with it would be logged each time."""
    limits: list[Limit] = []
    write = one.write

    def noting(spec: LeaseSpec, resource_version: str | None, limit: Limit) -> Lease:
        limits.append(limit)
        return write(spec, resource_version, limit)

    monkeypatch.setattr(one, "write", noting)
    at(world, 5.0)
    fates(world, monkeypatch, lambda: LOST)
    at(world, 16.0)
    assert limits[0].name == "half of --renew-deadline 10s"
    assert limits[0].seconds == pytest.approx(5.0, abs=0.01)
    assert limits[-1].name == "the rest of --renew-deadline 10s"
    assert limits[-1].seconds < 5.0


def test_what_a_hand_took_away_is_not_written_under_any_more(world: World, one: Process) -> None:
    """The process notices it at the next renewal, not only at the end of the term."""
    at(world, 5.0)
    world.server.store(LeaseSpec(holder_identity="somebody", lease_duration_seconds=15))
    at(world, 5.0 + TIMING.retry_period + 0.1)
    assert one.context.is_stopping()
    assert not one.context.may_write()
    stopped = one.last_write
    at(world, 18.0)
    assert one.last_write == stopped


def test_a_leader_that_was_frozen_says_once_that_it_lost_the_lead(
    world: World, one: Process, caplog: pytest.LogCaptureFixture
) -> None:
    """Its work notices first that the term is over, and the thread that renews ends with it."""
    at(world, 5.0)
    one.origin += 60.0  # a clock goes on while its process stands still
    at(world, 8.0)
    warnings = [x.getMessage() for x in caplog.records if x.levelno >= logging.WARNING]
    assert warnings == ["this process no longer leads: not renewed within 10 s"]


def test_a_lease_that_was_not_there_is_led_by_a_duration_later(world: World, one: Process) -> None:
    """Somebody may have deleted it, and its holder may not know yet."""
    world.server.lease = None
    at(world, 1.0)
    assert holder(world) == one.name
    at(world, 15.0)
    assert one.last_write < 0
    at(world, 18.0)
    assert is_writing(world, one)


def test_so_it_is_where_the_answer_to_its_making_was_lost(
    world: World, one: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.server.lease = None
    coming = iter([Fate(), UNANSWERED])
    fates(world, monkeypatch, lambda: next(coming, Fate()))
    at(world, 7.0)  # five seconds for the lost answer, and a pause
    assert holder(world) == one.name
    at(world, 21.9)
    assert one.last_write < 0
    at(world, 26.0)
    assert is_writing(world, one)


def test_who_was_too_late_to_make_it_leads_at_once_when_it_takes_it(
    world: World, one: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.server.lease = None

    def others_make_it() -> None:
        world.server.store(LeaseSpec(holder_identity="other", lease_duration_seconds=15))

    world.simulation.at(0.0015, others_make_it)
    at(world, 14.9)
    assert holder(world) == "other"
    at(world, 18.0)
    assert holder(world) == one.name
    assert is_writing(world, one)


def test_a_leader_whose_lease_is_deleted_makes_it_anew_and_leads_on(
    world: World, one: Process
) -> None:
    at(world, 5.0)
    world.server.lease = None
    at(world, 8.0)
    assert holder(world) == one.name
    assert is_writing(world, one)


def terminate(world: World, process: Process) -> None:
    world.simulation.current = process.main
    process.context.receive(15)


def test_after_a_signal_the_lease_is_given_up_once_nothing_is_under_way(
    world: World, one: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(world, 5.0)
    stored: list[float] = []
    store = world.server.store

    def noted(spec: LeaseSpec) -> Lease:
        stored.append(world.simulation.now)
        return store(spec)

    monkeypatch.setattr(world.server, "store", noted)
    terminate(world, one)
    at(world, 40.0)
    assert world.server.lease is not None
    spec = world.server.lease.spec
    assert (spec.holder_identity, spec.lease_duration_seconds) == ("", 1)
    assert stored[-1] >= one.writes_end
    assert one.main.is_done


def test_what_outlasts_a_signals_grace_keeps_the_lease(
    world: World, one: Process, caplog: pytest.LogCaptureFixture
) -> None:
    at(world, 5.0)
    terminate(world, one)
    one.writes_end = 5.0 + GRACE_SECONDS + 10.0
    at(world, 60.0)
    assert holder(world) == one.name
    assert "a write can still be under way" in caplog.text


def test_what_its_work_raises_is_raised_and_keeps_the_lease(
    world: World, one: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a bug, nobody knows which writes are under way."""

    def work() -> None:
        raise ZeroDivisionError

    raised: list[bool] = []

    def lead() -> None:
        with pytest.raises(ZeroDivisionError):
            one.election.lead(work)
        raised.append(True)

    one.is_killed = True
    at(world, 0.5)
    one.is_killed = False
    Actor(world.simulation, one, lead)
    at(world, 5.0)
    assert raised == [True]
    assert holder(world) == one.name


def lead_interrupted(world: World, process: Process) -> list[bool]:
    """Let a signal interrupt the work of the process. Returns whether `lead` raised Interrupted."""
    raised: list[bool] = []

    def work() -> None:
        process.context.receive(15)
        raise Interrupted(15)

    def lead() -> None:
        with pytest.raises(Interrupted):
            process.election.lead(work)
        raised.append(True)

    process.is_killed = True
    at(world, 0.5)
    process.is_killed = False
    Actor(world.simulation, process, lead)
    return raised


def test_work_that_a_signal_interrupted_gives_the_lease_up(world: World, one: Process) -> None:
    """It hadn't begun to write."""
    raised = lead_interrupted(world, one)
    at(world, 5.0)
    assert raised == [True]
    assert holder(world) == ""


def test_for_whom_it_waits_and_what_is_wrong_is_said_once(
    world: World,
    one: Process,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    world.server.store(LeaseSpec(holder_identity="other", lease_duration_seconds=60))
    at(world, 20.0)
    fates(world, monkeypatch, lambda: LOST)
    at(world, 50.0)
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [f"waiting to lead: other holds {one}", "no answer; trying again"]
    assert not one.election.status.is_leading
    assert one.election.status.holder == "other"
