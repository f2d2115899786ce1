"""Pods that no list has shown, and which names they may have a right to.

Two pairs of Pod and config can give one name, and the older config has it. If a list of Pods did
not complete, or a Pod could not be decoded far enough to have a name, the winner may be unknown.
A ConfigMap is written only if no Pod that was not seen could change what is written.
"""

from typing import Final

from podcm_sync.core import names
from podcm_sync.core.desired import age, is_active
from podcm_sync.model.changes import Change, Desired
from podcm_sync.model.meta import POD_UID_LABEL, NamespacedName
from podcm_sync.model.objects import ALL_NAMESPACES, PodConfigMapConfig, Snapshot, by_namespace

RIGHT_UNKNOWN: Final = "its right to the name depends on Pods that were not seen"


class Unseen:
    """Namespaces with Pods that were not seen, and what is known there."""

    def __init__(self, snapshot: Snapshot, desired: Desired) -> None:
        self._snapshot = snapshot
        lost_pods = {
            problem.namespaced_name for problem in snapshot.problems if problem.kind == "Pod"
        }
        self._nameless = {name.namespace for name in lost_pods if not name.name}
        # A Pod with a name has made its claims already, also if it could not be decoded.
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
        """Whether Pods that were not seen could change what a create or update writes."""
        if not self._is_possible(change.namespaced_name.namespace):
            return False
        return self._is_held(change) or self._is_claimed(change)

    def _is_possible(self, namespace: str) -> bool:
        is_nameless = bool({namespace, ALL_NAMESPACES} & self._nameless)
        return is_nameless or self._snapshot.is_incomplete(namespace)

    def _is_held(self, change: Change) -> bool:
        """Whether it was made for another Pod, which may still be there, and terminating."""
        existing = change.existing
        if existing is None or existing.labels[POD_UID_LABEL] in self._uids:
            return False
        uid = existing.labels[POD_UID_LABEL]
        # A name is used once at a time: the Pod of old is gone if another one has its name.
        return not any(
            owner.is_pod and owner.uid == uid and owner.name == change.pod_name
            for owner in existing.owner_references
        )

    def _is_claimed(self, change: Change) -> bool:
        """Whether an older config gives the same name to a Pod that was not seen."""
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
