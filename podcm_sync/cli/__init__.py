"""The command line: options → Settings → one run → stdout and an exit code. The only typer."""

from collections.abc import Sequence

from podcm_sync.cli import commands
from podcm_sync.errors import InputError


def invoke(arguments: Sequence[str]) -> int:
    """Parse and run; the exit code. Raises RunError, and InputError for options it cannot use."""
    try:
        code = commands.app(list(arguments), prog_name="podcm-sync", standalone_mode=False)
    except Exception as error:
        # typer carries click within itself, without a public name for its usage errors.
        message = getattr(error, "format_message", None)
        if message is None or getattr(error, "exit_code", None) != InputError.exit_code:
            raise
        raise InputError(f"{_one_line(message())} (podcm-sync --help shows the options)") from error
    return code if isinstance(code, int) else 0


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
