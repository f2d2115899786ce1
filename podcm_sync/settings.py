"""What the options say, as one frozen value.

An option, else its PODCM_SYNC_… variable, else the default: typer does the choosing.
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Final

from msgspec import Struct

from podcm_sync.core.guards import PruneLimit
from podcm_sync.model.objects import Shard

MAX_CONCURRENCY: Final = 256
DEFAULT_MAX_BYTES: Final = 60_000
"""GitHub takes 65,536 characters in a comment; workflows like to add some of their own."""
LEAST_MAX_BYTES: Final = 4_000
"""Room for a Markdown report's heading, counts and what was cut."""


class Output(StrEnum):
    """The formats of a report."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"
    MARKDOWN = "markdown"


class Findings(StrEnum):
    """The formats of the findings of `validate`."""

    TEXT = "text"
    JSON = "json"


class LogFormat(StrEnum):
    """The formats of the log on stderr."""

    TEXT = "text"
    JSON = "json"


class Colour(StrEnum):
    """When to colour text output."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Access(Struct, frozen=True, kw_only=True):
    """Which API server, and as whom; a timeout in seconds, None is no limit."""

    kubeconfig: str | None = None
    context: str | None = None
    impersonate: str | None = None
    request_timeout: float | None = 60.0


class Settings(Struct, frozen=True, kw_only=True):
    """The options. Durations are in seconds; a deadline of None is no limit."""

    namespaces: tuple[str, ...]
    is_all_namespaces: bool
    shard: Shard | None = None
    is_dry_run: bool
    directory: Path | None
    access: Access
    deadline: float | None
    is_loop: bool
    interval: float
    concurrency: int
    qps: float | None = None
    max_prune: tuple[PruneLimit, ...]
    changes_are_1: bool
    tolerate_object_failures: bool
    output: Output
    max_bytes: int = DEFAULT_MAX_BYTES
    is_redacted: bool = False
    colour: Colour
    log_format: LogFormat
    verbosity: int


def parse_duration(text: str) -> float | None:
    """A duration as kubectl takes it (`30s`, `1m30s`, `500ms`, `45`) in seconds; None for 0.

    Raises ValueError with what to write.
    """
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text) or None
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)(ms|h|m|s)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration: write one such as 30s, 1m30s or 500ms")
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    return sum(float(number) * units[unit] for number, unit in parts) or None
