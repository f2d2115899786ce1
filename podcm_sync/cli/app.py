"""The options of the main job, with their environment variables, as kubectl's users expect them."""

import logging
import os
from typing import Final

import typer

from podcm_sync.cli.options import cluster, election, events, metrics, output, plan, run, scale
from podcm_sync.cli.options.words import OTHERS_VARIABLES
from podcm_sync.core.shards import parse_shard
from podcm_sync.errors import EXIT_CODES
from podcm_sync.model.changes import SyncPolicy
from podcm_sync.settings import (
    DEFAULT_MAX_BYTES,
    Colour,
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


def _interval(text: str) -> float:
    seconds = parse_duration(text)
    if seconds is None:
        raise typer.BadParameter("--interval must be more than 0")
    return seconds


def _warn_of_unknown_variables(context: typer.Context) -> None:
    """A misspelt PODCM_SYNC_DRYRUN would otherwise be a run that writes."""
    known = {getattr(parameter, "envvar", None) for parameter in context.command.params}
    for name in sorted(os.environ):
        if name.startswith("PODCM_SYNC_") and name not in known | OTHERS_VARIABLES:
            log.warning("the environment variable %s is none of ours; see --help", name)


UNHEARD: Final = {
    ("apply", "dry_run"): "apply changes the cluster, and PODCM_SYNC_DRY_RUN is set: unset it, or "
    "use show",
}
"""Variables that a subcommand must not seem to heed, as they are there to prevent something."""


def _refuse_unheard_variables(context: typer.Context, command: str) -> None:
    for (name, variable), why in UNHEARD.items():
        if name == command and context.params.get(variable):
            raise typer.BadParameter(why)


EXIT_CODE_LINES = "; ".join(f"{code}: {meaning}" for code, meaning in EXIT_CODES.items())


@app.callback(
    help="Keep ConfigMaps in step with Pods, as PodConfigMapConfigs ask for: one run, then end.",
    epilog=f"Exit codes. {EXIT_CODE_LINES}. More: README.md.",
)
def sync(  # noqa: PLR0913, PLR0917 - one parameter an option, as typer has it
    context: typer.Context,
    namespaces: cluster.Namespaces = None,
    all_namespaces: cluster.AllNamespaces = False,
    shard: scale.ShardOfAll = None,
    dry_run: run.DryRun = False,
    files: plan.Files = None,
    only_files: plan.OnlyFiles = False,
    plan_out: plan.PlanOut = None,
    expect_plan: plan.ExpectPlan = None,
    directory: run.Directory = None,
    max_prune: run.MaxPrune = None,
    max_prune_total: run.MaxPruneTotal = None,
    policy: run.DeletePolicy = SyncPolicy.SYNC,
    tolerate_object_failures: run.TolerateObjectFailures = False,
    exit_code: run.ExitCode = False,
    kubeconfig: cluster.Kubeconfig = None,
    kube_context: cluster.KubeContext = None,
    impersonate: cluster.Impersonate = None,
    request_timeout: cluster.RequestTimeout = "60s",
    deadline: run.Deadline = "0",
    loop: run.Loop = False,
    interval: run.Interval = "60s",
    leader_elect: election.LeaderElect = False,
    lease_namespace: election.LeaseNamespace = None,
    lease_name: election.LeaseName = None,
    lease_duration: election.LeaseDuration = "15s",
    renew_deadline: election.RenewDeadline = "10s",
    retry_period: election.RetryPeriod = "2s",
    concurrency: run.Concurrency = 32,
    qps: scale.Qps = 0.0,
    push_gateway: metrics.PushGateway = None,
    push_job: metrics.PushJob = "podcm-sync",
    metrics_file: metrics.MetricsFile = None,
    listen: metrics.Listen = None,
    writes_events: events.Events = True,
    output_format: output.OutputFormat = Output.TEXT,
    max_bytes: output.MaxBytes = DEFAULT_MAX_BYTES,
    redact: output.Redaction = False,
    colour: output.Colouring = Colour.AUTO,
    log_format: output.LogFormatting = LogFormat.TEXT,
    verbosity: output.Verbosity = 0,
    version: run.Version = False,  # noqa: ARG001 - its callback does it all
) -> int:
    """Turn the options into Settings and run; the exit code."""
    _warn_of_unknown_variables(context)
    if context.invoked_subcommand is not None:
        cluster.refuse_before(context, context.invoked_subcommand)
        _refuse_unheard_variables(context, context.invoked_subcommand)
        return 0
    names, is_all = cluster.namespaces(context, namespaces, is_all=all_namespaces)
    part = parse_shard(shard) if shard else None
    if part and not is_all:
        raise typer.BadParameter("--shard is a part of all namespaces: give -A with it")
    plan.check(
        is_preview=dry_run,
        is_loop=loop,
        files=files,
        only_files=only_files,
        plan_out=plan_out,
        expected=expect_plan,
        is_redacted=redact,
    )
    cluster.refuse_with_directory(context, directory)
    output.see_that_format_fits(context, output_format, is_loop=loop)
    if leader_elect and (not loop or dry_run or directory is not None):
        raise typer.BadParameter(
            "--leader-elect is for a loop that writes to a cluster: give --loop with it, and "
            "neither --dry-run nor --from"
        )
    if not leader_elect:
        cluster.refuse_without(context, "--leader-elect", election.OF_THE_LEASE)
    if not loop:
        cluster.refuse_without(context, "--loop", {"interval"})
    if not push_gateway:
        cluster.refuse_without(context, "--push-gateway", {"push_job"})
    export = metrics.export(
        push_gateway,
        push_job,
        metrics_file,
        listen,
        is_loop=loop,
        is_one_of_many=leader_elect,
        writes=not dry_run,
    )
    # Late, so that --help loads nothing of a run.
    from podcm_sync.cli import run as command

    return command.run(
        Settings(
            namespaces=names,
            is_all_namespaces=is_all,
            shard=part,
            is_dry_run=dry_run,
            files=tuple(files or ()),
            only_files=only_files,
            plan_out=plan_out,
            expected_digest=expect_plan or "",
            directory=directory,
            access=cluster.access(kubeconfig, kube_context, impersonate, request_timeout),
            deadline=parse_duration(deadline),
            is_loop=loop,
            interval=_interval(interval),
            election=election.leader_election(
                lease_namespace,
                lease_name,
                lease_duration,
                renew_deadline,
                retry_period,
                shard=part,
            )
            if leader_elect
            else None,
            concurrency=concurrency,
            qps=qps or None,
            events=writes_events,
            guards=run.guards(max_prune, max_prune_total, policy),
            changes_are_1=exit_code,
            tolerate_object_failures=tolerate_object_failures,
            output=output_format,
            max_bytes=max_bytes,
            is_redacted=redact,
            colour=colour,
            log_format=log_format,
            verbosity=verbosity,
            export=export,
        )
    )
