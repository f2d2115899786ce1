"""`podcm-sync doctor`: checks whether runs with these options can work."""

import shlex
from typing import Annotated

from msgspec import Struct, structs

from podcm_sync.cli.app import Section, verb
from podcm_sync.cli.option import But
from podcm_sync.cli.profile_options import OfRuns, ProfileOptions
from podcm_sync.cli.shared_options import (
    Access,
    ScopeOptions,
    ScreenOptions,
    TextOrJson,
)
from podcm_sync.cli.sync_options import OtherOptions
from podcm_sync.errors import ClusterError

CONNECTIONS = 4


class DoctorOptions(Struct, frozen=True, kw_only=True):
    """The options of `doctor`: those of the runs to examine."""

    scope: OfRuns = ScopeOptions()
    run: ProfileOptions = ProfileOptions()
    access: Access = Access()
    screen: Annotated[ScreenOptions, But({"redact": None})] = ScreenOptions()
    others: OtherOptions = OtherOptions()


@verb("doctor", Section.INSPECT)
def doctor(options: DoctorOptions) -> int:
    """Check server, CRD, permissions, and configs before a run.

    Give the options of the run. doctor changes nothing. It exits 0 if it finds no problem, 3 if it
    finds one, and 5 if the server can't be asked.
    """
    from podcm_sync.cli import logs

    logs.set_verbosity(options.screen.verbosity)
    # Late, so that --help loads nothing of it.
    from podcm_sync.cli.connect import connect
    from podcm_sync.cli.output import put, style
    from podcm_sync.cli.rbac import command
    from podcm_sync.doctor import diagnosis_text
    from podcm_sync.doctor.diagnosis import Diagnosis, diagnose
    from podcm_sync.doctor.facts import Facts
    from podcm_sync.rbac.rights import NAME, needed, subject_of
    from podcm_sync.reconcile.snapshot import Scope
    from podcm_sync.runtime.context import RunContext
    from podcm_sync.runtime.signals import Signals
    from podcm_sync.template.lazy import LazySandbox

    access, shard = options.access, options.scope.shard
    namespaces, is_all = options.scope.namespaces, options.scope.all_namespaces
    profile = options.run.profile(shard)
    scope = Scope(namespaces=None if is_all else namespaces, shard=shard)
    context = RunContext()
    Signals(context).install()
    try:
        connection = connect(access, context, connections=CONNECTIONS)
    except ClusterError as error:
        server = access.context or access.kubeconfig or "the cluster of the kubeconfig"
        facts = Facts(scope=scope, failure=str(error), hint=error.hint)
    else:
        # Importing the kubernetes package takes longer than all else of a small run.
        from podcm_sync.doctor.probe import Probe

        target = connection.target
        server = target.description
        if not (namespaces or is_all):
            scope = Scope(namespaces=(target.namespace,))
        if not profile.lease_namespace:
            profile = structs.replace(profile, lease_namespace=target.namespace)
        facts = Probe(connection).facts(
            scope, needed(profile), LazySandbox(), profile.lease_namespace
        )
    user = facts.username if isinstance(facts.username, str) else None
    subject = subject_of(user)
    rbac = command(profile, scope.namespaces or (), is_all=is_all, subject=subject)
    if subject is not None and subject.name != NAME:
        # Roles and bindings of one name would replace those of another account.
        rbac.append(f"--name={NAME}-{subject.name}")
    diagnosis = Diagnosis(
        server=server,
        scope=scope,
        checks=diagnose(facts, shlex.join(rbac), profile, _connection(access)),
        answers=facts.is_examined,
    )
    if options.screen.output is TextOrJson.JSON:
        put(diagnosis_text.as_json(diagnosis))
    else:
        put(diagnosis_text.text(diagnosis, style(options.screen.colour)))
    return diagnosis.exit_code


def _connection(access: Access) -> str:
    """The option that names the same cluster to kubectl and podcm-sync.

    A file of --kubeconfig is left out: it is often that of the account that lacks the permission.
    """
    return f" --context={shlex.quote(access.context)}" if access.context else ""
