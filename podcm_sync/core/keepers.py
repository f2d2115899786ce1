"""Whose ConfigMaps stay as they are, because what they should be is not to be computed.

Suspended and invalid configs keep what they have, and so does a Pod that cannot be decoded. Where
in doubt whose a ConfigMap is, it is left alone.
"""

from typing import Final

from msgspec import Struct

from podcm_sync.core import names
from podcm_sync.core.names import MAX_NAME
from podcm_sync.model.changes import Desired
from podcm_sync.model.meta import GENERATED_BY_LABEL, KIND
from podcm_sync.model.objects import ConfigMap, Problem, Snapshot
from podcm_sync.model.reasons import Reason

_HASHED_TAIL: Final = 32
"""More than a hashed name's `-<hash>-cfg`: what of `pod-<pod>-from-` stands in any name of it."""


class Keeper(Struct, frozen=True, kw_only=True):
    """A config that keeps what it has, and why."""

    pcmc_name: str
    reason: Reason

    def __str__(self) -> str:
        state = "suspended" if self.reason is Reason.SUSPENDED else "invalid"
        return f"{KIND} {self.pcmc_name}, which is {state}"


class Keepers:
    """The keepers of one run, by namespace and label value."""

    def __init__(self, snapshot: Snapshot, desired: Desired) -> None:
        held = {
            config.namespaced_name: Reason.SUSPENDED
            for config in snapshot.configs
            if config.suspend and not config.terminating
        }
        held |= dict.fromkeys(desired.invalid, Reason.CONFIG_INVALID)
        self._by_label: dict[str, dict[str, Keeper]] = {}
        for (namespace, name), reason in held.items():
            keepers = self._by_label.setdefault(namespace, {})
            keepers[names.label_value(name)] = Keeper(pcmc_name=name, reason=reason)
        self._lost_pods: dict[str, list[Problem]] = {}
        for problem in snapshot.problems:
            if problem.kind == "Pod":
                self._lost_pods.setdefault(problem.namespaced_name.namespace, []).append(problem)

    def by_label(self, existing: ConfigMap) -> Keeper | None:
        """The keeper that a ConfigMap's label names, if its name can be that keeper's.

        If it cannot, somebody edited the label of a ConfigMap that another wants: that is drift.
        """
        keeper = self._labelled(existing)
        name = existing.namespaced_name.name
        return keeper if keeper and names.may_come_from(name, keeper.pcmc_name) else None

    def by_label_or_name(self, existing: ConfigMap) -> Keeper | None:
        """The keeper that the label or else the name of a ConfigMap speaks of that nothing wants.

        By name too, since a label that somebody edited must not cost a suspended config its own;
        but not where the label names a config that the name is of as well.
        """
        if keeper := self._labelled(existing):
            return keeper
        namespace, name = existing.namespaced_name
        if names.may_come_from(name, names.generated_by(existing)):
            return None
        found = [
            keeper
            for keeper in self._by_label.get(namespace, {}).values()
            if name.endswith(f"-from-{keeper.pcmc_name}-cfg")
        ]
        # The longest, whatever order the lists came in.
        return max(found, key=lambda keeper: len(keeper.pcmc_name), default=None)

    def _labelled(self, existing: ConfigMap) -> Keeper | None:
        keepers = self._by_label.get(existing.namespaced_name.namespace, {})
        return keepers.get(existing.labels.get(GENERATED_BY_LABEL, ""))

    def lost_pod(self, existing: ConfigMap) -> Problem | None:
        """The undecodable Pod that it may have been made for, by its name's beginning."""
        namespace, name = existing.namespaced_name
        found = [
            lost
            for lost in self._lost_pods.get(namespace, ())
            if name.startswith(f"pod-{lost.namespaced_name.name}-from-"[: MAX_NAME - _HASHED_TAIL])
        ]
        return max(found, key=lambda lost: len(lost.namespaced_name.name), default=None)
