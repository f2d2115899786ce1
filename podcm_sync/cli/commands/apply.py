"""`podcm-sync apply`: its options."""

import typer

from podcm_sync.cli.app import app
from podcm_sync.cli.options import cluster, events, output, plan, run, scale
from podcm_sync.model.changes import SyncPolicy
from podcm_sync.settings import (
    DEFAULT_MAX_BYTES,
    Colour,
    LogFormat,
    Output,
    Settings,
    parse_duration,
)


@app.command(name="apply")
def apply_plan(  # noqa: PLR0913, PLR0917 - one parameter an option, as typer has it
    context: typer.Context,
    saved: plan.Plan,
    namespaces: plan.PartOfPlan = None,
    directory: run.Directory = None,
    expect_plan: plan.ExpectedFile = None,
    max_prune: run.MaxPrune = None,
    max_prune_total: run.MaxPruneTotal = None,
    policy: run.DeletePolicy = SyncPolicy.SYNC,
    writes_events: events.Events = True,
    tolerate_object_failures: run.TolerateObjectFailures = False,
    kubeconfig: cluster.Kubeconfig = None,
    kube_context: cluster.KubeContext = None,
    impersonate: cluster.Impersonate = None,
    request_timeout: cluster.RequestTimeout = "60s",
    deadline: run.Deadline = "0",
    concurrency: run.Concurrency = 32,
    qps: scale.Qps = 0.0,
    output_format: output.OutputFormat = Output.TEXT,
    max_bytes: output.MaxBytes = DEFAULT_MAX_BYTES,
    redact: output.Redaction = False,
    colour: output.Colouring = Colour.AUTO,
    log_format: output.LogFormatting = LogFormat.TEXT,
    verbosity: output.Verbosity = 0,
) -> int:
    """Do exactly what a saved plan says.

    podcm-sync makes each change only if a run would make the same one now. If anything else has
    changed since, the report names it, and the exit code is 4. The scope is the plan's, or its part
    in the namespaces of -n. The limits count what would be deleted now; deletions that the plan
    holds back stay held back.
    """
    cluster.refuse_with_directory(context, directory)
    output.see_that_format_fits(context, output_format, is_loop=False)
    from podcm_sync.cli.saved import apply

    return apply(
        saved,
        Settings(
            namespaces=tuple(map(cluster.namespace, dict.fromkeys(namespaces or ()))),
            directory=directory,
            expected_digest=expect_plan or "",
            guards=run.guards(max_prune, max_prune_total, policy),
            access=cluster.access(kubeconfig, kube_context, impersonate, request_timeout),
            deadline=parse_duration(deadline),
            concurrency=concurrency,
            qps=qps or None,
            events=writes_events,
            tolerate_object_failures=tolerate_object_failures,
            output=output_format,
            max_bytes=max_bytes,
            is_redacted=redact,
            colour=colour,
            log_format=log_format,
            verbosity=verbosity,
        ),
    )
