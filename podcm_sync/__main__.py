"""The entry point: whatever ends a run becomes one line and an exit code.

An uncaught exception exits 70. It must never exit 1 or 2, which mean "changes found" and "usage".
"""

import logging
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from podcm_sync.errors import ExitCode, Interrupted, OutputError, RunError, UsageError
from podcm_sync.runtime import memory

log = logging.getLogger("podcm_sync")


def main() -> None:
    """The entry point of the console scripts."""
    # Before everything else: process 1 of a container has no default action for SIGTERM. One that
    # arrives while the imports below still run would be lost.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    memory.tune()
    if sys.stdout is None:  # the parent closed it (`>&-`), but there is work to do
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - to the end
    sys.exit(run(sys.argv[1:]))


def complete() -> None:
    """The entry that kubectl asks for completions of `kubectl podcm-sync`."""
    from podcm_sync.cli.completion_command import answer_kubectl

    answer_kubectl(sys.argv[1:])


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code. No Exception leaves it."""
    is_verbose = any(argument == "--verbose" or argument.startswith("-v") for argument in arguments)
    try:
        from podcm_sync.cli import invoke, logs

        logs.begin(arguments)
        code = invoke(arguments)
        sys.stdout.flush()
    except Interrupted as error:
        log.info("%s", error)
        return 128 + error.signal_number
    except KeyboardInterrupt:
        return ExitCode.SIGINT
    except OutputError as error:
        _forget_stdout()
        log.error("%s", error)  # noqa: TRY400 - expected, one line is enough
        return error.exit_code
    except RunError as error:
        has_cause = is_verbose and not isinstance(error, UsageError)
        log.error("%s", error, exc_info=has_cause)  # noqa: TRY400 - expected, one line is enough
        return error.exit_code
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and error.code != 1:
            raise
        # The reader of stdout closed it (`| head`), which typer turns into SystemExit(1). The work
        # is done; only the report is lost.
        _forget_stdout()
        return ExitCode.BROKEN_PIPE
    except Exception as error:
        log.error(  # noqa: TRY400 - the traceback is for -v
            "bug: %s: %s; run again with -v and report the traceback",
            type(error).__name__,
            error,
            exc_info=is_verbose,
        )
        return ExitCode.BUG
    return code


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(number)


def _forget_stdout() -> None:
    """Point stdout at /dev/null: the interpreter flushes it at exit, and must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
