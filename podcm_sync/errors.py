"""The failures that end a whole run, each with its exit code (docs/design/behavior.md §7).

A failure of a single object is a value, never an exception: a `Problem`, a skip, or a failed
`Outcome`. `__main__` turns any exception that is not in this module into exit code 70.
"""

import signal
from enum import IntEnum, StrEnum
from typing import ClassVar, Final

import msgspec


class ExitCode(IntEnum):
    """The exit codes of the command. A signal n ends it with `128 + n`."""

    DONE = 0
    CHANGES = 1
    USAGE = 2
    FAILED_OBJECTS = 3
    HELD_BACK = 4
    INCOMPLETE = 5
    BUG = 70
    SIGHUP = 129
    SIGINT = 130
    BROKEN_PIPE = 141
    SIGTERM = 143


EXIT_CODES: Final[dict[int, str]] = {
    ExitCode.DONE: "done, or nothing to do",
    ExitCode.CHANGES: "changes found (only with --exit-code)",
    ExitCode.USAGE: "usage, or unreadable input (options, kubeconfig, manifests); nothing was "
    "changed",
    ExitCode.FAILED_OBJECTS: "some objects failed or are blocked, or a config is invalid; "
    "explain: no such object",
    ExitCode.HELD_BACK: "held back by a limit on deletions, or a saved or expected plan "
    "no longer fits",
    ExitCode.INCOMPLETE: "API or authentication failure, no CRD, no permission to list, an "
    "incomplete list, out of time, or the report could not be written",
    ExitCode.BUG: "a bug",
    ExitCode.SIGHUP: "SIGHUP",
    ExitCode.SIGINT: "SIGINT",
    ExitCode.BROKEN_PIPE: "the program that read the report has ended",
    ExitCode.SIGTERM: "SIGTERM",
}
"""The meaning of each code. If several apply, the first of signal, 70, 5, 4, 3, 1 wins (§7)."""

BUG: Final = "Bug"
UNUSABLE_INPUT: Final = "UnusableInput"
PLAN_MISMATCH: Final = "PlanMismatch"
REPORT_UNWRITTEN: Final = "ReportUnwritten"

NOT_JSON: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""The errors that msgspec raises if bytes aren't the expected JSON. RecursionError is among them,
because a server can send brackets within brackets until Python's stack is full."""


class Unavailable(StrEnum):
    """Why the API server gives no answer to base a run on; a label value of metrics."""

    SERVER_UNREACHABLE = "ServerUnreachable"
    CERTIFICATE_UNTRUSTED = "CertificateUntrusted"
    LOGIN_FAILED = "LoginFailed"
    CRD_MISSING = "CRDMissing"


class RunError(Exception):
    """Ends the run. `str(error)` is one line: the object, what failed, and why."""

    exit_code: ClassVar[ExitCode] = ExitCode.BUG
    failure: str = BUG
    """One of RUN_FAILURES."""

    def __init__(self, message: str, *, hint: str = "", quoted: object = "") -> None:
        """`hint` is one line with something to paste or change.

        `quoted` is the part of the message that others wrote, which --redact withholds.
        """
        super().__init__(message)
        self.hint = hint
        self.quoted = str(quoted)


class InputError(RunError):
    """Options, a kubeconfig, a context, or a manifest can't be used; nothing was changed."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE
    failure = UNUSABLE_INPUT


class UsageError(InputError):
    """Options or variables that cannot be used. Its message is the whole story: no traceback."""


class NotFoundError(RunError):
    """The object to explain doesn't exist."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED_OBJECTS


class ClusterError(RunError):
    """The API server can't be reached, trusted, or asked, so the run has nothing to decide from."""

    exit_code: ClassVar[ExitCode] = ExitCode.INCOMPLETE

    def __init__(
        self,
        message: str,
        *,
        reason: Unavailable = Unavailable.SERVER_UNREACHABLE,
        hint: str = "",
        quoted: object = "",
    ) -> None:
        """`reason` becomes the failure of the run in metrics."""
        super().__init__(message, hint=hint, quoted=quoted)
        self.failure = str(reason)
        self.reason = reason


class PlanMismatchError(RunError):
    """A saved plan was made for another cluster or directory; nothing was changed."""

    exit_code: ClassVar[ExitCode] = ExitCode.HELD_BACK
    failure = PLAN_MISMATCH


class OutputError(RunError):
    """The report can't be written to stdout; the work of the run is done."""

    exit_code: ClassVar[ExitCode] = ExitCode.INCOMPLETE
    failure = REPORT_UNWRITTEN


class Interrupted(BaseException):
    """A signal arrived while podcm-sync was writing nothing.

    Like KeyboardInterrupt, this isn't an Exception. It can be raised between any two instructions,
    and code that turns every Exception into a value must not catch it.
    """

    quoted: ClassVar[str] = ""
    """As of a RunError. All of the message is ours, so --redact withholds nothing."""

    def __init__(self, signal_number: int, where: str = "nothing was changed") -> None:
        """`where` is a clause for the message: what the process had done, or was doing."""
        super().__init__(f"interrupted by {signal.Signals(signal_number).name}; {where}")
        self.signal_number = signal_number


class DecodeError(ValueError):
    """Bytes aren't the expected object. The caller makes a value of it, such as a `Problem`."""


RUN_FAILURES: Final = (
    UNUSABLE_INPUT,
    *map(str, Unavailable),
    PLAN_MISMATCH,
    REPORT_UNWRITTEN,
    BUG,
)
"""Every failure of a run; metrics and the documents' table of failures name them."""


def failure_of(error: BaseException) -> tuple[int, str]:
    """The exit code of a run that this error ended, and its failure; "" for a signal."""
    if isinstance(error, Interrupted):
        return 128 + error.signal_number, ""
    if isinstance(error, RunError):
        return error.exit_code, error.failure
    return ExitCode.BUG, BUG
