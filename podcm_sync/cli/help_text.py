"""What `podcm-sync` alone, `--help`, `options`, and a command's `--help` print.

All of it comes from the declared options and the commands' docstrings, so nothing of a run is
imported.
"""

import inspect
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from msgspec import NODEFAULT

from podcm_sync.cli.app import VERBS, Section, Verb
from podcm_sync.cli.option import IGNORED, Group, Parameter, parameters
from podcm_sync.cli.sync_options import SyncOptions
from podcm_sync.errors import EXIT_CODES

PURPOSE: Final = "Keep one ConfigMap in sync for each selected Pod of each PodConfigMapConfig."
USAGE: Final = (
    "Usage: podcm-sync [OPTIONS]            Sync once, or repeatedly with --loop",
    "       podcm-sync COMMAND [OPTIONS]",
    "Without options, podcm-sync prints this help.",
)
EXAMPLES: Final = (
    "Examples:",
    "  podcm-sync --from examples/shop --dry-run   # preview without a cluster",
    "  podcm-sync -n shop --dry-run                # preview in a cluster",
    "  podcm-sync -n shop                          # sync one namespace",
)
VARIABLES: Final = "Every option has a variable: --dry-run is PODCM_SYNC_DRY_RUN."
MORE_HELP: Final = "Use `podcm-sync COMMAND --help` for a command."
MAX_WIDTH: Final = 100
NAMES: Final = 30
"""The column at which an option's help begins."""


def brief() -> str:
    """At most 30 lines: the purpose, the commands, three examples, and where the options are."""
    ends = (VARIABLES, "Use `podcm-sync --help` for the common options.", MORE_HELP)
    return "\n".join([PURPOSE, "", *USAGE, "", *_commands(), "", *EXAMPLES, "", *ends])


def full() -> str:
    """At most 80 lines: the same, and the first sentence about each common option."""
    common = [parameter for parameter in _of_runs() if not parameter.option.is_rare]
    options = _options(common, is_brief=True)
    ends = (VARIABLES, "Use `podcm-sync options` for all options.", MORE_HELP)
    return "\n".join([PURPOSE, "", *USAGE, "", *_commands(), *options, "", *EXAMPLES, "", *ends])


def all_options() -> str:
    """Every option of a run, and the exit codes."""
    codes = [
        f"  {code:<4} {line}" if number == 0 else f"       {line}"
        for code, meaning in EXIT_CODES.items()
        for number, line in enumerate(textwrap.wrap(meaning, _width() - 7))
    ]
    start = ("Options of a run. They stand before or after a command that has them.", VARIABLES)
    return "\n".join([*start, *_options(_of_runs()), "", "Exit codes:", *codes])


def of_command(name: str) -> str:
    """A command's `--help`."""
    verb = VERBS[name]
    summary, _, details = inspect.cleandoc(verb.text).partition("\n")
    arguments = [parameter for parameter in verb.parameters if not parameter.option.flags]
    words = [_argument(parameter) for parameter in arguments]
    paragraphs = [
        line
        for paragraph in filter(None, details.strip().split("\n\n"))
        for line in ("", *(_wrapped(paragraph) if paragraph[0] != " " else [paragraph]))
    ]
    lines = [summary, *paragraphs, "", " ".join(["Usage: podcm-sync", name, "[OPTIONS]", *words])]
    if arguments:
        lines += ["", "Arguments:"]
        lines += [line for parameter in arguments for line in _entry(parameter, is_brief=False)]
    flags = [parameter for parameter in verb.parameters if parameter.option.flags]
    return "\n".join([*lines, *_options(flags)])


def summary_of(verb: Verb) -> str:
    """The line about a command in the list of commands."""
    return verb.text.strip().partition("\n")[0].rstrip(".")


def _of_runs() -> list[Parameter]:
    return list(parameters(SyncOptions))


def _commands() -> Iterator[str]:
    for section in Section:
        yield f"{section}:"
        for name, verb in VERBS.items():
            if verb.section is section:
                yield f"  {name:<12}{summary_of(verb)}"


def _options(declared: Iterable[Parameter], *, is_brief: bool = False) -> Iterator[str]:
    """The options by group. `is_brief` shows only the first sentence about each."""
    options = [parameter for parameter in declared if parameter.option.help != IGNORED]
    for group in Group:
        of_group = [parameter for parameter in options if parameter.option.group is group]
        if of_group:
            yield from ("", f"{group}:")
        for parameter in of_group:
            yield from _entry(parameter, is_brief=is_brief)


def _entry(parameter: Parameter, *, is_brief: bool) -> Iterator[str]:
    text = parameter.option.help
    if is_brief:
        text = text.partition(". ")[0].rstrip(".")
        text += f" ({_default(parameter)})" if parameter.option.default_with else ""
    elif default := _default(parameter):
        text += f" Default: {default}."
    names = f"  {_names(parameter)}"
    wrapped = textwrap.wrap(text, _width() - NAMES, break_on_hyphens=False)
    if len(names) > NAMES - 1:
        yield names
        names = ""
    for line in wrapped:
        yield f"{names:<{NAMES}}{line}"
        names = ""


def _names(parameter: Parameter) -> str:
    option = parameter.option
    if not option.flags:
        return _argument(parameter)
    *short, long = option.flags.split()
    long = f"--[no-]{option.name.removeprefix('--')}" if "/" in long else long
    names = ", ".join([*short, long])
    names = names if short else f"    {names}"
    return names if parameter.is_flag else f"{names} {_metavar(parameter)}"


def _metavar(parameter: Parameter) -> str:
    kind = parameter.value_type
    if parameter.option.metavar:
        return parameter.option.metavar
    is_choice = isinstance(kind, type) and issubclass(kind, StrEnum)
    return "|".join(kind) if is_choice else "VALUE"


def _argument(parameter: Parameter) -> str:
    word = f"{_metavar(parameter)}..." if parameter.is_tuple else _metavar(parameter)
    return word if parameter.default is NODEFAULT else f"[{word}]"


def _default(parameter: Parameter) -> str:
    """The default as somebody would type it; "" if the help says it, or if it is nothing."""
    default = parameter.default
    if parameter.is_flag or parameter.is_tuple or default is NODEFAULT:
        return ""
    is_said = "Default:" in parameter.option.help
    if default is None or is_said:
        return ""
    typed = parameter.option.typed(default)
    text = f"{typed:g}" if isinstance(typed, float) else str(typed)
    if parameter.option.default_with is not None:
        field, other = parameter.option.default_with
        text += f", or {other} with --{field.replace('_', '-')}"
    return text


def _wrapped(paragraph: str) -> list[str]:
    return textwrap.wrap(paragraph, _width(), break_on_hyphens=False)


def _width() -> int:
    return min(MAX_WIDTH, max(60, shutil.get_terminal_size().columns))
