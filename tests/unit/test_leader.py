"""A candidate's next step, rule by rule; each number is a second of its own clock."""

import pytest

from podcm_sync.leader import (
    Candidate,
    Move,
    Seen,
    is_released,
    look,
    next_step,
    released,
    term_of,
)
from podcm_sync.model.lease import Lease, LeaseSpec
from podcm_sync.settings import Timing

TIMING = Timing(lease_duration=15.0, renew_deadline=10.0, retry_period=2.0)
ME = Candidate(identity="me", timing=TIMING)
STAMP = "2026-11-22T12:00:00.000000Z"
EARLIER = "2026-11-22T11:00:00.000000Z"


def lease(holder: str | None = "other", seconds: int | None = 15, version: str = "7") -> Lease:
    spec = LeaseSpec(
        holder_identity=holder,
        lease_duration_seconds=seconds,
        acquire_time=EARLIER,
        renew_time=EARLIER,
        lease_transitions=3,
    )
    return Lease(spec=spec, resource_version=version)


def move(found: Lease | None, waited: float, *, leads: bool = False) -> Move:
    seen = Seen(lease=found, since=100.0)
    return next_step(ME, seen, now=100.0 + waited, stamp=STAMP, leads=leads).move


def test_what_another_holds_is_taken_once_it_did_not_change_for_its_duration() -> None:
    assert move(lease(), 14.9) is Move.WAIT
    assert move(lease(), 15.0) is Move.TAKE


@pytest.mark.parametrize(("seconds", "due"), [(60, 60.0), (1, 15.0), (None, 15.0)])
def test_the_longer_duration_holds_the_leases_or_ones_own(seconds: int | None, due: float) -> None:
    """Replicas may have other options for a while; a hand may have shortened it."""
    assert move(lease(seconds=seconds), due - 0.1) is Move.WAIT
    assert move(lease(seconds=seconds), due) is Move.TAKE


def test_what_was_given_up_is_taken_at_once() -> None:
    given_up = Lease(spec=released(lease().spec, STAMP), resource_version="8")
    assert move(given_up, 0.0) is Move.TAKE


@pytest.mark.parametrize("holder", ["", None])
def test_what_was_emptied_by_hand_counts_for_its_duration(holder: str | None) -> None:
    assert move(lease(holder), 14.9) is Move.WAIT
    assert move(lease(holder), 15.0) is Move.TAKE


def test_a_missing_one_is_made() -> None:
    step = next_step(ME, Seen(lease=None, since=100.0), now=100.0, stamp=STAMP, leads=False)
    assert (step.move, step.resource_version) == (Move.CREATE, None)
    assert step.spec == LeaseSpec(
        holder_identity="me",
        lease_duration_seconds=15,
        acquire_time=STAMP,
        renew_time=STAMP,
        lease_transitions=0,
    )


def test_ones_own_is_renewed_over_the_version_that_was_seen() -> None:
    step = next_step(ME, Seen(lease=lease("me"), since=0.0), now=99.0, stamp=STAMP, leads=True)
    assert (step.move, step.resource_version) == (Move.RENEW, "7")
    assert step.spec == LeaseSpec(
        holder_identity="me",
        lease_duration_seconds=15,
        acquire_time=EARLIER,
        renew_time=STAMP,
        lease_transitions=3,
    )


def test_taking_it_counts_as_a_transition() -> None:
    step = next_step(ME, Seen(lease=lease(), since=0.0), now=99.0, stamp=STAMP, leads=False)
    assert (step.move, step.resource_version) == (Move.TAKE, "7")
    assert step.spec == LeaseSpec(
        holder_identity="me",
        lease_duration_seconds=15,
        acquire_time=STAMP,
        renew_time=STAMP,
        lease_transitions=4,
    )


@pytest.mark.parametrize("holder", ["other", "", None])
def test_a_leader_whose_lease_is_not_its_own_any_more_takes_nothing_back(
    holder: str | None,
) -> None:
    """Not even one that has run out: its term is over, and a new one begins with a look."""
    assert move(lease(holder), 99.0, leads=True) is Move.WAIT


def test_a_leader_makes_a_deleted_lease_anew() -> None:
    assert move(None, 0.0, leads=True) is Move.CREATE


def test_since_stays_while_the_version_does() -> None:
    before = look(None, lease(), 100.0)
    assert look(before, lease(), 105.0).since == 100.0
    assert look(before, lease(version="8"), 105.0).since == 105.0
    assert look(before, None, 105.0).since == 105.0
    assert look(look(None, None, 100.0), None, 105.0).since == 100.0


def test_a_duration_is_written_in_whole_seconds_and_never_shorter() -> None:
    candidate = Candidate(identity="me", timing=Timing(lease_duration=1.5, renew_deadline=1.0))
    step = next_step(candidate, Seen(lease=None, since=0.0), now=0.0, stamp=STAMP, leads=False)
    assert step.spec.lease_duration_seconds == 2


def test_a_term_ends_before_another_may_take_the_lease() -> None:
    term = term_of(TIMING, 100.0)
    assert (term.stops_beginning, term.cut) == (110.0, 112.5)


def test_released_is_what_client_go_writes() -> None:
    spec = released(lease("me").spec, STAMP)
    assert spec == LeaseSpec(
        holder_identity="",
        lease_duration_seconds=1,
        acquire_time=STAMP,
        renew_time=STAMP,
        lease_transitions=3,
    )
    assert is_released(spec)
    # A controller of client-go leaves the holder out.
    assert is_released(LeaseSpec(lease_duration_seconds=1))
    assert not is_released(lease("me", seconds=1).spec)
