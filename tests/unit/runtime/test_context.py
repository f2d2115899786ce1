"""RunContext: when nothing new begins, how much time remains, and waits that end early."""

import signal

import pytest

from podcm_sync.cli.option import parse_duration
from podcm_sync.runtime import context as clock_module
from podcm_sync.runtime.context import GRACE_SECONDS, POLL_SECONDS, RunContext, duration


class FakeTime:
    """Replaces the `time` module. Only sleeping makes time pass."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr(clock_module, "time", fake)
    return fake


def test_without_a_deadline_there_is_no_end_and_no_stopping(time: FakeTime) -> None:
    context = RunContext()
    assert context.remaining() is None
    context.begin(None)
    time.now += 1e9
    assert context.remaining() is None
    assert not context.is_stopping()


@pytest.mark.parametrize(
    ("deadline", "begins_until"),
    [(1.0, 0.9), (10.0, 9.0), (50.0, 45.0), (60.0, 55.0), (3_600.0, 3_595.0)],
)
def test_nothing_begins_in_a_deadlines_last_tenth_or_five_seconds(
    time: FakeTime, deadline: float, begins_until: float
) -> None:
    context = RunContext()
    context.begin(deadline)
    began = time.now
    time.now = began + begins_until - 0.001
    assert not context.is_stopping()
    time.now = began + begins_until + 0.001
    assert context.is_stopping()


def test_what_is_left_falls_to_zero_and_not_below(time: FakeTime) -> None:
    context = RunContext()
    context.begin(10.0)
    time.now += 4
    assert context.remaining() == 6
    time.now += 6
    assert context.remaining() == 0
    time.now += 6
    assert context.remaining() == 0


def test_each_run_has_a_deadline_of_its_own(time: FakeTime) -> None:
    context = RunContext()
    context.begin(10.0)
    time.now += 20
    assert context.is_stopping()
    context.begin(10.0)
    assert not context.is_stopping()
    assert context.remaining() == 10


def test_a_deadline_can_be_lifted(time: FakeTime) -> None:
    context = RunContext()
    context.begin(10.0)
    context.begin(None)
    time.now += 20
    assert not context.is_stopping()
    assert context.remaining() is None


def test_a_signal_stops_at_once_and_leaves_a_while_to_finish(time: FakeTime) -> None:
    context = RunContext()
    context.receive(signal.SIGTERM)
    assert context.is_stopping()
    assert context.signal_number == 15
    assert context.remaining() == GRACE_SECONDS
    time.now += GRACE_SECONDS
    assert context.remaining() == 0


def test_grace_and_reserve_end_before_a_pods_thirty_seconds() -> None:
    assert GRACE_SECONDS < 30


@pytest.mark.parametrize(("deadline", "left"), [(5.0, 5.0), (300.0, GRACE_SECONDS)])
def test_a_signal_never_puts_the_deadline_off(time: FakeTime, deadline: float, left: float) -> None:
    context = RunContext()
    context.begin(deadline)
    context.receive(signal.SIGINT)
    assert context.remaining() == left


def test_a_run_that_begins_after_a_signal_begins_nothing(time: FakeTime) -> None:
    context = RunContext()
    context.receive(signal.SIGINT)
    context.begin(60.0)
    assert context.is_stopping()
    assert context.signal_number == 2


@pytest.mark.parametrize("deadline", [None, 300.0])
def test_a_run_that_begins_after_a_signal_has_no_more_time_than_its_grace(
    time: FakeTime, deadline: float | None
) -> None:
    """A signal between two runs of a loop, or during the login."""
    context = RunContext()
    context.receive(signal.SIGTERM)
    context.begin(deadline)
    left = context.remaining()
    assert left is not None
    assert left <= GRACE_SECONDS


def test_a_wait_takes_its_time_in_small_steps(time: FakeTime) -> None:
    """A wait polls the signal number at least this often."""
    context = RunContext()
    assert context.wait(1.03)
    assert time.now == pytest.approx(1_001.03)
    assert max(time.sleeps) <= POLL_SECONDS


def test_a_wait_for_nothing_does_not_sleep(time: FakeTime) -> None:
    context = RunContext()
    assert context.wait(0)
    assert context.wait(-1)
    assert time.sleeps == []


def test_a_signal_ends_a_wait_early(time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> None:
    context = RunContext()

    def sleep(seconds: float) -> None:
        time.now += seconds
        if time.now >= 1_002:
            context.receive(signal.SIGTERM)

    monkeypatch.setattr(time, "sleep", sleep)
    assert not context.wait(3_600)
    assert time.now < 1_002 + 2 * POLL_SECONDS


def test_the_deadline_ends_a_wait_early(time: FakeTime) -> None:
    context = RunContext()
    context.begin(10.0)
    assert not context.wait(3_600)
    assert 1_009 <= time.now < 1_009 + 2 * POLL_SECONDS


def test_after_a_signal_there_is_no_waiting(time: FakeTime) -> None:
    context = RunContext()
    context.receive(signal.SIGINT)
    assert not context.wait(60)
    assert time.sleeps == []


def test_who_need_not_lead_may_write_for_ever(time: FakeTime) -> None:
    context = RunContext()
    assert context.may_write()
    assert context.remaining_for_writes() is None
    context.begin(10.0)
    assert context.remaining_for_writes() == 10


def test_who_follows_writes_nothing(time: FakeTime) -> None:
    context = RunContext()
    context.end_leadership()
    assert not context.may_write()
    assert context.is_stopping()
    assert context.remaining() == 0
    assert context.remaining_for_writes() == 0


def test_a_term_ends_the_beginning_first_and_what_is_under_way_later(time: FakeTime) -> None:
    context = RunContext()
    began = time.now
    context.extend_leadership(begin_by=began + 10, finish_by=began + 12.5)
    time.now = began + 9.9
    assert context.may_write()
    assert not context.is_stopping()
    time.now = began + 10
    assert not context.may_write()
    assert context.is_stopping()
    assert context.remaining() is None, "what is under way is waited for"
    assert context.remaining_for_writes() == 2.5
    time.now = began + 12.5
    assert context.remaining() == 0
    assert context.remaining_for_writes() == 0


def test_a_renewal_puts_a_terms_end_off(time: FakeTime) -> None:
    context = RunContext()
    context.extend_leadership(begin_by=time.now + 10, finish_by=time.now + 12)
    time.now += 9
    context.extend_leadership(begin_by=time.now + 10, finish_by=time.now + 12)
    time.now += 9
    assert context.may_write()


@pytest.mark.parametrize(("deadline", "left"), [(5.0, 5.0), (60.0, 12.0)])
def test_a_write_has_the_time_of_the_term_or_of_the_run_whichever_is_less(
    time: FakeTime, deadline: float, left: float
) -> None:
    """A read has only the limits of the run, since nothing comes of it if the term ends."""
    context = RunContext()
    context.begin(deadline)
    context.extend_leadership(begin_by=time.now + 10, finish_by=time.now + 12)
    assert context.remaining_for_writes() == left
    assert context.remaining() == deadline


def test_waiting_to_lead_heeds_signals_alone(
    time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = RunContext()
    context.end_leadership()
    assert context.wait_unless_signaled(1.03)
    assert time.now == pytest.approx(1_001.03)

    def sleep(seconds: float) -> None:
        time.now += seconds
        if time.now >= 1_002:
            context.receive(signal.SIGTERM)

    monkeypatch.setattr(time, "sleep", sleep)
    assert not context.wait_unless_signaled(3_600)
    assert time.now < 1_002 + 2 * POLL_SECONDS


def test_the_true_limit_is_named(time: FakeTime) -> None:
    context = RunContext()
    assert context.limit() == (None, "")
    context.begin(1.0)
    assert context.limit() == (1.0, "--deadline 1s")
    time.now += 1.0
    assert context.cause() == "timed out (--deadline 1s)"
    context.end_leadership()
    assert context.cause() == "this process does not lead"


def test_after_a_signal_its_grace_is_the_limit_if_the_deadline_is_later(time: FakeTime) -> None:
    context = RunContext()
    context.begin(60.0)
    context.receive(signal.SIGTERM)
    assert context.limit() == (GRACE_SECONDS, "the 20 s that SIGTERM leaves")
    time.now += GRACE_SECONDS
    assert context.cause() == "timed out (the 20 s that SIGTERM leaves)"


def test_after_a_signal_the_deadline_is_the_limit_if_it_is_earlier(time: FakeTime) -> None:
    context = RunContext()
    context.begin(5.0)
    context.receive(signal.SIGTERM)
    assert context.limit() == (5.0, "--deadline 5s")


def test_what_keeps_anything_new_from_beginning_is_named(time: FakeTime) -> None:
    context = RunContext()
    context.begin(10.0)
    time.now += 9.5
    assert context.is_stopping()
    assert context.why_stopping() == "timed out (--deadline 10s)"
    context.end_leadership()
    assert context.why_stopping() == "this process does not lead"
    context.receive(signal.SIGTERM)
    assert context.why_stopping() == "cut short by SIGTERM"


def test_a_limit_may_have_a_name_of_its_own(time: FakeTime) -> None:
    context = RunContext()
    context.begin(5.0, "half of --renew-deadline 10s")
    time.now += 5.0
    assert context.cause() == "timed out (half of --renew-deadline 10s)"


def test_a_write_may_have_the_leaders_term_for_a_limit(time: FakeTime) -> None:
    context = RunContext()
    context.begin(60.0)
    context.extend_leadership(begin_by=time.now + 10, finish_by=time.now + 12)
    assert context.limit(is_write=True) == (12.0, "this process's term as the leader")
    assert context.limit() == (60.0, "--deadline 1m")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.15, "150ms"),
        (1.0, "1s"),
        (1.5, "1.5s"),
        (60.0, "1m"),
        (90.0, "1m30s"),
        (5400.0, "1h30m"),
        (240.0, "4m"),
        (86_400.0, "24h"),
    ],
)
def test_a_duration_is_written_as_in_an_option(seconds: float, words: str) -> None:
    assert duration(seconds) == words
    assert parse_duration(words) == pytest.approx(seconds)


def test_a_part_of_the_run_is_over_after_its_share_of_the_rest(time: FakeTime) -> None:
    context = RunContext()
    context.begin(10.0)
    time.now += 2.0
    is_over = context.part(0.5)
    time.now += 3.9
    assert not is_over()
    time.now += 0.2
    assert is_over()


def test_a_part_of_the_run_is_over_when_a_signal_comes_and_without_a_deadline_only_then(
    time: FakeTime,
) -> None:
    context = RunContext()
    context.begin(None)
    is_over = context.part(0.5)
    time.now += 1e9
    assert not is_over()
    context.receive(signal.SIGTERM)
    assert is_over()
