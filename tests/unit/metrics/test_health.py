"""/healthz and /readyz by a clock of our own: what is in time, what is late, what is ready."""

import pytest

from podcm_sync.core.ended import Ended
from podcm_sync.core.report import Report
from podcm_sync.metrics.health import SLACK_SECONDS, Health
from tests.unit.core.test_report import FOREIGN, HELD_BACK, LOST, report


class Time:
    """What time it is."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def health(time: Time, deadline: float | None = 60.0, interval: float = 60.0) -> Health:
    return Health(interval=interval, deadline=deadline, now=time)


def ended(made: Report | None, failure: str = "") -> Ended:
    return Ended(at=0.0, duration_seconds=1.0, exit_code=0, report=made, failure=failure)


def test_a_run_may_take_its_deadline_and_a_little_more(time: Time) -> None:
    watched = health(time)
    watched.begins()
    time.now += 60.0 + SLACK_SECONDS
    assert watched.not_live() == ""
    time.now += 10.0
    assert watched.not_live() == "no sign of life for 10 s longer than there should be"


@pytest.mark.parametrize(("interval", "longest"), [(60.0, 1_800.0), (3_600.0, 36_000.0)])
def test_without_a_deadline_half_an_hour_or_ten_intervals(
    time: Time, interval: float, longest: float
) -> None:
    watched = health(time, None, interval)
    time.now += longest + SLACK_SECONDS
    assert watched.not_live() == ""
    time.now += 1.0
    assert watched.not_live()


def test_a_pause_may_be_as_long_as_the_loop_said_and_no_longer(time: Time) -> None:
    """After failures pauses are long, which is no reason to be started anew."""
    watched = health(time)
    watched.ended(ended(None, "ServerUnreachable"))
    watched.rests(600.0)
    time.now += 600.0 + SLACK_SECONDS
    assert watched.not_live() == ""
    time.now += 1.0
    assert watched.not_live()


def test_after_a_run_the_loop_has_to_say_what_is_next(time: Time) -> None:
    watched = health(time)
    watched.begins()
    watched.ended(ended(report()))
    time.now += SLACK_SECONDS + 1.0
    assert watched.not_live()


@pytest.mark.parametrize(
    ("each", "is_ready"),
    [
        (ended(report()), True),
        # A tenant's mistake and a guard's word are no reason to hold up a rollout.
        (ended(report(FOREIGN)), True),
        (ended(report(HELD_BACK)), True),
        (ended(report(incomplete=LOST)), False),
        (ended(report(signal=15)), False),
        (ended(None, "ServerUnreachable"), False),
    ],
)
def test_ready_is_a_run_that_went_through(time: Time, each: Ended, is_ready: bool) -> None:
    watched = health(time)
    assert watched.not_ready() == "no run has gone through yet"
    watched.ended(each)
    assert (watched.not_ready() == "") == is_ready


def test_once_ready_it_stays_so(time: Time) -> None:
    watched = health(time)
    watched.ended(ended(report()))
    watched.ended(ended(None, "ServerUnreachable"))
    assert watched.not_ready() == ""


def test_a_replica_that_waits_is_ready_and_alive_as_long_as_it_asks(time: Time) -> None:
    watched = health(time)
    watched.stands_by(10.0)
    assert watched.not_ready() == ""
    time.now += 10.0 + SLACK_SECONDS
    assert watched.not_live() == ""
    time.now += 1.0
    assert watched.not_live()


def test_what_stops_is_not_ready(time: Time) -> None:
    watched = Health(interval=60.0, deadline=None, is_stopping=lambda: True, now=time)
    watched.ended(ended(report()))
    assert watched.not_ready() == "stopping"
