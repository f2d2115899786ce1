"""The loop keeps to its grid, backs off after failures, and ends at a signal."""

import logging
import random
import signal
from collections.abc import Callable, Iterable
from itertools import chain, cycle, repeat

import pytest

from podcm_sync import loop as loop_module
from podcm_sync.loop import loop
from podcm_sync.runtime import context as clock_module
from podcm_sync.runtime.backoff import JITTER_SHARE, MAX_BACKOFF_SECONDS
from podcm_sync.runtime.context import POLL_SECONDS, RunContext

START = 1_000.0
INTERVAL = 60.0
NEARLY = 1e-6
"""What sums of floats may be off by."""


class World:
    """Simulated time, a RunContext, and runs with given durations and results."""

    def __init__(self) -> None:
        self.now = START
        self.context = RunContext()
        self.began: list[float] = []
        self.ended: list[float] = []
        self.idled: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def loop(
        self,
        *,
        runs: int,
        took: Iterable[float] = (),
        serves: Iterable[bool] = (),
        interval: float = INTERVAL,
        during: Callable[[int], None] = lambda _: None,
    ) -> int:
        """Loop over this many runs, with SIGTERM in the last. By default, each takes 0 s."""
        lasting, coming = chain(took, repeat(0.0)), chain(serves, repeat(True))

        def run() -> bool:
            self.began.append(self.now)
            during(len(self.began))
            self.now += next(lasting)
            self.ended.append(self.now)
            if len(self.began) == runs:
                self.context.receive(signal.SIGTERM)
            return next(coming)

        return loop(run, self.context, interval=interval, idle=self.idled.append)

    def pauses(self) -> list[float]:
        """The seconds from the end of each run to the start of the next."""
        return [began - ended for ended, began in zip(self.ended[:-1], self.began[1:], strict=True)]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(loop_module, "time", made)
    monkeypatch.setattr(clock_module, "time", made)
    return made


@pytest.fixture
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, _: low)


