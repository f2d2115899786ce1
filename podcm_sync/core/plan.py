"""Snapshot and Desired → Plan: compare what exists with what should, and give each its verb.

Ownership is proved before anything is touched (`names.is_ours`); whatever is in doubt is a skip
with a reason. Nothing here knows whether the plan will be applied or only shown.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from podcm_sync.core import managed, names
from podcm_sync.core.keepers import Keeper, Keepers
from podcm_sync.core.unseen import RIGHT_UNKNOWN, Unseen
from podcm_sync.model.changes import WRITES, Change, Desired, DesiredConfigMap, Plan, Verb, Withheld
from podcm_sync.model.meta import KIND, POD_UID_LABEL, NamespacedName
from podcm_sync.model.objects import ConfigMap, Pod, Snapshot
from podcm_sync.model.reasons import Reason


class Planned(Struct, frozen=True, kw_only=True):
    """What one pass decided, and from what; `proposed` is the plan before the guard saw it."""

    snapshot: Snapshot
    desired: Desired
    proposed: Plan
    plan: Plan


def creates_in(snapshot: Snapshot, desired: Desired) -> frozenset[str]:
    """The namespaces in which something may have to be created: occupied names matter there."""
    existing = {each.namespaced_name for each in snapshot.config_maps}
    return frozenset(
        name.namespace
        for name in desired.config_maps
        if name not in existing and snapshot.is_plannable(name.namespace)
    )


def diff(snapshot: Snapshot, desired: Desired, occupied: Mapping[NamespacedName, bool]) -> Plan:
    """The plan that takes the snapshot to the desired set.

    `occupied` are the names of all ConfigMaps in the namespaces in which creates are planned, and
    whether each ConfigMap is ours.
    """
    comparison = _Comparison(snapshot, desired, occupied)
    changes = [change for change in comparison.changes() if comparison.is_plannable(change)]
    changes.sort(key=lambda change: (change.namespaced_name, change.pcmc_name, change.pod_name))
    return Plan(changes=tuple(changes))


def has_conflict(plan: Plan) -> bool:
    """Whether the lists that the plan was made from contradict each other."""
    return any(change.reason is Reason.CONFLICT for change in plan.changes)


class _Comparison:
    """The lists of one run, indexed for comparing."""

    def __init__(
        self, snapshot: Snapshot, desired: Desired, occupied: Mapping[NamespacedName, bool]
    ) -> None:
        self.snapshot = snapshot
        self.desired = desired
        self.occupied = occupied
        self.existing = {each.namespaced_name: each for each in snapshot.config_maps}
        # An empty uid matches no Pod: a manifest's Pod has none.
        self.pods = {
            (pod.namespaced_name.namespace, pod.uid): pod for pod in snapshot.pods if pod.uid
        }
        self.configs = {
            config.namespaced_name for config in snapshot.configs if not config.terminating
        }
        self.undecodable = {
            problem.namespaced_name: problem
            for problem in snapshot.problems
            if problem.kind == "ConfigMap"
        }
        self.keepers = Keepers(snapshot, desired)
        self.unseen = Unseen(snapshot, desired)

    def is_plannable(self, change: Change) -> bool:
        return self.snapshot.is_plannable(change.namespaced_name.namespace)

    def changes(self) -> Iterator[Change]:
        for wanted in self.desired.config_maps.values():
            yield self._wanted(wanted, self.existing.get(wanted.namespaced_name))
        for withheld in (*self.desired.withheld.values(), *self.desired.losers):
            yield _skip(withheld, withheld.reason, withheld.message)
        for existing in self.existing.values():
            name = existing.namespaced_name
            if name not in self.desired.config_maps and name not in self.desired.withheld:
                change = self._unwanted(existing)
                if change is not None:
                    yield change

    def _wanted(self, desired: DesiredConfigMap, existing: ConfigMap | None) -> Change:
        change = self._compared(desired, existing)
        if change.verb in WRITES and self.unseen.may_change(change):
            return _skip(desired, Reason.INCOMPLETE, RIGHT_UNKNOWN)
        return change

    def _compared(self, desired: DesiredConfigMap, existing: ConfigMap | None) -> Change:
        if existing is None:
            return self._absent(desired)
        if not names.is_ours(existing):
            return _skip(
                desired,
                Reason.FOREIGN,
                "a ConfigMap of this name exists, and its labels do not show it as podcm-sync's",
            )
        if existing.terminating:
            return _skip(desired, Reason.CONFIG_MAP_TERMINATING, "the ConfigMap is being deleted")
        if self._has_terminating_pod(existing):
            return _skip(
                desired, Reason.POD_TERMINATING, "the Pod that it was made for is terminating"
            )
        if keeper := self.keepers.by_label(existing):
            return _skip(desired, Reason.NAME_TAKEN, f"it belongs to {keeper} and keeps it")
        if managed.is_in_step(existing, desired):
            return _change(Verb.KEEP, desired, Reason.IN_STEP, "", existing)
        if existing.immutable:
            return _skip(
                desired, Reason.IMMUTABLE, "the ConfigMap is immutable and would have to change"
            )
        reason = Reason.POD_RECREATED if _is_recreated(existing, desired) else Reason.DRIFTED
        return _change(Verb.UPDATE, desired, reason, _what_differs(existing, desired), existing)

    def _absent(self, desired: DesiredConfigMap) -> Change:
        if problem := self.undecodable.get(desired.namespaced_name):
            return _skip(desired, Reason.UNDECODABLE, f"cannot be decoded: {problem.message}")
        is_ours = self.occupied.get(desired.namespaced_name)
        if is_ours:
            # The labeled list came first, so that another syncer, or a late POST of ours, made it
            # between the two lists. Only a new labeled list can tell what it holds.
            return _skip(
                desired,
                Reason.CONFLICT,
                "a ConfigMap of podcm-sync's with this name appeared while the lists were read",
            )
        if is_ours is not None:
            return _skip(
                desired,
                Reason.FOREIGN,
                "a ConfigMap of this name exists, without podcm-sync's labels",
            )
        return _change(Verb.CREATE, desired, Reason.MISSING, "", None)

    def _unwanted(self, existing: ConfigMap) -> Change | None:
        """The change for a ConfigMap that nothing desires; None for one that is not ours."""
        if not names.is_ours(existing):
            return None
        keeper = self.keepers.by_label_or_name(existing)
        pcmc_name = keeper.pcmc_name if keeper else names.generated_by(existing)
        verb, reason, message = self._fate(existing, pcmc_name, keeper)
        return Change(
            verb=verb,
            namespaced_name=existing.namespaced_name,
            pod_name=_owner_name(existing),
            pcmc_name=pcmc_name,
            reason=reason,
            message=message,
            existing=existing,
        )

    def _fate(
        self, existing: ConfigMap, pcmc_name: str, keeper: Keeper | None
    ) -> tuple[Verb, Reason, str]:
        if spared := self._spared(existing, keeper):
            return Verb.SKIP, *spared
        namespace = existing.namespaced_name.namespace
        if not self._pods_of(existing):
            return Verb.DELETE, Reason.POD_GONE, "its Pod is gone"
        if NamespacedName(namespace, pcmc_name) not in self.configs:
            return Verb.DELETE, Reason.CONFIG_GONE, f"{KIND} {pcmc_name} is gone"
        return Verb.DELETE, Reason.NOT_SELECTED, f"{KIND} {pcmc_name} no longer selects its Pod"

    def _spared(self, existing: ConfigMap, keeper: Keeper | None) -> tuple[Reason, str] | None:
        """Why podcm-sync doesn't delete a ConfigMap that nothing desires; None if it does."""
        if existing.terminating:
            return Reason.CONFIG_MAP_TERMINATING, "the ConfigMap is being deleted"
        if names.is_copy(existing):
            return Reason.COPY, "its `data.namespace` is another namespace"
        if keeper is not None:
            return keeper.reason, f"it belongs to {keeper}"
        if self._has_terminating_pod(existing):
            return Reason.POD_TERMINATING, "its Pod is terminating"
        return self._spared_with_pods(existing, has_pods=bool(self._pods_of(existing)))

    def _spared_with_pods(
        self, existing: ConfigMap, *, has_pods: bool
    ) -> tuple[Reason, str] | None:
        # A Pod that is there and decoded is its own, whatever another's name begins with.
        if not has_pods and (lost := self.keepers.lost_pod(existing)):
            return Reason.UNDECODABLE, f"its Pod cannot be decoded: {lost.message}"
        if names.is_prune_disabled(existing):
            return Reason.PRUNE_DISABLED, "its annotation forbids deleting it"
        if self.snapshot.is_incomplete(existing.namespaced_name.namespace):
            return Reason.INCOMPLETE, "not deleted, since a list did not complete"
        # A proxy can filter a list of Pods, and nothing in the answer shows it. The garbage
        # collector alone sees every Pod, so it decides wherever it can.
        has_collector = self.snapshot.has_garbage_collector and names.has_pod_owner(existing)
        if not has_pods and has_collector:
            message = "its Pod is not in the list of Pods, so the garbage collector decides"
            return Reason.LEFT_TO_GARBAGE_COLLECTOR, message
        if place := self.snapshot.read_only.get(existing.namespaced_name):
            message = f"nothing wants it, but it stands in {place}, which is never edited"
            return Reason.READ_ONLY, message
        return None

    def _has_terminating_pod(self, existing: ConfigMap) -> bool:
        return any(pod.terminating for pod in self._pods_of(existing))

    def _pods_of(self, existing: ConfigMap) -> list[Pod]:
        """Its Pods that were listed. An owner, and so the Pod, is in the ConfigMap's namespace."""
        namespace = existing.namespaced_name.namespace
        pods = (self.pods.get((namespace, uid)) for uid in names.pod_uids(existing))
        return [pod for pod in pods if pod is not None]


