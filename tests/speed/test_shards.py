"""Shards: each namespace has exactly one; another shard takes its own and moves nothing else."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.reconcile.snapshot import MAX_SHARDS, Shard, is_in, owner, parse_shard

SHARDED = Path(__file__).parents[2] / "deploy" / "kustomize" / "sharded" / "cronjob.yaml"

namespaces = st.text("abc-0", min_size=1, max_size=63)
counts = st.integers(1, 40)


@given(namespaces, counts)
def test_a_namespace_is_in_exactly_one_shard(namespace: str, count: int) -> None:
    assert sum(is_in(namespace, Shard(index=index, count=count)) for index in range(count)) == 1


@given(namespaces, counts, st.integers(1, 10))
def test_more_shards_take_their_own_and_move_nothing_else(
    namespace: str, count: int, more: int
) -> None:
    before, after = owner(namespace, count), owner(namespace, count + more)
    assert after == before or after >= count


def test_shards_are_of_about_one_size() -> None:
    """1,000 namespaces over 8 shards: 125 each, within what chance allows."""
    sizes = [0] * 8
    for number in range(1_000):
        sizes[owner(f"namespace-{number}", 8)] += 1
    assert min(sizes) > 85
    assert max(sizes) < 165


def test_a_namespaces_shard_is_the_same_on_every_machine() -> None:
    """Written down: a change of the hash would have two releases work on one namespace at once."""
    assert [owner(name, 4) for name in ("default", "shop", "kube-system", "a")] == [3, 1, 1, 0]


@pytest.mark.parametrize("text", ["0/1", "3/4", f"{MAX_SHARDS - 1}/{MAX_SHARDS}"])
def test_a_shard_is_written_as_index_and_count(text: str) -> None:
    assert str(parse_shard(text)) == text


@pytest.mark.parametrize("text", ["", "1", "4/4", "-1/4", "0/0", "a/b", "0/1001", "1/2/3", "0/4\n"])
def test_what_is_no_shard_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"write INDEX/COUNT|use 1 to|those of"):
        parse_shard(text)


def test_the_sharded_cronjob_has_one_number_of_shards() -> None:
    (document,) = yaml.safe_load_all(SHARDED.read_text(encoding="utf-8"))
    job: dict[str, Any] = document["spec"]["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    (shards,) = container["env"]
    assert shards["name"] == "PODCM_SYNC_SHARDS"
    numbers = [job["completions"], job["parallelism"], job["maxFailedIndexes"]]
    assert numbers == [int(shards["value"])] * 3
    assert job["completionMode"] == "Indexed"
    assert container["args"][0] == "-A"
