"""What the options say, as one frozen value.

An option, else its PODCM_SYNC_… variable, else the default: typer does the choosing.
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Final

from msgspec import Struct

from podcm_sync.core.guards import Guards
from podcm_sync.model.objects import Shard
from podcm_sync.model.rights import LEASE

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


class Explained(StrEnum):
    """The formats of what `explain` says."""

    TEXT = "text"
    JSON = "json"


class Manifests(StrEnum):
    """The formats of objects for `kubectl apply`."""

    YAML = "yaml"
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


class Timing(Struct, frozen=True, kw_only=True):
    """A lease's times in seconds, each longer than the next, as client-go has them."""

    lease_duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0


class LeaderElection(Struct, frozen=True, kw_only=True):
    """By which Lease; without a namespace it is the context's or the ServiceAccount's."""

    namespace: str | None = None
    name: str = LEASE
    timing: Timing = Timing()


class Export(Struct, frozen=True, kw_only=True):
    """Where metrics go; nowhere by default."""

    push_gateway: str | None = None
    push_job: str = "podcm-sync"
    metrics_file: Path | None = None
    listen: tuple[str, int] | None = None
    """Host ("" for all of them) and port."""

    @property
    def is_asked_for(self) -> bool:
        """Whether there is anybody to tell."""
        return (self.push_gateway or self.metrics_file or self.listen) is not None


class Settings(Struct, frozen=True, kw_only=True):
    """The options. Durations are in seconds; a deadline of None is no limit."""

    namespaces: tuple[str, ...] = ()
    is_all_namespaces: bool = False
    shard: Shard | None = None
    is_dry_run: bool = False
    files: tuple[str, ...] = ()
    only_files: bool = False
    plan_out: Path | None = None
    expected_digest: str = ""
    directory: Path | None = None
    access: Access = Access()
    deadline: float | None = None
    is_loop: bool = False
    interval: float = 60.0
    election: LeaderElection | None = None
    concurrency: int = 32
    qps: float | None = None
    events: bool = True
    guards: Guards = Guards()
    changes_are_1: bool = False
    tolerate_object_failures: bool = False
    output: Output = Output.TEXT
    max_bytes: int = DEFAULT_MAX_BYTES
    is_redacted: bool = False
    colour: Colour = Colour.AUTO
    log_format: LogFormat = LogFormat.TEXT
    verbosity: int = 0
    export: Export = Export()


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
