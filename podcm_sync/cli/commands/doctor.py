"""`podcm-sync doctor`: its options."""

import typer

from podcm_sync.cli.app import app
from podcm_sync.cli.options import cluster, election, events, output, rbac, scale, validate
from podcm_sync.core.shards import parse_shard
from podcm_sync.settings import Colour, Findings


@app.command(name="doctor")
def examine(  # noqa: PLR0913, PLR0917 - one parameter an option, as typer has it
    context: typer.Context,
    namespaces: cluster.OfNamespaces = None,
    all_namespaces: cluster.OfAllNamespaces = False,
    shard: scale.ShardOfAll = None,
    is_preview: rbac.Preview = False,
    writes_events: events.Events = True,
    leader_elect: rbac.LeaderElect = False,
    lease_namespace: election.LeaseNamespace = None,
    lease_name: election.LeaseName = None,
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
    if not leader_elect:
        cluster.refuse_without(context, "--leader-elect", election.OF_THE_LEASE)
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
