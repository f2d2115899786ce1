"""The result of a run (behavior.md §7), from its Report or from the error that ended it."""

import pytest

from podcm_sync.errors import (
    ClusterError,
    InputError,
    Interrupted,
    OutputError,
    PlanMismatchError,
    Unavailable,
    failure_of,
)
from podcm_sync.metrics.finished_run import FinishedRun, RunResult
from podcm_sync.reconcile.report import Report
from tests.unit.reconcile.test_report import CREATED, FOREIGN, HELD_BACK, LOST, report


@pytest.mark.parametrize(
    ("made", "failure", "result"),
    [
        (report(CREATED), "", RunResult.SUCCEEDED),
        (report(FOREIGN), "", RunResult.FAILED_OBJECTS),
        (report(FOREIGN, HELD_BACK), "", RunResult.HELD_BACK),
        (report(HELD_BACK, incomplete=LOST), "", RunResult.INCOMPLETE),
        (report(FOREIGN, signal=15), "", RunResult.INTERRUPTED),
        (None, "", RunResult.INTERRUPTED),
        (None, "Bug", RunResult.FAILED),
        (report(CREATED), "ReportUnwritten", RunResult.FAILED),
    ],
)
def test_a_run_has_one_result(made: Report | None, failure: str, result: RunResult) -> None:
    # The exit code can be a tolerated 0, which doesn't change the result.
    finished = FinishedRun(at=0.0, duration_seconds=0.0, exit_code=0, report=made, failure=failure)
    assert finished.result is result


@pytest.mark.parametrize(
    ("error", "code", "failure"),
    [
        (InputError("x"), 2, "UnusableInput"),
        (ClusterError("x"), 5, "ServerUnreachable"),
        (ClusterError("x", reason=Unavailable.CERTIFICATE_UNTRUSTED), 5, "CertificateUntrusted"),
        (ClusterError("x", reason=Unavailable.LOGIN_FAILED), 5, "LoginFailed"),
        (ClusterError("x", reason=Unavailable.CRD_MISSING), 5, "CRDMissing"),
        (PlanMismatchError("x"), 4, "PlanMismatch"),
        (OutputError("x"), 5, "ReportUnwritten"),
        (Interrupted(15), 143, ""),
        (ValueError("x"), 70, "Bug"),
    ],
)
def test_what_ends_a_run_has_a_code_and_a_word(error: Exception, code: int, failure: str) -> None:
    assert failure_of(error) == (code, failure)
