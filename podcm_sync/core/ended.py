"""A run as it ended: when, how long it took, with which exit code, and its Report if it has one.

A run that an error ended has no Report; this is the least that still says so.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from podcm_sync.core.report import Report, exit_code
from podcm_sync.errors import (
    ClusterError,
    InputError,
    Interrupted,
    OutputError,
    PlanMismatchError,
    RunError,
    Unavailable,
)
from podcm_sync.model.traffic import NO_TRAFFIC, Traffic


class RunResult(StrEnum):
    """What a run came to, whatever its options make of that as an exit code."""

    SUCCEEDED = "succeeded"
    FAILED_OBJECTS = "failed_objects"
    HELD_BACK = "held_back"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


RESULTS: Final = {
    0: RunResult.SUCCEEDED,
    3: RunResult.FAILED_OBJECTS,
    4: RunResult.HELD_BACK,
    5: RunResult.INCOMPLETE,
}
UNUSABLE_INPUT: Final = "UnusableInput"
REPORT_UNWRITTEN: Final = "ReportUnwritten"
PLAN_MISMATCH: Final = "PlanMismatch"
BUG: Final = "Bug"
RUN_FAILURES: Final = (
    UNUSABLE_INPUT,
    *map(str, Unavailable),
    PLAN_MISMATCH,
    REPORT_UNWRITTEN,
    BUG,
)
"""What ends a whole run, in a word; README's troubleshooting has a row for each."""
BUG_CODE: Final = 70
SUCCESSES: Final = frozenset({0, 1})
"""The exit codes of a run that did all that it should."""


class Ended(Struct, frozen=True, kw_only=True):
    """One run. `at` is its end in Unix seconds; a deadline of None is no limit.

    `failure` is what ended it before its time, one of RUN_FAILURES, else "".
    """

    at: float
    duration_seconds: float
    exit_code: int
    report: Report | None = None
    failure: str = ""
    traffic: Traffic = NO_TRAFFIC
    deadline_seconds: float | None = None

    @property
    def result(self) -> RunResult:
        """What it came to."""
        if self.failure:
            return RunResult.FAILED
        if self.report is None:
            return RunResult.INTERRUPTED
        return RESULTS.get(exit_code(self.report), RunResult.INTERRUPTED)

    @property
    def is_success(self) -> bool:
        """Whether it did all that it should, by its exit code."""
        return self.exit_code in SUCCESSES


def failure_in(report: Report | None) -> str:
    """The failure of a run that has a Report of it: the plan was not the expected one."""
    return PLAN_MISMATCH if report is not None and report.is_unexpected else ""


def failure_of(error: BaseException) -> tuple[int, str]:
    """The exit code and the failure of a run that an error ended; a signal is no failure."""
    if isinstance(error, Interrupted):
        return 128 + error.signal_number, ""
    match error:
        case ClusterError():
            return error.exit_code, str(error.reason)
        case InputError():
            return error.exit_code, UNUSABLE_INPUT
        case PlanMismatchError():
            return error.exit_code, PLAN_MISMATCH
        case OutputError():
            return error.exit_code, REPORT_UNWRITTEN
        case RunError():
            return error.exit_code, BUG
        case _:
            return BUG_CODE, BUG
