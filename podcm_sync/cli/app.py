"""The options of the main job, with their environment variables, as kubectl's users expect them."""

import logging
import os

import typer

from podcm_sync.cli import options, scale
from podcm_sync.core.shards import parse_shard
from podcm_sync.core.validate import is_namespace
from podcm_sync.errors import EXIT_CODES
from podcm_sync.settings import (
    Colour,
    Findings,
    LogFormat,
    Output,
    Settings,
    parse_duration,
)

log = logging.getLogger(__name__)

app = typer.Typer(
    name="podcm-sync",
    invoke_without_command=True,
    subcommand_metavar="[COMMAND]",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _namespace(name: str) -> str:
    if not is_namespace(name):
        raise typer.BadParameter(
            f"{name!r} cannot be a namespace's name", param_hint="-n / PODCM_SYNC_NAMESPACE"
        )
    return name


def _interval(text: str) -> float:
    seconds = parse_duration(text)
    if seconds is None:
        raise typer.BadParameter("--interval must be more than 0")
    return seconds


def _is_typed(context: typer.Context, name: str) -> bool:
    """Whether an option was given on the command line, and not by its variable."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _warn_of_unknown_variables(context: typer.Context) -> None:
    """A misspelt PODCM_SYNC_DRYRUN would otherwise be a run that writes."""
    known = {getattr(parameter, "envvar", None) for parameter in context.command.params}
    for name in sorted(os.environ):
        if name.startswith("PODCM_SYNC_") and name not in known | options.OTHERS_VARIABLES:
            log.warning("the environment variable %s is none of ours; see --help", name)


EXIT_CODE_LINES = "; ".join(f"{code}: {meaning}" for code, meaning in EXIT_CODES.items())


@app.callback(
    help="Keep ConfigMaps in step with Pods, as PodConfigMapConfigs ask for: one run, then end.",
    epilog=f"Exit codes. {EXIT_CODE_LINES}. More: README.md.",
)
def sync(  # noqa: PLR0913, PLR0917 - one parameter an option, as typer has it
    context: typer.Context,
    namespaces: options.Namespaces = None,
    all_namespaces: options.AllNamespaces = False,
    shard: scale.ShardOfAll = None,
    dry_run: options.DryRun = False,
    directory: options.Directory = None,
    max_prune: options.MaxPrune = None,
    tolerate_object_failures: options.TolerateObjectFailures = False,
    exit_code: options.ExitCode = False,
    kubeconfig: options.Kubeconfig = None,
    kube_context: options.KubeContext = None,
    impersonate: options.Impersonate = None,
    request_timeout: options.RequestTimeout = "60s",
    deadline: options.Deadline = "0",
    loop: options.Loop = False,
    interval: options.Interval = "60s",
    concurrency: options.Concurrency = 16,
    qps: scale.Qps = 0.0,
    output: options.OutputFormat = Output.TEXT,
    colour: options.Colouring = Colour.AUTO,
    log_format: options.LogFormatting = LogFormat.TEXT,
    verbosity: options.Verbosity = 0,
    version: options.Version = False,  # noqa: ARG001 - its callback does it all
) -> int:
    """Turn the options into Settings and run; the exit code."""
    if context.invoked_subcommand is not None:
        return 0
    _warn_of_unknown_variables(context)
    names = tuple(dict.fromkeys(_namespace(name) for name in namespaces or ()))
    if names and all_namespaces:
        # An option beats a variable, also that of the other option.
        if _is_typed(context, "namespaces") == _is_typed(context, "all_namespaces"):
            raise typer.BadParameter("give either -n or -A, not both")
        all_namespaces = _is_typed(context, "all_namespaces")
        names = () if all_namespaces else names
    if shard and not all_namespaces:
        raise typer.BadParameter("--shard is a part of all namespaces: give -A with it")
    if directory is not None and any(
        _is_typed(context, name) for name in ("kubeconfig", "kube_context", "impersonate", "shard")
    ):
        raise typer.BadParameter(
            "--from needs no cluster: leave out --kubeconfig, --context, --as, --shard"
        )
    if impersonate is not None and not (impersonate.isascii() and impersonate.isprintable()):
        raise typer.BadParameter("--as has characters that no header can have")
    # Late, so that --help loads nothing of a run.
    from podcm_sync.cli.run import run

    return run(
        Settings(
            namespaces=names,
            is_all_namespaces=all_namespaces,
            shard=parse_shard(shard) if shard else None,
            is_dry_run=dry_run,
            directory=directory,
            kubeconfig=kubeconfig,
            context=kube_context,
            impersonate=impersonate,
            request_timeout=parse_duration(request_timeout),
            deadline=parse_duration(deadline),
            is_loop=loop,
            interval=_interval(interval),
            concurrency=concurrency,
            qps=qps or None,
            max_prune=tuple(max_prune or ()),
            changes_are_1=exit_code,
            tolerate_object_failures=tolerate_object_failures,
            output=output,
            colour=colour,
            log_format=log_format,
            verbosity=verbosity,
        )
    )


@app.command(name="validate")
def validate_manifests(
    files: options.Files, output: options.ValidationFormat = Findings.TEXT
) -> int:
    """Check PodConfigMapConfig manifests.

    Needs no cluster, and makes the findings that a run and the API server would make. Exit code 0
    if there are none, 3 if there are some.
    """
    from podcm_sync.cli.validate import validate

    return validate(files, output)
