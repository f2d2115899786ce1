"""Which parts of a kubeconfig are credentials, and which are words that messages need."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from podcm_sync.cluster.kube import kubeconfig
from podcm_sync.cluster.kube.kubeconfig_secrets import remember
from podcm_sync.runtime.masking import MASK, Masker


def masked(*contents: Any) -> Masker:
    masker = Masker()
    for content in contents:
        text = content if isinstance(content, str) else json.dumps(content)
        tree = None
        with suppress(ValueError):
            tree = kubeconfig.parse(text.encode())
        remember(text, tree, masker)
    return masker


def user(**fields: Any) -> dict[str, Any]:
    return {"users": [{"name": "production", "user": fields}]}


@pytest.mark.parametrize(
    "fields",
    [
        {"token": "s3cret"},
        {"password": "s3cret"},
        {"client-key-data": "s3cret"},
        {"auth-provider": {"name": "oidc", "config": {"client-secret": "s3cret"}}},
        {"auth-provider": {"name": "oidc", "config": {"refresh-token": "s3cret"}}},
        {"exec": {"env": [{"name": "API_KEY", "value": "s3cret"}]}},
        {"exec": {"env": [{"name": "X", "value": "s3cret With Words"}]}},
        {"exec": {"args": ["login", "--client-secret=s3cret"]}},
        {"extensions": [{"name": "x", "extension": {"password": "s3cret"}}]},
    ],
)
def test_credentials_are_masked_wherever_they_stand(fields: dict[str, Any]) -> None:
    masker = masked(user(**fields))
    said = "s3cret With Words" if "With Words" in str(fields) else "s3cret"
    assert masker.mask(f"of {said}.") == f"of {MASK}."


def test_names_paths_and_addresses_stay() -> None:
    words = [
        "production",
        "eu-west-1",
        "/home/me/.aws/config",
        "https://issuer.example",
        "get-token",
    ]
    env = [{"name": f"V{number}", "value": word} for number, word in enumerate(words)]
    fields: dict[str, Any] = {
        "exec": {"command": "aws", "env": env, "args": ["get-token", "--region", "eu-west-1"]},
        "client-certificate": "certificates/of-mine.crt",
        "tokenFile": "tokens/of-mine",
        "username": "administrator",
    }
    text = " ".join([*words, "certificates/of-mine.crt tokens/of-mine administrator --region"])
    assert masked(user(**fields)).mask(text) == text


def test_every_file_counts_even_one_that_does_not_parse() -> None:
    broken = "users:\n- name: a\n  user:\n    token: 's3cret-1'\n  ]\n"
    masker = masked(broken, yaml.safe_dump(user(**{"id-token": "s3cret-2"})))
    assert masker.mask("s3cret-1 s3cret-2") == f"{MASK} {MASK}"


@pytest.mark.parametrize("more", ["", "\n---\na", "e", "\n...\n: :"])
def test_what_follows_the_first_document_hides_no_credential(
    more: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loader ignores it, as kubectl does. Credentials in use must be known to the masker."""
    masker = Masker()
    monkeypatch.setattr(kubeconfig, "masker", masker)
    path = tmp_path / "kubeconfig"
    fields = {"token": "s3cret-1", "client-key-data": "s3cret-2"}
    path.write_text(json.dumps(user(**fields)) + more)
    assert kubeconfig.read([str(path)]).users.keys() == {"production"}
    assert masker.mask("s3cret-1 s3cret-2") == f"{MASK} {MASK}"


def test_the_password_of_a_proxy_is_one() -> None:
    cluster = {"server": "https://a", "proxy-url": "http://me:s3cret@proxy:3128"}
    masker = masked({"clusters": [{"name": "c", "cluster": cluster}]})
    assert masker.mask("s3cret at proxy:3128") == f"{MASK} at proxy:3128"


@pytest.mark.parametrize("content", ["", "[]", "users: {}", "users: [1, {user: 5}]", "\x00"])
def test_what_is_no_kubeconfig_has_none(content: str) -> None:
    assert masked(content).mask("anything") == "anything"