@pytest.fixture
def long_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A RunContext that skips very long pauses in which no signal comes."""
    monkeypatch.setattr(clock_module, "POLL_SECONDS", 1e9)


def late_by(began: list[float], interval: float = INTERVAL) -> list[float]:
    """How much later than its time of the grid each run began, in order."""
    return [at - (START + number * interval) for number, at in enumerate(began)]


def test_the_first_run_begins_at_once(world: World) -> None:
    world.loop(runs=1)
    assert world.began == [START]


def test_each_pause_is_told_before_it_begins(world: World) -> None:
    """Also the long pauses after failures, since /healthz must know them."""
    world.loop(runs=6, took=repeat(7.0), serves=[True, False, False, False, False])
    assert world.idled[:-1] == pytest.approx(world.pauses(), abs=0.1)
    assert len(world.idled) == 6


@pytest.mark.usefixtures("no_jitter", "long_steps")
def test_ten_thousand_runs_do_not_drift(world: World) -> None:
    """If a run is shorter than the interval, the next one begins at the next time of the grid."""
    world.loop(runs=10_000, took=cycle([0.1, 7.3, 59.9, 1 / 3, 30.0]))
    assert len(world.began) == 10_000
    assert max(map(abs, late_by(world.began))) < NEARLY


def test_jitter_puts_each_run_off_by_a_tenth_at_most_and_does_not_add_up(world: World) -> None:
    world.loop(runs=2_000, took=repeat(7.0))
    late = late_by(world.began)[1:]
    assert min(late) >= -NEARLY
    assert max(late) <= JITTER_SHARE * INTERVAL + NEARLY
    assert JITTER_SHARE == 0.1
    # Spread over that tenth, loops that began together drift apart.
    assert max(late) - min(late) > 5


@pytest.mark.usefixtures("no_jitter")
def test_a_run_longer_than_the_interval_leaves_out_times_and_keeps_the_grid(world: World) -> None:
    world.loop(runs=4, took=[1.0, 130.0, 1.0])
    assert [at - START for at in world.began] == pytest.approx([0, 60, 240, 300])


@pytest.mark.usefixtures("no_jitter")
def test_a_run_longer_than_the_interval_is_said(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.loop(runs=3, took=[1.0, 130.04])
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "the run took 130.0 s, past the interval of 60 s")
    ]


@pytest.mark.usefixtures("no_jitter")
def test_runs_that_serve_nothing_back_off_twice_as_far_each_time(world: World) -> None:
    """From one start to the next, there are 1, 2, 4, and 8 intervals."""
    world.loop(runs=5, serves=repeat(False))
    assert [at - START for at in world.began] == pytest.approx([0, 60, 180, 420, 900])


@pytest.mark.usefixtures("no_jitter", "long_steps")
def test_backoff_has_a_cap(world: World) -> None:
    world.loop(runs=40, serves=repeat(False))
    assert world.pauses()[:4] == pytest.approx([60, 120, 240, 480])
    assert world.pauses()[4:] == pytest.approx([MAX_BACKOFF_SECONDS] * 35)


@pytest.mark.usefixtures("long_steps")
def test_jitter_goes_on_top_of_the_cap(world: World) -> None:
    """Loops that lost the same server must not all come back at the same time."""
    world.loop(runs=300, serves=repeat(False))
    capped = world.pauses()[10:]
    assert min(capped) >= MAX_BACKOFF_SECONDS - NEARLY
    assert max(capped) <= MAX_BACKOFF_SECONDS + JITTER_SHARE * INTERVAL + NEARLY
    assert max(capped) - min(capped) > 1


@pytest.mark.usefixtures("no_jitter", "long_steps")
@pytest.mark.parametrize("interval", [3_600.0, 86_400.0])
def test_an_interval_beyond_the_cap_is_not_shortened_by_failures(
    world: World, interval: float
) -> None:
    world.loop(runs=5, serves=repeat(False), interval=interval)
    assert late_by(world.began, interval) == pytest.approx([0] * 5, abs=1e-3)


@pytest.mark.usefixtures("no_jitter")
def test_one_good_run_ends_the_backing_off(world: World) -> None:
    world.loop(runs=7, serves=[False, False, False, True, False])
    assert world.pauses() == pytest.approx([60, 120, 240, 60, 60, 60])


@pytest.mark.usefixtures("no_jitter")
def test_after_the_cap_the_grid_is_found_again(world: World) -> None:
    """Ten minutes, the maximum, is no multiple of seven seconds; the times of the grid are."""
    world.loop(runs=12, serves=repeat(False, 9), interval=7.0)
    offsets = [(at - START) % 7 for at in world.began[-2:]]
    assert [min(offset, 7 - offset) for offset in offsets] == pytest.approx([0, 0], abs=NEARLY)


@pytest.mark.usefixtures("no_jitter", "long_steps")
def test_a_great_number_of_failures_is_no_overflow(world: World) -> None:
    world.loop(runs=3_000, serves=repeat(False), interval=1.0)
    assert world.pauses()[-1] == pytest.approx(MAX_BACKOFF_SECONDS)


@pytest.mark.usefixtures("no_jitter")
def test_backing_off_is_said_with_when_it_goes_on(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.loop(runs=4, serves=[True, False, False])
    assert [record.getMessage() for record in caplog.records] == [
        "failed runs in a row: 1; the next begins in 60 s",
        "failed runs in a row: 2; the next begins in 120 s",
    ]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=str)
@pytest.mark.parametrize("serves", [True, False])
def test_a_signal_during_a_run_ends_the_loop_after_it(
    world: World, number: int, code: int, *, serves: bool
) -> None:
    """The exit code is that of the signal, whatever the result of the run is."""

    def during(run: int) -> None:
        if run == 3:
            world.context.receive(number)

    assert world.loop(runs=9, serves=repeat(serves), took=repeat(1.0), during=during) == code
    assert len(world.began) == 3
    assert world.now == world.ended[-1], "there is no pause before the end"


def test_a_signal_in_the_pause_ends_it_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(seconds: float) -> None:
        world.now += seconds
        if world.now > START + 100:
            world.context.receive(signal.SIGINT)

    monkeypatch.setattr(world, "sleep", sleep)
    assert world.loop(runs=9) == 130
    assert len(world.began) == 2
    assert world.now < START + 100 + 2 * POLL_SECONDS


@pytest.mark.usefixtures("no_jitter")
def test_a_runs_deadline_is_not_the_pauses(world: World) -> None:
    """A deadline is usually shorter than the interval, and must not end the pause."""
    world.loop(runs=3, took=[29.0, 1.0], during=lambda _: world.context.begin(30.0))
    assert late_by(world.began) == pytest.approx([0, 0, 0], abs=NEARLY)


def test_what_is_raised_ends_the_loop(world: World) -> None:
    """The loop doesn't repeat a bug. The command exits 70, so that a restart is visible."""

    def during(run: int) -> None:
        if run == 2:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        world.loop(runs=9, during=during)
    assert len(world.began) == 2
