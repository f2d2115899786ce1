"""Which shard a namespace belongs to: rendezvous hashing, so that each has exactly one.

Of all shards, a namespace has the one with the greatest hash over both. Another shard takes what it
wins and changes nothing else: no namespace moves between two shards that were there before.
"""

import hashlib
import re
from typing import Final

from podcm_sync.model.objects import Shard

MAX_SHARDS: Final = 1_000


def parse_shard(text: str) -> Shard:
    """`INDEX/COUNT`, counted from 0 as a Kubernetes Indexed Job does. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    if found is None:
        raise ValueError(f"{text!r} is no shard: write INDEX/COUNT, such as 0/4")
    index, count = int(found[1]), int(found[2])
    if not 1 <= count <= MAX_SHARDS:
        raise ValueError(f"{count} shards: from 1 to {MAX_SHARDS} are possible")
    if index >= count:
        raise ValueError(f"{text}: the shards of {count} are 0 to {count - 1}")
    return Shard(index=index, count=count)


def is_in(namespace: str, shard: Shard) -> bool:
    """Whether the shard has this namespace."""
    return owner(namespace, shard.count) == shard.index


def owner(namespace: str, count: int) -> int:
    """The index of the one shard of so many that has this namespace."""
    return max(range(count), key=lambda index: _weight(namespace, index))


def _weight(namespace: str, index: int) -> bytes:
    # `/` stands in no namespace's name, so no two pairs hash the same text.
    return hashlib.sha256(f"{namespace}/{index}".encode()).digest()
