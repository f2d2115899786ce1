"""Fixtures of the golden tests."""

import logging
import signal
from collections.abc import Iterator

import pytest


@pytest.fixture
def in_process() -> Iterator[None]:
    """For a test that runs the whole command within pytest: its signals and its log, put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    receivers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for number, receiver in receivers.items():
        signal.signal(number, receiver)
