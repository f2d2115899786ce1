"""Checks whether two workloads of a cluster do the same work."""

from itertools import combinations
from typing import Final

from podcm_sync.doctor.checks import Check, count, not_checked, ok, some, warn
from podcm_sync.doctor.facts import NotChecked, Workload
from podcm_sync.reconcile.snapshot import Scope, is_in

CHECK: Final = "workloads"


def workloads_check(workloads: tuple[Workload, ...] | NotChecked) -> Check:
    """Whether at most one workload syncs each namespace.

    Two do no harm to the data, because every write has preconditions. But they conflict, and with
    different versions or options each undoes the other's work.
    """
    if isinstance(workloads, NotChecked):
        return not_checked(CHECK, workloads.why)
    if not workloads:
        return ok(CHECK, "no CronJob or Deployment runs podcm-sync")
    for first, second in combinations(workloads, 2):
        if shared := _shared(first.scope, second.scope):
            return warn(
                CHECK,
                f"{first} and {second} both sync {shared}",
                "keep one, and suspend or delete the other",
            )
    if len(workloads) == 1:
        return ok(CHECK, f"{workloads[0]} syncs {workloads[0].scope}")
    names = some([str(workload) for workload in workloads])
    return ok(CHECK, f"{count(len(workloads), 'workload')} with separate namespaces: {names}")


def _shared(one: Scope, other: Scope) -> str:
    """The namespaces that both scopes have, in words; "" if there are none."""
    if one.namespaces is None and other.namespaces is None:
        if one.shard is None or other.shard is None:
            return str(one if one.shard else other)
        if one.shard.count != other.shard.count:
            return f"some namespaces, as shards {one.shard} and {other.shard}"
        return str(one) if one.shard == other.shard else ""
    named = one.namespaces or other.namespaces or ()
    both = tuple(name for name in named if _has(one, name) and _has(other, name))
    return str(Scope(namespaces=both)) if both else ""


def _has(scope: Scope, namespace: str) -> bool:
    if scope.namespaces is not None:
        return namespace in scope.namespaces
    return scope.shard is None or is_in(namespace, scope.shard)
