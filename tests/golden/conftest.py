"""`pytest tests/golden --update-golden` writes the expected files anew; never in CI."""

import logging
import os
import signal
from collections.abc import Iterator

import pytest

OPTION = "--update-golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        OPTION,
        action="store_true",
        help="write what comes out of each case anew, to be read before they are kept",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption(OPTION, default=False) and os.environ.get("CI"):
        raise pytest.UsageError(
            f"{OPTION} is for people who read what it writes: in CI expected files only compare"
        )


@pytest.fixture
def is_updating(request: pytest.FixtureRequest) -> bool:
    """Whether to write expected files; False where this directory's option was not known yet."""
    return bool(request.config.getoption(OPTION, default=False))


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
