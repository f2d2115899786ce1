"""The options of the main job, with their environment variables, as kubectl's users expect them."""

import typer

from podcm_sync.cli import options
from podcm_sync.core.shards import parse_shard
from podcm_sync.core.validate import is_label_value, is_subdomain
from podcm_sync.errors import EXIT_CODES
from podcm_sync.settings import (
    Colour,
    LogFormat,
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


def _namespace(name: str) -> str:
    if not (is_subdomain(name) and is_label_value(name) and "." not in name):
        raise typer.BadParameter(f"{name!r} cannot be a namespace's name")
    return name


def _interval(text: str) -> float:
    seconds = parse_duration(text)
    if seconds is None:
        raise typer.BadParameter("--interval must be more than 0")
    return seconds


EXIT_CODE_LINES = "; ".join(f"{code}: {meaning}" for code, meaning in EXIT_CODES.items())


@app.callback(
    help="Keep ConfigMaps in step with Pods, as PodConfigMapConfigs ask for: one run, then end.",
    epilog=f"Exit codes. {EXIT_CODE_LINES}. More: README.md.",
)
def sync(  # noqa: PLR0913, PLR0917 - one parameter an option, as typer has it
    context: typer.Context,
    namespaces: options.Namespaces = None,
    all_namespaces: options.AllNamespaces = False,
    shard: options.ShardOfAll = None,
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
    qps: options.Qps = 0.0,
    output: options.OutputFormat = Output.TEXT,
    colour: options.Colouring = Colour.AUTO,
    log_format: options.LogFormatting = LogFormat.TEXT,
    verbosity: options.Verbosity = 0,
    version: options.Version = False,  # noqa: ARG001 - its callback does it all
) -> int:
    """Turn the options into Settings and run; the exit code."""
    if context.invoked_subcommand is not None:
        return 0
    names = tuple(dict.fromkeys(_namespace(name) for name in namespaces or ()))
    if names and all_namespaces:
        raise typer.BadParameter("give either -n or -A, not both")
    if shard and not all_namespaces:
        raise typer.BadParameter("--shard is a part of all namespaces: give -A with it")
    if directory is not None and (kubeconfig or kube_context or impersonate or shard):
        raise typer.BadParameter(
            "--from needs no cluster: leave out --kubeconfig, --context, --as, --shard"
        )
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
