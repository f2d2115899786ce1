"""The options of several verbs, and the groups that go together."""

import os
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from msgspec import Struct

from podcm_sync.cli import completion
from podcm_sync.cli.option import Group, Help, Option, limit
from podcm_sync.cli.screen import Diff
from podcm_sync.reconcile.changes import SyncPolicy
from podcm_sync.reconcile.prune import Guards, PruneLimit, parse_limit
from podcm_sync.reconcile.snapshot import Shard, parse_shard
from podcm_sync.reconcile.validate import is_namespace

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


class TextOrJson(StrEnum):
    """The formats of what `validate`, `doctor` and `explain` print."""

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


def namespaces(names: Iterable[str] | None) -> tuple[str, ...]:
    """Each name once, in their order. Raises ValueError for one that no namespace can have."""
    chosen = tuple(dict.fromkeys(names or ()))
    for name in chosen:
        if not is_namespace(name):
            raise ValueError(f"{name!r} isn't a valid namespace name")
    return chosen


def _shard(text: str | None) -> Shard | None:
    index, count = os.environ.get("JOB_COMPLETION_INDEX"), os.environ.get("PODCM_SYNC_SHARDS")
    if text is None and index is not None and count is not None:
        text = f"{index}/{count}"
    return parse_shard(text) if text else None


Namespaces = Annotated[
    tuple[str, ...],
    Option(
        flags="-n --namespace",
        group=Group.SCOPE,
        metavar="NAME",
        parse_all=namespaces,
        complete=completion.namespaces,
        help="Sync this namespace. Repeatable; each is a scope of its own. Default: the context's "
        "namespace, or in a Pod the ServiceAccount's.",
    ),
]


def _directory(text: str) -> Path:
    # An unset variable (`--from "$DIR"`) must not mean the working directory.
    if not text:
        raise ValueError("the name is empty; to use the working directory, write .")
    return Path(text)


Directory = Annotated[
    Path | None,
    Option(
        flags="--from",
        group=Group.SCOPE,
        metavar="DIR",
        parse=_directory,
        help="Use manifests in DIR instead of a cluster. podcm-sync writes only DIR/generated/.",
    ),
]
DryRun = Annotated[
    bool,
    Option(
        flags="--dry-run",
        group=Group.ACTION,
        help="Show what would change, and change nothing. Needs only the permission to list.",
    ),
]
Events = Annotated[
    bool,
    Option(
        flags="--events/--no-events",
        group=Group.ACTION,
        is_rare=True,
        help="Write Events on configs. One is written if a config starts to fail, fails for "
        "another reason, or recovers. Needs the permission to create events.",
    ),
]
Watch = Annotated[
    bool,
    Option(
        flags="--watch",
        group=Group.LOOP,
        help="With --loop, also react to changes at once. podcm-sync watches Pods, configs, and "
        "generated ConfigMaps between runs. Needs the permissions to get and watch them.",
    ),
]
Redact = Annotated[
    bool,
    Option(
        flags="--redact",
        group=Group.OUTPUT,
        help="Mask values in reports, logs, and errors. Equal values get the same mask.",
    ),
]
Colouring = Annotated[
    Colour,
    Option(
        flags="--color",
        group=Group.OUTPUT,
        help="Color the output. auto: on a terminal, unless NO_COLOR is set.",
    ),
]
LogFormatting = Annotated[
    LogFormat,
    Option(
        flags="--log-format",
        group=Group.OUTPUT,
        is_rare=True,
        help="Format of the log on stderr. json has a line for each change.",
    ),
]
Verbosity = Annotated[
    int,
    Option(
        flags="-v --verbose",
        group=Group.OUTPUT,
        is_counted=True,
        help="Show all names, also of unchanged objects. Log requests and tracebacks.",
    ),
]


class LogOptions(Struct, frozen=True, kw_only=True):
    """The log on stderr, which every verb has."""

    log_format: LogFormatting = LogFormat.TEXT
    """Read from the raw arguments, so that the first line has it already."""
    verbosity: Annotated[Verbosity, Help("Log requests and tracebacks.")] = 0


class ScreenOptions(Struct, frozen=True, kw_only=True):
    """How a verb that changes nothing prints its result, and its log."""

    output: Annotated[
        TextOrJson,
        Option(
            flags="-o --output",
            has_variable=False,
            group=Group.OUTPUT,
            help="Format of the findings.",
        ),
    ] = TextOrJson.TEXT
    redact: Redact = False
    colour: Colouring = Colour.AUTO
    log_format: LogFormatting = LogFormat.TEXT
    verbosity: Annotated[Verbosity, Help("Log requests and tracebacks.")] = 0


