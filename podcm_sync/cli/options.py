"""Each option once: its names, its variable in the environment, its help, and how it is parsed.

README.md's table of options is made from these.
"""

from pathlib import Path
from typing import Annotated, Final

import typer

from podcm_sync import __version__
from podcm_sync.core.guards import PruneLimit, parse_limit
from podcm_sync.settings import (
    MAX_CONCURRENCY,
    Colour,
    Findings,
    LogFormat,
    Output,
    parse_duration,
)

OTHERS_VARIABLES: Final = frozenset(
    {"PODCM_SYNC_CACHE_DIR", "PODCM_SYNC_REQUIRE_CONTROLPLANE", "PODCM_SYNC_SHARDS"}
)
"""Variables that are read elsewhere, and are none of an option's."""


def _env(name: str) -> str:
    return f"PODCM_SYNC_{name}"


def _version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"podcm-sync {__version__}")
        raise typer.Exit


def _limit(text: str) -> PruneLimit:
    try:
        return parse_limit(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _timeout(text: str) -> str:
    try:
        parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return text


Namespaces = Annotated[
    list[str] | None,
    typer.Option(
        "-n",
        "--namespace",
        envvar=_env("NAMESPACE"),
        metavar="NAME",
        help="Sync this namespace; may be given more than once, each is a scope of its own. "
        "Default: the context's, or in a Pod the ServiceAccount's.",
    ),
]
AllNamespaces = Annotated[
    bool,
    typer.Option(
        "-A", "--all-namespaces", envvar=_env("ALL_NAMESPACES"), help="Sync every namespace."
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        envvar=_env("DRY_RUN"),
        help="Show the diff and change nothing; needs only the right to list.",
    ),
]
Directory = Annotated[
    Path | None,
    typer.Option(
        "--from",
        envvar=_env("FROM"),
        metavar="DIR",
        help="Read manifests from DIR instead of an API server, and write DIR/generated/.",
    ),
]
MaxPrune = Annotated[
    list[PruneLimit] | None,
    typer.Option(
        "--max-prune",
        envvar=_env("MAX_PRUNE"),
        parser=_limit,
        metavar="N|P%",
        help="Delete nothing if a run would delete more ConfigMaps of living Pods than this. "
        "Given more than once, the most generous holds.",
    ),
]
TolerateObjectFailures = Annotated[
    bool,
    typer.Option(
        "--tolerate-object-failures",
        envvar=_env("TOLERATE_OBJECT_FAILURES"),
        help="Exit 0 instead of 3 where single objects fail; they are still reported.",
    ),
]
ExitCode = Annotated[
    bool,
    typer.Option(
        "--exit-code",
        envvar=_env("EXIT_CODE"),
        help="Exit 1 instead of 0 where there are (or, in a dry run, would be) changes.",
    ),
]
Kubeconfig = Annotated[
    str | None,
    typer.Option(
        "--kubeconfig",
        envvar=_env("KUBECONFIG"),
        metavar="FILE",
        help="Default: KUBECONFIG, the Pod's ServiceAccount, ~/.kube/config.",
    ),
]
KubeContext = Annotated[
    str | None,
    typer.Option(
        "--context",
        envvar=_env("CONTEXT"),
        metavar="NAME",
        help="The kubeconfig's context to use. Default: its current one.",
    ),
]
Impersonate = Annotated[
    str | None,
    typer.Option(
        "--as",
        envvar=_env("AS"),
        metavar="USER",
        help="Impersonate this user, as kubectl does.",
    ),
]
RequestTimeout = Annotated[
    str,
    typer.Option(
        "--request-timeout",
        envvar=_env("REQUEST_TIMEOUT"),
        callback=_timeout,
        metavar="DURATION",
        help="How long one request may take, such as 30s; 0 is no limit.",
    ),
]
Deadline = Annotated[
    str,
    typer.Option(
        "--deadline",
        envvar=_env("DEADLINE"),
        callback=_timeout,
        metavar="DURATION",
        help="How long a run may take in all: nothing new begins in its last tenth, and what "
        "is left exits 5; 0 is no limit.",
    ),
]
Loop = Annotated[
    bool,
    typer.Option(
        "--loop",
        envvar=_env("LOOP"),
        help="Run again and again, every --interval, until a signal comes.",
    ),
]
Interval = Annotated[
    str,
    typer.Option(
        "--interval",
        envvar=_env("INTERVAL"),
        callback=_timeout,
        metavar="DURATION",
        help="With --loop, the time from one run's beginning to the next's.",
    ),
]
Concurrency = Annotated[
    int,
    typer.Option(
        "--concurrency",
        envvar=_env("CONCURRENCY"),
        min=1,
        max=MAX_CONCURRENCY,
        help="How many writes may be under way at once, each on a connection of its own.",
    ),
]
OutputFormat = Annotated[
    Output,
    typer.Option("-o", "--output", envvar=_env("OUTPUT"), help="The format of the report."),
]
Colouring = Annotated[
    Colour,
    typer.Option(
        "--color",
        envvar=_env("COLOR"),
        help="Whether to colour the report; auto: on a terminal, unless NO_COLOR is set.",
    ),
]
LogFormatting = Annotated[
    LogFormat,
    typer.Option(
        "--log-format",
        envvar=_env("LOG_FORMAT"),
        help="The format of the log on stderr; json has a line for each change.",
    ),
]
Verbosity = Annotated[
    int,
    typer.Option(
        "-v",
        "--verbose",
        envvar=_env("VERBOSE"),
        count=True,
        help="Show also what is unchanged or left alone; requests and tracebacks in the log.",
    ),
]
Version = Annotated[
    bool,
    typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
]
Files = Annotated[
    list[str],
    typer.Option(
        "-f",
        "--filename",
        metavar="FILE|DIR|-",
        help="What to check: a file, a directory with all below it, or - for stdin; may be given "
        "more than once.",
    ),
]
ValidationFormat = Annotated[
    Findings, typer.Option("-o", "--output", help="The format of the findings.")
]
