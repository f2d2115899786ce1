"""Run-level failures: the few things that end a whole run, each with its exit code.

What goes wrong with a single object is never an exception but a value: a `Problem`, a skip or a
failed `Outcome`. `spec.md` §7 gives the codes; `__main__` turns anything not listed here into 70.
"""

import signal
from enum import StrEnum
from typing import ClassVar, Final

EXIT_CODES: Final = {
    0: "done, or nothing to do",
    1: "changes found (only with --exit-code)",
    2: "usage, or unreadable input: options, kubeconfig, context, manifests; nothing was changed",
    3: "some objects failed or were blocked, or a config is invalid; explain: no such object",
    4: "held back by a guard, or not the plan that was reviewed: it no longer fits",
    5: "API or authentication failure, no CRD, no right to list, an incomplete list, out of time, "
    "or the report could not be written",
    70: "a bug",
    129: "SIGHUP",
    130: "SIGINT",
    141: "whoever read the report has gone",
    143: "SIGTERM",
}
"""What each says; where several apply, the first of signal, 70, 5, 4, 3, 1 (spec.md §7)."""


class Unavailable(StrEnum):
    """Why there is no answer from the API server to base a run on: a failure's word in metrics."""

    SERVER_UNREACHABLE = "ServerUnreachable"
    CERTIFICATE_UNTRUSTED = "CertificateUntrusted"
    LOGIN_FAILED = "LoginFailed"
    CRD_MISSING = "CRDMissing"


class RunError(Exception):
    """Ends the run. `str(error)` is one line: what failed, on what, and what to do."""

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, quoted: object = "") -> None:
        """`quoted` is the part of the message that others wrote, which --redact withholds."""
        super().__init__(message)
        self.quoted = str(quoted)


class InputError(RunError):
    """Options, a kubeconfig, a context or a manifest that cannot be used; nothing was changed."""

    exit_code: ClassVar[int] = 2


class NotFoundError(RunError):
    """There is no object of the name that was asked about."""

    exit_code: ClassVar[int] = 3


class ClusterError(RunError):
    """The API server cannot be reached, trusted or asked: no answer to base a run on."""

    exit_code: ClassVar[int] = 5

    def __init__(
        self,
        message: str,
        *,
        reason: Unavailable = Unavailable.SERVER_UNREACHABLE,
        quoted: object = "",
    ) -> None:
        """`reason` is what stands in the way, in a word."""
        super().__init__(message, quoted=quoted)
        self.reason = reason


class PlanMismatchError(RunError):
    """A saved plan that was made for another cluster or directory; nothing was changed."""

    exit_code: ClassVar[int] = 4


class OutputError(RunError):
    """The report cannot be written to stdout; the work itself is done."""

    exit_code: ClassVar[int] = 5


class Interrupted(BaseException):
    """A signal came while nothing was being written.

    Like KeyboardInterrupt no Exception: it is raised between any two instructions, and code that
    makes a value of whatever goes wrong there must not make one of it.
    """

    def __init__(self, signal_number: int, where: str = "nothing was changed") -> None:
        """`where` tells what the process had done, or was doing."""
        super().__init__(f"interrupted by {signal.Signals(signal_number).name}; {where}")
        self.signal_number = signal_number


class DecodeError(ValueError):
    """Bytes that are not the object they should be; becomes a `Problem`, never a run's end."""
