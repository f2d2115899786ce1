"""Snapshot and Desired → Plan: compare what exists with what should exist, object by object.

A ConfigMap is touched only if it is proved ours (`names.is_ours`). If anything is in doubt, the
change is a skip with a reason. Nothing here knows whether the plan will be applied or only shown.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from podcm_sync.api.finding import Quotes, quotes
from podcm_sync.api.meta import KIND, POD_UID_LABEL, NamespacedName
from podcm_sync.api.objects import ConfigMap, Pod
from podcm_sync.api.phrases import listed
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile import managed_fields, names
from podcm_sync.reconcile.changes import (
    WRITES,
    Change,
    Desired,
    DesiredConfigMap,
    Plan,
    Unresolved,
    Verb,
)
from podcm_sync.reconcile.retention import Retained, Retention
from podcm_sync.reconcile.selector import Requirement, requirements
from podcm_sync.reconcile.snapshot import Snapshot
from podcm_sync.reconcile.unseen import RIGHT_UNKNOWN, Unseen


class Planned(Struct, frozen=True, kw_only=True):
    """What one pass decided, and from what. `proposed` is the plan before the guard."""

    snapshot: Snapshot
    """The lists, without the namespaces that its `deferred` names."""
    desired: Desired
    proposed: Plan
    plan: Plan
    deferred: Snapshot | None = None
    """The lists of the deferred namespaces, without those that were not listed either."""


def creates_in(snapshot: Snapshot, desired: Desired) -> frozenset[str]:
    """The namespaces that may need a create, so that the occupied names must be listed there."""
    existing = {config_map.namespaced_name for config_map in snapshot.config_maps}
    return frozenset(
        name.namespace
        for name in desired.config_maps
        if name not in existing and snapshot.is_plannable(name.namespace)
    )


def diff(snapshot: Snapshot, desired: Desired, occupied: Mapping[NamespacedName, bool]) -> Plan:
    """The plan that takes the snapshot to the desired set.

    `occupied` has the names of all ConfigMaps in the namespaces of `creates_in`, and whether each
    ConfigMap is ours.
    """
    planner = _Planner(snapshot, desired, occupied)
    changes = [change for change in planner.changes() if planner.is_plannable(change)]
    changes.sort(key=lambda change: change.key)
    return Plan(changes=tuple(changes))


def has_conflict(plan: Plan) -> bool:
    """Whether the lists that the plan was made from contradict each other."""
    return any(change.reason is Reason.CONFLICT for change in plan.changes)


class _Planner:
    """A snapshot and its desired set, indexed to be compared."""

    def __init__(
        self, snapshot: Snapshot, desired: Desired, occupied: Mapping[NamespacedName, bool]
    ) -> None:
        self.snapshot = snapshot
        self.desired = desired
        self.occupied = occupied
        self.existing = {
            config_map.namespaced_name: config_map for config_map in snapshot.config_maps
        }
        # An empty uid matches no Pod: a manifest's Pod has none.
        self.pods = {
            (pod.namespaced_name.namespace, pod.uid): pod for pod in snapshot.pods if pod.uid
        }
        self.configs = {
            config.namespaced_name: config for config in snapshot.configs if not config.terminating
        }
        self.undecodable = {
            problem.namespaced_name: problem
            for problem in snapshot.problems
            if problem.kind == "ConfigMap"
        }
        self.retention = Retention(snapshot, desired)
        self.unseen = Unseen(snapshot, desired)

    def is_plannable(self, change: Change) -> bool:
        return self.snapshot.is_plannable(change.namespaced_name.namespace)

    def changes(self) -> Iterator[Change]:
        for wanted in self.desired.config_maps.values():
            yield self._wanted(wanted, self.existing.get(wanted.namespaced_name))
        for unresolved in (*self.desired.unresolved.values(), *self.desired.name_conflicts):
            yield _skip(unresolved, unresolved.reason, unresolved.message, unresolved.quoted)
        for existing in self.existing.values():
            name = existing.namespaced_name
            if name not in self.desired.config_maps and name not in self.desired.unresolved:
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
                "a ConfigMap of this name exists, without podcm-sync's labels",
            )
        if existing.terminating:
            return _skip(desired, Reason.CONFIG_MAP_TERMINATING, "the ConfigMap is being deleted")
        if self._has_terminating_pod(existing):
            return _skip(
                desired, Reason.POD_TERMINATING, "the Pod that it was created for is terminating"
            )
        if retained := self.retention.by_label(existing):
            return _skip(desired, Reason.NAME_TAKEN, f"it belongs to {retained}")
        if managed_fields.is_in_sync(existing, desired):
            return _change(Verb.KEEP, desired, Reason.IN_SYNC, "", existing)
        if existing.immutable:
            return _skip(
                desired, Reason.IMMUTABLE, "the ConfigMap is immutable, and its data must change"
            )
        reason = Reason.POD_RECREATED if _is_recreated(existing, desired) else Reason.OUT_OF_SYNC
        return _change(Verb.UPDATE, desired, reason, _what_differs(existing, desired), existing)

    def _absent(self, desired: DesiredConfigMap) -> Change:
        if problem := self.undecodable.get(desired.namespaced_name):
            message = f"cannot be decoded: {problem.message}"
            quoted = quotes(problem.message, problem.quoted)
            return _skip(desired, Reason.UNDECODABLE, message, quoted)
        is_ours = self.occupied.get(desired.namespaced_name)
        if is_ours:
            # The list by label came first. So another syncer, or a late POST of ours, created this
            # ConfigMap between the two lists, and only a new list by label shows its content.
            return _skip(
                desired,
                Reason.CONFLICT,
                "another run created a ConfigMap with this name while podcm-sync was listing",
            )
        if is_ours is not None:
            return _skip(
                desired,
                Reason.FOREIGN,
                "a ConfigMap of this name exists, without podcm-sync's labels",
            )
        return _change(Verb.CREATE, desired, Reason.MISSING, "", None)

    def _unwanted(self, existing: ConfigMap) -> Change | None:
        """The change for a ConfigMap that nothing desires; None if it isn't ours."""
        if not names.is_ours(existing):
            return None
        retained = self.retention.by_label_or_name(existing)
        pcmc_name = retained.pcmc_name if retained else names.generated_by(existing)
        verb, reason, message = self._fate(existing, pcmc_name, retained)
        lost = self.retention.lost_pod(existing) if reason is Reason.UNDECODABLE else None
        return Change(
            verb=verb,
            namespaced_name=existing.namespaced_name,
            pod_name=_owner_name(existing),
            pcmc_name=pcmc_name,
            reason=reason,
            message=message,
            quoted=quotes(lost.message, lost.quoted) if lost else (),
            existing=existing,
            failing=self._failing(existing, pcmc_name) if reason is Reason.NOT_SELECTED else (),
        )

    def _fate(
        self, existing: ConfigMap, pcmc_name: str, retained: Retained | None
    ) -> tuple[Verb, Reason, str]:
        if spared := self._spared(existing, retained):
            return Verb.SKIP, *spared
        namespace = existing.namespaced_name.namespace
        if not self._pods_of(existing):
            return Verb.DELETE, Reason.POD_GONE, "its Pod is gone"
        if NamespacedName(namespace, pcmc_name) not in self.configs:
            if self.snapshot.are_configs_lost:
                message = "the CRD was missing minutes ago, so its configs can still be restored"
                return Verb.SKIP, Reason.AWAITING_LIST, message
            return Verb.DELETE, Reason.CONFIG_GONE, f"{KIND} {pcmc_name} is gone"
        return Verb.DELETE, Reason.NOT_SELECTED, f"{KIND} {pcmc_name} no longer selects its Pod"

    def _failing(self, existing: ConfigMap, pcmc_name: str) -> tuple[Requirement, ...]:
        """The requirements of the config's selector that the ConfigMap's Pod doesn't meet."""
        config = self.configs.get(NamespacedName(existing.namespaced_name.namespace, pcmc_name))
        if config is None or config.spec is None:
            return ()
        checked = requirements(config.spec.pod_selector, self._pods_of(existing)[0].labels)
        return tuple(requirement for requirement in checked if not requirement.satisfied)

    def _spared(self, existing: ConfigMap, retained: Retained | None) -> tuple[Reason, str] | None:
        """Why podcm-sync doesn't delete a ConfigMap that nothing desires; None if it does."""
        if existing.terminating:
            return Reason.CONFIG_MAP_TERMINATING, "the ConfigMap is being deleted"
        if names.is_copy(existing):
            return Reason.COPY, "its `data.namespace` is another namespace"
        if retained is not None:
            return retained.reason, f"it belongs to {retained}"
        if self._has_terminating_pod(existing):
            return Reason.POD_TERMINATING, "its Pod is terminating"
        return self._spared_with_pods(existing, has_pods=bool(self._pods_of(existing)))

    def _spared_with_pods(
        self, existing: ConfigMap, *, has_pods: bool
    ) -> tuple[Reason, str] | None:
        # A Pod that was listed owns it for sure, even if an undecodable Pod's name fits as well.
        if not has_pods and (lost := self.retention.lost_pod(existing)):
            return Reason.UNDECODABLE, f"its Pod cannot be decoded: {lost.message}"
        if names.is_prune_disabled(existing):
            return Reason.PRUNE_DISABLED, "its annotation `prune: disabled` forbids deletion"
        if self.snapshot.is_incomplete(existing.namespaced_name.namespace):
            return Reason.INCOMPLETE, "not deleted, because a list didn't complete"
        # A proxy can filter a list of Pods, and nothing in the answer shows it. The garbage
        # collector alone sees every Pod, so it decides wherever it can.
        has_collector = self.snapshot.has_garbage_collector and names.has_pod_owner(existing)
        if not has_pods and has_collector:
            message = "its Pod isn't in the list of Pods, so the garbage collector decides"
            return Reason.LEFT_TO_GARBAGE_COLLECTOR, message
        if place := self.snapshot.read_only.get(existing.namespaced_name):
            message = f"nothing needs it, but it is in {place}, which podcm-sync never edits"
            return Reason.READ_ONLY, message
        return None

    def _has_terminating_pod(self, existing: ConfigMap) -> bool:
        return any(pod.terminating for pod in self._pods_of(existing))

    def _pods_of(self, existing: ConfigMap) -> list[Pod]:
        """Its listed Pods. They are in its own namespace: an owner reference can't leave it."""
        namespace = existing.namespaced_name.namespace
        pods = (self.pods.get((namespace, uid)) for uid in names.pod_uids(existing))
        return [pod for pod in pods if pod is not None]


