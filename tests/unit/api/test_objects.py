"""A Snapshot knows the namespaces whose lists are incomplete."""

import pytest

from podcm_sync.reconcile.snapshot import Scope, by_namespace
from tests.builders import pod, snapshot


def test_incomplete_and_unplannable_are_told_apart() -> None:
    seen = snapshot(incomplete={"a": "pods", "b": "configs"}, unplannable=["b"])
    assert [seen.is_incomplete(namespace) for namespace in "abc"] == [True, True, False]
    assert [seen.is_plannable(namespace) for namespace in "abc"] == [True, False, True]


def test_all_namespaces_speaks_of_each() -> None:
    seen = snapshot(incomplete={"": "pods"}, unplannable=[""])
    assert seen.is_incomplete("any")
    assert not seen.is_plannable("any")


def test_a_snapshot_is_complete_unless_it_says_otherwise() -> None:
    seen = snapshot()
    assert not seen.is_incomplete("any")
    assert seen.is_plannable("any")


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [(None, "all namespaces"), (("a",), "namespace a"), (("a", "b"), "namespaces a, b")],
)
def test_a_scope_reads_as_words(namespaces: tuple[str, ...] | None, expected: str) -> None:
    assert str(Scope(namespaces=namespaces)) == expected


def test_groups_by_namespace_keep_their_order() -> None:
    pods = [pod("b"), pod("a"), pod("c", namespace="other")]
    assert by_namespace(pods) == {"shop": pods[:2], "other": pods[2:]}
