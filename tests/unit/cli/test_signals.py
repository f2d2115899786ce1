"""Signals (spec §7): at once while nothing is written yet, noted once there is work to finish."""

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
