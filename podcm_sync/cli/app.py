"""The one typer application, in which each verb registers itself."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

import typer
from msgspec import Struct
from typer.core import TyperCommand, TyperGroup

from podcm_sync.cli.option import Parameter, options_of, parameters, takes_options

T = TypeVar("T", bound=Struct)


class Section(StrEnum):
    """What a command is for: the headings of the list of commands, in their order."""

    INSPECT = "Inspect"
    AUTHOR = "Author"
    APPLY = "Apply a plan"
    SET_UP = "Set up"


class Verb(Struct, frozen=True, kw_only=True):
    """A command as `--help` shows it: `text` begins with a line for the list of commands."""

    section: Section
    text: str
    parameters: tuple[Parameter, ...]


VERBS: dict[str, Verb] = {}
"""Each command by its name."""


class _Command(TyperCommand):
    def get_help(self, ctx: Any) -> str:  # noqa: ARG002 - typer's signature
        from podcm_sync.cli import help_text

        return help_text.of_command(self.name or "")


class _Root(TyperGroup):
    def get_help(self, ctx: Any) -> str:  # noqa: ARG002 - typer's signature
        from podcm_sync.cli import help_text

        return help_text.full()


app = typer.Typer(
    cls=_Root,
    name="podcm-sync",
    add_completion=False,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    suggest_commands=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def verb(name: str, section: Section) -> Callable[[Callable[[T], int]], Callable[[T], int]]:
    """Register a function of typed options as a command."""

    def register(function: Callable[[T], int]) -> Callable[[T], int]:
        VERBS[name] = Verb(
            section=section,
            text=function.__doc__ or "",
            parameters=tuple(parameters(options_of(function))),
        )
        app.command(name=name, cls=_Command)(takes_options(function))
        return function

    return register
