"""Admission policies → whether one limits what the account of the runs can write."""

import re
from typing import Final

from podcm_sync.core.doctor.checks import Check, not_checked, ok, warn
from podcm_sync.core.doctor.facts import NotChecked, Policy

CHECK: Final = "admission"
INSTALL: Final = "kubectl apply -f deploy/admission-policy.yaml"
_SERVICE_ACCOUNT: Final = re.compile(r"system:serviceaccount:[^:]+:([^:]+)")


def policy_check(policies: tuple[Policy, ...] | NotChecked, username: str | NotChecked) -> Check:
    """Whether podcm-sync's policy is in force, and concerns `username` if that's a ServiceAccount.

    A run works without the policy, so its absence is only worth a look.
    """
    if isinstance(policies, NotChecked):
        return not_checked(CHECK, policies.why)
    if not policies:
        return warn(
            CHECK, "no admission policy limits podcm-sync to ConfigMaps of its own", INSTALL
        )
    denying = [policy for policy in policies if "Deny" in policy.actions]
    if not denying:
        name = policies[0].name
        return warn(
            CHECK, f"the policy {name} has no binding with Deny: it refuses nothing", INSTALL
        )
    account = _SERVICE_ACCOUNT.fullmatch(username) if isinstance(username, str) else None
    concerning = [policy for policy in denying if account is None or _names(policy, account)]
    if not concerning:
        return warn(
            CHECK,
            f"the policy {denying[0].name} does not name {username}",
            "put that name into its matchConditions",
        )
    return ok(CHECK, f"the policy {concerning[0].name} limits podcm-sync to ConfigMaps of its own")


def _names(policy: Policy, account: re.Match[str]) -> bool:
    """Whether its conditions name the account by one of the two ways that the shipped file has."""
    anywhere = f"system:serviceaccount:[^:]+:{account[1]}$"
    return f"'{account[0]}'" in policy.conditions or f"'^{anywhere}'" in policy.conditions
