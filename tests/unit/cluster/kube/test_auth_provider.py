"""The ID token of a kubeconfig: when it ends, and what is no token at all."""

import math
from base64 import urlsafe_b64encode

import pytest

from podcm_sync.cluster.kube.auth_provider import EXPIRES_EARLY_SECONDS, id_token
from podcm_sync.cluster.kube.kubeconfig import AuthProviderConfig


def provider(claims: bytes) -> AuthProviderConfig:
    token = f"head.{urlsafe_b64encode(claims).decode().rstrip('=')}.signature"
    return AuthProviderConfig(name="oidc", config={"id-token": token})


def test_a_token_is_renewed_before_it_ends() -> None:
    for claims in (b'{"exp": 2000}', b'{"exp": 2000.0, "aud": ["k"]}'):
        assert id_token(provider(claims), 1_000)[1] == 2_000 - EXPIRES_EARLY_SECONDS
        with pytest.raises(ValueError, match="has expired"):
            id_token(provider(claims), 1_990)


def test_a_token_without_an_end_has_expired() -> None:
    with pytest.raises(ValueError, match="has expired"):
        id_token(provider(b'{"exp": null}'), -math.inf)


@pytest.mark.parametrize(
    "claims",
    [
        b"",
        b"5",
        b"\xff",
        b'{"exp": "2000"}',
        b'{"exp": true}',
        b'{"exp": NaN}',  # which no time is later than
        b'{"exp": 1e400}',
        b'{"exp": ' + b"9" * 400 + b"}",
        b"[" * 200_000,
    ],
)
def test_other_claims_are_no_token(claims: bytes) -> None:
    with pytest.raises(ValueError, match="is not a JWT"):
        id_token(provider(claims), 0)
