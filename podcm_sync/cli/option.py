"""Options as data: one is declared beside the field that it fills, and is parsed once.

A verb takes one frozen Struct. Its fields are options, `Annotated[T, Option(...)]`, or groups of
options, which are Structs themselves. typer splits the command line into words; values are parsed
here, so that every usage error is in our words. The verb gets typed values.
"""

import inspect
import os
import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from itertools import permutations
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints

import typer
from msgspec import NODEFAULT, Struct, structs

from podcm_sync.cli import option_rules
from podcm_sync.errors import ExitCode, UsageError

T = TypeVar("T", bound=Struct)


class Group(StrEnum):
    """What an option is about: the headings of `--help`, in their order."""

    SCOPE = "Scope"
    ACTION = "What to do"
    SAFETY = "Safety"
    OUTPUT = "Output"
    CONNECTION = "Connection"
    LOOP = "Loop"
    METRICS = "Metrics"


def _as_it_is(value: Any) -> Any:
    return value


class Option(Struct, frozen=True, kw_only=True):
    """One option, or an argument if it has no flags."""

    flags: str = ""
    """As typer takes them, with spaces between: `-n --namespace`."""
    group: Group
    help: str
    """The first sentence alone must do: the root's `--help` shows no more."""
    is_rare: bool = False
    """Whether the root's `--help` leaves it to `podcm-sync options`."""
    has_variable: bool = True
    """Whether a variable of the environment, named like the long flag, may give it too."""
    metavar: str | None = None
    parse: Callable[[Any], Any] | None = None
    """From text to the field's type, item by item if the field is a tuple; None if the type says
    it. Raises ValueError with what to write; the option's name is put before it."""
    parse_all: Callable[[Any], Any] | None = None
    """Like `parse`, but from everything that was given: text, a list of texts, or None."""
    typed: Callable[[Any], Any] = _as_it_is
    """The field's default as somebody would type it."""
    is_list: bool | None = None
    """Whether it may be given more than once; None if the field's type says it."""
    minimum: float | None = None
    maximum: float | None = None
    is_counted: bool = False
    eager: Callable[[bool], None] | None = None
    """What the option does by itself, before all others are looked at."""
    needs: str = ""
    """The field that this option requires."""
    conflicts: str = ""
    """The field that this option cannot be combined with."""
    default_with: tuple[str, str] | None = None
    """A field that changes the default if it is set, and that default as somebody would type it."""
    complete: Callable[..., list[str]] | None = None
    """The values that a shell may offer, from `incomplete` and, if it has one, typer's context."""

    @property
    def name(self) -> str:
        """The name to call it in a message: the long one, or an argument's placeholder."""
        return self.flags.split()[-1].partition("/")[0] if self.flags else self.metavar or ""

    @property
    def variable(self) -> str | None:
        """`--dry-run` is PODCM_SYNC_DRY_RUN."""
        if not (self.flags and self.has_variable):
            return None
        return f"PODCM_SYNC_{self.name.removeprefix('--').replace('-', '_').upper()}"


def parse_duration(text: str) -> float | None:
    """A duration as kubectl takes it (`30s`, `1m30s`, `500ms`, `45`) in seconds; None for 0.

    Raises ValueError with what to write.
    """
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text) or None
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)(ms|h|m|s)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} isn't a duration; write 30s, 1m30s, or 500ms")
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    return sum(float(number) * units[unit] for number, unit in parts) or None


def limit(**settings: Any) -> Option:
    """An option that is a duration in seconds; None is no limit."""
    return Option(
        **settings,
        metavar="DURATION",
        parse=parse_duration,
        typed=lambda seconds: f"{seconds:g}s" if seconds else "0",
    )


def period(**settings: Any) -> Option:
    """An option that is a duration in seconds, which may not be 0: the rules say so."""
    return Option(
        **settings,
        metavar="DURATION",
        parse=lambda text: parse_duration(text) or 0.0,
        typed=lambda seconds: f"{seconds:g}s",
    )


