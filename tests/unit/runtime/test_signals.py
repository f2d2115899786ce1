"""Signals (§7): at once before the first write, only noted while there is work to finish."""

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from podcm_sync.errors import Interrupted
from podcm_sync.runtime.context import RunContext
from podcm_sync.runtime.signals import SIGNALS, Signals


@pytest.fixture
def context() -> Iterator[RunContext]:
    """A RunContext. After the test, the earlier signal handlers are back."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield RunContext()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_before_anything_is_written_a_signal_ends_the_run(context: RunContext, number: int) -> None:
    Signals(context).install()
    with pytest.raises(Interrupted) as caught:
        os.kill(os.getpid(), number)
    assert caught.value.signal_number == number
    assert context.signal_number == number


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_once_there_is_work_to_finish_it_is_noted(context: RunContext, number: int) -> None:
    signals = Signals(context)
    signals.install()
    signals.hold()
    os.kill(os.getpid(), number)
    assert context.signal_number == number
    assert context.is_stopping()


def test_once_the_report_is_out_a_signal_changes_nothing(context: RunContext) -> None:
    signals = Signals(context)
    signals.install()
    signals.ignore()
    os.kill(os.getpid(), signal.SIGTERM)
    assert context.signal_number is None


def test_a_signal_that_something_swallowed_keeps_the_first_write_from_beginning(
    context: RunContext,
) -> None:
    signals = Signals(context)
    signals.install()
    with contextlib.suppress(Interrupted):
        os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(Interrupted):
        signals.hold()


def test_a_signal_between_two_passes_does_not_keep_the_second_from_its_report(
    context: RunContext,
) -> None:
    signals = Signals(context)
    signals.install()
    signals.hold()
    os.kill(os.getpid(), signal.SIGTERM)
    signals.hold()


def test_once_the_work_is_reported_a_signal_ends_the_process_again(context: RunContext) -> None:
    signals = Signals(context)
    signals.install()
    signals.hold()
    signals.release("podcm-sync was between two runs")
    with pytest.raises(Interrupted, match=r"^interrupted by SIGHUP; podcm-sync was between two"):
        os.kill(os.getpid(), signal.SIGHUP)


def test_what_follows_interrupted_work_is_not_interrupted_again(context: RunContext) -> None:
    """The process releases the lease then, which takes a moment."""
    signals = Signals(context)
    signals.install()
    signals.hold()
    os.kill(os.getpid(), signal.SIGTERM)
    signals.release("podcm-sync was between two runs")
    signals.hold()
