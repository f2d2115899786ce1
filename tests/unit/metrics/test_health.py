"""/healthz and /readyz with a test clock: in time, late, and ready."""

import pytest

from podcm_sync.metrics.finished_run import FinishedRun
from podcm_sync.metrics.health import SLACK_SECONDS, Health
from podcm_sync.reconcile.report import Report
from tests.unit.reconcile.test_report import FOREIGN, HELD_BACK, LOST, report


class Time:
    """The current time."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def health(time: Time, deadline: float | None = 60.0, interval: float = 60.0) -> Health:
    return Health(interval=interval, deadline=deadline, now=time)


def finished(made: Report | None, failure: str = "") -> FinishedRun:
    return FinishedRun(at=0.0, duration_seconds=1.0, exit_code=0, report=made, failure=failure)


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
    """Pauses are long after failures, which is no reason for a restart."""
    watched = health(time)
    watched.finished(finished(None, "ServerUnreachable"))
    watched.idle(600.0)
    time.now += 600.0 + SLACK_SECONDS
    assert watched.not_live() == ""
    time.now += 1.0
    assert watched.not_live()


def test_a_loop_that_watches_is_live_between_runs_that_are_ten_minutes_apart(time: Time) -> None:
    watched = health(time, 240.0, 600.0)
    watched.begins()
    time.now += 5.0
    watched.finished(finished(report()))
    for pause in (595.0, 655.0, 600.0):  # on the grid, with jitter, and with the longest backoff
        watched.idle(pause)
        time.now += pause
        assert watched.not_live() == ""
        watched.begins()
        time.now += 240.0
        assert watched.not_live() == ""
        watched.finished(finished(None, "ServerUnreachable"))
    watched.idle(600.0)
    time.now += 600.0 + SLACK_SECONDS + 1.0
    assert watched.not_live()


def test_a_run_that_begins_early_has_its_whole_time(time: Time) -> None:
    """A watch that can't resume needs new lists, long before the pause is over."""
    watched = health(time, 240.0, 600.0)
    watched.finished(finished(report()))
    watched.idle(600.0)
    time.now += 599.0
    watched.begins()
    time.now += 240.0 + SLACK_SECONDS
    assert watched.not_live() == ""
    watched.finished(finished(report()))
    watched.idle(1.0)
    time.now += 1.0
    assert watched.not_live() == ""


def test_a_pause_that_is_declared_again_is_counted_from_then(time: Time) -> None:
    """Between two runs, a loop that watches works and pauses many times."""
    watched = health(time, 240.0, 600.0)
    watched.finished(finished(report()))
    for remaining in (600.0, 400.0, 200.0):
        watched.idle(remaining)
        time.now += 200.0
    assert watched.not_live() == ""
    time.now += SLACK_SECONDS + 1.0
    assert watched.not_live()


def test_after_a_run_the_loop_has_to_say_what_is_next(time: Time) -> None:
    watched = health(time)
    watched.begins()
    watched.finished(finished(report()))
    time.now += SLACK_SECONDS + 1.0
    assert watched.not_live()


@pytest.mark.parametrize(
    ("run", "is_ready"),
    [
        (finished(report()), True),
        # A tenant's mistake or a guard must not stop a rollout.
        (finished(report(FOREIGN)), True),
        (finished(report(HELD_BACK)), True),
        (finished(report(incomplete=LOST)), False),
        (finished(report(signal=15)), False),
        (finished(None, "ServerUnreachable"), False),
    ],
)
def test_ready_is_a_run_that_went_through(time: Time, run: FinishedRun, is_ready: bool) -> None:
    watched = health(time)
    assert watched.not_ready() == "no run has gone through yet"
    watched.finished(run)
    assert (watched.not_ready() == "") == is_ready


def test_once_ready_it_stays_so(time: Time) -> None:
    watched = health(time)
    watched.finished(finished(report()))
    watched.finished(finished(None, "ServerUnreachable"))
    assert watched.not_ready() == ""


def test_a_replica_that_waits_is_ready_and_alive_as_long_as_it_asks(time: Time) -> None:
    watched = health(time)
    watched.standby(10.0)
    assert watched.not_ready() == ""
    time.now += 10.0 + SLACK_SECONDS
    assert watched.not_live() == ""
    time.now += 1.0
    assert watched.not_live()


def test_what_stops_is_not_ready(time: Time) -> None:
    watched = Health(interval=60.0, deadline=None, is_stopping=lambda: True, now=time)
    watched.finished(finished(report()))
    assert watched.not_ready() == "stopping"
