"""`podcm-sync explain`: its options."""

import typer

from podcm_sync.cli.app import app
from podcm_sync.cli.options import cluster, explain, output, run
from podcm_sync.model.changes import SyncPolicy
from podcm_sync.settings import Colour, Explained, LogFormat


@app.command(name="explain")
def explain_object(  # noqa: PLR0913, PLR0917 - one parameter an option, as typer has it
    context: typer.Context,
    subject: explain.Subject,
    namespace: explain.Namespace = None,
    directory: explain.Directory = None,
    max_prune: explain.MaxPrune = None,
    policy: run.DeletePolicy = SyncPolicy.SYNC,
    kubeconfig: cluster.Kubeconfig = None,
    kube_context: cluster.KubeContext = None,
    impersonate: cluster.Impersonate = None,
    request_timeout: cluster.RequestTimeout = "60s",
    output_format: explain.ExplanationFormat = Explained.TEXT,
    redact: output.Redaction = False,
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
            guards=run.guards(max_prune, None, policy),
            output=output_format,
            is_redacted=redact,
            colour=colour,
            verbosity=verbosity,
        )
    )
