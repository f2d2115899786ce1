"""`podcm-sync completion SHELL`, and what kubectl asks a plugin to complete."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final

import typer.main
from msgspec import Struct

from podcm_sync.cli.app import Section, app, verb
from podcm_sync.cli.option import Group, Option
from podcm_sync.cli.shared_options import LogOptions
from podcm_sync.errors import ExitCode

NAME: Final = "podcm-sync"
VARIABLE: Final = "_PODCM_SYNC_COMPLETE"
"""In it the scripts of typer ask for completions."""
NO_FILES: Final = ":4"
"""Cobra's ShellCompDirectiveNoFileComp: kubectl reads a directive from the last line."""
FILES: Final = ":0"


class Shell(StrEnum):
    """The shells that have a script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


class CompletionOptions(Struct, frozen=True, kw_only=True):
    """The options of `completion`."""

    shell: Annotated[
        Shell,
        Option(
            metavar="SHELL",
            group=Group.ACTION,
            complete=lambda incomplete: [name for name in Shell if name.startswith(incomplete)],
            help="bash, zsh, or fish.",
        ),
    ]
    log: LogOptions = LogOptions()


@verb("completion", Section.SET_UP)
def print_completion(options: CompletionOptions) -> int:
    """Print the completion script for bash, zsh, or fish.

    Contexts, namespaces, and names for explain are completed from the kubeconfig and the cluster.

    For bash, add this line to ~/.bashrc:

        source <(podcm-sync completion bash)

    For zsh, add this line to ~/.zshrc, after compinit:

        source <(podcm-sync completion zsh)

    For fish, run this once:

        podcm-sync completion fish > ~/.config/fish/completions/podcm-sync.fish
    """
    from typer._completion_shared import get_completion_script

    from podcm_sync.cli.output import put

    script = get_completion_script(prog_name=NAME, complete_var=VARIABLE, shell=options.shell)
    put(f"{script}\n")
    return ExitCode.DONE


def answer_shell() -> None:
    """Let typer answer the script that asks. Never returns."""
    from typer._completion_classes import completion_init

    completion_init()  # typer itself does so only if it also offers to install its scripts
    app([], prog_name=NAME)


def answer_kubectl(arguments: Sequence[str]) -> None:
    """Print what may follow `kubectl podcm-sync ARGUMENTS`, in cobra's format."""
    from typer._completion_classes import BashComplete

    *before, incomplete = arguments or [""]
    shell = BashComplete(typer.main.get_command(app), {}, NAME, VARIABLE)
    items = shell.get_completions(before, incomplete)
    lines = [f"{item.value}\t{item.help}" if item.help else item.value for item in items]
    sys.stdout.write("".join(f"{line}\n" for line in [*lines, NO_FILES if items else FILES]))
