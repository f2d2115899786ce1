"""The subcommands and their options; each is done in a file of its own in `cli`, loaded late."""

import typer

from podcm_sync.cli.app import app
from podcm_sync.cli.options import cluster, explain, output, plan, run, scale, validate
from podcm_sync.settings import (
    Colour,
    Explained,
    Findings,
    LogFormat,
    Output,
    Settings,
    parse_duration,
)

__all__ = ["app"]


@app.command(name="validate")
def validate_manifests(
    files: validate.Files, output_format: validate.ValidationFormat = Findings.TEXT
) -> int:
    """Check PodConfigMapConfig manifests.

    Needs no cluster, and makes the findings that a run and the API server would make. Exit code 0
    if there are none, 3 if there are some.
    """
    from podcm_sync.cli.validate import validate as check

    return check(files, output_format)


@app.command(name="explain")
def explain_object(  # noqa: PLR0913, PLR0917 - one parameter an option, as typer has it
    context: typer.Context,
    subject: explain.Subject,
    namespace: explain.Namespace = None,
    directory: explain.Directory = None,
    max_prune: explain.MaxPrune = None,
    kubeconfig: cluster.Kubeconfig = None,
    kube_context: cluster.KubeContext = None,
    impersonate: cluster.Impersonate = None,
    request_timeout: cluster.RequestTimeout = "60s",
    output_format: explain.ExplanationFormat = Explained.TEXT,
    colour: explain.Colouring = Colour.AUTO,
    log_format: output.LogFormatting = LogFormat.TEXT,  # noqa: ARG001 - read from the arguments
    verbosity: explain.Verbosity = 0,
) -> int:
    """Explain why a ConfigMap exists, is missing, would change or go.

    Of a Pod, a ConfigMap or a PodConfigMapConfig: for each Pod and config the selector's
    requirement that fails with the Pod's actual value, what the next run would do and why, and
    what you can do. Needs only the right to list, and changes nothing. Exit code 0 for an answer,
    3 if there is no such object, 5 if the API server cannot be asked or a list did not complete.
    """
    from podcm_sync.core.explain.subject import parse_subject

    try:
        asked = parse_subject(subject)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    cluster.refuse_with_directory(context, directory)
    from podcm_sync.cli import explain as command

    return command.explain(
        command.Question(
            subject=asked,
            namespaces=cluster.one_namespace(namespace),
            directory=directory,
            access=cluster.access(kubeconfig, kube_context, impersonate, request_timeout),
            max_prune=tuple(max_prune or ()),
            output=output_format,
            colour=colour,
            verbosity=verbosity,
        )
    )


@app.command(name="apply")
def apply_plan(  # noqa: PLR0913, PLR0917 - one parameter an option, as typer has it
    context: typer.Context,
    saved: plan.Plan,
    directory: run.Directory = None,
    tolerate_object_failures: run.TolerateObjectFailures = False,
    kubeconfig: cluster.Kubeconfig = None,
    kube_context: cluster.KubeContext = None,
    impersonate: cluster.Impersonate = None,
    request_timeout: cluster.RequestTimeout = "60s",
    deadline: run.Deadline = "0",
    concurrency: run.Concurrency = 32,
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
    cluster.refuse_with_directory(context, directory)
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
