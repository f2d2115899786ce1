"""`podcm-sync doctor`: what would go wrong with runs of these options, said before it does."""

import shlex

from msgspec import structs

from podcm_sync.cli.ports import connect
from podcm_sync.cli.rbac import command
from podcm_sync.cli.show import is_coloured, put
from podcm_sync.cli.signals import Signals
from podcm_sync.clock import Clock
from podcm_sync.core.doctor.diagnosis import Diagnosis, diagnose
from podcm_sync.core.doctor.facts import Facts
from podcm_sync.core.rights import needed, subject_of
from podcm_sync.errors import ClusterError
from podcm_sync.model.objects import Scope, Shard
from podcm_sync.model.rights import Use
from podcm_sync.render import diagnosis as render
from podcm_sync.settings import Access, Colour, Findings
from podcm_sync.template.lazy import LazySandbox

CONNECTIONS = 4


def doctor(  # noqa: PLR0913 - the options of the command
    access: Access,
    use: Use,
    namespaces: tuple[str, ...],
    *,
    is_all: bool,
    shard: Shard | None,
    output: Findings,
    colour: Colour,
) -> int:
    """Ask, and write the diagnosis to stdout; the exit code.

    Raises InputError for a kubeconfig or context that cannot be used, OutputError.
    """
    scope = Scope(namespaces=None if is_all else namespaces, shard=shard)
    clock = Clock()
    Signals(clock).install()
    try:
        connection = connect(access, clock, connections=CONNECTIONS)
    except ClusterError as error:
        server = access.context or access.kubeconfig or "the cluster of the kubeconfig"
        facts = Facts(scope=scope, failure=str(error))
    else:
        # Late: importing the kubernetes package takes longer than all else of a small run.
        from podcm_sync.cluster.kube.examine import Examination

        target = connection.target
        server = target.description
        if not (namespaces or is_all):
            scope = Scope(namespaces=(target.namespace,))
        if not use.lease_namespace:
            use = structs.replace(use, lease_namespace=target.namespace)
        facts = Examination(connection).facts(
            scope, needed(use), LazySandbox(), use.lease_namespace
        )
    user = facts.username if isinstance(facts.username, str) else None
    rbac = command(
        use,
        scope.namespaces or (),
        is_all=is_all,
        subject=subject_of(user),
    )
    found = Diagnosis(
        server=server,
        scope=scope,
        checks=diagnose(facts, shlex.join(rbac)),
        answers=facts.is_examined,
    )
    if output is Findings.JSON:
        put(render.as_json(found))
    else:
        put(render.text(found, is_coloured=is_coloured(colour)))
    return found.exit_code