class ScopeOptions(Struct, frozen=True, kw_only=True):
    """Which namespaces; none named are the context's, or all that a directory has."""

    namespaces: Namespaces = ()
    all_namespaces: Annotated[
        bool,
        Option(
            flags="-A --all-namespaces",
            group=Group.SCOPE,
            help="Sync all namespaces.",
        ),
    ] = False
    shard: Annotated[
        Shard | None,
        Option(
            flags="--shard",
            group=Group.SCOPE,
            metavar="INDEX/COUNT",
            is_rare=True,
            parse_all=_shard,
            conflicts="directory",
            help="With -A, sync only the namespaces of this shard. INDEX counts from 0. Default: "
            "in an Indexed Job, JOB_COMPLETION_INDEX/PODCM_SYNC_SHARDS.",
        ),
    ] = None


class Access(Struct, frozen=True, kw_only=True):
    """Which API server, and as whom; a timeout in seconds, None is no limit."""

    kubeconfig: Annotated[
        str | None,
        Option(
            flags="--kubeconfig",
            group=Group.CONNECTION,
            metavar="FILE",
            conflicts="directory",
            help="Use this kubeconfig. Default: KUBECONFIG, then the Pod's ServiceAccount, then "
            "~/.kube/config.",
        ),
    ] = None
    context: Annotated[
        str | None,
        Option(
            flags="--context",
            group=Group.CONNECTION,
            metavar="NAME",
            conflicts="directory",
            complete=completion.contexts,
            help="Use this context of the kubeconfig.",
        ),
    ] = None
    impersonate: Annotated[
        str | None,
        Option(
            flags="--as",
            group=Group.CONNECTION,
            metavar="USER",
            conflicts="directory",
            help="Impersonate this user.",
        ),
    ] = None
    impersonate_groups: Annotated[
        tuple[str, ...],
        Option(
            flags="--as-group",
            group=Group.CONNECTION,
            metavar="GROUP",
            conflicts="directory",
            help="Impersonate this group. Requires --as. Repeatable.",
        ),
    ] = ()
    request_timeout: Annotated[
        float | None,
        limit(
            flags="--request-timeout",
            group=Group.CONNECTION,
            help="Limit the time of one request. 0 means no limit.",
        ),
    ] = 60.0


class Deletions(Struct, frozen=True, kw_only=True):
    """What a run may delete."""

    max_prune: Annotated[
        tuple[PruneLimit, ...],
        Option(
            flags="--max-prune",
            group=Group.SAFETY,
            metavar="N|P%",
            parse=parse_limit,
            help="Limit deletions per namespace. Past the limit, podcm-sync deletes nothing there. "
            "Repeatable; the highest limit wins.",
        ),
    ] = ()
    max_prune_total: Annotated[
        tuple[PruneLimit, ...],
        Option(
            flags="--max-prune-total",
            group=Group.SAFETY,
            metavar="N|P%",
            parse=parse_limit,
            help="Limit deletions over all namespaces. In a run of several, the one with the most "
            "deletions doesn't count, so no single tenant can trip the limit. Past it, podcm-sync "
            "deletes nothing anywhere. Repeatable; the highest limit wins.",
        ),
    ] = ()
    policy: Annotated[
        SyncPolicy,
        Option(
            flags="--policy",
            group=Group.SAFETY,
            help="Never delete, with upsert-only.",
        ),
    ] = SyncPolicy.SYNC

    @property
    def guards(self) -> Guards:
        """The same for the plan."""
        return Guards(
            max_prune=self.max_prune,
            max_prune_total=self.max_prune_total,
            sync_policy=self.policy,
        )


class ReportOptions(Struct, frozen=True, kw_only=True):
    """How a run's report is shown, and how much of it; the log stands beside it."""

    output: Annotated[
        Output,
        Option(flags="-o --output", group=Group.OUTPUT, help="Format of the report."),
    ] = Output.TEXT
    diff: Annotated[
        Diff,
        Option(
            flags="--diff",
            group=Group.OUTPUT,
            help="How a dry run shows changes. compact is key by key, and equal changes once; "
            "full is a unified diff of every ConfigMap.",
        ),
    ] = Diff.COMPACT
    max_bytes: Annotated[
        int,
        Option(
            flags="--max-bytes",
            group=Group.OUTPUT,
            is_rare=True,
            metavar="BYTES",
            minimum=LEAST_MAX_BYTES,
            help="Maximum size of the Markdown report. The report notes what was cut.",
        ),
    ] = DEFAULT_MAX_BYTES
    redact: Redact = False
    colour: Colouring = Colour.AUTO
    log_format: LogFormatting = LogFormat.TEXT
    verbosity: Verbosity = 0