class Help(Struct, frozen=True):
    """Another help text for an option, in the verb that declares it."""

    text: str


class But(Struct, frozen=True):
    """What a verb says of a group's options: another help text, or None for one it doesn't have.

    With IGNORED the verb takes the option and does nothing with it, and its help doesn't show it.
    """

    helps: Mapping[str, str | None]


IGNORED: Final = ""
"""The help text of an option that is ignored."""


class Ignored(Struct, frozen=True):
    """That all options of a group are IGNORED: those of another verb, whose words are pasted."""


class Parameter(Struct, frozen=True, kw_only=True):
    """An option as a parameter of typer's; `default` is the field's."""

    name: str
    type: Any
    option: Option
    default: Any

    @property
    def is_tuple(self) -> bool:
        """Whether the field has many values."""
        return get_origin(self.type) is tuple

    @property
    def is_flag(self) -> bool:
        """Whether the option takes no value."""
        return bool(self.option.flags) and (self.type is bool or self.option.is_counted)

    @property
    def value_type(self) -> Any:
        """The type of one value: `Path` of `Path | None` and of `tuple[Path, ...]`."""
        types = [kind for kind in get_args(self.type) if kind not in {type(None), ...}]
        return types[0] if types else self.type

    def for_typer(self) -> inspect.Parameter:
        """The parameter in a signature that typer reads: text, or a flag."""
        option, raw, default = self.option, self.type if self.is_flag else str, self.default
        is_list = self.is_tuple if option.is_list is None else option.is_list
        if is_list:
            raw = list[str]
        if default is not NODEFAULT:
            default = None if self.is_tuple else option.typed(default)
            if not (default is None or self.is_flag):
                default = str(default)
        settings: dict[str, Any] = {
            "help": option.help,
            "hidden": option.help == IGNORED,
            "envvar": option.variable,
            "metavar": option.metavar,
            "callback": option.eager,
            "autocompletion": option.complete,
        }
        if option.flags:
            settings |= {"count": option.is_counted, "is_eager": option.eager is not None}
        made = typer.Option if option.flags else typer.Argument
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=made(
                ... if default is NODEFAULT else default, *option.flags.split(), **settings
            ),
            annotation=raw | None if default is None else raw,
        )

    def value(self, raw: Any, *, is_on_command_line: bool) -> Any:
        """The field's value. Raises UsageError."""
        option = self.option
        try:
            if option.parse_all is not None:
                return option.parse_all(raw)
            if self.is_tuple:
                return tuple(self._parsed(text) for text in raw or ())
            return raw if raw is None or self.is_flag else self._parsed(raw)
        except ValueError as error:
            # typer takes an empty variable for none, but some options read it all the same.
            is_of_variable = not is_on_command_line and (option.variable or "") in os.environ
            raise UsageError(
                f"{option.variable if is_of_variable else option.name}: {error}"
            ) from None

    def _parsed(self, text: str) -> Any:
        if self.option.parse is not None:
            return self.option.parse(text)
        kind = self.value_type
        if kind in {int, float}:
            return self._number(text)
        if issubclass(kind, StrEnum) and text not in list(kind):
            raise ValueError(f"{text!r} isn't one of {', '.join(kind)}")
        return kind(text) if kind is Path or issubclass(kind, StrEnum) else text

    def _number(self, text: str) -> float:
        least, most = self.option.minimum, self.option.maximum
        try:
            number = self.value_type(text)
        except ValueError:
            raise ValueError(f"{text!r} isn't a number") from None
        # A NaN is not in any range.
        is_enough = least is None or number >= least
        if is_enough and (most is None or number <= most):
            return float(number) if self.value_type is float else number
        bounds = f"of {least:g} or more" if most is None else f"from {least:g} to {most:g}"
        raise ValueError(f"{text!r} isn't a number {bounds}")


