"""What the options have in common: their variables' names, and how durations are taken."""

from typing import Final

import typer

from podcm_sync.settings import parse_duration

OTHERS_VARIABLES: Final = frozenset(
    {"PODCM_SYNC_CACHE_DIR", "PODCM_SYNC_REQUIRE_CONTROLPLANE", "PODCM_SYNC_SHARDS"}
)
"""Variables that are read elsewhere, and are none of an option's."""


def env(name: str) -> str:
    """The variable of an option."""
    return f"PODCM_SYNC_{name}"


def duration(text: str) -> str:
    """A callback: see that the text is a duration. Raises BadParameter with what to write."""
    try:
        parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return text
