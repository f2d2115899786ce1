"""Usage errors in our words: unknown options and variables, with what was probably meant."""

import difflib
import os
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from podcm_sync.cli.app import VERBS
from podcm_sync.cli.option import Parameter, parameters
from podcm_sync.cli.sync_options import SyncOptions
from podcm_sync.errors import ExitCode, UsageError
from podcm_sync.output.escape import printable
from podcm_sync.reconcile.validate import is_subdomain

PREFIX: Final = "PODCM_SYNC_"
NEAR: Final = 0.75
"""How alike two words must be for one to be meant: --dryrun is --dry-run, --foo isn't --from."""
OTHERS: Final = frozenset({"PODCM_SYNC_CACHE_DIR", "PODCM_SYNC_SHARDS"})
"""Variables that are read elsewhere, and are no option's."""
INSTEAD: Final = {
    "sync": "podcm-sync -n NAMESPACE",
    "run": "podcm-sync -n NAMESPACE",
    "version": "podcm-sync --version",
}
"""What does the work of commands that other tools have."""
_SURPLUS: Final = re.compile(r"extra argument(?:s|\(s\))? \((.*)\)", re.DOTALL)
_UNKNOWN: Final = re.compile(r"No such command '(.*)'\.", re.DOTALL)
_SERVICE_LINK: Final = re.compile(
    r"(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$"
)
"""How the kubelet's variables for a Service end. A Service `podcm-sync-metrics` has our prefix
too."""


def arranged(arguments: Sequence[str]) -> list[str]:
    """The command line with the options before a command put after it, as kubectl takes them."""
    takes_value = {
        flag: not parameter.is_flag
        for parameter in _every_parameter()
        for flag in parameter.option.flags.replace("/", " ").split()
    }
    index = 0
    while index < len(arguments) and arguments[index].startswith("-"):
        word = arguments[index]
        if word in {"-", "--"}:
            return list(arguments)
        index += 2 if _takes_next(word, takes_value) else 1
    if index >= len(arguments) or arguments[index] not in VERBS:
        return list(arguments)
    return [arguments[index], *arguments[:index], *arguments[index + 1 :]]


def _takes_next(word: str, takes_value: dict[str, bool]) -> bool:
    """Whether the word is an option whose value is the next word."""
    if word.startswith("--"):
        return takes_value.get(word, False)
    for position, letter in enumerate(word[1:], start=1):
        if takes_value.get(f"-{letter}"):
            return position == len(word) - 1  # `-nshop` has its value with it
    return False


def variables() -> frozenset[str]:
    """The variables of all options."""
    return frozenset(
        parameter.option.variable
        for parameter in _every_parameter()
        if parameter.option.variable is not None
    )


def check_variables(known: Iterable[str]) -> None:
    """Raises UsageError for a variable that no option has: a misspelled dry run would write."""
    choices = sorted({*known, *OTHERS})
    for name in sorted(os.environ):
        if not name.startswith(PREFIX) or name in choices or _SERVICE_LINK.search(name):
            continue
        plain = {_plain(choice): choice for choice in choices}
        near = difflib.get_close_matches(_plain(name), plain, 1, NEAR)
        meant = f"; did you mean {plain[near[0]]}?" if near else ""
        raise UsageError(f"unknown variable {name}{meant}", hint=f"unset {name}")


def _plain(name: str) -> str:
    """What tells a variable from others, without the prefix that all have."""
    return name.removeprefix(PREFIX).replace("_", "")


def usage_error(error: Exception, command: str) -> UsageError | None:
    """The same in our words; None if the error is another.

    typer carries click within itself, without a public name for its usage errors.
    """
    if getattr(error, "exit_code", None) != ExitCode.USAGE or not hasattr(error, "format_message"):
        return None
    message = " ".join(printable(_message(error, command)).split())
    return UsageError(message, hint=_hint(error, command))


def _message(error: Any, command: str) -> str:
    text = str(error.format_message())
    match type(error).__name__:
        case "NoSuchOption":
            where = f"{command} has no option" if command else "no option"
            return f"{where} {error.option_name}{_meant(error.option_name, _flags(command))}"
        case "BadOptionUsage":
            needs = "requires a value" if "requires" in text else "takes no value"
            return f"{error.option_name} {needs}"
        case "MissingParameter":
            name = error.param.metavar or error.param.name
            return f"{command} requires {name}"
        case "BadParameter":
            # Only flags are typer's to convert, and only a variable gives them a value.
            name, wanted = error.param.envvar, "a number" if error.param.count else "true or false"
            return f"{name}: {os.environ.get(name, '')!r} isn't {wanted}"
    if surplus := _SURPLUS.search(text):
        arguments = [each for each in VERBS[command].parameters if not each.option.flags]
        takes = f"only one {arguments[0].option.name}; leave out" if arguments else "no argument"
        return f"{command} takes {takes}: {surplus[1]}"
    if unknown := _UNKNOWN.fullmatch(text):
        word = unknown[1]
        return f"no command {word!r}{'' if word in INSTEAD else _meant(word, VERBS)}"
    return text


def _hint(error: Any, command: str) -> str:
    """What to write instead; "" for the command's help."""
    text = str(error.format_message())
    if command == "status" and (surplus := _SURPLUS.search(text)) and is_subdomain(surplus[1]):
        return f"for one config: podcm-sync explain pcmc/{surplus[1]}"
    unknown = _UNKNOWN.fullmatch(text)
    return INSTEAD.get(unknown[1], "") if unknown else ""


def _meant(word: str, choices: Iterable[str]) -> str:
    """`; did you mean …?`, or "" if nothing is near."""
    near = difflib.get_close_matches(word, choices, 1, NEAR)
    return f"; did you mean {near[0]}?" if near else ""


def _flags(command: str) -> list[str]:
    declared = VERBS[command].parameters if command else parameters(SyncOptions)
    return [flag for each in declared for flag in each.option.flags.replace("/", " ").split()]


def _every_parameter() -> list[Parameter]:
    of_verbs = (parameter for verb in VERBS.values() for parameter in verb.parameters)
    return [*parameters(SyncOptions), *of_verbs]
