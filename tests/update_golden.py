"""A pytest plugin: `--update-golden` writes expected files again, to be read; never in CI."""

import os

import pytest

OPTION = "--update-golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        OPTION,
        action="store_true",
        help="write what comes out of each case again, to be read before it is kept",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption(OPTION, default=False) and os.environ.get("CI"):
        raise pytest.UsageError(
            f"{OPTION} is for people who read what it writes: in CI expected files only compare"
        )


@pytest.fixture
def is_updating(request: pytest.FixtureRequest) -> bool:
    """Whether to write expected files."""
    return bool(request.config.getoption(OPTION, default=False))
