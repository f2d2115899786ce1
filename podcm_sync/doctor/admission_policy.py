"""Checks whether an admission policy limits what the account of the runs can write."""

import re
from typing import Final

from podcm_sync.doctor.checks import Check, not_checked, ok, warn
from podcm_sync.doctor.facts import NotChecked, Policy

CHECK: Final = "admission"
INSTALL: Final = "kubectl apply -f deploy/admission-policy.yaml"
_SERVICE_ACCOUNT: Final = re.compile(r"system:serviceaccount:[^:]+:([^:]+)")


def policy_check(
    policies: tuple[Policy, ...] | NotChecked, username: str | NotChecked, connection: str
) -> Check:
    """Whether podcm-sync's policy is enforced, and applies to `username` if it's a ServiceAccount.

    A run works without the policy, so a missing one is only a warning. `connection` are the options
    of a command that reaches this cluster.
    """
    if isinstance(policies, NotChecked):
        return not_checked(CHECK, policies.why)
    if not policies:
        return warn(
            CHECK,
            "no admission policy limits podcm-sync to its own ConfigMaps",
            "",
            INSTALL + connection,
        )
    denying = [policy for policy in policies if "Deny" in policy.actions]
    if not denying:
        name = policies[0].name
        return warn(
            CHECK,
            f"the policy {name} has no binding with Deny, so it refuses nothing",
            "",
            INSTALL + connection,
        )
    account = _SERVICE_ACCOUNT.fullmatch(username) if isinstance(username, str) else None
    applying = [policy for policy in denying if account is None or _names(policy, account)]
    if not applying:
        return warn(
            CHECK,
            f"the policy {denying[0].name} doesn't name {username}",
            "add that name to its matchConditions",
        )
    return ok(CHECK, f"the policy {applying[0].name} limits podcm-sync to its own ConfigMaps")


def _names(policy: Policy, account: re.Match[str]) -> bool:
    """Whether the conditions name the account in one of the two forms of the shipped policy."""
    anywhere = f"system:serviceaccount:[^:]+:{account[1]}$"
    return f"'{account[0]}'" in policy.conditions or f"'^{anywhere}'" in policy.conditions
