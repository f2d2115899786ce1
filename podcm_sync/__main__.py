"""The entry: imports late, and turns whatever ends a run into one line and an exit code.

An uncaught exception must never exit 1 or 2, which mean "changes found" and "usage": it is 70.
"""

import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from podcm_sync.errors import Interrupted, OutputError, RunError

BUG = 70
BROKEN_PIPE = 141
log = logging.getLogger("podcm_sync")


def main() -> None:
    """The console scripts' entry."""
    # From the very first: process 1 of a container has no default for SIGTERM, so one that comes
    # while a run is still being imported would be lost.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    collect_seldom()
    if sys.stdout is None:  # closed by whoever started us (`>&-`); there is work all the same
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - to the end
    sys.exit(run(sys.argv[1:]))


def collect_seldom() -> None:
    """Look for garbage cycles less often: a run keeps nearly all that it makes, and makes few.

    With the interpreter's own thresholds that search was a seventh of a large no-op's CPU time. For
    the whole process, so not where tests or others call a run within their own.
    """
    gc.set_threshold(100_000, 50, 100)


def run(arguments: Sequence[str]) -> int:
    """Run the command line; its exit code. Never raises but for what ends the interpreter."""
    is_verbose = any(each == "--verbose" or each.startswith("-v") for each in arguments)
    try:
        from podcm_sync.cli import invoke, logs

        logs.begin(arguments)
        code = invoke(arguments)
        sys.stdout.flush()
    except Interrupted as error:
        log.info("%s", error)
        return 128 + error.signal_number
    except KeyboardInterrupt:
        return 130
    except OutputError as error:
        _forget_stdout()
        log.error("%s", error)  # noqa: TRY400 - expected, one line is enough
        return error.exit_code
    except RunError as error:
        log.error("%s", error, exc_info=is_verbose)  # noqa: TRY400 - expected, one line is enough
        return error.exit_code
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and error.code != 1:
            raise
        # Whoever read stdout has gone (`| head`), which typer says with a 1; what was to be done
        # is done. Nothing more is to be flushed there.
        _forget_stdout()
        return BROKEN_PIPE
    except Exception as error:
        log.error(  # noqa: TRY400 - the traceback is for -v
            "bug: %s: %s; run again with -v and report the traceback",
            type(error).__name__,
            error,
            exc_info=is_verbose,
        )
        return BUG
    return code


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(number)


def _forget_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
