"""The entry: imports late, and turns whatever ends a run into one line and an exit code.

An uncaught exception must never exit 1 or 2, which mean "changes found" and "usage": it is 70.
"""

import os
import sys
import traceback
from collections.abc import Sequence

from podcm_sync.errors import Interrupted, RunError

BUG = 70


def main() -> None:
    """The console scripts' entry."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command line; its exit code. Never raises but for what ends the interpreter."""
    is_verbose = any(each == "--verbose" or each.startswith("-v") for each in arguments)
    try:
        from podcm_sync.cli import invoke

        code = invoke(arguments)
        sys.stdout.flush()
    except Interrupted as error:
        _say(str(error))
        return 128 + error.signal_number
    except KeyboardInterrupt:
        return 130
    except RunError as error:
        if is_verbose:
            traceback.print_exc()
        _say(f"error: {error}")
        return error.exit_code
    except BrokenPipeError:
        # Whoever read stdout has gone (`| head`); what was to be done is done. As a shell has it:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:  # noqa: BLE001 - the last resort: anything here is a bug, exit 70
        if is_verbose:
            traceback.print_exc()
        _say(f"bug: {type(error).__name__}: {error}; run again with -v and report the traceback")
        return BUG
    return code


def _say(message: str) -> None:
    from podcm_sync.render.escape import printable

    sys.stderr.write(f"podcm-sync: {printable(message)}\n")


if __name__ == "__main__":
    main()
