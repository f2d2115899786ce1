"""The grouping key is stable for a scope and differs between scopes; secrets are never said."""

import pytest

from podcm_sync.metrics.push import Gateway, scope_label
from podcm_sync.model.objects import Shard


@pytest.mark.parametrize(
    ("namespaces", "shard", "is_all", "label"),
    [
        ((), None, True, "all"),
        ((), Shard(index=2, count=4), True, "shard-2-of-4"),
        (("shop",), None, False, "shop"),
        (("shop", "bank"), None, False, "bank,shop"),
        ((), None, False, "default"),
    ],
)
def test_a_scope_has_one_label(
    namespaces: tuple[str, ...], shard: Shard | None, is_all: bool, label: str
) -> None:
    assert scope_label(namespaces, shard, is_all=is_all) == label


def test_many_namespaces_are_cut_and_hashed() -> None:
    many = tuple(f"namespace-{number}" for number in range(100))
    label = scope_label(many, None, is_all=False)
    assert len(label) == 137
    assert label != scope_label((*many[:-1], "other"), None, is_all=False)
    assert label == scope_label(tuple(reversed(many)), None, is_all=False)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://gateway:9091", "http://gateway:9091"),
        ("http://gateway:9091/", "http://gateway:9091"),
        ("https://me:secret@gateway/push/", "https://gateway/push"),
        ("http://[::1]:9091", "http://[::1]:9091"),
    ],
)
def test_a_gateways_name_has_no_password(url: str, name: str) -> None:
    assert Gateway(url, "podcm-sync", "all").name == name
