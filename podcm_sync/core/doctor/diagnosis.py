"""Facts about a cluster → checks: what is right, what to look at, what is wrong, what to do.

Facts come in as arguments, so that each check can be tried without the cluster that fails it.
`FAIL` is what will stop or harm a run; `WARN` is worth a look; `SKIP` was not checked. A check is
`OK` only on evidence.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from podcm_sync.core.doctor.checks import Check, Level, fail, not_checked, ok, some, warn
from podcm_sync.core.doctor.contents import checks_of
from podcm_sync.core.doctor.facts import Facts, Lease, NotChecked
from podcm_sync.core.doctor.policy import policy_check
from podcm_sync.core.doctor.schema import difference
from podcm_sync.core.rights import rules
from podcm_sync.model.meta import PLURAL
from podcm_sync.model.objects import Scope
from podcm_sync.model.rights import Need

INSTALL: Final = "kubectl apply -f crd/podconfigmapconfig_crd.yaml"
MIN_MINOR: Final = 31
"""The first minor version of Kubernetes 1 whose CEL has all that the CRD's rules use."""
ASK_AGAIN: Final = (
    "check that this is an API server's address, and any proxy or load balancer in front of it"
)
SKEW_WARN_SECONDS: Final = 5.0
SKEW_FAIL_SECONDS: Final = 60.0


class Diagnosis(Struct, frozen=True, kw_only=True):
    """Every check that could be made, in the order in which to mend.

    `answers` is whether the server could be asked at all.
    """

    server: str
    scope: Scope
    checks: tuple[Check, ...]
    answers: bool = True

    @property
    def exit_code(self) -> int:
        """5 where the server cannot be asked, 3 where anything is wrong, else 0 (spec.md §7)."""
        if not self.answers:
            return 5
        return 3 if any(check.level is Level.FAIL for check in self.checks) else 0


def diagnose(facts: Facts, rbac: str) -> tuple[Check, ...]:
    """The checks; `rbac` is the command that prints the rights for the options in use."""
    if facts.failure:
        return (Check(level=Level.FAIL, name="server", detail=facts.failure),)
    return tuple(_checks(facts, rbac))


def _checks(facts: Facts, rbac: str) -> Iterator[Check]:
    yield _server(facts.version)
    yield _credentials(facts.username)
    yield _crd(facts.resources)
    if PLURAL in _offered(facts):
        yield _schema(facts.schema)
    if facts.absent:
        yield _absent(facts.absent)
    yield _rights(facts, rbac)
    if facts.skew_seconds is not None:
        yield _clock(facts.skew_seconds)
    yield _controller(facts.leases)
    yield policy_check(facts.policies, facts.username)
    if facts.contents is not None:
        yield from checks_of(facts.contents)


def _offered(facts: Facts) -> Mapping[str, frozenset[str]]:
    return {} if isinstance(facts.resources, NotChecked) else facts.resources


def _server(version: str | NotChecked) -> Check:
    if isinstance(version, NotChecked):
        return not_checked("server", version.why, ASK_AGAIN, level=Level.FAIL)
    found = re.match(r"v?(\d+)\.(\d+)", version)
    if found is None:
        return warn(
            "server",
            "answers, but does not say its version",
            f"see that it is 1.{MIN_MINOR} or newer",
        )
    if (int(found[1]), int(found[2])) < (1, MIN_MINOR):
        return fail(
            "server",
            f"Kubernetes {version}, and the CRD needs 1.{MIN_MINOR}",
            "upgrade the cluster",
        )
    return ok("server", f"Kubernetes {version}")


def _credentials(username: str | NotChecked) -> Check:
    if isinstance(username, NotChecked):
        return not_checked("credentials", username.why, ASK_AGAIN, level=Level.FAIL)
    return ok("credentials", username or "accepted; the server does not say whose they are")


def _crd(resources: Mapping[str, frozenset[str]] | NotChecked) -> Check:
    if isinstance(resources, NotChecked):
        return not_checked("crd", resources.why, ASK_AGAIN, level=Level.FAIL)
    if PLURAL not in resources:
        return fail("crd", "the server does not know PodConfigMapConfigs", INSTALL)
    if "create" not in resources[PLURAL]:
        return fail(
            "crd",
            "the CRD is being removed, and every PodConfigMapConfig with it",
            f"if that is not meant, save them (kubectl get pcmc -A -o yaml); later: {INSTALL}",
        )
    if "patch" not in resources.get(f"{PLURAL}/status", frozenset()):
        return fail("crd", "its status subresource is off, so no verdict can be stored", INSTALL)
    return ok("crd", "served, with its status subresource")


def _schema(served: Mapping[str, str] | NotChecked) -> Check:
    if isinstance(served, NotChecked):
        return not_checked("schema", served.why, "run doctor again in a minute")
    found = difference(served)
    if found.missing:
        return fail(
            "schema", f"the CRD is another version's: it lacks {some(found.missing)}", INSTALL
        )
    if found.unknown:
        return warn(
            "schema",
            f"the CRD is a newer one: this version does not know {some(found.unknown)}",
            "upgrade podcm-sync",
        )
    if found.changed:
        return warn("schema", f"the CRD has other rules for {some(found.changed)}", INSTALL)
    return ok("schema", "the one that this version expects")


def _absent(namespaces: tuple[str, ...]) -> Check:
    said = "there is no namespace" if len(namespaces) == 1 else "there are no namespaces"
    return fail("namespaces", f"{said} {some(namespaces)}", "check the spelling of -n")


def _rights(facts: Facts, rbac: str) -> Check:
    if isinstance(facts.missing, NotChecked):
        return not_checked("rights", facts.missing.why, f"compare them with: {rbac}")
    lacking = {where: rights for where, rights in facts.missing.items() if rights}
    if not lacking:
        return ok("rights", f"all {facts.rights} {_where(facts.scope)}")
    said = "; ".join(
        f"missing {f'in namespace {where}' if where else 'in all namespaces'}: "
        + "; ".join(f"{', '.join(rule.verbs)} {rule.qualified_resource}" for rule in rules(rights))
        for where, rights in lacking.items()
    )
    is_only_events = all(
        right.need is Need.EVENTS for rights in lacking.values() for right in rights
    )
    if is_only_events:
        return warn("rights", said, f"give --no-events, or: {rbac} | kubectl apply -f -")
    return fail("rights", said, f"{rbac} | kubectl apply -f -")


def _where(scope: Scope) -> str:
    return f"in {scope}" if scope.shard is None else "in all namespaces"


def _clock(skew: float) -> Check:
    if abs(skew) < SKEW_WARN_SECONDS:
        return ok("clock", f"within {SKEW_WARN_SECONDS:.0f} s of the server's")
    word = "behind" if skew > 0 else "ahead of"
    make = warn if abs(skew) < SKEW_FAIL_SECONDS else fail
    return make(
        "clock", f"ours is {abs(skew):.0f} s {word} the server's", "synchronise both with NTP"
    )


def _controller(leases: tuple[Lease, ...] | NotChecked) -> Check:
    name = "go-controller"
    if isinstance(leases, NotChecked):
        return not_checked(name, leases.why)
    for lease in leases:
        if lease.is_held:
            return fail(
                name,
                f"runs: {lease.holder} renewed its Lease in namespace {lease.namespace} "
                f"{max(0.0, lease.renewed_seconds):.0f} s ago; two writers only take turns",
                "scale it down: kubectl scale deployment podconfigmap-controller --replicas=0 "
                f"-n {lease.namespace}",
            )
    return ok(name, "stopped" if leases else "no sign of it")
