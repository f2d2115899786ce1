"""Judges facts about a cluster as checks, each with what to do.

Facts are arguments, so a test of a check needs no cluster that fails it. FAIL stops or harms a run,
WARN is worth a look, and SKIP was not checked. A check is OK only on evidence from an API server.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from podcm_sync.api.meta import PLURAL
from podcm_sync.doctor.admission_policy import policy_check
from podcm_sync.doctor.checks import Check, Level, fail, not_checked, ok, some, warn
from podcm_sync.doctor.contents import CONTENTS, checks_of
from podcm_sync.doctor.crd_schema import difference
from podcm_sync.doctor.facts import Facts, Lease, NotChecked
from podcm_sync.doctor.workloads import workloads_check
from podcm_sync.errors import ExitCode
from podcm_sync.rbac.rights import RequiredFor, RunProfile, roles, rules, subject_of
from podcm_sync.reconcile.snapshot import Scope

INSTALL: Final = "kubectl apply -f crd/podconfigmapconfig_crd.yaml"
MIN_MINOR: Final = 31
"""The first minor version of Kubernetes 1 whose CEL has everything that the CRD's rules use."""
ASK_AGAIN: Final = (
    "check that this is an API server's address, and any proxy or load balancer in front of it"
)
SKEW_WARN_SECONDS: Final = 5.0
SKEW_FAIL_SECONDS: Final = 60.0


class Diagnosis(Struct, frozen=True, kw_only=True):
    """The checks, in the order in which to fix them.

    `answers` is False if nothing could be asked of the server at all.
    """

    server: str
    scope: Scope
    checks: tuple[Check, ...]
    answers: bool = True

    @property
    def exit_code(self) -> int:
        """5 if the server doesn't answer, 3 if a check failed, else 0 (behavior.md §7)."""
        if not self.answers:
            return ExitCode.INCOMPLETE
        is_wrong = any(check.level is Level.FAIL for check in self.checks)
        return ExitCode.FAILED_OBJECTS if is_wrong else ExitCode.DONE


def diagnose(
    facts: Facts, rbac: str, profile: RunProfile, connection: str = ""
) -> tuple[Check, ...]:
    """The checks.

    `rbac` is the command that prints the Roles for runs of this `profile`. `connection` are the
    options that a command needs to reach this cluster, such as ` --context=prod`.
    """
    if facts.failure:
        return (fail("server", facts.failure, facts.hint),)
    return tuple(_checks(facts, rbac, profile, connection))


def _checks(facts: Facts, rbac: str, profile: RunProfile, connection: str) -> Iterator[Check]:
    yield _server(facts.version)
    yield _credentials(facts.username)
    yield _crd(facts.resources, connection)
    if PLURAL in _offered(facts):
        yield _schema(facts.schema, connection)
    if facts.absent:
        yield _absent(facts.absent)
    yield _permissions(facts, rbac, profile, connection)
    if facts.skew_seconds is not None:
        yield _clock(facts.skew_seconds)
    yield _controller(facts.leases, connection)
    yield policy_check(facts.policies, facts.username, connection)
    yield workloads_check(facts.workloads)
    if facts.contents is not None:
        yield from checks_of(facts.contents, _options(facts.scope), connection)
    elif PLURAL in _offered(facts):
        # The permissions above name what is missing, and how to get it.
        yield from (not_checked(name, "no permission to list") for name in CONTENTS)


def _offered(facts: Facts) -> Mapping[str, frozenset[str]]:
    return {} if isinstance(facts.resources, NotChecked) else facts.resources


def _server(version: str | NotChecked) -> Check:
    if isinstance(version, NotChecked):
        return not_checked("server", version.why, ASK_AGAIN, level=Level.FAIL)
    match = re.match(r"v?(\d+)\.(\d+)", version)
    if match is None:
        return warn(
            "server",
            "the server doesn't tell its version",
            f"check that it is 1.{MIN_MINOR} or newer",
        )
    if (int(match[1]), int(match[2])) < (1, MIN_MINOR):
        return fail(
            "server",
            f"Kubernetes {version} is too old for the CRD",
            f"upgrade the cluster to 1.{MIN_MINOR} or newer",
        )
    return ok("server", f"Kubernetes {version}")


def _credentials(username: str | NotChecked) -> Check:
    if isinstance(username, NotChecked):
        return not_checked("credentials", username.why, ASK_AGAIN, level=Level.FAIL)
    return ok("credentials", username or "accepted; the server doesn't tell the user name")