def _is_recreated(existing: ConfigMap, desired: DesiredConfigMap) -> bool:
    """Whether it was made for a Pod of the same name that had another uid."""
    made_for = existing.labels[POD_UID_LABEL]
    return any(
        owner.is_pod and owner.name == desired.pod_name and owner.uid == made_for
        for owner in existing.owner_references
        if owner.uid != desired.pod_uid
    )


def _owner_name(existing: ConfigMap) -> str:
    """The Pod's name by the owner reference; "" where there is none."""
    uid = existing.labels.get(POD_UID_LABEL)
    for owner in existing.owner_references:
        if owner.is_pod and owner.uid == uid:
            return owner.name
    return ""


def _what_differs(existing: ConfigMap, desired: DesiredConfigMap) -> str:
    """The first of the paths that an update changes."""
    paths = managed.differing(existing, desired)
    shown = ", ".join(paths[:3])
    return f"{shown} and {len(paths) - 3} more" if len(paths) > 3 else shown


def _change(
    verb: Verb,
    desired: DesiredConfigMap,
    reason: Reason,
    message: str,
    existing: ConfigMap | None,
) -> Change:
    return Change(
        verb=verb,
        namespaced_name=desired.namespaced_name,
        pod_name=desired.pod_name,
        pcmc_name=desired.pcmc_name,
        reason=reason,
        message=message,
        existing=existing,
        desired=desired,
    )


def _skip(subject: DesiredConfigMap | Withheld, reason: Reason, message: str) -> Change:
    return Change(
        verb=Verb.SKIP,
        namespaced_name=subject.namespaced_name,
        pod_name=subject.pod_name,
        pcmc_name=subject.pcmc_name,
        reason=reason,
        message=message,
    )
