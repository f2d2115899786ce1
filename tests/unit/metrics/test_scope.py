"""The label of each scope: the same for each run, and another for each scope."""

import pytest

from podcm_sync.metrics.scope import MetricScope, scope_of
from podcm_sync.reconcile.snapshot import Shard


@pytest.mark.parametrize(
    ("namespaces", "shard", "is_all", "scope"),
    [
        ((), None, True, MetricScope(label="all", shards=1)),
        ((), Shard(index=2, count=4), True, MetricScope(label="shard-2-of-4", shards=4)),
        (("shop",), None, False, MetricScope(label="shop")),
        (("shop", "bank"), None, False, MetricScope(label="bank,shop")),
        # In the Pods of two teams, "default" would be one scope for both.
        ((), None, False, MetricScope(label="home")),
    ],
)
def test_a_scope_has_one_label(
    namespaces: tuple[str, ...], shard: Shard | None, *, is_all: bool, scope: MetricScope
) -> None:
    assert scope_of(namespaces, shard, is_all=is_all, home="home") == scope


def label_of(*namespaces: str) -> str:
    return scope_of(namespaces, None, is_all=False, home="").label


def test_many_namespaces_are_cut_and_hashed() -> None:
    many = tuple(f"namespace-{number}" for number in range(100))
    assert len(label_of(*many)) == 137
    assert label_of(*many) != label_of(*many[:-1], "other")
    assert label_of(*many) == label_of(*reversed(many))