def _is_recreated(existing: ConfigMap, desired: DesiredConfigMap) -> bool:
    """Whether the ConfigMap belongs to an earlier Pod of the same name, with another uid."""
    made_for = existing.labels[POD_UID_LABEL]
    return any(
        owner.is_pod and owner.name == desired.pod_name and owner.uid == made_for
        for owner in existing.owner_references
        if owner.uid != desired.pod_uid
    )


def _owner_name(existing: ConfigMap) -> str:
    """The Pod's name, from the owner reference; "" if there is none."""
    uid = existing.labels.get(POD_UID_LABEL)
    for owner in existing.owner_references:
        if owner.is_pod and owner.uid == uid:
            return owner.name
    return ""


def _what_differs(existing: ConfigMap, desired: DesiredConfigMap) -> str:
    """The first paths that an update changes, and how many more."""
    return listed(managed_fields.changed_paths(existing, desired))


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
        quoted=(),
        existing=existing,
        desired=desired,
    )


def _skip(
    subject: DesiredConfigMap | Unresolved, reason: Reason, message: str, quoted: Quotes = ()
) -> Change:
    return Change(
        verb=Verb.SKIP,
        namespaced_name=subject.namespaced_name,
        pod_name=subject.pod_name,
        pcmc_name=subject.pcmc_name,
        reason=reason,
        message=message,
        quoted=quoted,
    )
