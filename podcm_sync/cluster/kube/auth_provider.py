"""The logins that a kubeconfig can name as `auth-provider`: what is left of them is `oidc`.

podcm-sync uses a valid `id-token` and renews none. A renewal uses up the refresh token of issuers
that rotate it, so the new one must get into the kubeconfig, which kubectl writes and we do not.
"""

import json
import math
from base64 import urlsafe_b64decode
from typing import Any, Final

from podcm_sync.cluster.kube.kubeconfig import AuthProviderConfig

EXPIRES_EARLY_SECONDS: Final = 10.0
"""How long before its end a token counts as expired: clocks differ. As client-go."""
REMOVED: Final = {
    "gcp": "use the exec plugin gke-gcloud-auth-plugin: "
    "`gcloud container clusters get-credentials` writes it into the kubeconfig",
    "azure": "use the exec plugin kubelogin: `kubelogin convert-kubeconfig` writes it into the "
    "kubeconfig",
}
RENEW: Final = (
    "podcm-sync does not renew it: run a kubectl command with this kubeconfig, "
    "such as `kubectl get --raw /version`, or use an exec plugin such as kubelogin"
)


def check(provider: AuthProviderConfig) -> None:
    """Check that there is such a login. Raises ValueError with what is wrong and what to do."""
    if provider.name in REMOVED:
        raise ValueError(
            f"the auth-provider {provider.name} was removed from kubectl: {REMOVED[provider.name]}"
        )
    if provider.name != "oidc":
        raise ValueError(
            f"there is no auth-provider {provider.name!r}: use an exec plugin in its place"
        )
    for key in ("idp-issuer-url", "client-id"):
        if not provider.config.get(key):
            raise ValueError(f"the auth-provider oidc needs {key}")


def id_token(provider: AuthProviderConfig, now: float) -> tuple[str, float]:
    """A valid ID token, and the time at which it must be renewed; times in seconds since 1970.

    Raises ValueError with what is wrong and what to do.
    """
    token = provider.config.get("id-token", "")
    if not token:
        raise ValueError(f"the auth-provider oidc has no id-token; {RENEW}")
    expires = _expires(token) - EXPIRES_EARLY_SECONDS
    if now >= expires:
        raise ValueError(f"the id-token of the auth-provider oidc has expired; {RENEW}")
    return token, expires


def _expires(token: str) -> float:
    """The `exp` of a JWT (RFC 7519). Raises ValueError."""
    parts = token.split(".")
    claims: Any = None
    if len(parts) == 3:
        try:
            claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except ValueError:
            claims = None
    expires = claims.get("exp") if isinstance(claims, dict) else None
    if isinstance(expires, bool) or not isinstance(expires, int | float | None) or claims is None:
        raise ValueError("the id-token of the auth-provider oidc is not a JWT")
    # Without an end it counts as expired, as in client-go.
    return -math.inf if expires is None else float(expires)
