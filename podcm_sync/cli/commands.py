"""The subcommands and their options; each is done in a file of its own in `cli`, loaded late."""

from podcm_sync.cli.app import app
from podcm_sync.cli.options import cluster, output, plan, run, scale, validate
from podcm_sync.settings import Colour, Findings, LogFormat, Output, Settings, parse_duration

__all__ = ["app"]


@app.command(name="validate")
def validate_manifests(
    files: validate.Files, output: validate.ValidationFormat = Findings.TEXT
) -> int:
    """Check PodConfigMapConfig manifests.

    Needs no cluster, and makes the findings that a run and the API server would make. Exit code 0
    if there are none, 3 if there are some.
    """
    from podcm_sync.cli.validate import validate as check

    return check(files, output)


@app.command(name="apply")
def apply_plan(  # noqa: PLR0913, PLR0917 - one parameter an option, as typer has it
    saved: plan.Plan,
    directory: run.Directory = None,
    tolerate_object_failures: run.TolerateObjectFailures = False,
    kubeconfig: cluster.Kubeconfig = None,
    kube_context: cluster.KubeContext = None,
    impersonate: cluster.Impersonate = None,
    request_timeout: cluster.RequestTimeout = "60s",
    deadline: run.Deadline = "0",
    concurrency: run.Concurrency = 16,
    qps: scale.Qps = 0.0,
    output_format: output.OutputFormat = Output.TEXT,
    colour: output.Colouring = Colour.AUTO,
    log_format: output.LogFormatting = LogFormat.TEXT,
    verbosity: output.Verbosity = 0,
) -> int:
    """Do exactly what a saved plan says.

    Each change is done only if a run would do the very same now; what has moved is held back and
    named, and the exit code is 4. Scope and guard are the plan's.
    """
    from podcm_sync.cli.saved import apply

    return apply(
        saved,
        Settings(
            directory=directory,
            access=cluster.access(kubeconfig, kube_context, impersonate, request_timeout),
            deadline=parse_duration(deadline),
            concurrency=concurrency,
            qps=qps or None,
            tolerate_object_failures=tolerate_object_failures,
            output=output_format,
            colour=colour,
            log_format=log_format,
            verbosity=verbosity,
        ),
    )


@app.command(name="show")
def show_plan(
    saved: plan.Plan,
    output_format: output.OutputFormat = Output.TEXT,
    colour: output.Colouring = Colour.AUTO,
    verbosity: output.Verbosity = 0,
) -> int:
    """Print a saved plan, in any format, as the dry run would have printed it."""
    from podcm_sync.cli.saved import show

    return show(saved, Settings(output=output_format, colour=colour, verbosity=verbosity))
