"""The command line: options → one verb → stdout and an exit code. The only typer."""

import os
import sys
from collections.abc import Sequence

# The order is that of the commands in `--help`.
from podcm_sync.cli import (  # isort: skip
    status,
    explain,
    doctor,
    show,
    validate,
    apply,
    rbac,
    completion_command,
    help_commands,
    sync,
)
from podcm_sync.cli import usage
from podcm_sync.cli.app import VERBS, app
from podcm_sync.errors import ExitCode, UsageError

__all__ = [
    "app",
    "apply",
    "completion_command",
    "doctor",
    "explain",
    "help_commands",
    "rbac",
    "show",
    "status",
    "sync",
    "validate",
]

HELP = frozenset({"-h", "--help"})


def invoke(arguments: Sequence[str]) -> int:
    """Parse and run; the exit code. Raises RunError."""
    if os.environ.get(completion_command.VARIABLE):
        completion_command.answer_shell()
    words = usage.arranged(arguments)
    command = words[0] if words and words[0] in VERBS else ""
    try:
        if HELP.isdisjoint(words):
            known = usage.variables()
            usage.check_variables(known)
            if not words and not any(map(os.environ.get, known)):
                # A CronJob that lost its arguments must fail, and must not sync what it finds.
                from podcm_sync.cli import help_text

                sys.stderr.write(f"{help_text.brief()}\n")
                return ExitCode.USAGE
        code = app(words, prog_name="podcm-sync", standalone_mode=False)
    except UsageError as error:
        error.hint = error.hint or " ".join(filter(None, ("podcm-sync", command, "--help")))
        raise
    except Exception as error:
        translated = usage.usage_error(error, command)
        if translated is None:
            raise
        translated.hint = translated.hint or " ".join(
            filter(None, ("podcm-sync", command, "--help"))
        )
        raise translated from None
    return code if isinstance(code, int) else ExitCode.DONE
