"""The facts about a finished run that metrics and probes need, with its Report if it has one.

A run that ended with an error has no Report. This type still describes it.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from podcm_sync.cluster.interfaces import NO_TRAFFIC, Traffic
from podcm_sync.errors import PLAN_MISMATCH, ExitCode
from podcm_sync.reconcile.report import Report, exit_code


class RunResult(StrEnum):
    """The result of a run. Options such as --tolerate-object-failures don't change it."""

    SUCCEEDED = "succeeded"
    FAILED_OBJECTS = "failed_objects"
    HELD_BACK = "held_back"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


RESULTS: Final[dict[int, RunResult]] = {
    ExitCode.DONE: RunResult.SUCCEEDED,
    ExitCode.FAILED_OBJECTS: RunResult.FAILED_OBJECTS,
    ExitCode.HELD_BACK: RunResult.HELD_BACK,
    ExitCode.INCOMPLETE: RunResult.INCOMPLETE,
}
SUCCESSES: Final = frozenset({ExitCode.DONE, ExitCode.CHANGES})
"""The exit codes of a run that did everything that it had to do."""


class FinishedRun(Struct, frozen=True, kw_only=True):
    """One run. `at` is the time of its end in Unix seconds; a deadline of None is no limit.

    `failure` is one of RUN_FAILURES if an error ended the whole run, else "".
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
        """The result, from the failure or the Report."""
        if self.failure:
            return RunResult.FAILED
        if self.report is None:
            return RunResult.INTERRUPTED
        return RESULTS.get(exit_code(self.report), RunResult.INTERRUPTED)

    @property
    def is_success(self) -> bool:
        """Whether the run did everything that it had to do, by its exit code."""
        return self.exit_code in SUCCESSES


def failure_in(report: Report | None) -> str:
    """PLAN_MISMATCH if the report says that the plan was not the expected one, else ""."""
    return PLAN_MISMATCH if report is not None and report.is_unexpected else ""
