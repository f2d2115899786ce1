"""`podcm-sync rbac`: its options."""

import typer

from podcm_sync.cli.app import app
from podcm_sync.cli.options import cluster, election, events, rbac, scale
from podcm_sync.core.rights import NAME
from podcm_sync.settings import Manifests


@app.command(name="rbac")
def print_rbac(  # noqa: PLR0913, PLR0917 - one parameter an option, as typer has it
    context: typer.Context,
    namespaces: cluster.OfNamespaces = None,
    all_namespaces: cluster.OfAllNamespaces = False,
    shard: scale.ShardOfAll = None,
    is_preview: rbac.Preview = False,
    writes_events: events.Events = True,
    leader_elect: rbac.LeaderElect = False,
    lease_namespace: election.LeaseNamespace = None,
    lease_name: election.LeaseName = None,
    name: rbac.RoleName = NAME,
    bind: rbac.Bind = None,
    output_format: rbac.ManifestFormat = Manifests.YAML,
) -> int:
    """Print the least Role or ClusterRole for the options of a run.

    A Role for each -n, a ClusterRole for -A; without either a Role without a namespace, for
    kubectl apply -n. Needs no cluster.
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
    from podcm_sync.cli.rbac import print_roles

    return print_roles(
        use,
        names,
        is_all=is_all,
        name=name,
        subject=rbac.subject(bind),
        output=output_format,
    )
