"""Pods that may exist although no list shows them, and the names that they may own.

Two pairs of Pod and config can give one name; the older config wins. If a list of Pods failed, or a
Pod's name could not be decoded, the winner may be unknown. podcm-sync writes a ConfigMap only if no
unseen Pod could change what it writes.
"""

from typing import Final

from podcm_sync.api.meta import POD_UID_LABEL, NamespacedName
from podcm_sync.api.objects import PodConfigMapConfig
from podcm_sync.reconcile import names
from podcm_sync.reconcile.changes import Change, Desired
from podcm_sync.reconcile.desired import age, is_active
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES, Snapshot, by_namespace

RIGHT_UNKNOWN: Final = "unseen Pods can own its name"


class Unseen:
    """The namespaces in which Pods may be unseen, and the Pods and configs known there."""

    def __init__(self, snapshot: Snapshot, desired: Desired) -> None:
        self._snapshot = snapshot
        lost_pods = {
            problem.namespaced_name for problem in snapshot.problems if problem.kind == "Pod"
        }
        self._nameless = {name.namespace for name in lost_pods if not name.name}
        # A Pod that has a name already claims its ConfigMaps' names, even if it can't be decoded.
        self._seen = lost_pods | {pod.namespaced_name for pod in snapshot.pods}
        self._uids = {pod.uid for pod in snapshot.pods if pod.uid}
        claimants = (
            config
            for config in snapshot.configs
            if is_active(config) and config.namespaced_name not in desired.invalid
        )
        self._configs = {
            namespace: {config.namespaced_name.name: config for config in configs}
            for namespace, configs in by_namespace(claimants).items()
        }

    def may_change(self, change: Change) -> bool:
        """Whether unseen Pods could change what a create or update writes."""
        if not self._is_possible(change.namespaced_name.namespace):
            return False
        return self._is_held(change) or self._is_claimed(change)

    def _is_possible(self, namespace: str) -> bool:
        is_nameless = bool({namespace, ALL_NAMESPACES} & self._nameless)
        return is_nameless or self._snapshot.is_incomplete(namespace)

    def _is_held(self, change: Change) -> bool:
        """Whether the ConfigMap belongs to another Pod, which may still exist and terminate."""
        existing = change.existing
        if existing is None or existing.labels[POD_UID_LABEL] in self._uids:
            return False
        uid = existing.labels[POD_UID_LABEL]
        # Two Pods can't share a name: if the new Pod has the old one's name, the old one is gone.
        return not any(
            owner.is_pod and owner.uid == uid and owner.name == change.pod_name
            for owner in existing.owner_references
        )

    def _is_claimed(self, change: Change) -> bool:
        """Whether an older config gives the same name to an unseen Pod."""
        namespace, name = change.namespaced_name
        configs = self._configs.get(namespace, {})
        own = age(configs[change.pcmc_name])

        def is_older(config: PodConfigMapConfig | None) -> bool:
            return config is not None and age(config) < own

        return any(
            is_older(configs.get(pcmc_name))
            and NamespacedName(namespace, pod_name) not in self._seen
            for pod_name, pcmc_name in names.pairs(name)
        ) or (names.may_be_hashed(name) and any(map(is_older, configs.values())))
