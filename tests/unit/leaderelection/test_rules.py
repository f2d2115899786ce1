"""A candidate's next step, rule by rule. Each number is a second of the candidate's clock."""

import pytest

from podcm_sync.api.objects import Lease, LeaseSpec
from podcm_sync.leaderelection.rules import (
    Candidate,
    Observed,
    Step,
    Timing,
    is_released,
    next_step,
    observe,
    released,
    term_of,
)

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


def step(lease: Lease | None, waited: float, *, leads: bool = False) -> Step:
    observed = Observed(lease=lease, since=100.0)
    return next_step(ME, observed, now=100.0 + waited, stamp=STAMP, leads=leads).step


def test_what_another_holds_is_taken_once_it_did_not_change_for_its_duration() -> None:
    assert step(lease(), 14.9) is Step.WAIT
    assert step(lease(), 15.0) is Step.TAKE


@pytest.mark.parametrize(("seconds", "due"), [(60, 60.0), (1, 15.0), (None, 15.0)])
def test_the_longer_duration_holds_the_leases_or_ones_own(seconds: int | None, due: float) -> None:
    """Replicas can have different options for a while, and somebody can shorten it by hand."""
    assert step(lease(seconds=seconds), due - 0.1) is Step.WAIT
    assert step(lease(seconds=seconds), due) is Step.TAKE


def test_what_was_given_up_is_taken_at_once() -> None:
    given_up = Lease(spec=released(lease().spec, STAMP), resource_version="8")
    assert step(given_up, 0.0) is Step.TAKE


@pytest.mark.parametrize("holder", ["", None])
def test_what_was_emptied_by_hand_counts_for_its_duration(holder: str | None) -> None:
    assert step(lease(holder), 14.9) is Step.WAIT
    assert step(lease(holder), 15.0) is Step.TAKE


def test_a_missing_one_is_made() -> None:
    step = next_step(ME, Observed(lease=None, since=100.0), now=100.0, stamp=STAMP, leads=False)
    assert (step.step, step.resource_version) == (Step.CREATE, None)
    assert step.spec == LeaseSpec(
        holder_identity="me",
        lease_duration_seconds=15,
        acquire_time=STAMP,
        renew_time=STAMP,
        lease_transitions=0,
    )


def test_ones_own_is_renewed_over_the_version_that_was_seen() -> None:
    step = next_step(ME, Observed(lease=lease("me"), since=0.0), now=99.0, stamp=STAMP, leads=True)
    assert (step.step, step.resource_version) == (Step.RENEW, "7")
    assert step.spec == LeaseSpec(
        holder_identity="me",
        lease_duration_seconds=15,
        acquire_time=EARLIER,
        renew_time=STAMP,
        lease_transitions=3,
    )


def test_taking_it_counts_as_a_transition() -> None:
    step = next_step(ME, Observed(lease=lease(), since=0.0), now=99.0, stamp=STAMP, leads=False)
    assert (step.step, step.resource_version) == (Step.TAKE, "7")
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
    """Not even an expired one: the term is over, and a new one begins with a read."""
    assert step(lease(holder), 99.0, leads=True) is Step.WAIT


def test_a_leader_makes_a_deleted_lease_anew() -> None:
    assert step(None, 0.0, leads=True) is Step.CREATE


def test_since_stays_while_the_version_does() -> None:
    before = observe(None, lease(), 100.0)
    assert observe(before, lease(), 105.0).since == 100.0
    assert observe(before, lease(version="8"), 105.0).since == 105.0
    assert observe(before, None, 105.0).since == 105.0
    assert observe(observe(None, None, 100.0), None, 105.0).since == 100.0


def test_a_duration_is_written_in_whole_seconds_and_never_shorter() -> None:
    candidate = Candidate(identity="me", timing=Timing(lease_duration=1.5, renew_deadline=1.0))
    step = next_step(candidate, Observed(lease=None, since=0.0), now=0.0, stamp=STAMP, leads=False)
    assert step.spec.lease_duration_seconds == 2


def test_a_term_ends_before_another_may_take_the_lease() -> None:
    term = term_of(TIMING, 100.0)
    assert (term.begin_by, term.finish_by) == (110.0, 112.5)


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
    # A controller with client-go omits the holder.
    assert is_released(LeaseSpec(lease_duration_seconds=1))
    assert not is_released(lease("me", seconds=1).spec)
