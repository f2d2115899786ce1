"""The `auth-provider` of a kubeconfig. Kubernetes removed all of them except `oidc`.

podcm-sync uses a valid `id-token` and doesn't renew it. If an issuer rotates refresh tokens, a
renewal uses one up, and the new one must go into the kubeconfig. kubectl writes that file;
podcm-sync doesn't.
"""

import math
from base64 import urlsafe_b64decode
from typing import Final

import msgspec

from podcm_sync.cluster.kube.kubeconfig import AuthProviderConfig
from podcm_sync.errors import NOT_JSON

EXPIRES_EARLY_SECONDS: Final = 10.0
"""How long before its end a token counts as expired, because clocks differ (client-go, oidc.go)."""
REMOVED: Final = {
    "gcp": "use the exec plugin gke-gcloud-auth-plugin: "
    "`gcloud container clusters get-credentials` writes it into the kubeconfig",
    "azure": "use the exec plugin kubelogin: `kubelogin convert-kubeconfig` writes it into the "
    "kubeconfig",
}
RENEW: Final = (
    "podcm-sync doesn't renew it: run kubectl with this kubeconfig, "
    "such as `kubectl get --raw /version`, or use an exec plugin such as kubelogin"
)


class _Claims(msgspec.Struct):
    exp: float | None = None


_claims: Final = msgspec.json.Decoder(_Claims)


def check(provider: AuthProviderConfig) -> None:
    """Check that podcm-sync supports the login. Raises ValueError with the cause and what to do."""
    if provider.name in REMOVED:
        raise ValueError(
            f"the auth-provider {provider.name} was removed from kubectl: {REMOVED[provider.name]}"
        )
    if provider.name != "oidc":
        raise ValueError(
            f"the auth-provider {provider.name!r} isn't supported; use an exec plugin instead"
        )
    for key in ("idp-issuer-url", "client-id"):
        if not provider.config.get(key):
            raise ValueError(f"the auth-provider oidc needs {key}")


def id_token(provider: AuthProviderConfig, now: float) -> tuple[str, float]:
    """A valid ID token, and the time when it must be renewed. Times are in seconds since 1970.

    Raises ValueError with the cause and what to do.
    """
    token = provider.config.get("id-token", "")
    if not token:
        raise ValueError(f"the auth-provider oidc has no id-token; {RENEW}")
    expires = _expires(token) - EXPIRES_EARLY_SECONDS
    if now >= expires:
        raise ValueError(f"the id-token of the auth-provider oidc has expired; {RENEW}")
    return token, expires


def _expires(token: str) -> float:
    """The `exp` of a JWT (RFC 7519) in seconds since 1970. Raises ValueError."""
    try:
        _, claims, _ = token.split(".")
        expires = _claims.decode(urlsafe_b64decode(claims + "=" * (-len(claims) % 4))).exp
    except (ValueError, *NOT_JSON):
        raise ValueError("the id-token of the auth-provider oidc is not a JWT") from None
    # As in client-go, a token without `exp` counts as expired.
    return -math.inf if expires is None else expires