def _crd(resources: Mapping[str, frozenset[str]] | NotChecked, connection: str) -> Check:
    install = INSTALL + connection
    if isinstance(resources, NotChecked):
        return not_checked("crd", resources.why, ASK_AGAIN, level=Level.FAIL)
    if PLURAL not in resources:
        return fail(
            "crd",
            "the CRD isn't installed",
            "if it was there before, its configs are gone: stop podcm-sync first, and restore them "
            "with the CRD (docs/backup.md)",
            install,
        )
    if "create" not in resources[PLURAL]:
        return fail(
            "crd",
            "the CRD is being removed, and every PodConfigMapConfig with it",
            "if you don't intend that, save the configs; then install the CRD again",
            f"kubectl get pcmc -A -o yaml{connection} > pcmc.yaml",
            install,
        )
    if "patch" not in resources.get(f"{PLURAL}/status", frozenset()):
        return fail("crd", "its status subresource is off, so no status can be stored", "", install)
    return ok("crd", "served, with its status subresource")


def _schema(served: Mapping[str, str] | NotChecked, connection: str) -> Check:
    install = INSTALL + connection
    if isinstance(served, NotChecked):
        return not_checked("schema", served.why, "run doctor again in a minute")
    differences = difference(served)
    if differences.missing:
        return fail(
            "schema", f"the CRD is too old: it lacks {some(differences.missing)}", "", install
        )
    if differences.unknown:
        return warn(
            "schema",
            f"the CRD is newer than podcm-sync, which lacks {some(differences.unknown)}",
            "upgrade podcm-sync",
        )
    if differences.changed:
        names = some(differences.changed)
        return warn("schema", f"the CRD has other rules for {names}", "", install)
    return ok("schema", "the CRD's schema is the one that this version expects")


def _absent(namespaces: tuple[str, ...]) -> Check:
    is_one = len(namespaces) == 1
    message = f"namespace{'' if is_one else 's'} {some(namespaces)} {'does' if is_one else 'do'}"
    return fail("namespaces", f"{message} not exist", "check the spelling of -n")


def _permissions(facts: Facts, rbac: str, profile: RunProfile, connection: str) -> Check:
    name = "permissions"
    if isinstance(facts.missing, NotChecked):
        return not_checked(name, facts.missing.why, f"compare them with those of: {rbac}")
    lacking = {where: rights for where, rights in facts.missing.items() if rights}
    if not lacking:
        return ok(name, f"all {facts.rights} {_where(facts.scope)}")
    message = "; ".join(
        f"missing {f'in namespace {where}' if where else 'in all namespaces'}: "
        + "; ".join(f"{', '.join(rule.verbs)} {rule.qualified_resource}" for rule in rules(rights))
        for where, rights in lacking.items()
    )
    commands = [f"{rbac} | kubectl apply{connection} -f -"]
    action = ""
    user = facts.username if isinstance(facts.username, str) else ""
    if subject_of(user) is None:
        commands += _bindings(shlex.quote(user or "USER"), facts.scope, profile, connection)
        action = "" if user else "replace USER with the name of the user"
    purposes = {right.required_for for rights in lacking.values() for right in rights}
    if purposes == {RequiredFor.EVENTS}:
        return warn(name, message, "or run with --no-events", *commands)
    if purposes == {RequiredFor.WATCH}:
        action = "; ".join(filter(None, (action, "or run without --watch")))
    return fail(name, message, action, *commands)


def _bindings(username: str, scope: Scope, profile: RunProfile, connection: str) -> Iterator[str]:
    """The commands that bind the Roles of `rbac` to a user, for which `rbac` has no binding."""
    for role in roles(profile, scope.namespaces):
        kind = "clusterrole" if role.is_cluster_wide else "role"
        where = f" -n {role.namespace}" if role.namespace else ""
        yield (
            f"kubectl create {kind}binding {role.name}{where} --{kind}={role.name} "
            f"--user={username}{connection}"
        )


def _options(scope: Scope) -> str:
    """The scope as options of a command."""
    if scope.namespaces is None:
        return " -A"
    return "".join(f" -n {namespace}" for namespace in scope.namespaces)


def _where(scope: Scope) -> str:
    return f"in {scope}" if scope.shard is None else "in all namespaces"


def _clock(skew: float) -> Check:
    if abs(skew) < SKEW_WARN_SECONDS:
        return ok("clock", f"within {SKEW_WARN_SECONDS:.0f} s of the server's")
    word = "behind" if skew > 0 else "ahead of"
    make = warn if abs(skew) < SKEW_FAIL_SECONDS else fail
    return make(
        "clock",
        f"this clock is {abs(skew):.0f} s {word} the server's",
        "synchronize both clocks with NTP",
    )


def _controller(leases: tuple[Lease, ...] | NotChecked, connection: str) -> Check:
    name = "go-controller"
    if isinstance(leases, NotChecked):
        return not_checked(name, leases.why)
    for lease in leases:
        if lease.is_held:
            return fail(
                name,
                f"it runs, and would undo podcm-sync's changes: {lease.holder} renewed its Lease "
                f"in namespace {lease.namespace} {max(0.0, lease.renewed_seconds):.0f} s ago",
                "",
                "kubectl scale deployment podconfigmap-controller --replicas=0 "
                f"-n {lease.namespace}{connection}",
            )
    return ok(name, "it is stopped" if leases else "no Lease of it")
