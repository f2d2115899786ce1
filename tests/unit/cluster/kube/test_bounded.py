"""Work with an end: the result in time or an error, and signs of life."""

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from podcm_sync.cluster.kube import bounded
from podcm_sync.cluster.kube.bounded import Waiting, in_time


@pytest.fixture
def ended() -> Iterator[threading.Event]:
    """Set at the end of the test: what waits for it hangs until then."""
    event = threading.Event()
    yield event
    event.set()


def test_work_in_time_gives_its_result_or_raises_what_it_raises() -> None:
    assert in_time(lambda: 7, 1.0) == 7
    with pytest.raises(ZeroDivisionError):
        in_time(lambda: 1 // 0, 1.0)


def test_a_short_limit_is_not_rounded_up_to_the_next_look(ended: threading.Event) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        in_time(ended.wait, bounded.STEP_SECONDS / 10)
    assert time.monotonic() - began < bounded.STEP_SECONDS


class Time:
    """Stands for the `time` module."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_what_is_waited_for_is_named_after_3_s_and_then_at_growing_distances(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake = Time()
    monkeypatch.setattr(bounded, "time", fake)
    waiting = Waiting("https://10.0.0.1: list pods in namespace shop")
    for _ in range(1_000):
        waiting.look()
        fake.now += 0.1
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, f"waiting for https://10.0.0.1: list pods in namespace shop ({n} s)")
        for n in (3, 9, 27, 81)
    ]
