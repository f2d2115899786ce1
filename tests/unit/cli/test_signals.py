"""Signals (spec §7): at once while nothing is written yet, noted once there is work to finish."""

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from podcm_sync.cli.signals import SIGNALS, Signals
from podcm_sync.clock import Clock
from podcm_sync.errors import Interrupted


@pytest.fixture
def clock() -> Iterator[Clock]:
    """A clock; the handlers that were there before come back after the test."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield Clock()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_before_anything_is_written_a_signal_ends_the_run(clock: Clock, number: int) -> None:
    Signals(clock).install()
    with pytest.raises(Interrupted) as caught:
        os.kill(os.getpid(), number)
    assert caught.value.signal_number == number
    assert clock.signal_number == number


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_once_there_is_work_to_finish_it_is_noted(clock: Clock, number: int) -> None:
    signals = Signals(clock)
    signals.install()
    signals.hold()
    os.kill(os.getpid(), number)
    assert clock.signal_number == number
    assert clock.is_stopping()


def test_once_the_report_is_out_a_signal_changes_nothing(clock: Clock) -> None:
    signals = Signals(clock)
    signals.install()
    signals.ignore()
    os.kill(os.getpid(), signal.SIGTERM)
    assert clock.signal_number is None


def test_a_signal_that_something_swallowed_keeps_the_first_write_from_beginning(
    clock: Clock,
) -> None:
    signals = Signals(clock)
    signals.install()
    with contextlib.suppress(Interrupted):
        os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(Interrupted):
        signals.hold()


def test_a_signal_between_two_passes_does_not_keep_the_second_from_its_report(
    clock: Clock,
) -> None:
    signals = Signals(clock)
    signals.install()
    signals.hold()
    os.kill(os.getpid(), signal.SIGTERM)
    signals.hold()


def test_once_the_work_is_reported_a_signal_ends_the_process_again(clock: Clock) -> None:
    signals = Signals(clock)
    signals.install()
    signals.hold()
    signals.release("podcm-sync was between two runs")
    with pytest.raises(Interrupted, match=r"^interrupted by SIGHUP; podcm-sync was between two"):
        os.kill(os.getpid(), signal.SIGHUP)


def test_what_follows_interrupted_work_is_not_interrupted_again(clock: Clock) -> None:
    """The lease is given up then, for which there is a while."""
    signals = Signals(clock)
    signals.install()
    signals.hold()
    os.kill(os.getpid(), signal.SIGTERM)
    signals.release("podcm-sync was between two runs")
    signals.hold()
