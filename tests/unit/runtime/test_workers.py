"""Work with a timeout: the result or an error in time, and warnings about a long wait."""

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from podcm_sync.runtime import workers
from podcm_sync.runtime.workers import Waiting, run_with_timeout


@pytest.fixture
def ended() -> Iterator[threading.Event]:
    """An event that is set at the end of the test. Whatever waits for it hangs until then."""
    event = threading.Event()
    yield event
    event.set()


def test_work_in_time_gives_its_result_or_raises_what_it_raises() -> None:
    assert run_with_timeout(lambda: 7, 1.0) == 7
    with pytest.raises(ZeroDivisionError):
        run_with_timeout(lambda: 1 // 0, 1.0)


def test_a_short_limit_is_not_rounded_up_to_the_next_look(ended: threading.Event) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        run_with_timeout(ended.wait, workers.POLL_SECONDS / 10)
    assert time.monotonic() - began < workers.POLL_SECONDS


class Time:
    """Replaces the `time` module."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_what_is_waited_for_is_named_after_3_s_and_then_at_growing_distances(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake = Time()
    monkeypatch.setattr(workers, "time", fake)
    waiting = Waiting("https://10.0.0.1: list pods in namespace shop")
    for _ in range(1_000):
        waiting.warn_if_due()
        fake.now += 0.1
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, f"waiting for https://10.0.0.1: list pods in namespace shop ({n} s)")
        for n in (3, 9, 27, 81)
    ]
