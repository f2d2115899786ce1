"""`podcm-sync options` and `podcm-sync help`: the help that `--help` has no room for."""

from typing import Annotated

from msgspec import Struct

from podcm_sync.cli.app import VERBS, Section, verb
from podcm_sync.cli.option import Group, Option
from podcm_sync.cli.shared_options import LogOptions
from podcm_sync.errors import ExitCode


class OptionsOptions(Struct, frozen=True, kw_only=True):
    """`options` has none of its own."""

    log: LogOptions = LogOptions()


def _command(name: str) -> str:
    if name not in VERBS:
        raise ValueError(f"{name!r} isn't one of {', '.join(VERBS)}")
    return name


class HelpOptions(Struct, frozen=True, kw_only=True):
    """The options of `help`."""

    command: Annotated[
        str | None,
        Option(
            metavar="COMMAND",
            group=Group.ACTION,
            parse=_command,
            complete=lambda incomplete: [name for name in VERBS if name.startswith(incomplete)],
            help="The command to explain. Default: podcm-sync itself.",
        ),
    ] = None
    log: LogOptions = LogOptions()


@verb("options", Section.SET_UP)
def print_options(options: OptionsOptions) -> int:  # noqa: ARG001 - a verb takes its options
    """List all options of a run, and the exit codes."""
    from podcm_sync.cli import help_text
    from podcm_sync.cli.output import put

    put(f"{help_text.all_options()}\n")
    return ExitCode.DONE


@verb("help", Section.SET_UP)
def print_help(options: HelpOptions) -> int:
    """Show the help of a command."""
    from podcm_sync.cli import help_text
    from podcm_sync.cli.output import put

    text = help_text.of_command(options.command) if options.command else help_text.full()
    put(f"{text}\n")
    return ExitCode.DONE