def _declared(field: structs.FieldInfo) -> tuple[Any, Option | None, Mapping[str, str | None]]:
    """A field's type, its option with this verb's help text, and for a group its changes."""
    if get_origin(field.type) is not Annotated:
        return field.type, None, {}
    kind, *notes = get_args(field.type)
    option: Option | None = None
    changes: Mapping[str, str | None] = {}
    for note in notes:
        match note:
            case Option():
                option = note
            case Help(text) if option is not None:
                option = structs.replace(option, help=text)
            case But(helps=helps):
                changes = {**changes, **helps}
            case Ignored() if option is not None:
                option = structs.replace(option, help=IGNORED)
            case Ignored():
                changes = {parameter.name: IGNORED for parameter in parameters(kind)}
    return kind, option, changes


def parameters(
    group: type[Struct], changes: Mapping[str, str | None] | None = None
) -> Iterator[Parameter]:
    """The options of a group and of the groups in it, in their order."""
    for field in structs.fields(group):
        kind, option, inner = _declared(field)
        if option is None:
            yield from parameters(kind, {**inner, **(changes or {})})
        elif (text := (changes or {}).get(field.name, option.help)) is not None:
            option = structs.replace(option, help=text)
            yield Parameter(name=field.name, type=kind, option=option, default=field.default)


def _built(group: type[T], values: Mapping[str, Any]) -> T:
    """The Struct of these values; an option that the verb doesn't have keeps its default."""
    content: dict[str, Any] = {}
    for field in structs.fields(group):
        kind, option, _ = _declared(field)
        if option is None:
            content[field.name] = _built(kind, values)
        elif field.name in values:
            content[field.name] = values[field.name]
    return group(**content)


def _checked(
    options: Mapping[str, Option], values: Mapping[str, Any], given: AbstractSet[str]
) -> Mapping[str, Any]:
    """The values that count. Raises UsageError for a combination that cannot be meant.

    `given` has the names of the fields whose options stand on the command line.
    """
    for name, other in permutations(("namespaces", "all_namespaces")):
        if name in given and other not in given and other in values:
            # An option beats a variable, also that of the other option.
            values = {**values, other: type(values[other])()}
    for name in (name for name in options if name in given):
        option = options[name]
        if values.get(option.conflicts):
            raise UsageError(
                f"{option.name} can't be combined with {options[option.conflicts].name}"
            )
        if option.needs in values and not values[option.needs]:
            raise UsageError(f"{option.name} requires {options[option.needs].name}")
    option_rules.check(values, given)
    return values


def options_of(verb: Callable[[Any], int]) -> type[Struct]:
    """The Struct of options that a verb takes."""
    group: type[Struct]
    (group,) = (kind for name, kind in get_type_hints(verb).items() if name != "return")
    return group


def takes_options(verb: Callable[[Any], int]) -> Callable[..., int]:
    """The function for typer: it reads, checks and parses the options, and calls the verb."""
    group = options_of(verb)
    declared = list(parameters(group))
    options = {parameter.name: parameter.option for parameter in declared}

    def run(typer_context: typer.Context, **raw: Any) -> int:
        if option_rules.is_for_a_subcommand(typer_context):
            return ExitCode.DONE
        sources = {
            name: source.name
            for name in raw
            if (source := typer_context.get_parameter_source(name)) is not None
        }
        given = {name for name, source in sources.items() if source == "COMMANDLINE"}
        values = {
            parameter.name: parameter.value(
                raw[parameter.name], is_on_command_line=parameter.name in given
            )
            for parameter in declared
        }
        for parameter in declared:
            field, default = parameter.option.default_with or ("", "")
            if sources.get(parameter.name) == "DEFAULT" and values.get(field):
                values[parameter.name] = parameter.value(default, is_on_command_line=False)
        return verb(_built(group, _checked(options, values, given)))

    context = inspect.Parameter(
        "typer_context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context
    )
    signature = inspect.Signature([context, *(parameter.for_typer() for parameter in declared)])
    run.__signature__ = signature  # type: ignore[attr-defined]  # typer reads it, mypy doesn't know it
    run.__doc__ = verb.__doc__
    return run
