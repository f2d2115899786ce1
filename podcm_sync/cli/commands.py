"""The subcommands and their options; each is done in a file of its own in `cli`, loaded late."""

import typer

from podcm_sync.cli.app import app
from podcm_sync.cli.options import cluster, events, output, rbac, scale, validate
from podcm_sync.core.rights import NAME
from podcm_sync.core.shards import parse_shard
from podcm_sync.settings import Colour, Findings, Manifests

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


@app.command(name="rbac")
def print_rbac(  # noqa: PLR0913, PLR0917 - one parameter an option, as typer has it
    context: typer.Context,
    namespaces: cluster.Namespaces = None,
    all_namespaces: cluster.AllNamespaces = False,
    shard: scale.ShardOfAll = None,
    is_preview: rbac.Preview = False,
    writes_events: events.Events = True,
    leader_elect: rbac.LeaderElect = False,
    lease_namespace: rbac.LeaseNamespace = None,
    lease_name: rbac.LeaseName = None,
    name: rbac.RoleName = NAME,
    bind: rbac.Bind = None,
    output_format: rbac.ManifestFormat = Manifests.YAML,
) -> int:
    """Print the least Role or ClusterRole for the options of a run.

    A Role for each -n, a ClusterRole for -A; without either a Role without a namespace, for
    kubectl apply -n. Needs no cluster.
    """
    names, is_all = cluster.namespaces(context, namespaces, is_all=all_namespaces)
    use = rbac.use(
        is_preview=is_preview,
        writes_events=writes_events,
        leader_elect=leader_elect,
        lease_namespace=lease_namespace,
        lease_name=lease_name,
        shard=shard,
        is_all=is_all,
    )
    from podcm_sync.cli.rbac import print_roles

    return print_roles(
        use,
        names,
        is_all=is_all,
        name=name,
        subject=rbac.subject(bind),
        output=output_format,
    )


@app.command(name="doctor")
def examine(  # noqa: PLR0913, PLR0917 - one parameter an option, as typer has it
    context: typer.Context,
    namespaces: cluster.Namespaces = None,
    all_namespaces: cluster.AllNamespaces = False,
    shard: scale.ShardOfAll = None,
    is_preview: rbac.Preview = False,
    writes_events: events.Events = True,
    leader_elect: rbac.LeaderElect = False,
    lease_namespace: rbac.LeaseNamespace = None,
    lease_name: rbac.LeaseName = None,
    kubeconfig: cluster.Kubeconfig = None,
    kube_context: cluster.KubeContext = None,
    impersonate: cluster.Impersonate = None,
    request_timeout: cluster.RequestTimeout = "60s",
    output_format: validate.ValidationFormat = Findings.TEXT,
    colour: output.Colouring = Colour.AUTO,
) -> int:
    """Say what is wrong before it hurts: server, CRD, rights, clock, the Go controller, configs.

    For runs with the options given here. Reads only. Exit code 0 if nothing is wrong, 3 if
    something is, 5 if the server cannot be asked.
    """
    names, is_all = cluster.namespaces(context, namespaces, is_all=all_namespaces)
    use = rbac.use(
        is_preview=is_preview,
        writes_events=writes_events,
        leader_elect=leader_elect,
        lease_namespace=lease_namespace,
        lease_name=lease_name,
        shard=shard,
        is_all=is_all,
    )
    from podcm_sync.cli.doctor import doctor

    return doctor(
        cluster.access(kubeconfig, kube_context, impersonate, request_timeout),
        use,
        names,
        is_all=is_all,
        shard=parse_shard(shard) if shard else None,
        output=output_format,
        colour=colour,
    )
