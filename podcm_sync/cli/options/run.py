"""What a run may do, how often, and what it ends with."""

from pathlib import Path
from typing import Annotated

import typer

from podcm_sync import __version__
from podcm_sync.cli.options.words import duration, env
from podcm_sync.core.guards import Guards, PruneLimit, parse_limit
from podcm_sync.model.changes import SyncPolicy
from podcm_sync.settings import MAX_CONCURRENCY


def _version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"podcm-sync {__version__}")
        raise typer.Exit


def prune_limit(text: str) -> PruneLimit:
    """A parser: `N` or `P%`. Raises BadParameter with what to write."""
    try:
        return parse_limit(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def guards(
    max_prune: list[PruneLimit] | None,
    max_prune_total: list[PruneLimit] | None,
    policy: SyncPolicy,
) -> Guards:
    """The options that limit deletions, as one value."""
    return Guards(
        max_prune=tuple(max_prune or ()),
        max_prune_total=tuple(max_prune_total or ()),
        sync_policy=policy,
    )


DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        envvar=env("DRY_RUN"),
        help="Show the diff and change nothing; needs only the right to list.",
    ),
]
Directory = Annotated[
    Path | None,
    typer.Option(
        "--from",
        envvar=env("FROM"),
        metavar="DIR",
        help="Read manifests from DIR instead of an API server, and write DIR/generated/.",
    ),
]
MaxPrune = Annotated[
    list[PruneLimit] | None,
    typer.Option(
        "--max-prune",
        envvar=env("MAX_PRUNE"),
        parser=prune_limit,
        metavar="N|P%",
        help="Delete at most this many ConfigMaps of a namespace, or none there. If given more "
        "than once, the most generous limit applies.",
    ),
]
MaxPruneTotal = Annotated[
    list[PruneLimit] | None,
    typer.Option(
        "--max-prune-total",
        envvar=env("MAX_PRUNE_TOTAL"),
        parser=prune_limit,
        metavar="N|P%",
        help="Delete at most this many ConfigMaps of all namespaces but the one with the most "
        "deletions, or none anywhere. If given more than once, the most generous limit applies.",
    ),
]
DeletePolicy = Annotated[
    SyncPolicy,
    typer.Option(
        "--policy",
        envvar=env("POLICY"),
        help="sync creates, updates, and deletes; upsert-only never deletes.",
    ),
]
TolerateObjectFailures = Annotated[
    bool,
    typer.Option(
        "--tolerate-object-failures",
        envvar=env("TOLERATE_OBJECT_FAILURES"),
        help="Exit 0 instead of 3 if single objects fail, and instead of 4 if only --max-prune "
        "holds back deletions of single namespaces. The report still shows them.",
    ),
]
ExitCode = Annotated[
    bool,
    typer.Option(
        "--exit-code",
        envvar=env("EXIT_CODE"),
        help="Exit 1 instead of 0 where there are (or, in a dry run, would be) changes.",
    ),
]
Deadline = Annotated[
    str,
    typer.Option(
        "--deadline",
        envvar=env("DEADLINE"),
        callback=duration,
        metavar="DURATION",
        help="How long a run may take in all: nothing new begins in its last tenth, and what "
        "is left exits 5; 0 is no limit.",
    ),
]
Loop = Annotated[
    bool,
    typer.Option(
        "--loop",
        envvar=env("LOOP"),
        help="Run again and again, every --interval, until a signal comes.",
    ),
]
Interval = Annotated[
    str,
    typer.Option(
        "--interval",
        envvar=env("INTERVAL"),
        callback=duration,
        metavar="DURATION",
        help="With --loop, the time from one run's beginning to the next's.",
    ),
]
Concurrency = Annotated[
    int,
    typer.Option(
        "--concurrency",
        envvar=env("CONCURRENCY"),
        min=1,
        max=MAX_CONCURRENCY,
        help="How many writes may be under way at once, each on a connection of its own.",
    ),
]
Version = Annotated[
    bool,
    typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
]
