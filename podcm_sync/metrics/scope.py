"""The labels and values of a process that no run changes: its scope, and its share of a cluster."""

import hashlib
from typing import Final

from msgspec import Struct

from podcm_sync.reconcile.snapshot import Shard

MAX_SCOPE: Final = 128


class MetricScope(Struct, frozen=True, kw_only=True):
    """The scope of a process as its metrics show it.

    `label` is the value of the label `scope`: the same for each run, another for each scope.
    `shards` is how many such scopes share the cluster; None if the scope names namespaces.
    """

    label: str
    shards: int | None = None


def scope_of(
    namespaces: tuple[str, ...], shard: Shard | None, *, is_all: bool, home: str
) -> MetricScope:
    """The scope that the options name. `home` is the namespace of a run that names none.

    It depends on nothing that a run finds out, so a run that fails early has the same label. A long
    list of namespaces is cut, with the first 8 hex digits of its SHA-256.
    """
    if shard is not None:
        return MetricScope(label=f"shard-{shard.index}-of-{shard.count}", shards=shard.count)
    if is_all:
        return MetricScope(label="all", shards=1)
    named = ",".join(sorted(namespaces)) or home
    if len(named) <= MAX_SCOPE:
        return MetricScope(label=named)
    digest = hashlib.sha256(named.encode()).hexdigest()[:8]
    return MetricScope(label=f"{named[:MAX_SCOPE]}-{digest}")
