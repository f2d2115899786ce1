"""The options of the main job, with their environment variables, as kubectl's users expect them."""

from pathlib import Path
from typing import Annotated

import typer

from podcm_sync import __version__
from podcm_sync.core.guards import PruneLimit, parse_limit
from podcm_sync.core.validate import is_label_value, is_subdomain
from podcm_sync.errors import EXIT_CODES
from podcm_sync.settings import (
    MAX_CONCURRENCY,
    Colour,
    Output,
    Settings,
    parse_duration,
)

app = typer.Typer(
    name="podcm-sync",
    invoke_without_command=True,
    subcommand_metavar="",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _env(name: str) -> str:
    return f"PODCM_SYNC_{name}"


def _version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"podcm-sync {__version__}")
        raise typer.Exit


def _namespace(name: str) -> str:
    if not (is_subdomain(name) and is_label_value(name) and "." not in name):
        raise typer.BadParameter(f"{name!r} cannot be a namespace's name")
    return name


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


EXIT_CODE_LINES = "; ".join(f"{code}: {meaning}" for code, meaning in EXIT_CODES.items())


@app.callback(
    help="Keep ConfigMaps in step with Pods, as PodConfigMapConfigs ask for: one run, then end.",
    epilog=f"Exit codes. {EXIT_CODE_LINES}. More: README.md.",
)
def sync(  # noqa: PLR0913, PLR0917 - one parameter an option, as typer has it
    context: typer.Context,
    namespaces: Annotated[
        list[str] | None,
        typer.Option(
            "-n",
            "--namespace",
            envvar=_env("NAMESPACE"),
            metavar="NAME",
            help="Sync this namespace; may be given more than once, each is a scope of its own. "
            "Default: the context's, or in a Pod the ServiceAccount's.",
        ),
    ] = None,
    all_namespaces: Annotated[
        bool,
        typer.Option(
            "-A", "--all-namespaces", envvar=_env("ALL_NAMESPACES"), help="Sync every namespace."
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            envvar=_env("DRY_RUN"),
            help="Show the diff and change nothing; needs only the right to list.",
        ),
    ] = False,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--from",
            envvar=_env("FROM"),
            metavar="DIR",
            help="Read manifests from DIR instead of an API server, and write DIR/generated/.",
        ),
    ] = None,
    max_prune: Annotated[
        list[PruneLimit] | None,
        typer.Option(
            "--max-prune",
            envvar=_env("MAX_PRUNE"),
            parser=_limit,
            metavar="N|P%",
            help="Delete nothing if a run would delete more ConfigMaps of living Pods than this. "
            "Given more than once, the most generous holds.",
        ),
    ] = None,
    tolerate_object_failures: Annotated[
        bool,
        typer.Option(
            "--tolerate-object-failures",
            envvar=_env("TOLERATE_OBJECT_FAILURES"),
            help="Exit 0 instead of 3 where single objects fail; they are still reported.",
        ),
    ] = False,
    exit_code: Annotated[
        bool,
        typer.Option(
            "--exit-code",
            envvar=_env("EXIT_CODE"),
            help="Exit 1 instead of 0 where there are (or, in a dry run, would be) changes.",
        ),
    ] = False,
    kubeconfig: Annotated[
        str | None,
        typer.Option(
            "--kubeconfig",
            envvar=_env("KUBECONFIG"),
            metavar="FILE",
            help="Default: KUBECONFIG, the Pod's ServiceAccount, ~/.kube/config.",
        ),
    ] = None,
    kube_context: Annotated[
        str | None,
        typer.Option(
            "--context",
            envvar=_env("CONTEXT"),
            metavar="NAME",
            help="The kubeconfig's context to use. Default: its current one.",
        ),
    ] = None,
    impersonate: Annotated[
        str | None,
        typer.Option(
            "--as",
            envvar=_env("AS"),
            metavar="USER",
            help="Impersonate this user, as kubectl does.",
        ),
    ] = None,
    request_timeout: Annotated[
        str,
        typer.Option(
            "--request-timeout",
            envvar=_env("REQUEST_TIMEOUT"),
            callback=_timeout,
            metavar="DURATION",
            help="How long one request may take, such as 30s; 0 is no limit.",
        ),
    ] = "60s",
    concurrency: Annotated[
        int,
        typer.Option(
            "--concurrency",
            envvar=_env("CONCURRENCY"),
            min=1,
            max=MAX_CONCURRENCY,
            help="How many writes may be under way at once, each on a connection of its own.",
        ),
    ] = 16,
    output: Annotated[
        Output,
        typer.Option("-o", "--output", envvar=_env("OUTPUT"), help="The format of the report."),
    ] = Output.TEXT,
    colour: Annotated[
        Colour,
        typer.Option(
            "--color",
            envvar=_env("COLOR"),
            help="Whether to colour the report; auto: on a terminal, unless NO_COLOR is set.",
        ),
    ] = Colour.AUTO,
    verbosity: Annotated[
        int,
        typer.Option(
            "-v",
            "--verbose",
            envvar=_env("VERBOSE"),
            count=True,
            help="Show also what is unchanged or left alone; requests and tracebacks in the log.",
        ),
    ] = 0,
    version: Annotated[  # noqa: ARG001 - its callback does it all
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> int:
    """Turn the options into Settings and run; the exit code."""
    if context.invoked_subcommand is not None:
        return 0
    names = tuple(dict.fromkeys(_namespace(name) for name in namespaces or ()))
    if names and all_namespaces:
        raise typer.BadParameter("give either -n or -A, not both")
    if directory is not None and (kubeconfig or kube_context or impersonate):
        raise typer.BadParameter("--from needs no cluster: leave out --kubeconfig, --context, --as")
    # Late, so that --help loads nothing of a run.
    from podcm_sync.cli.run import run

    return run(
        Settings(
            namespaces=names,
            is_all_namespaces=all_namespaces,
            is_dry_run=dry_run,
            directory=directory,
            kubeconfig=kubeconfig,
            context=kube_context,
            impersonate=impersonate,
            request_timeout=parse_duration(request_timeout),
            concurrency=concurrency,
            max_prune=tuple(max_prune or ()),
            changes_are_1=exit_code,
            tolerate_object_failures=tolerate_object_failures,
            output=output,
            colour=colour,
            verbosity=verbosity,
        )
    )
