"""Options are declared once: what is typed comes to what the field has, and rules are in use."""

from inspect import signature
from typing import Any

import pytest
import typer.main
from msgspec import Struct

from podcm_sync.cli import app
from podcm_sync.cli.apply import ApplyOptions
from podcm_sync.cli.completion_command import CompletionOptions
from podcm_sync.cli.doctor import DoctorOptions
from podcm_sync.cli.explain import ExplainOptions
from podcm_sync.cli.help_commands import HelpOptions, OptionsOptions
from podcm_sync.cli.option import parameters
from podcm_sync.cli.option_rules import RULES, Rule
from podcm_sync.cli.rbac import RbacOptions
from podcm_sync.cli.show import ShowOptions
from podcm_sync.cli.status import StatusOptions
from podcm_sync.cli.sync_options import SyncOptions
from podcm_sync.cli.validate import ValidateOptions

VERBS: dict[str, type[Struct]] = {
    "apply": ApplyOptions,
    "completion": CompletionOptions,
    "doctor": DoctorOptions,
    "explain": ExplainOptions,
    "help": HelpOptions,
    "options": OptionsOptions,
    "rbac": RbacOptions,
    "show": ShowOptions,
    "status": StatusOptions,
    "validate": ValidateOptions,
}
ALL: tuple[type[Struct], ...] = (SyncOptions, *VERBS.values())
PARAMETERS = [parameter for options in ALL for parameter in parameters(options, {})]


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: str(parameter.name))
def test_a_default_that_is_typed_comes_to_itself(parameter: Any) -> None:
    """`--request-timeout 60s` is what happens without it."""
    if parameter.option.parse is None or parameter.is_tuple:
        return
    typed = parameter.option.typed(parameter.default)
    assert typed is None or parameter.option.parse(typed) == parameter.default


def test_every_verb_has_its_options() -> None:
    """A verb that is new is in the list above, and so in these tests."""
    command: Any = typer.main.get_command(app)
    assert command.commands.keys() == VERBS.keys()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.message)[:40])
def test_every_rule_is_about_options_that_a_verb_has(rule: Rule) -> None:
    """A rule that names a field that nobody has would never be asked."""
    fields = [{parameter.name for parameter in parameters(options, {})} for options in ALL]
    about = set(signature(rule.is_broken).parameters) - {"given"}
    assert any(about <= names for names in fields)


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: str(parameter.name))
def test_what_an_option_needs_or_is_in_conflict_with_is_an_option(parameter: Any) -> None:
    names = {other.name for other in PARAMETERS}
    assert {parameter.option.needs, parameter.option.conflicts} - {""} <= names
