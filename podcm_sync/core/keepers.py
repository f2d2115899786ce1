"""Whose ConfigMaps stay as they are, because what they should be is not to be computed.

Suspended and invalid configs keep what they have, and so does a Pod that cannot be decoded. Where
in doubt whose a ConfigMap is, it is left alone.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from podcm_sync.core import names
from podcm_sync.core.names import MAX_NAME
from podcm_sync.model.changes import Desired
from podcm_sync.model.meta import GENERATED_BY_LABEL, KIND, NamespacedName
from podcm_sync.model.objects import ConfigMap, Problem, Snapshot
from podcm_sync.model.reasons import Reason

_FROM: Final = "-from-"
_CFG: Final = "-cfg"
_SURE_START: Final = MAX_NAME - 32
"""So much of `pod-<pod>-from-` stands in any name of it, also in one cut and hashed."""


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
        self._by_name: dict[NamespacedName, Keeper] = {}
        for (namespace, name), reason in held.items():
            keepers = self._by_label.setdefault(namespace, {})
            keeper = Keeper(pcmc_name=name, reason=reason)
            keepers[names.label_value(name)] = keeper
            self._by_name[NamespacedName(namespace, name)] = keeper
        self._lost_pods: dict[str, dict[str, Problem]] = {}
        pods = (problem for problem in snapshot.problems if problem.kind == "Pod")
        # Of two that begin alike, as far as a name is sure to have it, the longer one.
        for problem in sorted(
            pods, key=lambda each: (len(each.namespaced_name.name), *each.namespaced_name)
        ):
            namespace, name = problem.namespaced_name
            start = f"pod-{name}{_FROM}"[:_SURE_START]
            self._lost_pods.setdefault(namespace, {})[start] = problem

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
        # The longest first, whatever order the lists came in.
        ends = (name[at + len(_FROM) : -len(_CFG)] for at in _froms(name))
        found = (self._by_name.get(NamespacedName(namespace, end)) for end in ends)
        return next((keeper for keeper in found if keeper is not None), None)

    def _labelled(self, existing: ConfigMap) -> Keeper | None:
        keepers = self._by_label.get(existing.namespaced_name.namespace, {})
        return keepers.get(existing.labels.get(GENERATED_BY_LABEL, ""))

    def lost_pod(self, existing: ConfigMap) -> Problem | None:
        """The undecodable Pod that it may have been made for, by its name's beginning."""
        namespace, name = existing.namespaced_name
        lost = self._lost_pods.get(namespace, {})
        # The longest first; a name that was cut has lost its `-from-`, or a part of it.
        starts = [name, *(name[: at + len(_FROM)] for at in reversed(list(_froms(name))))]
        found = (lost.get(start[:_SURE_START]) for start in starts)
        return next((problem for problem in found if problem is not None), None)


def _froms(name: str) -> Iterator[int]:
    """Where a Pod's name may end and a config's begin: both may have a `-from-` in them."""
    at = name.find(_FROM)
    while at >= 0:
        yield at
        at = name.find(_FROM, at + 1)
